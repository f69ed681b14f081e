# SPDX-License-Identifier: Apache-2.0
"""The commands that build: the whole way, what would keep a model from it, and a closer look at a layer."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, cast

import typer

from hwgen import console, pipeline
from hwgen.commands.options import (
    BoardOption,
    BudgetOption,
    CalibOption,
    ClockOption,
    InputsOption,
    JsonOption,
    LayersOption,
    Model,
    SetOption,
    ShapeOption,
    TypeOption,
    asked,
)
from hwgen.errors import ExitCode, Problem
from hwgen.request import Simulator, VerifyLevel, parse_layers
from hwgen.tables import trace_lines


def build(
    model: Model,
    board: BoardOption = None,
    budget: BudgetOption = None,
    clock_mhz: ClockOption = None,
    changes: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Output folder; build/<name> if absent.")] = None,
    verify: Annotated[str, typer.Option("--verify", help="none, golden, csim, layers or rtl.")] = "rtl",
    layers: LayersOption = None,
    inputs: InputsOption = None,
    frames: Annotated[int | None, typer.Option("--frames", help="Frames to verify.")] = None,
    sim: Annotated[str, typer.Option("--sim", help="cocotb, or fast: a C++ harness for long runs.")] = "cocotb",
    synth: Annotated[bool, typer.Option("--synth", help="Count LUT, FF, DSP and BRAM with Yosys.")] = False,
    bitstream: Annotated[
        bool, typer.Option("--bitstream", help="Place and route for an open board, and write a bitstream.")
    ] = False,
    first: Annotated[str | None, typer.Option("--from", help="Stage to begin with.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Stage to end with.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of random frames.")] = 0,
    waves: Annotated[bool, typer.Option("--waves", help="Keep an FST of the simulation that fails.")] = False,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    calib: CalibOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build an accelerator: verified HLS C++, verified RTL, a project and a report."""
    request = replace(
        asked(model, board, budget, clock_mhz, changes, shape, input_type, calib),
        out=out,
        verify=cast("VerifyLevel", verify),
        inputs=inputs,
        frames=frames,
        sim=cast("Simulator", sim),
        synth=synth,
        bitstream=bitstream,
        first=first,
        last=last,
        seed=seed,
        layers=parse_layers(layers),
        waves=waves,
    )
    result = pipeline.build(request, console.Progress().event)
    errors = console.mismatches(result)
    if as_json:
        extra = {} if result.ok else {"errors": errors, "exit_code": int(ExitCode.MISMATCH)}
        console.print_json({**result.to_json(), **extra})
    else:
        console.print_result(result)
        console.print_errors([Problem(**e) for e in errors])
    if not result.ok:
        raise typer.Exit(ExitCode.MISMATCH)


def check(
    model: Model,
    board: BoardOption = None,
    budget: BudgetOption = None,
    clock_mhz: ClockOption = None,
    changes: SetOption = None,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    calib: CalibOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a model can be built, or everything that keeps it from it at once. Writes nothing."""
    from hwgen.check import check_model

    facts = check_model(asked(model, board, budget, clock_mhz, changes, shape, input_type, calib))
    if as_json:
        console.print_json(facts)
    else:
        console.print_check(facts)
    if not facts["ok"]:
        raise typer.Exit(facts["exit_code"])


def debug(
    layer: Annotated[str, typer.Argument(help="A process, a layer, an ONNX node, or the design.", metavar="LAYER")],
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of a build; the one in build/ if absent.", metavar="BUILD")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", help="free-flow, idle, back-pressure, both or reset; all until one fails."),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", min=1, help="Golden frames to play.")] = 3,
    first: Annotated[int, typer.Option("--first", min=1, help="Wrong elements to print for each stream.")] = 8,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the build.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the FST; run/waves of the build.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate one layer of a build alone, with waveforms, and print what was expected and what came."""
    from hwgen.debug import Wanted, debug_layer

    found = debug_layer(layer, folder, Wanted(scenario, frames, seed, first, out))
    problems = [Problem(text) for trace in found for text in trace.problems]
    if as_json:
        failed = {"errors": [asdict(p) for p in problems], "exit_code": int(ExitCode.MISMATCH)} if problems else {}
        console.print_json({"ok": not problems, "processes": [trace.to_json() for trace in found], **failed})
    else:
        console.print_lines([line for trace in found for line in trace_lines(trace.to_json())])
        console.print_errors(problems)
    if problems:
        raise typer.Exit(ExitCode.MISMATCH)
