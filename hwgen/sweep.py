# SPDX-License-Identifier: Apache-2.0
"""`hwgen sweep`: one model planned for many boards, clocks and budgets; a rerun plans only what is missing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from hwgen import artifacts
from hwgen.cluster import Task, plan_all
from hwgen.config import Budget, Limits
from hwgen.errors import HwgenError, Problem, UserError, did_you_mean
from hwgen.hw import Board
from hwgen.ops.area import LUT_INPUTS
from hwgen.report.pareto import mark_front, write_sweep
from hwgen.request import Request
from hwgen.stages import Build
from hwgen.version import fingerprint

POINTS = "points"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Axes:
    """What is varied; an empty axis stays as the request has it.

    Parameters
    ----------
    boards, clocks
        Names of boards or paths of their files; clocks in MHz.
    budgets
        Budget files.
    limits
        Values by key of the budget's `limits`; every combination is planned.
    """

    boards: Sequence[str] = ()
    clocks: Sequence[float] = ()
    budgets: Sequence[Path] = ()
    limits: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def requests(self, base: Request) -> list[Request]:
        """Return a request for every combination, boards varying slowest, the last limit fastest."""
        combinations = [dict(zip(self.limits, values, strict=True)) for values in product(*self.limits.values())]
        found = []
        for budget, board, clock, limits in product(
            self.budgets or (base.budget,), self.boards or (base.board,), self.clocks or (base.clock_mhz,), combinations
        ):
            given = base.changes.get("limits", {})
            merged = {**given, **limits} if isinstance(given, Mapping) else given
            changes = {**base.changes, "limits": merged}
            found.append(replace(base, budget=budget, board=board, clock_mhz=clock, changes=changes))
        return found


@dataclass(frozen=True)
class Point:
    """A plan to make: a request with its budget and board read, and the name of its result's file."""

    job: Build
    budget: Budget
    board: Board
    key: str

    @property
    def facts(self) -> dict[str, Any]:
        """What is told of the point whatever comes out of it."""
        given = self.job.request.budget
        return {
            "board": self.board.name,
            "clock_mhz": self.budget.clock_mhz or self.board.clock_mhz,
            "budget": given.name if given else None,
            "limits_asked": {name: value for name, value in self.budget.limits if value is not None},
            "lut_inputs": LUT_INPUTS[self.board.family],
        }


def parse_axes(boards: str | None, clocks: str | None, budgets: str | None, limits: Sequence[str], here: Path) -> Axes:
    """Read ``a,b``, ``100,200``, a pattern of files in `here`, and ``lut=20%,40%``.

    Raises
    ------
    UserError
        With every text that is anything else.
    """
    problems: list[Problem] = []
    found = sorted(here.glob(budgets)) if budgets and not Path(budgets).is_absolute() else []
    if budgets and Path(budgets).is_absolute():
        found = sorted(Path("/").glob(budgets.lstrip("/")))
    if budgets and not found:
        problems.append(Problem(f"--budgets must match budget files, but {budgets!r} matches none."))
    numbers = [_number(text) for text in _split(clocks)]
    if not all(numbers):
        problems.append(Problem(f"--clock must be MHz with commas between them, not {clocks!r}."))
    values = {}
    for text in limits:
        name, equals, rest = text.partition("=")
        if not equals or name not in Limits.model_fields or not _split(rest):
            hint = did_you_mean(name, list(Limits.model_fields))
            problems.append(Problem(f"--limits must be lut=20%,40% and the like, not {text!r}.", hint=hint))
        values[name] = [_number(part) or part for part in _split(rest)]
    if problems:
        raise UserError(problems)
    return Axes(_split(boards), [number for number in numbers if number], found, values)


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _number(text: str) -> float | None:
    try:
        return float(text) or None
    except ValueError:
        return None


