# SPDX-License-Identifier: Apache-2.0
"""Figures of the real networks as one JSON object on stdout: cycles planned and measured, LUT, parity, seconds.

Every network is built to verified RTL in a process of its own, under the board's default budget, with an hwgen cache
that holds nothing but Verilator's runtime; float ones are quantised to 8 bits first. Of the largest, processes alone
are simulated, some of different shape. Run it as ``python benchmarks/real_models.py --models digits-mlp w1_jets``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from float_networks import FloatNetwork
from float_networks import networks as float_networks

from hwgen import frontend

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
ESPCN, CORAL_V2 = "qonnx_espcn_quant", "coral_mobilenet_v2_1.0_224_quant"
RUNGS = ("golden", "csim", "layers", "rtl")
COUNTED = ("lut", "ff", "dsp", "bram36")


@dataclass(frozen=True)
class Network:
    """A network, how many frames to simulate, and what else there is to say about it.

    Parameters
    ----------
    inputs
        File of frames where random ones would not do.
    types
        What an input holds that the file calls floating-point.
    real
        Frames to quantise a float network with.
    layers
        How many processes to simulate alone; None for all of them and the whole.
    budget
        Content of a budget file, with a board; None for the chosen board's default.
    """

    path: Path
    frames: int
    inputs: Path | None = None
    types: str | None = None
    real: FloatNetwork | None = None
    layers: int | None = None
    budget: str | None = None

    def arguments(self, folder: Path) -> list[str]:
        """Return the arguments of ``hwgen build`` that are the network's own; their files go into `folder`."""
        options: dict[str, object] = {"--inputs": self.inputs, "--input-type": self.types}
        if self.real is not None:
            model = frontend.load(self.path)
            for index, name in enumerate(("--calib", "--inputs")):
                options[name] = folder / f"{name.strip('-')}.npz"
                np.savez(folder / f"{name.strip('-')}.npz", **self.real.feeds(model, seed=index))
        options |= {"--verify": "rtl"} if self.layers is None else {"--verify": "layers", "--layers": self.layers}
        if self.budget is not None:
            options["--budget"] = folder / "budget.yaml"
            (folder / "budget.yaml").write_text(self.budget)
        return [str(self.path), *(str(word) for pair in options.items() if pair[1] is not None for word in pair)]


def networks() -> dict[str, Network]:
    """Return what there is to build, small ones first."""
    designs = {name: ROOT / "designs" / name for name in ("digits-mlp", "digits-cnn")}
    tfc = [f"qonnx_tfc_{kind}" for kind in ("1w1a", "1w2a", "2w2a")]
    int8 = {"tflm_hello_world_int8": 2, "mlperf_ad_int8": 2, "mlperf_dscnn_int8": 2, "mlperf_resnet8_int8": 1}
    int8 |= {"mlperf_vww_int8": 1, "coral_mobilenet_v1_0.25_128_quant": 1}
    workloads = ("w1_jets", "w2_digits", "w3_can", "w4_mv64_int4", "w4_mv64_int8")
    return {
        **{name: Network(folder / "model.onnx", 50, folder / "inputs.npz") for name, folder in designs.items()},
        **{name: Network(SHARED / "workloads" / f"{name}_qonnx.onnx", 64) for name in workloads},
        **{name: Network(SHARED / "models" / name / "model.onnx", 20) for name in tfc},
        **{name: Network(SHARED / "models" / name / "model.onnx", frames) for name, frames in int8.items()},
        **float_ones(),
        **large_ones(),
    }


def float_ones() -> dict[str, Network]:
    """Return the float networks that are small enough for the whole to be simulated."""
    known = float_networks(Path())
    names = ("mlperf_ad_fp32", "mlperf_dscnn_fp32", "mlperf_resnet8_fp32")
    return {name: Network(known[name].path, 2 if "resnet" not in name else 1, real=known[name]) for name in names}


def large_ones() -> dict[str, Network]:
    """Return the networks with the most cycles; of some, only a few processes are simulated."""
    known = float_networks(Path())
    espcn, coral = (SHARED / "models" / name / "model.onnx" for name in (ESPCN, CORAL_V2))
    ultraface, mobilenet = known["ultraface_slim320"], known["mobilenet_v2_imagenet"]
    return {
        ESPCN: Network(espcn, 1, types="x.7=uint8"),
        "ultraface_slim320": Network(ultraface.path, 1, real=ultraface),
        CORAL_V2: Network(coral, 1, layers=12, budget="board: u280\ntarget: {fps: 400}\n"),
        "mobilenet_v2_imagenet": Network(mobilenet.path, 1, real=mobilenet, layers=14, budget="board: u280\n"),
    }


