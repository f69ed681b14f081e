# SPDX-License-Identifier: Apache-2.0
"""Speed of the golden model against onnxruntime, as one JSON object: frames per second of one core.

Both sides compute the same int8 network on one thread. Seconds are those of the processor, so that other load on the
machine does not count. onnxruntime runs frame by frame, as the files have a batch of one: with its optimisations, and
without (as hwgen's reference does). The golden model runs one frame and sixteen at a time. Run it as
``python benchmarks/golden.py --models mlperf_resnet8_int8``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime

from hwgen import frontend
from hwgen.frontend import inputs
from hwgen.frontend.host import to_ports
from hwgen.frontend.reference import Reference
from hwgen.passes import golden
from hwgen.passes.lower import lower

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
NETWORKS = tuple(
    sorted(p.parent.name for kind in ("*_int8", "coral_*_quant") for p in SHARED.glob(f"models/{kind}/model.onnx"))
)
BATCH = 16
OPTIMISED = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
PLAIN = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


def rate(step: Callable[[], object], frames: int, seconds: float) -> float:
    """Return frames per processor second of a step that does `frames`, repeated for at least `seconds`."""
    step()
    count, start = 0, time.process_time()
    while (took := time.process_time() - start) < seconds:
        step()
        count += frames
    return count / took


def session(path: Path, level: Any) -> onnxruntime.InferenceSession:
    """Return an onnxruntime session of one thread."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def measure(path: Path, seconds: float) -> dict[str, Any]:
    """Return the rates of one network, and how many times faster onnxruntime is than the golden model at its best."""
    model = frontend.load(path)
    lowered = lower(model)
    graph, reference = lowered.graph, Reference(model)
    feeds = inputs.default(model, BATCH)
    ports = to_ports(lowered, reference, feeds)
    found: dict[str, Any] = {}
    for batch in (1, BATCH):
        part = {name: value[:batch] for name, value in ports.items()}
        step = partial(golden.evaluate, graph, part, graph.outputs)
        found[f"golden_{batch}"] = rate(step, batch, seconds)
    frame = {name: value[:1] for name, value in feeds.items()}
    for name, level in (("onnxruntime", OPTIMISED), ("onnxruntime_plain", PLAIN)):
        found[name] = rate(partial(session(path, level).run, None, frame), 1, seconds)
    best = max(found[f"golden_{batch}"] for batch in (1, BATCH))
    ratios = {"ratio": found["onnxruntime"] / best, "ratio_one_frame": found["onnxruntime"] / found["golden_1"]}
    return {name: round(value, 2) for name, value in {**found, **ratios}.items()}


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Speed of the golden model against onnxruntime, as JSON.")
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=NETWORKS, metavar="NAME",
                        help=f"out of {', '.join(NETWORKS)}; all if absent")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=2.0, help="processor seconds for each figure (2)")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure and print; return 1 when a network is absent."""
    wanted = options()
    rows: dict[str, Any] = {}
    for name in wanted.models:
        path = SHARED / "models" / name / "model.onnx"
        print(f"{name} ...", file=sys.stderr)
        rows[name] = measure(path, wanted.seconds) if path.is_file() else {"skipped": f"{path} is absent"}
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(json.dumps({"machine": machine, "unit": "frames per processor second", "networks": rows}, indent=2))
    return int(any("skipped" in row for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
