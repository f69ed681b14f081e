# SPDX-License-Identifier: Apache-2.0
"""Balance sums: chains and trees of additions and subtractions become trees of least delay, narrow terms first.

A term that depends on the sum itself (an accumulator) is added last, so that the recurrence is one adder long. Terms
of one bit are counted by tables first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwgen.hlsc import ir
from hwgen.hlsc.back.bitsum import Tables, Weighted, add_bits, weighted_bits
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.back.linear import Linear, Multiple, never_wraps
from hwgen.hlsc.back.netlist import Netlist
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.back.ranges import Ranges
from hwgen.packing import signed_bits

COUNTER = "ones_of_"
"""Prefix of the names of tables that count ones."""
PAIR = "sum_of_two_counts"
"""The table that adds two numbers of three bits in one LUT level, where an adder takes LUTs and a carry chain."""
_PAIR_BITS = 3
_EVER = 1e9
_SUMS = ("add", "sub")
_INPUTS, _BITS, _PRODUCT = 6, 8, 4
"""Inputs of the LUTs, the most bits of the terms, and of products among them, with which sums are made bit by bit."""


@dataclass(frozen=True)
class Term:
    """A leaf of a sum: an old value, extended by its sign or zeros to the sum's width, perhaps negated."""

    value: int
    signed: bool
    negative: bool


@dataclass(frozen=True, order=True)
class _Part:
    """A partial sum on the heap: when it is there, how wide it is, then insertion order; its new id."""

    ready: float
    bits: int
    order: int
    value: int
    negative: bool
    low: int
    high: int


