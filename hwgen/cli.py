# SPDX-License-Identifier: Apache-2.0
"""The command line: one app of all commands. People read stderr and tables, machines read ``--json``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from threading import Event
from types import FrameType
from typing import Annotated, Any, NoReturn, cast

import typer

from hwgen import console
from hwgen.commands import boards, building, models, planning, results, workshop
from hwgen.errors import ExitCode, HwgenError, Problem
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


COMMANDS: dict[Callable[..., None], str] = {
    building.check: "Say whether a model can be built, or all that keeps it from it.",
    models.inspect: "List a model's layers: shapes, types, MACs, parameters.",
    models.quantize: "Quantise a float model with calibration frames.",
    planning.plan: "Choose unit and folding of every layer under a budget.",
    planning.explain: "Say why a layer is built as it is.",
    planning.sweep: "Plan for many boards, clocks and budgets: the Pareto front.",
    building.build: "Build verified RTL, and all around it, up to a bitstream.",
    building.debug: "Simulate one layer of a build alone, with waveforms.",
    results.compare: "Put two or three builds side by side.",
    boards.run: "Run frames on a board with a UART shell.",
    workshop.regress: "Hold every design of a folder to its figures.",
    workshop.schedule: "Print the pipeline of one C++ function.",
    workshop.boards: "List the boards that hwgen knows.",
    workshop.doctor: "Say which tools are installed, and which are missing.",
}
"""The commands in the order of their use, with what ``hwgen --help`` says of each."""
for _command, _short in COMMANDS.items():
    app.command(short_help=_short)(_command)


INTERRUPTED = Event()
"""Set once an interrupt has come: a library that it meets while it is loaded makes an error of its own of it."""
UNTOUCHED = "Interrupted; the output folder is as it was before."


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
            return console.fail([Problem(UNTOUCHED)], ExitCode.INTERRUPTED, as_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.OK
        except Exception as error:
            if INTERRUPTED.is_set():
                return console.fail([Problem(UNTOUCHED)], ExitCode.INTERRUPTED, as_json)
            return console.fail([console.internal(error)], ExitCode.INTERNAL, as_json)


def _usage_problem(error: Exception) -> Problem:
    text = cast("Any", error).format_message().strip()
    return Problem(text if text.endswith((".", "?")) else f"{text}.", hint="See hwgen --help.")


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal: note it, for whatever comes of the exception, and raise that."""
    INTERRUPTED.set()
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Entry point of the ``hwgen`` command."""
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    code = run(sys.argv[1:])
    if code == ExitCode.INTERRUPTED:
        # Once an interrupt has come through `exec`, as in imports, Python would end itself by the signal instead.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
