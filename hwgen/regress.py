# SPDX-License-Identifier: Apache-2.0
"""`hwgen regress`: build and verify designs, and hold their figures to what was expected of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from hwgen import pipeline
from hwgen.artifacts import read_json, write_json
from hwgen.errors import ExitCode, HwgenError, Problem, UserError
from hwgen.pipeline import Event
from hwgen.request import BuildResult, Request

TOLERANCE = 0.02
FIGURES = ("accuracy", "ii", "latency", "lut")


class Listener(Protocol):
    """Shows progress."""

    def event(self, event: Event) -> None:
        """Show a stage's event."""

    def title(self, text: str) -> None:
        """Show what begins."""


def run_designs(designs: Path, out: Path, *, update: bool, listen: Listener) -> dict[str, Any]:
    """Build every design of a folder on every board that its ``expect.json`` names.

    Parameters
    ----------
    designs
        Folder of designs, or one design: a folder with ``model.onnx``, ``expect.json``, and if it likes
        ``budget.yaml`` and ``inputs.npz``.
    out
        Folder for the builds, one for each design and board.
    update
        Write what was measured to ``expect.json`` instead of comparing.

    Returns
    -------
    dict
        ``ok``, ``figures`` (a row for each design, board and figure), ``errors``, ``exit_code``; JSON-ready.

    Raises
    ------
    UserError
        When there is no design, or an ``expect.json`` is not what it should be.
    """
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for design in _find(designs):
        expect = _expectation(design)
        for board, wanted in expect["boards"].items():
            listen.title(f"{design.name} on {board}")
            measured = _measure(design, board, expect.get("frames"), out, listen, problems)
            if measured is None:
                continue
            rows += _compare(design.name, board, wanted, measured, update)
            expect["boards"][board] = measured
        if update:
            write_json(design / "expect.json", expect)
    left = [r for r in rows if r["verdict"] == "outside"]
    problems += [Problem(_sentence(r), node=None, hint="If that is wanted, run hwgen regress --update.") for r in left]
    code = ExitCode.MISMATCH if problems else ExitCode.OK
    return {"ok": not problems, "figures": rows, "errors": [asdict(p) for p in problems], "exit_code": int(code)}


def _find(designs: Path) -> list[Path]:
    if (designs / "model.onnx").is_file():
        return [designs]
    found = sorted(p.parent for p in designs.glob("*/model.onnx"))
    if not found:
        hint = "A design is a folder with model.onnx and expect.json."
        raise UserError(f"{designs} must hold designs, but there is no model.onnx in it.", hint=hint)
    return found


def _expectation(design: Path) -> dict[str, Any]:
    path = design / "expect.json"
    try:
        data = read_json(path)
    except OSError:
        hint = 'Begin with {"frames": 50, "boards": {"zcu102": {}}} and run hwgen regress --update.'
        raise UserError(f"Design {design.name} must have a file expect.json.", hint=hint) from None
    except ValueError as error:
        raise UserError(f"{path} must be JSON: {error}.") from error
    boards = data.get("boards") if isinstance(data, dict) else None
    if not isinstance(boards, dict) or not boards or not all(isinstance(b, dict) for b in boards.values()):
        raise UserError(f'{path} must name at least one board: {{"boards": {{"zcu102": {{}}}}}}.')
    return dict(data)


def _measure(
    design: Path, board: str, frames: int | None, out: Path, listen: Listener, problems: list[Problem]
) -> dict[str, float | None] | None:
    budget, inputs = design / "budget.yaml", design / "inputs.npz"
    request = Request(
        design / "model.onnx",
        board=board,
        budget=budget if budget.is_file() else None,
        out=out / f"{design.name}-{board}",
        inputs=inputs if inputs.is_file() else None,
        frames=frames,
        synth=True,
    )
    try:
        result = pipeline.build(request, listen.event)
    except HwgenError as error:
        problems += [Problem(f"{design.name} on {board}: {p.message}", p.node, p.hint) for p in error.problems]
        return None
    if not result.ok:
        problems += [Problem(f"{design.name} on {board}: {text}") for text in _mismatches(result)]
        return None
    report = result.report
    figures = {
        "accuracy": report["accuracy"],
        "ii": report["cycles"]["ii_rtl"],
        "latency": report["cycles"]["latency_rtl"],
        "lut": report["resources"]["yosys"]["lut"],
    }
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in figures.items()}


def _mismatches(result: BuildResult) -> Iterator[str]:
    for problem in result.report["verify"]["problems"]:
        yield str(problem["message"])


def _compare(
    design: str, board: str, wanted: dict[str, Any], measured: dict[str, float | None], update: bool
) -> Iterator[dict[str, Any]]:
    for figure in FIGURES:
        expected, value = wanted.get(figure), measured[figure]
        if update:
            verdict = "updated"
        elif expected is None or value is None:
            verdict = "not expected" if expected is None else "outside"
        else:
            verdict = "within 2 %" if abs(value - expected) <= TOLERANCE * abs(expected) else "outside"
        row = {"design": design, "board": board, "figure": figure, "expected": expected, "measured": value}
        yield {**row, "verdict": verdict}


def _sentence(row: dict[str, Any]) -> str:
    what = f"{row['design']} on {row['board']}: {row['figure']}"
    return f"{what} must be within 2 % of {row['expected']}, not {row['measured']}."