def sweep(base: Request, axes: Axes, out: Path, scheduler: str | None = None, say: Say = print) -> dict[str, Any]:
    """Plan every point that `out` has no result of, and write table, picture and Pareto front.

    Parameters
    ----------
    base
        The model, and what all points have in common.
    out
        Folder: ``points/<key>.json`` one a point, the key being the hash of all that it depends on.
    scheduler
        Address of a Dask scheduler; None starts a local cluster for as long as it is needed.
    say
        Called with a line for each point.

    Returns
    -------
    dict
        JSON-ready: ``ok``, ``points`` (in the order of the axes), ``planned`` and ``reused`` (counts), ``out``.

    Raises
    ------
    HwgenError
        Something is wrong with the call, the model, or the cluster. That a budget is too small is a result.
    """
    points = _points(axes.requests(base))
    folder = _folder(out)
    missing = {point.key: point for point in points if _result(folder, point) is None}
    reused = len({point.key for point in points}) - len(missing)
    say(f"{len(points)} points, {reused} of them planned before")
    graphs: dict[str, artifacts.Packed] = {}
    tasks = [Task(key, _graph(graphs, point.job), point.board, point.budget) for key, point in missing.items()]
    for number, (key, answer) in enumerate(plan_all(tasks, scheduler), 1):
        row = {**missing[key].facts, **answer}
        _write(folder / f"{key}.json", row)
        say(f"[{number}/{len(missing)}] {_line(row)}")
    rows = mark_front([{**point.facts, **(_result(folder, point) or {})} for point in points])
    write_sweep(out, base.name, rows)
    return {"ok": True, "points": rows, "planned": len(missing), "reused": reused, "out": str(out)}


def _points(requests: Sequence[Request]) -> list[Point]:
    """Read budgets and boards, and tell all that is wrong with them at once."""
    problems: list[Problem] = []
    found = []
    model: str | None = None
    for request in requests:
        job = Build(request, lambda stage, text: None)
        try:
            model = model or job.model_sha256
            found.append(Point(job, job.budget, job.board, _key(job, model)))
        except HwgenError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise UserError(problems)
    return found


def _key(job: Build, model: str) -> str:
    """Return the hash of all that a point's result depends on."""
    request = job.request
    calib = request.calib.read_bytes() if request.calib and request.calib.is_file() else b""
    parts = [
        fingerprint(), model, request.name, dict(request.shapes), dict(request.input_types), request.seed,
        job.budget_json, asdict(job.board),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode() + calib).hexdigest()[:32]


def _graph(known: dict[str, artifacts.Packed], job: Build) -> artifacts.Packed:
    """Return the integer graph as data that can be sent; lowered once for what its budgets say of the model alike."""
    key = repr((job.quantize, job.shapes, job.input_types))
    if key not in known:
        known[key] = artifacts.pack(job.lowered.graph)
    return known[key]


def _folder(out: Path) -> Path:
    folder = out / POINTS
    if out.exists() and not folder.is_dir() and (not out.is_dir() or any(out.iterdir())):
        text = f"The output folder must be empty or that of a sweep, but {out} is not."
        raise UserError(text, hint="Choose another with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        text = f"The output folder {out} must be writable, but it is not: {reason}."
        raise UserError(text, hint="Choose another with --out.") from error
    return folder


def _result(folder: Path, point: Point) -> dict[str, Any] | None:
    """Return a point's result; None where there is none, or none that can be read."""
    try:
        found = artifacts.read_json(folder / f"{point.key}.json")
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "ok" in found else None


def _write(path: Path, row: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    artifacts.write_json(part, row)
    os.replace(part, path)


def _line(row: Mapping[str, Any]) -> str:
    limits = "".join(f", {name} {value}" for name, value in row["limits_asked"].items())
    where = f"{row['board']}, {row['clock_mhz']:g} MHz{limits}"
    if not row["ok"]:
        return f"{where}: {row['error']}"
    plan = row["resources"]["plan"]
    return f"{where}: {row['fps']:,.0f} frames/s, II {row['cycles']['ii_plan']:,}, {plan['lut']:,.0f} LUT"
