# SPDX-License-Identifier: Apache-2.0
"""Post-training quantisation of float networks as one JSON object on stdout: signal to noise, agreement, seconds.

Every network is quantised to 8 and to 4 bits, with weights rounded to the nearest and adaptively, and compared with
its float self on frames that calibration has not seen. ``--models digits-mlp mnist-mlp`` chooses some.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from float_networks import FloatNetwork, networks

from hwgen import frontend
from hwgen.config import Quantize
from hwgen.errors import HwgenError
from hwgen.graph.source import SourceModel
from hwgen.passes.lower import lower
from hwgen.quantize import Quantised, quantise

SETTINGS = tuple((bits, method) for bits in (8, 4) for method in ("nearest", "adaptive"))


def figures(model: SourceModel, network: FloatNetwork, bits: int, method: str) -> dict[str, Any]:
    """Quantise once and return the figures."""
    calibration, judged = network.feeds(model, seed=0), network.feeds(model, seed=1)
    options = Quantize.model_validate({"weights": bits, "acts": bits, "method": method})
    start, worked = time.perf_counter(), time.process_time()
    result = quantise(model, calibration, options, judged)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    assert result.evaluation is not None
    worst = result.worst
    return {
        "bits": bits,
        "method": method,
        "sqnr_db": result.evaluation.sqnr_db,
        "top1_agreement": result.evaluation.top1,
        "calibration_sqnr_db": result.calibration.sqnr_db,
        "worst_layer": worst.name if worst else None,
        "power_of_two_factors": len(result.factors),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(worked, 1),
        "lowers": _lowers(result),
    }


def _lowers(result: Quantised) -> str:
    """Return how many integer operators the file becomes, or why it does not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        path.write_bytes(result.onnx)
        try:
            lowered = lower(frontend.load(path))
        except HwgenError as error:
            return str(error.problems[0])
    inexact = sum(not proof.exact for proof in lowered.proofs)
    return f"{len(lowered.graph.nodes)} operators, {len(lowered.proofs)} requantisations, {inexact} inexact"


def measure(network: FloatNetwork, name: str) -> dict[str, Any]:
    """Quantise a network with every setting and return its rows."""
    network.make()
    model = frontend.load(network.path)
    rows = []
    for bits, method in SETTINGS:
        rows.append(figures(model, network, bits, method))
        print(name, json.dumps(rows[-1]), file=sys.stderr, flush=True)
    frames = {"calibration": network.calibration, "evaluation": network.evaluation}
    return {"data": network.data, "frames": frames, "settings": rows}


def main() -> None:
    """Print the figures of the chosen networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", help="names; all of them if absent")
    parser.add_argument("--out", type=Path, help="also put them into this JSON file; other networks stay in it")
    wanted = parser.parse_args()
    report: dict[str, Any] = {"machine": platform.machine(), "networks": {}}
    kept = json.loads(wanted.out.read_text())["networks"] if wanted.out and wanted.out.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        known = networks(Path(folder))
        for name in wanted.models or known:
            report["networks"][name] = measure(known[name], name)
            if wanted.out:
                whole = {**report, "networks": {**kept, **report["networks"]}}
                wanted.out.write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")
    report["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
