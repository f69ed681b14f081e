# SPDX-License-Identifier: Apache-2.0
"""`make bench`: how long a build takes and how good its predictions are, as one JSON object on stdout.

For each design: the first ``hwgen build --verify rtl`` ever (nothing cached at all); a cold one (Verilator's runtime
is compiled, nothing of the design is) in a fresh process, with seconds and peak memory by stage; a rebuild with nothing
changed; Verilator cycles and csim frames a second; predicted against measured cycles; LUT of the plan against Yosys.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
TFC = SHARED / "models" / "qonnx_tfc_1w2a" / "model.onnx"
CNN = ROOT / "designs" / "digits-cnn"
TOOLCHAIN = "verilator-runtime"  # what the cache keeps for the machine, not for a design


def hwgen(arguments: list[str], cache: Path) -> tuple[dict[str, Any], float]:
    """Run the command line in a process of its own; return its JSON and the wall-clock seconds."""
    env = {**os.environ, "HWGEN_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    command = [sys.executable, "-m", "hwgen.cli", *arguments, "--json"]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - start
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, seconds


def measure(model: Path, extra: list[str]) -> dict[str, Any]:
    """Build for the first time, then cold, then warm, then with Yosys's counts."""
    with tempfile.TemporaryDirectory() as folder:
        out, cache = Path(folder) / "out", Path(folder) / "cache"
        arguments = ["build", str(model), "--board", "zcu102", "--out", str(out), "--verify", "rtl", *extra]
        _, first_seconds = hwgen(arguments, cache)
        shutil.rmtree(out)
        for entry in cache.iterdir():
            if entry.name != TOOLCHAIN:
                shutil.rmtree(entry)
        cold, cold_seconds = hwgen(arguments, cache)
        if not cold["ok"]:
            return {"ok": False, "errors": cold.get("errors")}
        warm, warm_seconds = hwgen(arguments, cache)
        synthesised, _ = hwgen([*arguments, "--synth"], cache)
        timings = json.loads((out / "run" / "timings.json").read_text())
        stages = cold["stage_seconds"]
    cycles, resources = synthesised["cycles"], synthesised["resources"]
    return {
        "ok": cold["ok"] and warm["ok"] and warm["up_to_date"],
        "first_ever_seconds": round(first_seconds, 1),
        "cold_seconds": round(cold_seconds, 1),
        "cold_stage_seconds": stages,
        "synth_seconds": round(timings.get("synth", {}).get("seconds", 0.0), 1),
        "peak_mib": round(max(max(t["peak_mib"], t["children_peak_mib"]) for t in timings.values())),
        "warm_seconds": round(warm_seconds, 2),
        "speed": {name: value for name, value in timings["verify"].items() if name.endswith("per_second")},
        "cycles": cycles,
        "ii_error": _error(cycles["ii_plan"], cycles["ii_rtl"]),
        "latency_error": _error(cycles["latency_plan"], cycles["latency_rtl"]),
        "resources": resources,
        "lut_error": _error(resources["plan"]["lut"], resources["yosys"]["lut"]),
    }


def _error(plan: float | None, measured: float | None) -> float | None:
    return round(plan / measured - 1, 4) if plan is not None and measured else None


def main() -> None:
    designs = {
        "digits-cnn": (CNN / "model.onnx", ["--inputs", str(CNN / "inputs.npz"), "--frames", "50"]),
        "qonnx_tfc_1w2a": (TFC, ["--frames", "20"]),
    }
    result: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "designs": {}}
    for name, (model, extra) in designs.items():
        if not model.is_file():
            result["designs"][name] = {"skipped": f"{model} is absent (set HWGEN_SHARED)"}
            continue
        print(f"{name} ...", file=sys.stderr)
        result["designs"][name] = measure(model, extra)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
