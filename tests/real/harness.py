# SPDX-License-Identifier: Apache-2.0
"""Build a real network, and hold the result to what every build must show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import hwgen
from hwgen import artifacts
from hwgen.request import BuildResult
from hwgen.verify.scenarios import SCENARIOS

LAYER_FRAMES = 3  # of a process alone and of each scenario; what is asked for beyond them is one more run of the top
RUNGS = ("golden", "csim", "rtl")
CYCLES = {"ii_plan", "ii_rtl", "latency_plan", "latency_rtl"}
PARITY = {"max_lsb", "exact_fraction", "free_max_lsb", "top1_agreement"}
COUNTED = {"lut", "ff", "dsp", "bram36"}
KEYS = {"ok", "model", "board", "clock_mhz", "verify", "parity", "cycles", "fps", "resources", "seconds"}


def build(
    folder: Path,
    model: Path,
    *,
    board: str = "zcu102",
    lut: int | None = None,
    arrays: dict[str, npt.NDArray[Any]] | None = None,
    **options: Any,
) -> BuildResult:
    """Build `model` to verified RTL in `folder`.

    Parameters
    ----------
    lut
        Limit of the design, so that compiling and simulating it takes seconds and not minutes; None for the board's.
    arrays
        Inputs file: the model's input, and labels.
    options
        Of `hwgen.build`.
    """
    if lut is not None:
        options["budget"] = folder / "budget.yaml"
        options["budget"].write_text(f"limits:\n  lut: {lut}\n")
    if arrays is not None:
        options["inputs"] = folder / "inputs.npz"
        np.savez(options["inputs"], **arrays)
    result = hwgen.build(model, board, out=folder / "out", **options)
    print(summary(result))
    return result


def summary(result: BuildResult) -> str:
    """Return what pytest shows with -rA, or when something fails."""
    answer = result.to_json()
    shown = ("name", "verify", "parity", "accuracy", "cycles", "resources", "seconds", "stage_seconds")
    return "\n".join(f"{name}: {answer.get(name)}" for name in shown)


def require(result: BuildResult, frames: int, *, board: str = "zcu102", max_lsb: int = 0) -> None:
    """Require what every finished build shows: equal rungs, each layer alone and the whole on `frames` frames.

    Parameters
    ----------
    max_lsb
        Largest teacher-forced difference from onnxruntime.
    """
    answer = result.to_json()
    verify = answer["verify"]
    assert result.ok and verify["problems"] == []
    assert answer["board"] == board
    for rung in RUNGS:
        assert verify[rung]["tensors"] > 0 and verify[rung]["mismatches"] == 0, rung
    assert verify["frames"] == frames and verify["rtl"]["frames"] == frames
    require_every_layer_alone(result, frames)
    require_json(answer)
    parity = answer["parity"]
    assert parity["max_lsb"] <= max_lsb
    assert 0 <= parity["inexact"] <= parity["elements"] and parity["elements"] > 0
    assert (parity["max_lsb"] == 0) == (parity["inexact"] == 0)
    assert parity["exact_fraction"] == 1 - parity["inexact"] / parity["elements"]


def require_every_layer_alone(result: BuildResult, frames: int) -> None:
    """Require that every process ran by itself in every scenario, and then the top."""
    layers = {layer["name"] for layer in result.report["layers"]}
    verdict = artifacts.read_json(result.out / "report" / "verify.json")
    assert set(verdict["cycles"]["layers"]) == layers
    assert verdict["rtl"]["tensors"] == verdict["csim"]["tensors"] >= len(layers)
    assert {s.name for s in SCENARIOS} == {"free-flow", "idle", "back-pressure", "both", "reset"}
    longer = frames > LAYER_FRAMES
    assert verdict["rtl"]["runs"] == (len(layers) + 1) * len(SCENARIOS) + longer


def require_json(answer: dict[str, Any]) -> None:
    """Require the keys that a program may rely on, and an II and a latency that were measured."""
    assert set(answer) >= KEYS
    assert set(answer["parity"]) >= PARITY and set(answer["resources"]) >= {"plan", "yosys"}
    assert set(answer["cycles"]) >= CYCLES and set(answer["resources"]["plan"]) >= COUNTED
    cycles = answer["cycles"]
    assert cycles["ii_rtl"] > 0 and cycles["latency_rtl"] > 0
    assert abs(cycles["ii_plan"] - cycles["ii_rtl"]) <= max(0.02 * cycles["ii_rtl"], 1)
    assert answer["fps"] > 0 and answer["seconds"] > 0


def ports(result: BuildResult, direction: str) -> npt.NDArray[np.int64]:
    """Return the golden integers at the only port of that direction, ``(frames, ...)``."""
    (tensor,) = (port["tensor"] for port in result.report["ports"] if port["direction"] == direction)
    return artifacts.read_npz(result.out / "golden" / "ports.npz")[tensor]
