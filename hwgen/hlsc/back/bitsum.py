# SPDX-License-Identifier: Apache-2.0
"""Sums of constant multiples, bit by bit: each adder's LUTs compute a table of five further input bits themselves.

A sum of constant multiples is a sum of single bits with constant weights. Five bits make a table whose word B a row of
LUTs computes and adds to the running sum A at once (six inputs: one bit of A and the five); one bit more of weight one
comes in by the carry. Negative weights count the complement, so that no word has a sign to extend. Work goes from the
least significant bits up: what is below a table's lowest bit is finished, and the running sum stays short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.fold import ones, to_signed

PART = "part_of_sum_"
"""Prefix of the names of the tables."""


def is_part(value: ir.Value) -> bool:
    """Tell whether a value is a table's word, which the LUTs of the adder that takes it compute."""
    return value.opcode == "rom" and str(value.attr).startswith(PART)


@dataclass(frozen=True)
class Bit:
    """One bit of the process and what a 1 in it adds to the sum."""

    value: int
    weight: int

    @property
    def plane(self) -> int:
        """Return the lowest bit of the sum that the bit can change."""
        return (self.weight & -self.weight).bit_length() - 1


def _size(bits: Sequence[Bit], plane: int) -> int:
    """Return the largest word of a table, in units of 2**plane."""
    return sum(abs(b.weight) for b in bits) >> plane


class Tables:
    """The tables of a process, by content."""

    def __init__(self, present: Sequence[ir.Rom]) -> None:
        self._taken = {r.name for r in present}
        self.roms: dict[tuple[int, tuple[int, ...]], ir.Rom] = {}

    def look_up(self, b: Builder, bits: Sequence[Bit], plane: int, extra: int, width: int) -> int:
        """Return the sum of some bits' weights, negative ones counted where the bit is 0, plus `extra`.

        The result counts units of 2**plane, modulo 2**width.
        """
        words = []
        for pattern in range(1 << len(bits)):
            total = sum(abs(x.weight) for i, x in enumerate(bits) if (pattern >> i & 1) == (x.weight > 0))
            words.append((total >> plane) + extra & ones(width))
        key = (width, tuple(words))
        if key not in self.roms:
            self.roms[key] = ir.Rom(self._name(), width, key[1])
        return b.op("rom", width, (b.concat([x.value for x in reversed(bits)]),), self.roms[key].name)

    def _name(self) -> str:
        name = f"{PART}{len(self.roms)}"
        while name in self._taken:
            name += "_"
        return name


class _Chain:
    """A running sum: `total` counts units of 2**plane, at most `high`; `low` has the finished bits below."""

    def __init__(self, b: Builder, tables: Tables, inputs: int, width: int) -> None:
        self.b, self.tables, self.inputs, self.width = b, tables, inputs, width
        self.plane = 0
        self.total: int | None = None
        self.high = 0
        self.low: list[int] = []
        self.adders = 0

    def start(self, plane: int, constant: int) -> None:
        """Take the bits below a plane from a constant."""
        self.low = [self.b.const(1, constant >> i) for i in range(plane)]
        self.plane = plane

    def rise(self, plane: int) -> None:
        """Finish the bits below a plane."""
        while self.plane < plane:
            bit = self.b.const(1, 0)
            if self.total is not None:
                bit = self.b.extract(self.total, 0, 1)
                own = self.b.width(self.total)
                self.total = self.b.extract(self.total, 1, own - 1) if own > 1 else None
            self.low.append(bit)
            self.high >>= 1
            self.plane += 1

    def add(self, bits: Sequence[Bit], carry: Bit | None, extra: int) -> None:
        """Add a table of some bits and a constant in units of the plane, and one bit by the carry."""
        room = self.width - self.plane
        most = min(_size(bits, self.plane) + extra, ones(room))
        own = max(1, most.bit_length())
        word = self.tables.look_up(self.b, bits, self.plane, extra, own) if bits else self.b.const(own, most)
        high = self.high + most + (carry is not None)
        width = min(room, max(1, high.bit_length()))
        if self.total is None:
            self.total = self.b.resize(word, width, False)
        else:
            self.total = self._sum(self.total, word, carry, width)
            self.adders += 1
        self.high = min(high, ones(room))

    def _sum(self, total: int, word: int, carry: Bit | None, width: int) -> int:
        b = self.b
        left, right = b.resize(total, width, False), b.resize(word, width, False)
        if carry is None:
            return b.op("add", width, (left, right))
        wide = b.op("add", width + 1, (b.concat([left, carry.value]), b.concat([right, carry.value])))
        return b.extract(wide, 1, width)

    def result(self) -> int:
        """Return the whole sum, `width` bits."""
        room = self.width - self.plane
        parts = self.low[::-1]
        if room > 0:
            top = self.b.const(room, 0) if self.total is None else self.b.resize(self.total, room, False)
            parts = [top, *parts]
        return self.b.concat(parts)


