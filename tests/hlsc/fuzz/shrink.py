# SPDX-License-Identifier: Apache-2.0
"""Make a failing program small: drop statements, simplify expressions, shorten the loop, while it still fails."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from .judge import Verdict, judge
from .model import ENDLESS, Expr, Program, Stmt, cast, clean, const
from .rtl import RATES

Edit = Callable[[Program], None]


def _lists(p: Program) -> Iterator[list[Stmt]]:
    yield from p.bodies()
    for stmt in p.statements():
        yield from stmt.bodies


def _drop(number: int, start: int, count: int) -> Edit:
    def edit(p: Program) -> None:
        del list(_lists(p))[number][start : start + count]

    return edit


def _hoist(number: int, at: int, arm: int) -> Edit:
    def edit(p: Program) -> None:
        body = list(_lists(p))[number]
        body[at : at + 1] = body[at].bodies[arm]

    return edit


def _shorten(trip: int) -> Edit:
    def edit(p: Program) -> None:
        p.trip, p.loop = trip, p.loop if p.loop in ENDLESS else "up"

    return edit


def _at(e: Expr, path: tuple[int, ...], new: Expr) -> Expr:
    if not path:
        return new
    args = list(e.args)
    args[path[0]] = _at(args[path[0]], path[1:], new)
    return replace(e, args=tuple(args))


def _paths(e: Expr, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Expr]]:
    yield path, e
    for n, arg in enumerate(e.args):
        yield from _paths(arg, (*path, n))


def _replace(number: int, path: tuple[int, ...], new: Expr) -> Edit:
    def edit(p: Program) -> None:
        stmt = list(p.statements())[number]
        assert stmt.value is not None
        stmt.value = _at(stmt.value, path, new)

    return edit


def _fold(p: Program) -> None:
    """Put constants in the place of variables that are always that constant."""
    changed = {s.name for s in p.statements() if s.kind in ("set", "part", "take", "member")}
    known = {
        s.name: s.value for s in p.statements() if s.kind == "let" and s.name not in changed and s.value is not None
        and s.value.op == "const" and s.value.type == s.type
    }  # fmt: skip

    def inline(e: Expr) -> Expr:
        if e.op == "var" and e.attr in known:
            return known[e.attr]
        return replace(e, args=tuple(inline(a) for a in e.args))

    for stmt in p.statements():
        stmt.index = [inline(e) for e in stmt.index]
        if stmt.value is not None:
            stmt.value = inline(stmt.value)


def _edits(p: Program) -> Iterator[Edit]:
    """Give the simplifications of a program, the most promising first."""
    lists = list(_lists(p))
    for size in (8, 4, 2, 1):
        for number, body in enumerate(lists):
            if size == 1 or len(body) >= size:
                step = -1 if size < 4 else -size // 2
                yield from (_drop(number, at, size) for at in range(len(body) - size, -1, step))
    for number, body in enumerate(lists):
        for at, stmt in enumerate(body):
            if stmt.kind in ("if", "switch"):
                yield from (_hoist(number, at, arm) for arm in range(len(stmt.bodies)))
    yield from (_shorten(n) for n in (1, 2, 3, 5, 9) if n < p.trip)
    for number, stmt in enumerate(p.statements()):
        if stmt.value is None:
            continue
        for path, e in _paths(stmt.value):
            if e.op == "const" or (e.op == "var" and not path and stmt.kind == "write"):
                continue
            for arg in e.args:
                yield _replace(number, path, cast(e.type, arg))
            yield _replace(number, path, const(1 if e.type.native == "bool" else 0, e.type))


def shrink(p: Program, seed: int, kind: str, seconds: float) -> tuple[Program, Verdict]:
    """Return the smallest program found that fails as `kind`, with its verdict.

    Parameters
    ----------
    p, seed
        The program and the seed of its inputs.
    kind
        Verdict to keep.
    seconds
        Time to spend; each try compiles a program.
    """
    end = time.monotonic() + seconds
    best, verdict, progress = p, Verdict(kind), True
    rates = ((100, 100),) if judge([p], seed, ((100, 100),))[0].kind == kind else RATES
    tried: set[str] = set()
    while progress and time.monotonic() < end:
        progress, at = False, 0
        edits = list(_edits(best))
        while at < len(edits) and time.monotonic() < end:
            trial = copy.deepcopy(best)
            edits[at](trial)
            _fold(trial)
            clean(trial)
            key = repr(trial)
            fresh = key not in tried and trial.inputs and trial.outputs
            tried.add(key)
            found = judge([trial], seed, rates)[0] if fresh else None
            if found is not None and found.kind == kind:
                best, verdict, progress = trial, found, True
                edits = list(_edits(best))
            else:
                at += 1
    return best, verdict
