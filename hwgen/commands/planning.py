# SPDX-License-Identifier: Apache-2.0
"""The commands that plan: one design, the reasons of a layer, many designs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen import console
from hwgen.commands.options import (
    BoardOption,
    BudgetOption,
    CalibOption,
    ClockOption,
    JsonOption,
    Model,
    SetOption,
    ShapeOption,
    TypeOption,
    asked,
)
from hwgen.tables import plan_lines, sweep_lines


def plan(
    model: Model,
    board: BoardOption = None,
    budget: BudgetOption = None,
    clock_mhz: ClockOption = None,
    changes: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for plan, report and roofline.")] = None,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    calib: CalibOption = None,
    layers: Annotated[
        bool, typer.Option("--verify-layers", help="Time and count every layer shape alone, in Verilator and Yosys.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Choose unit and folding of every layer under the budget, and say what binds. Without --out it writes nothing."""
    from hwgen.planning import plan_model, with_layers_verified, write_plan

    found = plan_model(asked(model, board, budget, clock_mhz, changes, shape, input_type, calib))
    if layers:
        found = with_layers_verified(found, console.print_progress)
    if out is not None:
        write_plan(found, out)
    if as_json:
        console.print_json({**found.report, "out": str(out) if out else None})
    else:
        console.print_lines([*plan_lines(found.report), *([f"Output: {out}"] if out else [])])


def explain(
    model: Annotated[Path, typer.Argument(help="ONNX file, or the folder of a build.", metavar="MODEL")],
    layers: Annotated[list[str], typer.Argument(help="Layers, processes or ONNX nodes.", metavar="LAYER...")],
    board: BoardOption = None,
    budget: BudgetOption = None,
    clock_mhz: ClockOption = None,
    changes: SetOption = None,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    calib: CalibOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how a layer is built, what the runner-up was, and what tipped it."""
    from hwgen.planning import explain_model

    found = explain_model(asked(model, board, budget, clock_mhz, changes, shape, input_type, calib), layers)
    if as_json:
        console.print_json({"ok": True, "layers": [one.to_json() for one in found]})
    else:
        console.print_lines([line for one in found for line in one.sentences])


def sweep(
    model: Model,
    board: BoardOption = None,
    budget: BudgetOption = None,
    boards: Annotated[str | None, typer.Option("--boards", help="Boards to plan for.", metavar="A,B")] = None,
    clocks: Annotated[str | None, typer.Option("--clock", help="Clocks to plan for.", metavar="MHZ,MHZ")] = None,
    limits: Annotated[
        list[str] | None, typer.Option("--limits", help="Limits to plan for: lut=20%,40%.", metavar="KEY=VALUE,VALUE")
    ] = None,
    budgets: Annotated[str | None, typer.Option("--budgets", help="Budget files to plan for.", metavar="GLOB")] = None,
    changes: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder; build/<name>-sweep if absent.")] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="A Dask scheduler; a local cluster if absent.", metavar="ADDRESS")
    ] = None,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    calib: CalibOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan for many boards, clocks and budgets, and show the Pareto front; a rerun plans only what is missing."""
    from hwgen.sweep import parse_axes
    from hwgen.sweep import sweep as run_sweep

    axes = parse_axes(boards, clocks, budgets, limits or (), Path())
    base = asked(model, board, budget, None, changes, shape, input_type, calib)
    folder = out if out is not None else Path("build") / f"{base.name}-sweep"
    result = run_sweep(base, axes, folder, scheduler, console.print_progress)
    if as_json:
        console.print_json(result)
    else:
        console.print_lines(sweep_lines(result))