def hwgen(arguments: Sequence[str], cache: Path, timeout: float) -> dict[str, Any]:
    """Run the command line in a process of its own; return its JSON and, as ``wall_seconds``, how long it took."""
    env = {**os.environ, "HWGEN_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "hwgen.cli", "build", *arguments, "--json"]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"ok": False, "errors": [{"message": f"Not finished after {timeout:g} seconds."}]}
    answer: dict[str, Any] = json.loads(done.stdout)
    return {**answer, "wall_seconds": round(time.perf_counter() - start, 1)}


def measure(network: Network, wanted: argparse.Namespace, cache: Path, folder: Path) -> dict[str, Any]:
    """Build one network and return its figures."""
    files = folder.with_name(f"{folder.name}-inputs")
    files.mkdir()
    arguments = [*network.arguments(files), "--out", str(folder), "--frames", str(wanted.frames or network.frames)]
    if network.budget is None:
        arguments += ["--board", wanted.board]
    if wanted.synth and network.layers is None:
        arguments.append("--synth")
    answer = hwgen(arguments, cache, wanted.timeout)
    if "cycles" not in answer:
        return {"ok": False, "errors": answer.get("errors")}
    timings = json.loads((folder / "run" / "timings.json").read_text())
    return figures(answer, timings)


def figures(answer: Mapping[str, Any], timings: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Return the figures of a build out of its ``--json`` and its timings."""
    cycles, resources = answer["cycles"], answer["resources"]
    yosys = resources["yosys"] or {}
    return {
        "ok": answer["ok"],
        "errors": answer.get("errors", []),
        "processes": len(answer["layers"]),
        "cycles": cycles,
        "ii_error": error(cycles["ii_plan"], cycles["ii_rtl"]),
        "latency_error": error(cycles["latency_plan"], cycles["latency_rtl"]),
        "clock_mhz": answer["clock_mhz"],
        "fps": round(answer["fps"]),
        "bottleneck": answer["bottleneck"],
        "resources": {"plan": resources["plan"], "yosys": {name: yosys[name] for name in COUNTED if name in yosys}},
        "lut_error": error(resources["plan"]["lut"], yosys.get("lut")),
        "frames": (answer["verify"]["rtl"] or {}).get("frames", 0),
        "alone": len((answer["verify"]["layers"] or {}).get("names", ())),
        "mismatches": {name: (answer["verify"][name] or {}).get("mismatches") for name in RUNGS},
        "parity": {name: value for name, value in (answer["parity"] or {}).items() if name != "layers"},
        "accuracy": answer["accuracy"],
        "seconds": answer["wall_seconds"],
        "stage_seconds": answer["stage_seconds"],
        "speed": {name: value for name, value in timings.get("verify", {}).items() if name.endswith("_per_second")},
        "peak_mib": round(max(max(t["peak_mib"], t["children_peak_mib"]) for t in timings.values())),
    }


def error(plan: float | None, measured: float | None) -> float | None:
    """Return how far a prediction is off, as a fraction of the measurement."""
    return round(plan / measured - 1, 4) if plan is not None and measured else None


def warm(cache: Path, folder: Path, timeout: float) -> float:
    """Have Verilator's runtime compiled and nothing else cached; return the seconds of this first build."""
    mlp = ROOT / "designs" / "digits-mlp"
    arguments = [str(mlp / "model.onnx"), "--budget", str(mlp / "budget.yaml"), "--out", str(folder)]
    seconds: float = hwgen(arguments, cache, timeout).get("wall_seconds", timeout)
    for path in cache.glob("*"):
        if path.name != "verilator-runtime":
            shutil.rmtree(path, ignore_errors=True)
    return seconds


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    known = networks()
    parser = argparse.ArgumentParser(description="Figures of the real networks, as JSON.")
    parser.add_argument("--board", default="zcu102", help="for networks without a larger one of their own")
    parser.add_argument("--models", nargs="+", choices=list(known), default=list(known), metavar="NAME",
                        help=f"out of {', '.join(known)}; all if absent")  # fmt: skip
    parser.add_argument("--frames", type=int, help="frames to simulate, instead of each network's own number")
    parser.add_argument("--synth", action="store_true", help="count LUT, FF, DSP and BRAM with Yosys")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for each network (3600)")
    parser.add_argument("--out", type=Path, help="write the JSON here too, after every network")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure, print, and return 1 when a network was not built or something differed."""
    wanted = options()
    known = networks()
    result: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "board": wanted.board}
    result["networks"] = {}
    with tempfile.TemporaryDirectory(prefix="hwgen-bench-") as place:
        folder, cache = Path(place), Path(place) / "cache"
        result["first_build_seconds"] = warm(cache, folder / "first", wanted.timeout)
        for name in wanted.models:
            network = known[name]
            print(f"{name} ...", file=sys.stderr)
            if network.path.is_file():
                result["networks"][name] = measure(network, wanted, cache, folder / name)
            else:
                result["networks"][name] = {"skipped": f"{network.path} is absent (set HWGEN_SHARED)"}
            if wanted.out is not None:
                wanted.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return int(any(not figure.get("ok", True) for figure in result["networks"].values()))


if __name__ == "__main__":
    sys.exit(main())
