# SPDX-License-Identifier: Apache-2.0
"""Compile programs, run them as C++ and as RTL, and say where they differ."""

from __future__ import annotations

import random
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwgen.hlsc import HlsError, Module, Target, compile_process, csim_many, interp
from hwgen.hlsc.csim import CsimJob
from hwgen.hlsc.front import read_process

from . import rtl
from .cpp import source
from .model import Program

Words = dict[str, list[int]]
TARGETS = (Target("xcup", 300.0), Target("xcup", 500.0), Target("ecp5", 100.0), Target("xc7", 200.0))
"""The clock decides the number of stages, so every program is tried at one of several."""


@dataclass(frozen=True)
class Verdict:
    """What became of a program.

    Parameters
    ----------
    kind
        ``same``, ``refused``, or what failed: ``front`` (the IR is not what the C++ does), ``back`` (the RTL is not
        what the IR does), ``csim``, ``crash``, ``lint``.
    detail
        The rule of a refusal, or the first difference.
    rightly
        Whether a refusal is the right answer.
    """

    kind: str
    detail: str = ""
    rightly: bool = False

    @property
    def failed(self) -> bool:
        return self.kind not in ("same", "refused")


def frames(p: Program) -> int:
    if p.open:
        return 8
    return 3 if p.trip > 1 else 8


def words(p: Program, seed: int) -> Words:
    """Return random words for every input, corner values often."""
    rng = random.Random(seed)
    found = {}
    for s in p.inputs:
        top = (1 << s.type.width) - 1
        corners = [0, 1, top, top >> 1, (top >> 1) + 1]
        shifts = [0, 0, 0, s.type.width // 2]
        found[s.name] = [
            rng.choice(corners) & top if rng.random() < 0.3 else rng.getrandbits(s.type.width) >> rng.choice(shifts)
            for _ in range(frames(p) * s.beats(p.trip))
        ]
    return found


def _bytes(values: Sequence[int], width: int) -> np.ndarray:
    size = (width + 7) // 8
    return np.frombuffer(b"".join(v.to_bytes(size, "little") for v in values), np.uint8).reshape(-1, size)


@dataclass
class Case:
    """A program on its way through the judge."""

    program: Program
    seed: int
    source: Path
    inputs: Words
    target: Target
    module: Module | None = None
    expected: dict[str, list[int]] | None = None
    verdict: Verdict | None = None


def prepare(p: Program, folder: Path, seed: int) -> Case:
    """Write and compile a program."""
    path = folder / f"{p.name}.cpp"
    path.write_text(source(p))
    case = Case(p, seed, path, words(p, seed), TARGETS[seed % len(TARGETS)])
    try:
        case.module = compile_process(path, p.name, [], case.target)
    except HlsError as error:
        case.verdict = Verdict("refused", error.rule, p.doubtful)
    except Exception:
        case.verdict = Verdict("crash", traceback.format_exc(limit=-4))
    return case


def _simulate(cases: Sequence[Case]) -> None:
    """Run C simulation of all cases that compiled; one that breaks is run alone."""
    jobs = []
    for c in cases:
        ins = [_bytes(c.inputs[s.name], s.type.width) for s in c.program.inputs]
        jobs.append(CsimJob(c.source, c.program.name, [], ins, None if c.program.open else frames(c.program)))
    try:
        results = csim_many(jobs, seconds=120)
    except Exception as error:
        if len(cases) == 1:
            cases[0].verdict = Verdict("csim", str(error))
            return
        for c in cases:
            _simulate([c])
        return
    for c, rows in zip(cases, results, strict=True):
        names = [s.name for s in c.program.outputs]
        numbers = [[int.from_bytes(r.tobytes(), "little") for r in found] for found in rows]
        c.expected = dict(zip(names, numbers, strict=True))


def _first(expected: Sequence[int], got: Sequence[int]) -> str:
    for at, (a, b) in enumerate(zip(expected, got, strict=False)):
        if a != b:
            return f"word {at} must be {a:x}, not {b:x}"
    return f"there must be {len(expected)} words, not {len(got)}"


def _compare(case: Case, seen: rtl.Seen, rates: tuple[int, int]) -> None:
    assert case.expected is not None
    name = case.program.name
    # The RTL goes on into the next frame as far as it needs no input, so more words may follow.
    seen_ = {s: seen.words[name, s][: len(e)] for s, e in case.expected.items()}
    found = [f"{s}: {_first(e, seen_[s])}" for s, e in case.expected.items() if e != seen_[s]]
    # A loop that ends early leaves words of later frames; of C simulation too, which ends at the first empty input.
    found += [said for said in seen.broken.get(name, []) if not (case.program.open and "were not read" in said)]
    if found and case.verdict is None:
        case.verdict = Verdict("back", f"valid {rates[0]} %, ready {rates[1]} %: {found[0]}")


def _front(case: Case) -> None:
    """Say whether it is the front half that is wrong."""
    assert case.expected is not None
    process = read_process(case.source, case.program.name, [])
    got = interp.run(process, case.inputs, frames(case.program) * (case.program.trip + 1))
    for name, expected in case.expected.items():
        if got[name] != expected:
            case.verdict = Verdict("front", f"{name}: {_first(expected, got[name])}")


def _hardware(cases: Sequence[Case], folder: Path, rates: Sequence[tuple[int, int]]) -> None:
    try:
        model = rtl.build(folder, [c.module for c in cases if c.module is not None])
    except rtl.LintError as error:
        if len(cases) == 1:
            cases[0].verdict = Verdict("lint", str(error))
            return
        for c in cases:
            with tempfile.TemporaryDirectory() as alone:
                _hardware([c], Path(alone), rates)
        return
    inputs = {(c.program.name, s): w for c in cases for s, w in c.inputs.items()}
    for number, pair in enumerate(rates):
        seen = model.run(inputs, cases[0].seed * 10 + number, *pair)
        for c in cases:
            _compare(c, seen, pair)


def judge(programs: Sequence[Program], seed: int, rates: Sequence[tuple[int, int]] = rtl.RATES) -> list[Verdict]:
    """Return a verdict for each program; the programs have different names."""
    with tempfile.TemporaryDirectory(prefix="hwgen-fuzz-") as name:
        folder = Path(name)
        cases = [prepare(p, folder, seed + n) for n, p in enumerate(programs)]
        open_ = [c for c in cases if c.verdict is None]
        if open_:
            _simulate(open_)
        open_ = [c for c in open_ if c.verdict is None]
        if open_:
            _hardware(open_, folder, rates)
        for c in open_:
            if c.verdict is not None and c.verdict.kind == "back":
                _front(c)
        return [c.verdict or Verdict("same") for c in cases]