def _pack(bits: Sequence[Bit], later: list[Bit], inputs: int, first: bool) -> list[tuple[list[Bit], Bit | None]]:
    """Share the bits of one plane out to tables and carries; where a table has room it takes bits of `later`."""
    plane = bits[0].plane
    carries = [x for x in bits if x.weight == 1 << plane]
    tabled = sorted((x for x in bits if x.weight != 1 << plane), key=lambda x: abs(x.weight))
    groups: list[tuple[list[Bit], Bit | None]] = []
    if first:
        # A first table has no adder, so no carry.
        start = (tabled + carries[::-1])[:inputs]
        chosen = set(map(id, start))
        tabled = [x for x in tabled if id(x) not in chosen]
        carries = [x for x in carries if id(x) not in chosen]
        groups.append((start, None))
    while tabled or carries:
        carry = carries.pop() if carries else None
        group, tabled = tabled[: inputs - 1], tabled[inputs - 1 :]
        while len(group) < inputs - 1 and carries:
            group.append(carries.pop())
        groups.append((group, carry))
    return [
        (_fill(group, plane, later, inputs - (index > 0 or not first)), carry)
        for index, (group, carry) in enumerate(groups)
    ]


def _fill(group: list[Bit], plane: int, later: list[Bit], inputs: int) -> list[Bit]:
    """Add bits of higher planes to a table that has inputs to spare, where its word does not get longer."""
    size = _size(group, plane)
    limit = ones(max(2, size.bit_length()))
    for bit in list(later):
        if len(group) >= inputs:
            break
        more = abs(bit.weight) >> plane
        if size + more <= limit:
            group.append(bit)
            later.remove(bit)
            size += more
    return group


def add_bits(
    b: Builder, tables: Tables, bits: Sequence[Bit], constant: int, width: int, inputs: int
) -> tuple[int, int]:
    """Return a value that equals the sum of the bits' weights and a constant modulo 2**width, and the adders in a row.

    Parameters
    ----------
    b
        Receives the values.
    tables
        Collects the tables, whose ROMs the process must get.
    bits
        Their weights are not 0 modulo 2**width.
    constant
        May be negative.
    width
        Bits of the result.
    inputs
        Inputs of a LUT.
    """
    constant = constant + sum(x.weight for x in bits if x.weight < 0) & ones(width)
    if not bits:
        return b.const(width, constant), 0
    left = sorted(bits, key=lambda x: (x.plane, abs(x.weight), x.value))
    chain = _Chain(b, tables, inputs, width)
    chain.start(left[0].plane, constant)
    while left:
        plane = left[0].plane
        here, left = [x for x in left if x.plane == plane], [x for x in left if x.plane > plane]
        chain.rise(plane)
        groups = _pack(here, left, inputs, chain.total is None)
        upper = left[0].plane if left else width
        extra = constant >> plane & ones(upper - plane)
        roomiest = min(range(len(groups)), key=lambda i: _room(groups[i][0], plane, extra))
        for index, (group, carry) in enumerate(groups):
            chain.add(group, carry, extra if index == roomiest else 0)
    return chain.result(), chain.adders


def _room(group: Sequence[Bit], plane: int, extra: int) -> int:
    """Return by how many bits a constant makes a table's word longer."""
    size = _size(group, plane)
    return (size + extra).bit_length() - size.bit_length()


def weighted_bits(
    terms: Sequence[tuple[int, int, bool, int]], known: Mapping[int, tuple[int, int]], width: int
) -> tuple[dict[tuple[int, int], int], int]:
    """Return the weight of each bit (value, position) and the constant of a sum of constant multiples.

    `terms` are (value, its bits, whether the highest is a sign, factor); `known` has the bits of values that never
    change: always 0, always 1.
    """
    weights: dict[tuple[int, int], int] = {}
    constant = 0
    for value, bits, signed, factor in terms:
        zeros, always = known[value]
        for position in range(bits):
            weight = factor << position
            if signed and position == bits - 1:
                weight = -weight
            if always >> position & 1:
                constant += weight
            elif not zeros >> position & 1:
                weights[value, position] = weights.get((value, position), 0) + weight
    wrapped = {key: to_signed(weight & ones(width), width) for key, weight in weights.items()}
    return {key: weight for key, weight in wrapped.items() if weight}, constant
