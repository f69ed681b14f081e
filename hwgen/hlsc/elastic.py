# SPDX-License-Identifier: Apache-2.0
"""Non-blocking reads: what is written must not depend on when words come, only when it is written may.

Two tests: no written or stored value may be computed from whether a word waits; and C simulations of random words, with
random pauses, must write the same words.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwgen.hlsc import cache, ir
from hwgen.hlsc.back.narrow import narrow
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.body import error
from hwgen.hlsc.csim import CsimError, CsimJob, csim_many
from hwgen.hlsc.csim_pauses import Words
from hwgen.hlsc.scalars import declared

_WORDS = 4096
_FRAMES = 64
_SPLITS = 12
"""How many conditions are tried both ways, one in the other, to show that a value depends on no pause."""
_EFFORT = 200
"""How many choices are followed each way on its own; behind these, a value is taken to depend on both ways at once."""
_Fact = tuple[int, bool]
"""A condition, and whether it holds."""
_Truths = dict[int, bool | None]
_FIX = "Decide by counts of words that were read, and write the word itself."


def check(process: ir.Process, source: Path, text: str, include: Sequence[Path]) -> None:
    """Refuse a process whose outputs depend on when its inputs come.

    Parameters
    ----------
    process
        Its IR.
    source, include
        C++ file and header folders, for C simulation.
    text
        The file's LLVM module, by which the answer is remembered.

    Raises
    ------
    HlsError
        At the value that depends on whether a word waits, or for the process as a whole.
    """
    asked = [v for v in process.values if v.opcode == "valid"]
    if not asked:
        return
    _values(narrow(narrow(rebuild(process))), asked[0].loc or process.loc)
    directions = [s.direction for s in declared(process)]
    if directions != sorted(directions):
        raise error(
            process.loc,
            "A process that asks whether a word waits must have its input streams before its output streams.",
            "Change the order of the parameters.",
        )
    said = cache.remember(cache.key("elastic", process.name, text), ".txt", lambda: _simulate(process, source, include))
    if said:
        raise error(asked[0].loc or process.loc, said, _FIX)


def _simulate(process: ir.Process, source: Path, include: Sequence[Path]) -> str:
    """Return what C simulation says against the process, "" for nothing."""
    rng = random.Random(0)
    inputs = [_words(rng, s.width) for s in declared(process) if s.direction == "in"]
    scalars = {s.name: [rng.getrandbits(s.width) for _ in range(_FRAMES)] for s in process.scalars}
    try:
        csim_many([CsimJob(source, process.name, include, inputs, None, scalars)])
    except CsimError as wrong:
        return wrong.problems[0].message if wrong.problems else str(wrong)
    return ""


def _words(rng: random.Random, width: int) -> Words:
    size = (width + 7) // 8
    data = b"".join(rng.getrandbits(width).to_bytes(size, "little") for _ in range(_WORDS))
    return np.frombuffer(data, np.uint8).reshape(_WORDS, size)


def _values(process: ir.Process, loc: ir.Loc | None) -> None:
    """Refuse a written word, or a word or address of a RAM, that is computed from whether a word waits."""
    for write in process.writes:
        _Dependence(process, write.predicate).refuse(write.data, f"What {write.stream} carries", write.loc or loc)
    for ram in process.rams:
        found = _Dependence(process, ram.store.predicate)
        found.refuse(ram.store.data, f"What array {ram.name} holds", ram.loc or loc)
        found.refuse(ram.store.address, f"Where array {ram.name} is written", ram.loc or loc)


def _asking(values: Sequence[ir.Value]) -> frozenset[int]:
    """Return the values that are computed, in one iteration, from whether a word waits."""
    found: set[int] = set()
    for value in values:
        if value.opcode == "valid" or not found.isdisjoint(value.args):
            found.add(value.id)
    return frozenset(found)


class _Dependence:
    """What follows from a predicate that holds, and which values still depend on whether a word waits."""

    def __init__(self, process: ir.Process, predicate: int | None) -> None:
        self._values = process.values
        self._asking = _asking(process.values)
        self._effort = _EFFORT
        self._known: dict[int, bool] = {}
        if predicate is not None:
            self._assume(self._known, predicate, True)
            for condition, truth in self._implied(predicate, True, {}):
                if condition not in self._known:
                    self._assume(self._known, condition, truth)

    def refuse(self, value: int, what: str, loc: ir.Loc | None) -> None:
        """Raise the refusal of a value that depends on it."""
        guilty = self._guilty(value, self._known)
        if guilty is not None:
            stream = self._values[guilty].attr
            raise error(loc, f"{what} must not be computed from whether a word waits on {stream}.", _FIX) from None

    def _assume(self, known: dict[int, bool], condition: int, truth: bool) -> None:
        """Note that a condition holds or not, and what follows from that."""
        known[condition] = truth
        value = self._values[condition]
        one = self._values[value.args[1]] if value.opcode == "xor" and value.width == 1 else None
        if one is not None and one.opcode == "const":
            self._assume(known, value.args[0], not truth)
        elif (value.opcode, truth) in (("and", True), ("or", False)) and value.width == 1:
            for arg in value.args:
                self._assume(known, arg, truth)
        for index, holds in list(known.items()):
            gate = self._values[index]
            if (gate.opcode, holds) in (("or", True), ("and", False)) and gate.width == 1:
                rest = [a for a in gate.args if self._truth(known, a) is not (not holds)]
                if len(rest) == 1 and rest[0] not in known:
                    self._assume(known, rest[0], holds)

    def _implied(self, condition: int, truth: bool, found: dict[_Fact, frozenset[_Fact]]) -> frozenset[_Fact]:
        """Return what holds whenever a condition has this truth, also what several ways to it have in common."""
        fact = (condition, truth)
        if fact in found:
            return found[fact]
        value = self._values[condition]
        facts = frozenset({fact})
        if value.width == 1 and value.opcode == "xor" and self._values[value.args[1]].opcode == "const":
            facts |= self._implied(value.args[0], truth is not bool(self._values[value.args[1]].attr), found)
        elif value.width == 1 and value.opcode in ("and", "or"):
            parts = [self._implied(a, truth, found) for a in value.args]
            together = truth is (value.opcode == "and")
            facts |= frozenset.union(*parts) if together else frozenset.intersection(*parts)
        found[fact] = facts
        return facts

    def _truth(self, known: dict[int, bool], index: int, found: _Truths | None = None) -> bool | None:
        """Return whether a condition holds, None if that is not known; `found` remembers what this `known` gave."""
        if index in known:
            return known[index]
        found = {} if found is None else found
        if index not in found:
            found[index] = self._derived(known, index, found)
        return found[index]

    def _derived(self, known: dict[int, bool], index: int, found: _Truths) -> bool | None:
        """Return whether a condition holds by what is known of its arguments."""
        value = self._values[index]
        if value.opcode == "const":
            return bool(value.attr)
        if value.width > 1 or value.opcode not in ("and", "or", "xor"):
            return None
        args = [self._truth(known, a, found) for a in value.args]
        if value.opcode == "xor":
            return None if None in args else args[0] is not args[1]
        decisive = value.opcode == "or"
        if decisive in args:
            return decisive
        return None if None in args else not decisive

    def _possible(self, known: dict[int, bool]) -> bool:
        found: _Truths = {}
        return all(self._derived(known, index, found) is not (not holds) for index, holds in known.items())

    def _guilty(self, root: int, known: dict[int, bool], splits: int = _SPLITS) -> int | None:
        """Return a `valid` on which a value depends, given what is known."""
        work, seen, truths = [root], set(), _Truths()
        while work:
            index = work.pop()
            if index in seen or index in known or index not in self._asking:
                continue
            seen.add(index)
            value = self._values[index]
            if value.opcode == "valid":
                return index
            holds = self._truth(known, value.args[0], truths) if value.opcode == "select" else None
            if holds is not None:
                work.append(value.args[1 if holds else 2])
                continue
            if value.opcode != "select" or not self._effort:
                work += value.args
                continue
            self._effort -= 1
            guilty = self._chosen(value, known, splits)
            if guilty is not None:
                return guilty
        return None

    def _chosen(self, select: ir.Value, known: dict[int, bool], splits: int) -> int | None:
        """Return a `valid` on which a select depends whose condition is not known."""
        condition, one, zero = select.args
        guilty = self._guilty(condition, known, splits)
        cases = [(condition, True, one), (condition, False, zero)]
        if guilty is not None:
            atom = self._atom(condition, known)
            if atom is None or not splits:
                return guilty
            cases = [(atom, True, select.id), (atom, False, select.id)]
        for fact, truth, arm in cases:
            inner = dict(known)
            self._assume(inner, fact, truth)
            if self._possible(inner):
                guilty = self._guilty(arm, inner, splits - 1)
                if guilty is not None:
                    return guilty
        return None

    def _atom(self, condition: int, known: dict[int, bool]) -> int | None:
        """Return an unknown part of a condition that does not depend on whether a word waits."""
        work = [condition]
        while work:
            value = self._values[work.pop()]
            if self._truth(known, value.id) is not None:
                continue
            if value.opcode in ("and", "or", "xor") and value.width == 1:
                work += value.args
            elif value.width == 1 and value.opcode != "valid":
                return value.id
        return None
