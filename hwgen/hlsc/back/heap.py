# SPDX-License-Identifier: Apache-2.0
"""Sums of many bits with weights: carry chains that swallow five bits beside the two numbers' one.

All bits stand in columns by their weight. On families with LUTs of six inputs, a carry chain of m LUTs adds a number A
of m bits, one of each column, a word of which each bit is a function of up to five further bits, and one more bit by
its carry. With the count of five bits of one column as that word, three LUTs make four bits out of nine: 0.6 LUT for
each bit that goes, where an adder of two numbers takes one. Chains of three columns are laid over the columns, lowest
first, round by round, until one chain over all columns can take what is left.

Negative weights count the complement, so that no number has a sign to extend. A, and the carry, must be signals; the
word may be made of complements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

_BLOCK = 3
"""Columns of a chain: the count of five bits has three."""
_GAINS = (5 / 3, 4 / 3, 1.0, 2 / 3, 1 / 3)
"""Bits that a LUT of a chain must make go, at first and once no chain does."""
_WORTH = 2.2
"""Digits for each LUT of a chain that adds five bits' weights with which it is worth more than the digits' chains."""


class Bit(NamedTuple):
    """A bit in a column, or its complement."""

    value: int
    inverted: bool


class Block(NamedTuple):
    """Columns of a chain: what is added to one bit of each column (or to none) there.

    `inputs` are (bit, weight) of the word's inputs, in units of the block's lowest column; `constant` is added to it.
    """

    rows: tuple[Bit | None, ...]
    inputs: tuple[tuple[Bit, int], ...]
    constant: int


@dataclass(frozen=True)
class Chain:
    """One carry chain from a column on: blocks side by side, and a bit by the carry."""

    column: int
    blocks: tuple[Block, ...]
    carry: Bit | None

    @property
    def columns(self) -> int:
        """Return the LUTs of the chain."""
        return sum(len(b.rows) for b in self.blocks)

    @property
    def most(self) -> int:
        """Return the greatest sum."""
        total, place = int(self.carry is not None), 0
        for block in self.blocks:
            rows = sum(1 << i for i, row in enumerate(block.rows) if row is not None)
            total += rows + block.constant + sum(weight for _, weight in block.inputs) << place
            place += len(block.rows)
        return total


@cache
def _shapes(columns: int, wires: int) -> tuple[tuple[int, ...], ...]:
    """Return how many bits of each column a word of so many columns may count."""
    counts = product(range(wires + 1), repeat=columns)
    return tuple(n for n in counts if n[0] and sum(n) <= wires and _most(n) < 1 << columns)


def _most(counts: Sequence[int]) -> int:
    return sum(count << column for column, count in enumerate(counts))


class Heap:
    """Bits by column, and the chains that add them.

    Parameters
    ----------
    width
        Columns; what is carried beyond them is lost.
    inputs
        Inputs of a LUT.
    one
        The bit that is always 1.
    emit
        Builds a chain and returns its sum's bits, lowest first.
    """

    def __init__(self, width: int, inputs: int, one: int, emit: Callable[[Chain], Sequence[int]]) -> None:
        self.width, self.wires, self.one, self.emit = width, inputs - 1, one, emit
        self.plain: list[list[int]] = [[] for _ in range(width)]
        self.inverse: list[list[int]] = [[] for _ in range(width)]
        self.constant = 0
        self.luts = 0
        self.rounds = 0

    def add_all(self, weights: Mapping[int, int]) -> None:
        """Add bits with their weights: where that is cheaper a chain adds those of five, else each has its digits."""
        rest = dict(weights)
        groups = self._groups([*weights.items()])
        for group in groups:
            for value, _ in group:
                del rest[value]
        for value, weight in rest.items():
            self.add(value, weight)
        later: list[tuple[int, int]] = []
        for group in groups:
            later += self._weighed(group)
        for column, value in later:
            self.plain[column].append(value)

    def _groups(self, bits: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        """Return groups of bits whose weights together take fewer LUTs than their digits."""
        planes: dict[int, list[tuple[int, int]]] = {}
        for value, weight in bits:
            if len(digits(weight)) > 1:
                planes.setdefault(_lowest(weight), []).append((value, weight))
        found = []
        for plane, several in sorted(planes.items()):
            several.sort(key=lambda bit: (abs(bit[1]), bit[0]))
            while len(several) >= self.wires:
                group, rest = several[: self.wires], several[self.wires :]
                columns = (sum(abs(weight) for _, weight in group) >> plane).bit_length()
                count = sum(len(digits(weight)) for _, weight in group)
                if plane + columns <= self.width and count >= _WORTH * columns:
                    found.append(group)
                    several = rest
                else:
                    several = several[1:]
        return found

    def _weighed(self, group: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Build the chain that adds the weights of a group."""
        plane = min(_lowest(weight) for _, weight in group)
        inputs = tuple((Bit(value, weight < 0), abs(weight) >> plane) for value, weight in group)
        self.constant += sum(weight for _, weight in group if weight < 0)
        columns = sum(weight for _, weight in inputs).bit_length()
        rows = tuple(self._row(plane + i) for i in range(columns))
        carry = self._row(plane) if rows[0] is not None else None
        return self._emit(Chain(plane, (Block(rows, inputs, 0),), carry))

    def add(self, value: int, weight: int) -> None:
        """Add a bit with a weight, in as few columns as signed digits allow."""
        for column, negative in digits(weight):
            if column >= self.width:
                continue
            if negative:
                self.inverse[column].append(value)
                self.constant -= 1 << column
            else:
                self.plain[column].append(value)

    def height(self, column: int) -> int:
        """Return the bits in a column, 0 beyond the highest."""
        return len(self.plain[column]) + len(self.inverse[column]) if column < self.width else 0

    def reduce(self) -> list[Bit | None]:
        """Add everything; return a bit or nothing for each column."""
        for least in _GAINS:
            while self._last_blocks() is None and self._round(least):
                self.rounds += 1
            self._spread()
        self._finish()
        return [self._take(c) if self.height(c) else None for c in range(self.width)]

    def _spread(self) -> None:
        """Make bits of what no word has taken of the constant."""
        for column in range(self.width):
            if self.constant >> column & 1:
                self.plain[column].append(self.one)
        self.constant = 0

    def _take(self, column: int) -> Bit:
        """Take a bit for a word, a complement where there is one."""
        if self.inverse[column]:
            return Bit(self.inverse[column].pop(0), True)
        return Bit(self.plain[column].pop(0), False)

    def _row(self, column: int) -> Bit | None:
        return Bit(self.plain[column].pop(0), False) if self.plain[column] else None

    # one round of chains that do not wait for each other

    def _round(self, least: float) -> bool:
        later: list[tuple[int, int]] = []
        for column in range(self.width):
            while (shape := self._best(column, least)) is not None:
                block = self._block(column, shape)
                carry = self._row(column) if block.rows[0] is not None else None
                later += self._emit(Chain(column, (block,), carry))
        for column, value in later:
            self.plain[column].append(value)
        return bool(later)

    def _emit(self, chain: Chain) -> Iterator[tuple[int, int]]:
        """Build a chain; return the column and the value of each bit of its sum."""
        self.luts += chain.columns
        places = enumerate(self.emit(chain), chain.column)
        return ((column, value) for column, value in places if column < self.width)

    def _best(self, column: int, least: float) -> tuple[int, ...] | None:
        """Return the shape of the word with which a chain makes the most bits go for each LUT."""
        best: tuple[float, int] | None = None
        found = None
        for columns in range(min(_BLOCK, self.width - column), 0, -1):
            heights = [self.height(column + i) for i in range(columns)]
            for shape in _shapes(columns, self.wires):
                if any(n > h for n, h in zip(shape, heights, strict=True)):
                    continue
                gone = self._gone(column, shape)
                if gone >= least * columns - 1e-9 and (best is None or (gone / columns, gone) > best):
                    best, found = (gone / columns, gone), shape
        return found

    def _gone(self, column: int, shape: tuple[int, ...]) -> int:
        """Return by how many bits a chain with this word makes the columns lower."""
        free = [len(self.plain[column + i]) - max(0, n - len(self.inverse[column + i])) for i, n in enumerate(shape)]
        rows = [int(f > 0) for f in free]
        rows[0] += free[0] > 1
        carries = _most(rows) + _most(shape) >> len(shape) and column + len(shape) < self.width
        return sum(shape) + sum(rows) - len(shape) - bool(carries)

    def _block(self, column: int, shape: tuple[int, ...]) -> Block:
        inputs = tuple((self._take(column + i), 1 << i) for i, n in enumerate(shape) for _ in range(n))
        rows = tuple(self._row(column + i) for i in range(len(shape)))
        return Block(rows, inputs, self._constant(column, shape))

    def _constant(self, column: int, shape: tuple[int, ...]) -> int:
        """Take as much of the constant as the word of a block holds."""
        room = (1 << len(shape)) - 1 - _most(shape)
        taken = 0
        for i in range(len(shape)):
            if self.constant >> column + i & 1 and taken + (1 << i) <= room:
                taken += 1 << i
        self.constant -= taken << column
        return taken

    # the last chain

    def _last_blocks(self) -> list[tuple[int, ...]] | None:
        """Return the words of one chain over all columns from the first with two bits on, if one can take all."""
        first = self._first()
        tails: dict[int, list[tuple[int, ...]] | None] = {self.width: []}
        for column in range(self.width - 1, first - 1, -1):
            spare = 1 + (column == first and self._carry_is_free(column))
            tails[column] = None
            for columns in range(1, min(_BLOCK, self.width - column) + 1):
                after, shape = tails[column + columns], self._fitting(column, columns, spare)
                if after is not None and shape is not None:
                    tails[column] = [shape, *after]
                    break
        return tails[first]

    def _first(self) -> int:
        return next((c for c in range(self.width) if self.height(c) > 1), self.width)

    def _carry_is_free(self, column: int) -> bool:
        return len(self.plain[column]) > 1 and self.height(column) > 2

    def _fitting(self, column: int, columns: int, spare: int) -> tuple[int, ...] | None:
        """Return how many bits a word of some columns has to count, None if they are too many."""
        taken = [min(spare if i == 0 else 1, len(self.plain[column + i])) for i in range(columns)]
        shape = tuple(self.height(column + i) - taken[i] for i in range(columns))
        return shape if sum(shape) <= self.wires and _most(shape) < 1 << columns else None

    def _finish(self) -> None:
        first, shapes = self._first(), self._last_blocks()
        if not shapes:
            return
        carry = Bit(self.plain[first].pop(0), False) if self._carry_is_free(first) else None
        blocks: list[Block] = []
        column = first
        for shape in shapes:
            rows = tuple(self._row(column + i) for i in range(len(shape)))
            inputs = tuple((self._take(column + i), 1 << i) for i, n in enumerate(shape) for _ in range(n))
            blocks.append(Block(rows, inputs, 0))
            column += len(shape)
        for column, value in self._emit(Chain(first, tuple(blocks), carry)):
            self.plain[column].append(value)


def _lowest(weight: int) -> int:
    return (weight & -weight).bit_length() - 1


@cache
def digits(weight: int) -> tuple[tuple[int, bool], ...]:
    """Return the signed digits of a number that are not 0, (position, whether negative), no two side by side."""
    found: list[tuple[int, bool]] = []
    position = 0
    while weight:
        if weight & 1:
            negative = weight & 3 == 3
            found.append((position, negative))
            weight += 1 if negative else -1
        weight >>= 1
        position += 1
    return tuple(found)
