# SPDX-License-Identifier: Apache-2.0
"""hwgen turns a neural network into an FPGA accelerator: ONNX in, verified HLS C++ and RTL out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.version import VERSION as __version__

if TYPE_CHECKING:
    from hwgen.request import BuildResult, Simulator, VerifyLevel

__all__ = ["__version__", "build"]


def build(
    model: str | Path,
    board: str | None = None,
    *,
    budget: str | Path | None = None,
    clock_mhz: float | None = None,
    out: str | Path | None = None,
    verify: VerifyLevel = "rtl",
    inputs: str | Path | None = None,
    frames: int | None = None,
    sim: Simulator = "cocotb",
    synth: bool = False,
    bitstream: bool = False,
    first: str | None = None,
    last: str | None = None,
    seed: int = 0,
    shapes: Mapping[str, Sequence[int]] | None = None,
    input_types: Mapping[str, str] | None = None,
    calib: str | Path | None = None,
    layers: Sequence[str] | int | None = None,
    changes: Mapping[str, Any] | None = None,
    waves: bool = False,
) -> BuildResult:
    """Build an accelerator; the same as ``hwgen build``.

    Parameters
    ----------
    model
        ONNX file; docs/dialects.md lists the dialects that are read.
    board, budget, clock_mhz
        What to build for: a board's name, a YAML file with limits, a clock in MHz that wins over both.
    out
        Output folder; ``build/<name>`` if absent.
    verify
        ``none``, ``golden``, ``csim``, ``layers`` (processes alone, never the whole) or ``rtl``.
    inputs
        npz file with one array for each model input, frames first, and ``labels`` to have accuracy measured.
    frames
        Frames to verify.
    sim
        ``cocotb``, or ``fast`` for long runs.
    synth
        Count resources with Yosys.
    bitstream
        Place and route for an open board, and write a bitstream.
    first, last
        Stages to begin and to end with.
    seed
        Of random frames.
    shapes
        Shapes of model inputs, or sizes of symbolic axes, that the file leaves open: ``{"x": (1, 3, 224, 224)}``.
    input_types
        Model inputs that hold integers: ``{"x": "int8"}``.
    calib
        npz file with frames to quantise a float model with.
    layers
        With ``verify="layers"``: names of the processes to compile and simulate, or how many; all if absent.
    changes
        Keys that win over the budget file: ``{"limits": {"lut": "80%"}, "target": "min_latency"}``.
    waves
        Keep an FST of the run that fails, when RTL simulation finds a difference.

    Returns
    -------
    BuildResult
        ``result.ok`` is False when csim or RTL differ from the golden model.

    Raises
    ------
    HwgenError
        Its ``problems`` name everything that is wrong; the output folder is then as it was before.
    """
    from hwgen.pipeline import build as run
    from hwgen.request import Request

    def path(value: str | Path | None) -> Path | None:
        return Path(value) if value is not None else None

    request = Request(
        Path(model),
        board,
        path(budget),
        clock_mhz,
        path(out),
        verify,
        path(inputs),
        frames,
        sim,
        synth,
        bitstream,
        first,
        last,
        seed,
        shapes or {},
        input_types or {},
        path(calib),
        layers if layers is None or isinstance(layers, int) else tuple(layers),
        changes or {},
        waves=waves,
    )
    return run(request)
