# SPDX-License-Identifier: Apache-2.0
"""The commands about a board on the table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hwgen import console
from hwgen.commands.options import JsonOption
from hwgen.errors import ExitCode


def run(
    port: Annotated[str, typer.Option("--port", help="Serial port: /dev/ttyUSB0, COM3.")],
    inputs: Annotated[Path, typer.Option("--inputs", help="npz with an array for each model input, and labels.")],
    folder: Annotated[
        Path | None, typer.Argument(help="Output folder of a build; the one under build/ if absent.", metavar="FOLDER")
    ] = None,
    baud: Annotated[int | None, typer.Option("--baud", help="Rate of the line; the design's own if absent.")] = None,
    frames: Annotated[int | None, typer.Option("--frames", help="How many frames; all if absent.", min=1)] = None,
    golden: Annotated[bool, typer.Option("--golden", help="Compare with the golden model.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds that an answer may take.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """Run frames on a board with a UART shell: accuracy, frames and bytes a second, differences from golden."""
    from hwgen.run_board import run_board

    found = run_board(folder, port, inputs, baud=baud, frames=frames, golden=golden, timeout=timeout)
    if as_json:
        errors = [asdict(problem) for problem in found.problems]
        extra = {} if found.ok else {"errors": errors, "exit_code": int(ExitCode.MISMATCH)}
        console.print_json({**found.to_json(), **extra})
    else:
        console.print_lines(found.lines())
        console.print_errors(found.problems)
    if not found.ok:
        raise typer.Exit(ExitCode.MISMATCH)