class _Balancer:
    def __init__(self, process: ir.Process, model: DelayModel) -> None:
        self.process = process
        self.model = model
        self.facts = Ranges(process).facts
        self.uses = self._count_uses()
        self.group = self._recurrences()
        self.ready = self._arrivals()
        self.linear = Linear(process, self.facts)
        self.tables = Tables(process.roms)
        self.new: dict[int, int] = {}
        self.inner = [False] * len(process.values)
        self.terms: dict[int, list[Term]] = {}
        for value in reversed(process.values):
            if value.opcode in _SUMS and not self.inner[value.id]:
                self._collect(value)

    def _count_uses(self) -> list[int]:
        uses = [0] * len(self.process.values)
        for value in self.process.values:
            for arg in value.args:
                uses[arg] += 1
        for sink in Netlist(self.process, {}).sinks:
            for arg in sink.args:
                uses[arg] += 1
        return uses

    def _recurrences(self) -> dict[int, int]:
        """Return for values on a loop through storage the number of the loop."""
        components = Netlist(self.process, {}).components(tied=False)
        return {node: index for index, c in enumerate(components) if len(c) > 1 for node in c}

    def _arrivals(self) -> list[float]:
        ready: list[float] = []
        for value in self.process.values:
            before = max((ready[a] for a in value.args), default=0.0)
            ready.append(before + self.model.operator(self.process.values, value, 64))
        return ready

    # finding sums

    def _collect(self, root: ir.Value) -> None:
        terms = self._flatten(root, root.width, False, False)
        if len(terms) > 2:
            self.terms[root.id] = terms
            return
        for arg in root.args:
            self._release(arg)

    def _release(self, index: int) -> None:
        """Undo the marks below a sum that is not worth rebuilding."""
        value = self.process.values[index]
        if self.inner[index]:
            self.inner[index] = False
            for arg in value.args:
                self._release(arg)

    def _flatten(self, value: ir.Value, width: int, signed: bool, negative: bool) -> list[Term]:
        """Return the terms of a sum whose result is extended to `width` bits."""
        terms: list[Term] = []
        for position, arg in enumerate(value.args):
            minus = negative != (value.opcode == "sub" and position == 1)
            terms += self._term(arg, value.width, width, signed, minus)
        return terms

    def _term(self, index: int, own: int, width: int, signed: bool, negative: bool) -> list[Term]:
        value = self.process.values[index]
        kind = signed
        inner = value
        if value.opcode == "zext" or (value.opcode == "sext" and (signed or own == width)):
            kind = value.opcode == "sext"
            inner = self.process.values[value.args[0]]
        if inner.opcode in _SUMS and self._may_open(value, inner, kind, width):
            self.inner[inner.id] = True
            if inner is not value:
                self.inner[value.id] = True
            return self._flatten(inner, width, kind, negative)
        return [Term(index, signed, negative)]

    def _may_open(self, outer: ir.Value, inner: ir.Value, signed: bool, width: int) -> bool:
        if self.uses[inner.id] != 1 or self.uses[outer.id] != 1:
            return False
        return inner.width == width or never_wraps(inner, [self.facts[a] for a in inner.args], signed)

    # building trees

    def translate(self, b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        """Rebuild the root of a sum as a tree; values inside it are gone."""
        if self.inner[value.id]:
            return b.const(value.width, 0)
        if value.id in self.terms:
            self.new[value.id] = self._tree(b, value)
        else:
            self.new[value.id] = b.op(value.opcode, value.width, args, value.attr)
        return self.new[value.id]

    def _tree(self, b: Builder, root: ir.Value) -> int:
        width, terms = root.width, self.terms[root.id]
        multiples = self._multiples(root)
        parts = [self._part(b, term, root, order) for order, term in enumerate(terms) if order not in multiples]
        if multiples:
            parts += self._bit_sums(b, [m for ms in multiples.values() for m in ms], width, len(terms))
        parts = self._count_bits(b, parts, width)
        heapq.heapify(parts)
        order = len(terms)
        while len(parts) > 1:
            first, second = heapq.heappop(parts), heapq.heappop(parts)
            heapq.heappush(parts, self._combine(b, first, second, width, order))
            order += 1
        total = parts[0]
        return b.op("sub", width, (b.const(width, 0), total.value)) if total.negative else total.value

    def _part(self, b: Builder, term: Term, root: ir.Value, order: int) -> _Part:
        fact = self.facts[term.value]
        own = self.process.values[term.value].width
        low, high = fact.slo, fact.shi
        if own < root.width and not term.signed:
            low, high = fact.ulo, fact.uhi
        group = self.group.get(root.id)
        late = group is not None and self._depends(term.value, group)
        ready = _EVER if late else self.ready[term.value]
        value = b.resize(self.new[term.value], root.width, term.signed)
        return _Part(ready, signed_bits(low, high), order, value, term.negative, low, high)

    def _multiples(self, root: ir.Value) -> dict[int, list[Multiple]]:
        """Return the terms (by their number) that are better added bit by bit: constant multiples of short words."""
        group = self.group.get(root.id)
        found: dict[int, list[Multiple]] = {}
        worth = False
        for order, term in enumerate(self.terms[root.id]):
            if group is not None and self._depends(term.value, group):
                continue
            multiples = self.linear.multiples(term.value, root.width, term.signed, term.negative)
            if all(self._is_short(m, root.width) for m in multiples):
                found[order] = multiples
                worth = worth or any(not _is_power(m.factor) for m in multiples)
        return found if worth and self.model.family.inputs >= _INPUTS else {}

    def _is_short(self, multiple: Multiple, width: int) -> bool:
        if self.linear.constant(multiple.value) is not None:
            return True
        product = self.process.values[multiple.value].opcode == "mul"
        return self.linear.bits(multiple, width)[0] <= (_PRODUCT if product else _BITS)

    def _bit_sums(self, b: Builder, multiples: Sequence[Multiple], width: int, order: int) -> list[_Part]:
        """Add constant multiples in chains of tables and adders."""
        constant = sum(self.linear.amount(m) for m in multiples)
        rows = [m for m in multiples if self.linear.constant(m.value) is None]
        terms = [(m.value, *self.linear.bits(m, width), m.factor) for m in rows]
        known = {m.value: (self.facts[m.value].zeros, self.facts[m.value].ones) for m in rows}
        weights, more = weighted_bits(terms, known, width)
        bits = [Weighted(b.extract(self.new[v], position, 1), weight) for (v, position), weight in weights.items()]
        value, levels = add_bits(b, self.tables, bits, constant + more, width, self.model.family.inputs)
        ready = max((self.ready[m.value] for m in rows), default=0.0) + levels * self.model.adder(4)
        low, high = -(1 << width - 1), ones(width - 1)
        return [_Part(ready, width, order, value, False, low, high)]

    def _depends(self, index: int, group: int) -> bool:
        while index not in self.group and self.process.values[index].opcode in ("zext", "sext", "extract"):
            index = self.process.values[index].args[0]
        return self.group.get(index) == group

    def _combine(self, b: Builder, x: _Part, y: _Part, width: int, order: int) -> _Part:
        low, high = x.low + y.low, x.high + y.high
        if self._is_pair(b, x, y, width):
            counts = [b.extract(p.value, 0, _PAIR_BITS) for p in (x, y)]
            value = b.resize(b.op("rom", _PAIR_BITS + 1, (b.concat(counts),), PAIR), width, False)
            ready = max(x.ready, y.ready) + self.model.family.level
            return _Part(ready, signed_bits(low, high), order, value, False, low, high)
        if x.negative == y.negative:
            value, negative = b.op("add", width, (x.value, y.value)), x.negative
        else:
            plus, minus = (y, x) if x.negative else (x, y)
            low, high = plus.low - minus.high, plus.high - minus.low
            value, negative = b.op("sub", width, (plus.value, minus.value)), False
        bits = min(width, signed_bits(low, high))
        ready = max(x.ready, y.ready) + self.model.adder(bits)
        return _Part(ready, bits, order, value, negative, low, high)

    def _is_pair(self, b: Builder, x: _Part, y: _Part, width: int) -> bool:
        """Tell whether two parts are counts out of tables that one more table adds."""
        fits = all(p.low == 0 and 3 <= p.high < 1 << _PAIR_BITS and not p.negative for p in (x, y))
        return fits and width > _PAIR_BITS and self.model.family.inputs >= 2 * _PAIR_BITS and self._counted(b, x, y)

    @staticmethod
    def _counted(b: Builder, *parts: _Part) -> bool:
        def origin(index: int) -> ir.Value:
            value = b.values[index]
            return origin(value.args[0]) if value.opcode == "zext" else value

        return all(str(origin(p.value).attr).startswith(COUNTER) for p in parts)

    def _count_bits(self, b: Builder, parts: list[_Part], width: int) -> list[_Part]:
        """Replace terms 0..1 that come at the same time by table look-ups of how many are 1."""
        size = self.model.family.inputs if self.model.family.inputs > 4 else 3
        if width < 3:
            return parts
        by_time: dict[float, list[_Part]] = {}
        rest: list[_Part] = []
        for part in parts:
            single = (part.low, part.high) == (0, 1) and not part.negative and part.ready < _EVER
            (by_time.setdefault(part.ready, []) if single else rest).append(part)
        for ready, bits in by_time.items():
            for start in range(0, len(bits), size):
                chunk = bits[start : start + size]
                if len(chunk) < 3:
                    rest += chunk
                    continue
                count = self._counter(b, [b.extract(p.value, 0, 1) for p in chunk])
                value = b.resize(count, width, False)
                later = ready + self.model.family.level
                rest.append(_Part(later, 1 + b.width(count), chunk[0].order, value, False, 0, len(chunk)))
        return rest

    @staticmethod
    def _counter(b: Builder, bits: Sequence[int]) -> int:
        return b.op("rom", len(bits).bit_length(), (b.concat(bits),), f"{COUNTER}{len(bits)}")


def _is_power(factor: int) -> bool:
    return abs(factor) & (abs(factor) - 1) == 0


def _counters(process: ir.Process) -> tuple[ir.Rom, ...]:
    """Return the tables that count ones, as far as the process does not have them."""
    present = {r.name for r in process.roms}
    pairs = tuple((i >> _PAIR_BITS) + (i & (1 << _PAIR_BITS) - 1) for i in range(1 << 2 * _PAIR_BITS))
    wanted = [
        *(ir.Rom(f"{COUNTER}{n}", n.bit_length(), tuple(i.bit_count() for i in range(1 << n))) for n in range(3, 7)),
        ir.Rom(PAIR, _PAIR_BITS + 1, pairs),
    ]
    return tuple(r for r in wanted if r.name not in present)


def balance(process: ir.Process, model: DelayModel) -> ir.Process:
    """Return the process with its sums rebuilt; equal results, modulo 2**width as before."""
    balancer = _Balancer(process, model)
    if not balancer.terms:
        return process
    counters = (*process.roms, *_counters(process))
    balanced = rebuild(replace(process, roms=counters), balancer.translate)
    return replace(balanced, roms=(*balanced.roms, *balancer.tables.roms.values()))
