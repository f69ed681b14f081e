# SPDX-License-Identifier: Apache-2.0
"""The command line: a thin shell over the pipeline. People read stderr and tables, machines read ``--json``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, cast

import typer

from hwgen import console, pipeline
from hwgen.errors import ExitCode, HwgenError, Problem
from hwgen.options import (
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
)
from hwgen.request import Request, Simulator, VerifyLevel, parse_changes, parse_layers, parse_shapes, parse_types
from hwgen.tables import inspect_lines, plan_lines, sweep_lines
from hwgen.version import VERSION

app = typer.Typer(
    name="hwgen",
    help="Neural network in, verified FPGA accelerator out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_USAGE = cast("type[Exception]", typer.BadParameter.__mro__[1])


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hwgen {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    return None


@app.command()
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
    first: Annotated[str | None, typer.Option("--from", help="Stage to begin with.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Stage to end with.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of random frames.")] = 0,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    calib: CalibOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build an accelerator: verified HLS C++, verified RTL, a project and a report."""
    request = Request(
        model,
        board,
        budget,
        clock_mhz,
        out,
        cast("VerifyLevel", verify),
        inputs,
        frames,
        cast("Simulator", sim),
        synth,
        first,
        last,
        seed,
        parse_shapes(shape or ()),
        parse_types(input_type or ()),
        calib,
        parse_layers(layers),
        parse_changes(changes or ()),
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


@app.command()
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

    shapes, types = parse_shapes(shape or ()), parse_types(input_type or ())
    tree = parse_changes(changes or ())
    request = Request(model, board, budget, clock_mhz, shapes=shapes, input_types=types, calib=calib, changes=tree)
    facts = check_model(request)
    if as_json:
        console.print_json(facts)
    else:
        console.print_check(facts)
    if not facts["ok"]:
        raise typer.Exit(facts["exit_code"])


@app.command()
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

    shapes, types = parse_shapes(shape or ()), parse_types(input_type or ())
    tree = parse_changes(changes or ())
    found = plan_model(
        Request(model, board, budget, clock_mhz, shapes=shapes, input_types=types, calib=calib, changes=tree)
    )
    if layers:
        found = with_layers_verified(found, console.print_progress)
    if out is not None:
        write_plan(found, out)
    if as_json:
        console.print_json({**found.report, "out": str(out) if out else None})
    else:
        console.print_lines([*plan_lines(found.report), *([f"Output: {out}"] if out else [])])


@app.command()
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

    shapes, types = parse_shapes(shape or ()), parse_types(input_type or ())
    tree = parse_changes(changes or ())
    request = Request(model, board, budget, clock_mhz, shapes=shapes, input_types=types, calib=calib, changes=tree)
    found = explain_model(request, layers)
    if as_json:
        console.print_json({"ok": True, "layers": [one.to_json() for one in found]})
    else:
        console.print_lines([line for one in found for line in one.sentences])


@app.command()
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
    shapes, types = parse_shapes(shape or ()), parse_types(input_type or ())
    tree = parse_changes(changes or ())
    base = Request(model, board, budget, shapes=shapes, input_types=types, calib=calib, changes=tree)
    folder = out if out is not None else Path("build") / f"{base.name}-sweep"
    result = run_sweep(base, axes, folder, scheduler, console.print_progress)
    if as_json:
        console.print_json(result)
    else:
        console.print_lines(sweep_lines(result))


@app.command(name="inspect")
def inspect_command(
    model: Model, shape: ShapeOption = None, input_type: TypeOption = None, as_json: JsonOption = False
) -> None:
    """List a model's layers: shapes, types, MACs, parameters, bit operations. Float models too; writes nothing."""
    from hwgen import frontend
    from hwgen.inspect_model import inspect_model

    request = Request(model, shapes=parse_shapes(shape or ()), input_types=parse_types(input_type or ()))
    facts = inspect_model(
        frontend.load(model, name=request.name, shapes=request.shapes, input_types=request.input_types)
    )
    if as_json:
        console.print_json(facts)
    else:
        console.print_lines(inspect_lines(facts))


@app.command()
def quantize(
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="ONNX file to write.")],
    calib: CalibOption = None,
    weights: Annotated[int | None, typer.Option("--weights", help="Bits of weights, 2 to 8; 8 if absent.")] = None,
    acts: Annotated[int | None, typer.Option("--acts", help="Bits of activations, 2 to 8; 8 if absent.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="adaptive or nearest.")] = None,
    calibration: Annotated[str | None, typer.Option("--calibration", help="minmax, percentile or mse.")] = None,
    evaluation: Annotated[Path | None, typer.Option("--eval", help="npz with frames to measure the result on.")] = None,
    budget: BudgetOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of random calibration frames.")] = 0,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Quantise a float model: an ONNX file with QONNX quantisers, and how near it is to the float model."""
    from hwgen import frontend
    from hwgen.config import load_inputs, load_quantize
    from hwgen.ptq import quantise_model, write_file

    given = {"weights": weights, "acts": acts, "method": method, "calibration": calibration}
    options = load_quantize(budget, {key: value for key, value in given.items() if value is not None})
    assert options is not None
    known = load_inputs(budget)
    shapes = {**known.shapes, **parse_shapes(shape or ())}
    types = {**known.input_types, **parse_types(input_type or ())}
    source = frontend.load(model, shapes=shapes, input_types=types)
    result = quantise_model(source, options, calib, evaluation, seed)
    write_file(result.onnx, out)
    console.print_warnings(result.warnings)
    if as_json:
        console.print_json({"ok": True, "model": model.name, "out": str(out), "quantize": result.facts})
    else:
        console.print_quantisation(result.facts, out)


@app.command()
def boards(as_json: JsonOption = False) -> None:
    """List the boards that hwgen knows."""
    from hwgen.hw import boards as known

    found = [known.load(name) for name in known.names()]
    if as_json:
        console.print_json({"ok": True, "boards": [console.board_json(b) for b in found]})
    else:
        console.print_boards(found)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say which tools are installed, which are missing, and how to get them."""
    from hwgen.doctor import examine

    findings = examine()
    fit = all(f.found for f in findings if f.required)
    if as_json:
        console.print_json({"ok": fit, "tools": [f.to_json() for f in findings]})
    else:
        console.print_doctor(findings)
    if not fit:
        raise typer.Exit(ExitCode.USER)


@app.command()
def regress(
    designs: Annotated[Path, typer.Argument(help="Folder of designs, or one design.")],
    update: Annotated[bool, typer.Option("--update", help="Write what was measured to expect.json.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for the builds.")] = Path("build/regress"),
    as_json: JsonOption = False,
) -> None:
    """Build and verify every design; fail when accuracy, cycles or LUT leave expect.json by more than 2 %."""
    from hwgen.regress import run_designs

    outcome = run_designs(designs, out, update=update, listen=console.Progress())
    if as_json:
        console.print_json(outcome)
    else:
        console.print_regress(outcome)
    if not outcome["ok"]:
        raise typer.Exit(ExitCode.MISMATCH)


@app.command()
def schedule(
    source: Annotated[Path, typer.Argument(help="C++ file with the process function.", metavar="FILE")],
    function: Annotated[str, typer.Argument(help="Its name.", metavar="FUNCTION")],
    board: Annotated[str, typer.Option("--board", help="A name of `hwgen boards`, or a YAML file.")],
    include: Annotated[
        list[Path] | None,
        typer.Option(
            "--include", "-I", exists=True, file_okay=False, help="Folder of headers; the kernel library is there."
        ),
    ] = None,
    clock_mhz: ClockOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what is slower than the clock.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the schedule of one process: what sits in each stage, II, latency, storage, recurrences. Writes nothing."""
    from hwgen.config import load_budget
    from hwgen.hlsc import Target, compile_process
    from hwgen.hlsc.back.schedule_text import schedule_text
    from hwgen.hw import boards as known
    from hwgen.resources import data_folder

    found, asked = known.load(board), load_budget(board=board, clock_mhz=clock_mhz)
    target = Target(found.family, asked.clock_mhz or found.clock_mhz)
    folders = [*(include or []), data_folder("hls") / "include"]
    report = compile_process(source, function, folders, target, strict).report
    if as_json:
        console.print_json({"ok": True, **report})
    else:
        typer.echo(schedule_text(report), nl=False)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no exception but `SystemExit` leaves this function."""
    as_json = "--json" in arguments
    with console.clean_stdout(as_json):
        try:
            code = app(list(arguments), standalone_mode=False)
            if code == ExitCode.INTERRUPTED:
                raise KeyboardInterrupt
            return int(code) if isinstance(code, int) else ExitCode.OK
        except HwgenError as error:
            return console.fail(error.problems, error.exit_code, as_json)
        except _USAGE as error:
            return console.fail([_usage_problem(error)], ExitCode.USER, as_json)
        except (KeyboardInterrupt, typer.Abort):
            text = "Interrupted; the output folder is as it was before."
            return console.fail([Problem(text)], ExitCode.INTERRUPTED, as_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.OK
        except Exception as error:
            return console.fail([console.internal(error)], ExitCode.INTERNAL, as_json)


def _usage_problem(error: Exception) -> Problem:
    text = cast("Any", error).format_message().strip()
    return Problem(text if text.endswith((".", "?")) else f"{text}.", hint="See hwgen --help.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Entry point of the ``hwgen`` command."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
