# SPDX-License-Identifier: Apache-2.0
"""Sums of constant multiples, bit by bit: the carry chains of a heap of bits (`heap`) as values of a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.back.heap import Block, Chain, Heap

PART = "part_of_sum_"
"""Prefix of the names of the tables."""


def is_part(value: ir.Value) -> bool:
    """Tell whether a value is a table's word, which the LUTs of the adder that takes it compute."""
    return value.opcode == "rom" and str(value.attr).startswith(PART)


def has_part(values: Sequence[ir.Value], index: int) -> bool:
    """Tell whether a value is such a word, extended or cut, or such words side by side with others."""
    value = values[index]
    while value.opcode in ("zext", "sext", "trunc", "extract"):
        value = values[value.args[0]]
    if value.opcode == "concat":
        return any(has_part(values, a) for a in value.args)
    return is_part(value)


class Weighted(NamedTuple):
    """One bit of the process and what a 1 in it adds to the sum."""

    value: int
    weight: int


class Tables:
    """The tables of a process, by content."""

    def __init__(self, present: Sequence[ir.Rom]) -> None:
        self._taken = {r.name for r in present}
        self.roms: dict[tuple[int, tuple[int, ...]], ir.Rom] = {}

    def look_up(self, b: Builder, bits: Sequence[Weighted], constant: int, width: int) -> int:
        """Return the sum of some bits' weights and a constant modulo 2**width."""
        words = []
        for pattern in range(1 << len(bits)):
            total = constant + sum(x.weight for i, x in enumerate(bits) if pattern >> i & 1)
            words.append(total & ones(width))
        key = (width, tuple(words))
        if key not in self.roms:
            self.roms[key] = ir.Rom(self._name(), width, key[1])
        return b.op("rom", width, (b.concat([x.value for x in reversed(bits)]),), self.roms[key].name)

    def _name(self) -> str:
        name = f"{PART}{len(self.roms)}"
        while name in self._taken:
            name += "_"
        return name


def add_bits(
    b: Builder, tables: Tables, bits: Sequence[Weighted], constant: int, width: int, inputs: int
) -> tuple[int, int]:
    """Return a value that equals the sum of the bits' weights and a constant modulo 2**width, and the levels of logic.

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
    weights: dict[int, int] = {}
    for bit in bits:
        weights[bit.value] = to_signed(weights.get(bit.value, 0) + bit.weight & ones(width), width)
    weights = {value: weight for value, weight in weights.items() if weight}
    if not weights:
        return b.const(width, constant), 0
    if len(weights) <= inputs:
        return tables.look_up(b, [Weighted(*item) for item in weights.items()], constant, width), 1
    heap = Heap(width, inputs, b.const(1, 1), lambda chain: _build(b, tables, chain))
    heap.constant = constant & ones(width)
    heap.add_all(weights)
    found = heap.reduce()
    columns = [b.const(1, 0) if x is None else b.invert(x.value) if x.inverted else x.value for x in found]
    return b.concat(columns[::-1]), heap.rounds + 1


def _build(b: Builder, tables: Tables, chain: Chain) -> list[int]:
    """Build a carry chain, `A + word`; return its sum's bits, lowest first."""
    zero = b.const(1, 0)
    rows = [zero if row is None else row.value for block in chain.blocks for row in block.rows]
    words = [_word(b, tables, block) for block in chain.blocks]
    width = chain.most.bit_length()
    left = b.resize(b.concat(rows[::-1]), width, False)
    right = b.resize(b.concat(words[::-1]), width, False)
    if chain.carry is None:
        total = b.op("add", width, (left, right))
    else:
        carry = chain.carry.value
        wide = b.op("add", width + 1, (b.concat([left, carry]), b.concat([right, carry])))
        total = b.extract(wide, 1, width)
    return [b.extract(total, i, 1) for i in range(width)]


def _word(b: Builder, tables: Tables, block: Block) -> int:
    """Return the word that the LUTs of a chain compute in a block of columns."""
    width = len(block.rows)
    if not block.inputs:
        return b.const(width, block.constant)
    if len(block.inputs) == 1 and not block.inputs[0][0].inverted and not block.constant:
        return b.resize(block.inputs[0][0].value, width, False)
    negative = sum(weight for bit, weight in block.inputs if bit.inverted)
    bits = [Weighted(bit.value, -weight if bit.inverted else weight) for bit, weight in block.inputs]
    return tables.look_up(b, bits, block.constant + negative, width)


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
