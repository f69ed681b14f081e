# SPDX-License-Identifier: Apache-2.0
"""Range analysis of a whole process: facts of every value, with a fixpoint over state registers and RAMs.

A counter `i == N-1 ? 0 : i + 1` comes out as 0..N-1: an arm of a select is evaluated under what its condition says,
and growing bounds jump to the next constant of the program.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import count

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import COMPARES, ones, to_signed
from hwgen.hlsc.back.intervals import Fact, exact, join, meet, tighten, top, transfer, words_fact

_PATIENCE = 3
_IMPATIENCE = 30
_DEPTH = 5


class Ranges:
    """Facts of each value (`facts[id]`), of each state and RAM (`stored["state name"]`)."""

    def __init__(self, process: ir.Process) -> None:
        self.process = process
        self.widths = [v.width for v in process.values]
        self.roms = {r.name: r for r in process.roms}
        self.stored: dict[str, Fact] = {}
        self.facts: list[Fact] = [top(v.width) for v in process.values]
        self._rom_cache: dict[tuple[str, int, int], Fact] = {}
        self._thresholds = self._constants()
        self._stored = self._from_storage()
        self._fixpoint()
        for value in process.values:
            if self._stored[value.id]:
                self.facts[value.id] = self.evaluate(value)

    def _constants(self) -> list[int]:
        found: set[int] = set()
        for value in self.process.values:
            if value.opcode in COMPARES or value.opcode == "select":
                for arg in value.args:
                    constant = self.process.values[arg]
                    if constant.opcode == "const" and isinstance(constant.attr, int):
                        signed = to_signed(constant.attr, constant.width)
                        for centre in (constant.attr, signed):
                            found.update((centre - 1, centre, centre + 1))
        for bits in range(max(self.widths, default=1) if len(self.widths) else 1):
            if bits <= 64:
                found.update((ones(bits), -(1 << bits)))
        return sorted(found)

    def evaluate(self, value: ir.Value) -> Fact:
        """Compute a value's facts from those of its arguments as they are now."""
        args = [self.facts[a] for a in value.args]
        if value.opcode == "rom":
            return self._rom(value, args[0])
        found = transfer(value, args, [self.widths[a] for a in value.args], self.stored)
        if value.opcode == "select" and found.uhi != found.ulo:
            found = tighten(meet(found, self._select(value)), value.width)
        return found

    def _rom(self, value: ir.Value, address: Fact) -> Fact:
        name = str(value.attr)
        words = self.roms[name].words
        low, high = min(address.ulo, len(words) - 1), min(address.uhi, len(words) - 1)
        key = (name, low, high)
        if key not in self._rom_cache:
            reachable = words[low : high + 1]
            if address.uhi >= len(words):
                reachable = (*reachable, 0)
            self._rom_cache[key] = words_fact(reachable, value.width)
        return self._rom_cache[key]

    # selects under their condition

    def _select(self, value: ir.Value) -> Fact:
        condition, one, zero = value.args
        arms: list[Fact] = []
        for arm, truth in ((one, True), (zero, False)):
            known: dict[int, Fact] = {}
            if self._assume(condition, truth, known, _DEPTH):
                arms.append(self._under(arm, known, _DEPTH))
        return join(arms[0], arms[-1]) if arms else top(value.width)

    def _assume(self, condition: int, truth: bool, known: dict[int, Fact], depth: int) -> bool:
        """Collect what a condition's truth says about values; return False when it cannot hold."""
        value = self.process.values[condition]
        if self.facts[condition].ulo > truth or self.facts[condition].uhi < truth:
            return False
        known[condition] = exact(int(truth), 1)
        if depth == 0 or value.width != 1:
            return True
        if value.opcode == "xor" and self.facts[value.args[1]].ulo == 1:
            return self._assume(value.args[0], not truth, known, depth - 1)
        if (value.opcode, truth) in (("and", True), ("or", False)):
            return all(self._assume(a, truth, known, depth - 1) for a in value.args)
        if value.opcode in COMPARES:
            return self._compare(value, truth, known)
        if value.opcode == "extract":
            self._bit(value, truth, known)
        return True

    def _bit(self, value: ir.Value, truth: bool, known: dict[int, Fact]) -> None:
        """Note a bit of a word: how the sign of a number in it is written after normalisation."""
        assert isinstance(value.attr, int)
        source, bit = value.args[0], 1 << value.attr
        fact = known.get(source, self.facts[source])
        fact = fact._replace(ones=fact.ones | bit) if truth else fact._replace(zeros=fact.zeros | bit)
        known[source] = tighten(fact, self.widths[source])

    def _compare(self, value: ir.Value, truth: bool, known: dict[int, Fact]) -> bool:
        left, right = value.args
        opcode: str = value.opcode
        if not truth:
            opcode = {"eq": "ne", "ne": "eq", "ult": "uge", "ule": "ugt", "slt": "sge", "sle": "sgt"}[opcode]
        mirrored = {"ult": "ugt", "ule": "uge", "slt": "sgt", "sle": "sge"}
        mirrored |= {v: k for k, v in mirrored.items()}
        for x, y, relation in ((left, right, opcode), (right, left, mirrored.get(opcode, opcode))):
            fact = known.get(x, self.facts[x])
            sharper = _refine(fact, known.get(y, self.facts[y]), relation)
            if sharper.ulo > sharper.uhi or sharper.slo > sharper.shi:
                return False
            if sharper != fact:
                known[x] = tighten(sharper, self.widths[x])
        return self._high_bits(left, right, opcode, known)

    def _high_bits(self, left: int, right: int, relation: str, known: dict[int, Fact]) -> bool:
        """High bits that are (not) 0 bound the whole value: how x < 2**n is written after normalisation."""
        high = self.process.values[left]
        if high.opcode != "extract" or relation not in ("eq", "ne") or self.facts[right].uhi != 0:
            return True
        assert isinstance(high.attr, int)
        source = high.args[0]
        if high.attr + high.width != self.widths[source]:
            return True
        fact, limit = known.get(source, self.facts[source]), 1 << high.attr
        fact = (
            fact._replace(uhi=min(fact.uhi, limit - 1)) if relation == "eq" else fact._replace(ulo=max(fact.ulo, limit))
        )
        known[source] = tighten(fact, self.widths[source])
        return fact.ulo <= fact.uhi

    def _under(self, index: int, known: dict[int, Fact], depth: int) -> Fact:
        """Evaluate a value with some values known better."""
        found = known.get(index)
        if found is not None:
            return found
        value = self.process.values[index]
        fact = self.facts[index]
        if depth == 0 or not value.args or value.opcode in ("rom", "ram", "read", "valid") or fact.ulo == fact.uhi:
            return fact
        args = [self._under(a, known, depth - 1) for a in value.args]
        if all(new == self.facts[a] for new, a in zip(args, value.args, strict=True)):
            return fact
        sharper = meet(fact, transfer(value, args, [self.widths[a] for a in value.args], self.stored))
        if value.opcode == "select" and args[0].ulo == args[0].uhi:
            sharper = meet(sharper, args[1] if args[0].ulo else args[2])
        known[index] = tighten(sharper, value.width)
        return known[index]

    # fixpoint over storage

    def _from_storage(self) -> list[bool]:
        """Tell for each value whether it depends on a stored word."""
        found = [False] * len(self.process.values)
        for value in self.process.values:
            found[value.id] = value.opcode in ("state", "ram") or any(found[a] for a in value.args)
        return found

    def _cone(self) -> list[ir.Value]:
        """Return the values on a path from stored words to stored words, in order."""
        values = self.process.values
        backward = [False] * len(values)
        for state in self.process.states:
            backward[state.next] = True
        for ram in self.process.rams:
            backward[ram.store.data] = True
        for value in reversed(values):
            if backward[value.id]:
                for arg in value.args:
                    backward[arg] = True
        return [v for v in values if self._stored[v.id] and backward[v.id]]

    def _fixpoint(self) -> None:
        nexts: dict[str, int] = {}
        for state in self.process.states:
            self.stored[f"state {state.name}"] = exact(state.reset, state.width)
            nexts[f"state {state.name}"] = state.next
        for ram in self.process.rams:
            self.stored[f"ram {ram.name}"] = words_fact(ram.init, ram.width) if ram.init else exact(0, ram.width)
            nexts[f"ram {ram.name}"] = ram.store.data
        cone = self._cone()
        inside = {v.id for v in cone}
        for value in self.process.values:
            if value.id in inside or not self._stored[value.id]:
                self.facts[value.id] = self.evaluate(value)
        shown = {f"state {v.attr}": v for v in self.process.values if v.opcode == "state"}
        for round_ in count():
            changed: set[str] = set()
            for name, index in nexts.items():
                old = self.stored[name]
                new = join(old, self.facts[index])
                if new != old:
                    changed.add(name)
                    self.stored[name] = self._widen(old, new, self.widths[index], round_)
                    if name in shown:
                        self.facts[shown[name].id] = self.evaluate(shown[name])
            if not changed:
                return
            self._propagate(cone, changed)

    def _propagate(self, cone: Sequence[ir.Value], stored: set[str]) -> None:
        """Evaluate what depends on changed storage.

        A select looks deeper than its arguments, so it is evaluated again wherever a path leads to it at all.
        """
        changed: set[int] = set()
        reached: set[int] = set()
        for value in cone:
            source = value.opcode in ("state", "ram") and f"{value.opcode} {value.attr}" in stored
            if not source and not any(a in reached for a in value.args):
                continue
            reached.add(value.id)
            if source or value.opcode == "select" or any(a in changed for a in value.args):
                new = self.evaluate(value)
                if source or new != self.facts[value.id]:
                    self.facts[value.id] = new
                    changed.add(value.id)

    def _widen(self, old: Fact, new: Fact, width: int, round_: int) -> Fact:
        """Grow a fact, in ever larger steps: each can change only finitely often, so the fixpoint is reached."""
        if round_ < _PATIENCE:
            return tighten(new, width)
        if round_ >= _IMPATIENCE:
            return top(width)
        wide = top(width)
        return tighten(
            Fact(
                new.ulo if new.ulo == old.ulo else max(wide.ulo, self._below(new.ulo)),
                new.uhi if new.uhi == old.uhi else min(wide.uhi, self._above(new.uhi)),
                new.slo if new.slo == old.slo else max(wide.slo, self._below(new.slo)),
                new.shi if new.shi == old.shi else min(wide.shi, self._above(new.shi)),
                new.zeros & ~ones((new.zeros ^ old.zeros).bit_length()) if new.zeros != old.zeros else new.zeros,
                new.ones & ~ones((new.ones ^ old.ones).bit_length()) if new.ones != old.ones else new.ones,
            ),
            width,
        )

    def _above(self, bound: int) -> int:
        index = bisect_left(self._thresholds, bound)
        return self._thresholds[index] if index < len(self._thresholds) else 1 << 65536

    def _below(self, bound: int) -> int:
        index = bisect_right(self._thresholds, bound)
        return self._thresholds[index - 1] if index else -1 << 65536


def _refine(fact: Fact, other: Fact, relation: str) -> Fact:
    """Sharpen what is known of x from `x relation y`, y known by `other`."""
    if relation == "eq":
        return meet(fact, other)
    if relation == "ne":
        if other.ulo != other.uhi:
            return fact
        return fact._replace(
            ulo=fact.ulo + (fact.ulo == other.ulo),
            uhi=fact.uhi - (fact.uhi == other.ulo),
            slo=fact.slo + (fact.slo == other.slo),
            shi=fact.shi - (fact.shi == other.slo),
        )
    strict = int(relation in ("ult", "ugt", "slt", "sgt"))
    if relation in ("ult", "ule"):
        return fact._replace(uhi=min(fact.uhi, other.uhi - strict))
    if relation in ("ugt", "uge"):
        return fact._replace(ulo=max(fact.ulo, other.ulo + strict))
    if relation in ("slt", "sle"):
        return fact._replace(shi=min(fact.shi, other.shi - strict))
    return fact._replace(slo=max(fact.slo, other.slo + strict))
