# SPDX-License-Identifier: Apache-2.0
"""Every real model and workload as one JSON object: imported, lowered, parity with onnxruntime; refused with reasons.

Each model runs in a process of its own, for its seconds and its peak memory. Nothing is planned or built. Run it as
``python benchmarks/models.py --models mlperf_resnet8_int8 w1_jets_int``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
INTEGER_INPUTS = {
    "qonnx_espcn_quant": "x.7=uint8",
    "w1_jets_int": "inp=int6",
    "w2_digits_int": "inp=uint4",
    "w3_can_int": "inp=uint1",
    "w4_mv64_int4_int": "inp=int4",
    "w4_mv64_int8_int": "inp=int8",
}
"""What inputs hold that the file calls floating-point, as the models' own data show."""

LARGE = 100_000_000
"""A model of more MACs is compared on one frame."""


def models() -> dict[str, Path]:
    """Return every model by name."""
    found = {}
    for path in sorted(SHARED.glob("models/*/*.onnx")):
        found[path.parent.name if path.stem == "model" else f"{path.parent.name}_{path.stem}"] = path
    return {**found, **{path.stem: path for path in sorted(SHARED.glob("workloads/*.onnx"))}}


def measure(name: str, frames: int) -> dict[str, Any]:
    """Import, lower and compare one model; return its row."""
    from hwgen import frontend
    from hwgen.errors import HwgenError
    from hwgen.inspect_model import inspect_model
    from hwgen.passes.lower import lower
    from hwgen.request import parse_types

    types = [INTEGER_INPUTS[name]] if name in INTEGER_INPUTS else []
    row: dict[str, Any] = {"imported": False, "lowered": False, "input_types": types}
    laps = Laps(row)
    try:
        model = frontend.load(models()[name], name=name, input_types=parse_types(types))
        row["imported"] = True
        laps.done("import")
        totals = inspect_model(model)["totals"]
        row |= {"macs": totals["macs"], "parameters": totals["parameters"]}
        laps.restart()
        lowered = lower(model)
        row |= {"lowered": True, "operators": len(lowered.graph.nodes), "proofs": len(lowered.proofs)}
        row["inexact_proofs"] = [proof.node for proof in lowered.proofs if not proof.exact]
        laps.done("lower")
        row["peak_mib_import_lower"] = peak()
        row["parity"] = parity(model, lowered, 1 if totals["macs"] > LARGE else frames)
        laps.done("parity")
    except HwgenError as error:
        laps.done("refused")
        row["refused"] = [str(problem) for problem in error.problems]
    row["peak_mib"] = peak()
    return row


class Laps:
    """Wall-clock and processor seconds of each step, the children's counted in; written into a row."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row
        row |= {"seconds": {}, "processor_seconds": {}}
        self.restart()

    def restart(self) -> None:
        """Begin the next step now."""
        self._start = time.perf_counter(), sum(os.times()[:4])

    def done(self, step: str) -> None:
        """Note a step, and begin the next one."""
        wall, busy = self._start
        self._row["seconds"][step] = round(time.perf_counter() - wall, 2)
        self._row["processor_seconds"][step] = round(sum(os.times()[:4]) - busy, 2)
        self.restart()


def peak() -> int:
    """Return the most memory in MiB that this process or a child of it has held."""
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return round(max(resource.getrusage(number).ru_maxrss for number in who) / unit)


def parity(model: Any, lowered: Any, frames: int) -> dict[str, Any]:
    """Return the parity of the golden model with onnxruntime on random frames."""
    from hwgen.frontend import inputs
    from hwgen.frontend.host import observed
    from hwgen.frontend.reference import Reference
    from hwgen.passes import golden
    from hwgen.verify.parity import measure as compare

    feeds = {name: value[:frames] for name, value in inputs.default(model, frames).items()}
    expected = observed(lowered, Reference(model), feeds)
    evaluate = partial(golden.evaluate, lowered.graph)
    found = compare(lowered.graph, evaluate, expected, lowered.observations, lowered.outputs)
    noise = [layer.sqnr_db for layer in found.layers if layer.sqnr_db is not None]
    return {
        "frames": found.frames,
        "layers": len(found.layers),
        **found.summary(),
        "output_max_lsb": found.output_max_lsb,
        "inexact": found.inexact,
        "elements": found.elements,
        "lowest_sqnr_db": min(noise, default=None),
    }


def child(name: str, frames: int, timeout: float) -> dict[str, Any]:
    """Measure one model in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--frames", str(frames)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"failed": f"Not finished after {timeout:g} seconds."}
    if done.returncode:
        return {"failed": f"Ended with exit code {done.returncode}."}
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    known = models()
    parser = argparse.ArgumentParser(description="What hwgen makes of every real model, as JSON.")
    parser.add_argument("--models", nargs="+", choices=list(known), default=list(known), metavar="NAME",
                        help=f"out of {', '.join(known)}; all if absent")  # fmt: skip
    parser.add_argument(
        "--frames", type=int, default=2, help="frames to compare (2; 1 where a frame is over 100 M MAC)"
    )
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each model (600)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> int:
    """Measure, print, and return 1 when a model failed in a way that is no refusal, or differs by more than 1 LSB."""
    wanted = options()
    if wanted.one:
        print(json.dumps(measure(wanted.one, wanted.frames)))
        return 0
    rows = {}
    for name in wanted.models:
        print(f"{name} ...", file=sys.stderr)
        rows[name] = child(name, wanted.frames, wanted.timeout)
    print(json.dumps({"machine": f"{platform.machine()}, {os.cpu_count()} cores", "models": rows}, indent=2))
    return int(any("failed" in row or row.get("parity", {}).get("max_lsb", 0) > 1 for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
