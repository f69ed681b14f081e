# SPDX-License-Identifier: Apache-2.0
"""The commands about hwgen itself: boards, tools, the designs held to their figures, a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen import console
from hwgen.commands.options import ClockOption, JsonOption
from hwgen.errors import ExitCode


def boards(as_json: JsonOption = False) -> None:
    """List the boards that hwgen knows."""
    from hwgen.hw import boards as known

    found = [known.load(name) for name in known.names()]
    if as_json:
        console.print_json({"ok": True, "boards": [console.board_json(b) for b in found]})
    else:
        console.print_boards(found)


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
