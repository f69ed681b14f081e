# SPDX-License-Identifier: Apache-2.0
"""How things look on a terminal: progress on stderr, results on stdout, errors as sentences."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from hwgen.errors import ExitCode, Problem
from hwgen.pipeline import Event
from hwgen.request import STAGES, BuildResult
from hwgen.resources import cache_folder
from hwgen.tables import quantisation_lines, quantisation_table, result_lines, table

if TYPE_CHECKING:
    from hwgen.doctor import Finding
    from hwgen.hw import Board

_json_stream = io.StringIO()


@contextmanager
def clean_stdout(wanted: bool) -> Iterator[None]:
    """Keep stdout for the one JSON object: whatever libraries and child processes print goes to stderr."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        with contextlib.suppress(BrokenPipeError), os.fdopen(saved, "w") as stdout:
            stdout.write(_json_stream.getvalue())
        _json_stream.seek(0)
        _json_stream.truncate()


def print_json(data: Mapping[str, Any]) -> None:
    """Print the one JSON object."""
    json.dump(data, _json_stream, indent=2)
    _json_stream.write("\n")


def _out() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def fail(problems: Sequence[Problem], code: ExitCode, as_json: bool) -> int:
    """Report a failure and return its exit code."""
    if as_json:
        print_json({"ok": False, "errors": [asdict(p) for p in problems], "exit_code": int(code)})
    else:
        print_errors(problems)
    return int(code)


def print_errors(problems: Sequence[Problem]) -> None:
    """Print one sentence a line on stderr."""
    for problem in problems:
        _err().print("error:", style="bold red", end=" ")
        _err().print(str(problem), markup=False)


def internal(error: Exception) -> Problem:
    """Keep the traceback in a log file and return the sentence that names it."""
    text = "".join(traceback.format_exception(error))
    path = _write_log(cache_folder() / "logs", text) or _write_log(Path(tempfile.gettempdir()), text)
    where = f"The details are in {path}." if path else "No log could be written."
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else ""
    what = type(error).__name__ + (f": {reason}" if reason else "")
    return Problem(f"hwgen failed in a way that is not your fault ({what}).", hint=f"{where} Please report it.")


def _write_log(folder: Path, text: str) -> Path | None:
    path = folder / f"hwgen-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError:
        return None
    return path


class Progress:
    """Prints a line for each stage: its number, what it did, and how long it took."""

    def __init__(self) -> None:
        self._console = _err()
        self._notes: list[str] = []

    def event(self, event: Event) -> None:
        """Show one event."""
        number = f"[{STAGES.index(event.stage) + 1}/{len(STAGES)}] {event.stage:<9}"
        if event.kind == "start":
            self._notes = []
        elif event.kind == "note":
            self._notes.append(event.text)
            if len(self._notes) > 1:
                self._console.print(f"{number} {self._notes[-2]}", style="dim", markup=False)
        elif event.kind == "reused":
            self._console.print(f"{number} unchanged", style="dim", markup=False)
        else:
            line = f"{number} {event.seconds:6.1f} s  {' '.join(self._notes[-1:])}"
            self._console.print(line.rstrip(), markup=False)

    def title(self, text: str) -> None:
        """Print a heading."""
        self._console.print(text, style="bold", markup=False)


def mismatches(result: BuildResult) -> list[dict[str, Any]]:
    """Return the findings of a failed verification as problems."""
    found = result.report.get("verify", {}).get("problems", [])
    return [asdict(Problem(**p)) for p in found] if not result.ok else []


def print_result(result: BuildResult) -> None:
    """Print what was built, and where to look."""
    out = _out()
    if result.up_to_date:
        out.print(f"Nothing has changed: {result.out} is up to date.", markup=False)
    report = result.report
    if report:
        for line in result_lines(report):
            out.print(line, markup=False)
    out.print(f"Output: {result.out}", markup=False)


def print_lines(lines: Sequence[str]) -> None:
    """Print a report as text."""
    for line in lines:
        _out().print(line, markup=False)


def print_progress(line: str) -> None:
    """Print a line of progress on stderr."""
    _err().print(line, markup=False)


def print_check(facts: Mapping[str, Any]) -> None:
    """Print what `hwgen check` found: what keeps the model from being built, or what it becomes."""
    print_errors([Problem(**problem) for problem in facts.get("errors", ())])
    if facts["ok"]:
        print_lines(facts["summary"])


def print_warnings(warnings: Sequence[str]) -> None:
    """Print sentences on stderr that must not be overlooked."""
    for text in warnings:
        _err().print("WARNING:", style="bold yellow", end=" ")
        _err().print(text, markup=False)


def print_quantisation(facts: Mapping[str, Any], out: Path) -> None:
    """Print the figures of post-training quantisation."""
    for line in (quantisation_table(facts), *quantisation_lines(facts)):
        _out().print(line, markup=False)
    _out().print(f"Output: {out}", markup=False)


def board_json(board: Board) -> dict[str, Any]:
    """Return a board as JSON-ready data."""
    return {**asdict(board), "bandwidth_gbps": board.bandwidth_gbps}


def print_boards(boards: Sequence[Board]) -> None:
    """Print one board a line."""
    numbers = ("LUT", "FF", "DSP", "BRAM36", "URAM", "MHz", "GB/s")
    rows = []
    for b in boards:
        r = b.resources
        counts = (f"{n:,.0f}" for n in (r.lut, r.ff, r.dsp, r.bram36, r.uram, b.clock_mhz))
        speed = f"{b.bandwidth_gbps:,.1f}" if b.memories else "unknown"
        rows.append((b.name, b.part, *counts, speed, b.title))
    _out().print(table(("board", "part", *numbers, "title"), rows, numbers), markup=False)
    for b in boards:
        if b.note:
            _out().print(f"{b.name}: {b.note}.", markup=False)


def print_doctor(findings: Sequence[Finding]) -> None:
    """Print one tool a line, and what to do about the missing ones."""
    rows = []
    for f in findings:
        state = "found" if f.found else "MISSING" if f.required else "absent"
        rows.append((f.name, state, f.version, f.purpose))
    _out().print(table(("tool", "state", "version", "for"), rows), markup=False)
    for f in findings:
        if not f.found:
            _out().print(f"{f.name}: {f.remedy}", markup=False)


def print_regress(outcome: Mapping[str, Any]) -> None:
    """Print each design's figures against what was expected."""
    columns = ("design", "board", "figure", "expected", "measured", "verdict")
    rows = [["-" if row[c] is None else str(row[c]) for c in columns] for row in outcome["figures"]]
    _out().print(table(columns, rows, ("expected", "measured")), markup=False)
    print_errors([Problem(**p) for p in outcome["errors"]])
