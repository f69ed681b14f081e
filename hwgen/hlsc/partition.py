# SPDX-License-Identifier: Apache-2.0
"""ARRAY_PARTITION and ARRAY_RESHAPE: which bank of a RAM each access is in, and which banks make one wide word.

The elements of a RAM are split by what all its run-time indices leave constant: with ``t[row * 4 + k]`` and a constant
`k` four banks, with ``t[row][k]`` one for each column. That is a cyclic or complete partition, and it happens without
a directive too; a directive may ask for fewer banks than that. A block, or all of the first dimension, is split where
the largest number that every index can be shows that no access crosses from one bank to the next. A partition that
would need logic to choose a bank is refused.

ARRAY_RESHAPE puts the banks side by side in the words of one RAM, which is then written a whole word at a time.
A table gets a word of the elements that are read at one index, which is what a reshape asks for; each index has its
table, so that none waits for a port. An array whose indices are all constant is registers, each with ports of its own,
and needs no partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, gcd, prod

from hwgen.hlsc.address import Place
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.lltypes import Array, Type

Key = tuple[int, int]
"""Block of an element, and its first byte within the rows of the block."""


class Layout:
    """The banks of one array.

    Parameters
    ----------
    directives
        Partitions and reshapes of the array.
    name
        The array's name in the source.
    kind
        Its type.
    shape
        Bytes of an element and the dimensions, if they are known from the source; LLVM may have changed the type.
    places
        Where it is accessed, one of them at least at a run-time index, with the bytes touched.
    table
        Whether it is never written.

    Attributes
    ----------
    step
        Bytes of a row: greatest common divisor of what the run-time indices are multiplied by.
    word
        Whether the banks are the lanes of one RAM.

    Raises
    ------
    HlsError
        At the directive, for a partition that the indices do not give.
    """

    def __init__(
        self,
        directives: Sequence[Directive],
        name: str,
        kind: Type,
        shape: Sequence[int],
        places: Sequence[tuple[Place, int]],
        table: bool = False,
    ) -> None:
        self.step = gcd(*(term.scale for place, _ in places for term in place.terms))
        self.word = any(d.name == "ARRAY_RESHAPE" for d in directives)
        self._name, self._kind, self._places, self._table = name, kind, places, table
        self._element = max(size for _, size in places)
        self._block = 0
        self._sizes = list(_dimensions(kind, self._element))
        if shape and prod(shape) == kind.size:
            self._sizes = [(prod(shape[n + 1 :]) * shape[0], size) for n, size in enumerate(shape) if n]
        lanes = 1
        for directive in directives:
            if self.word and directive.name != "ARRAY_RESHAPE":
                raise directive.refused(f"The array {name} must not be both partitioned and reshaped.", "Keep one.")
            lanes *= self._split(directive)
        if self.word and not table and lanes * self._element != self.step:
            raise directives[-1].refused(
                f"The array {name} must be reshaped by {self.step // self._element}, the elements from one run-time "
                f"index to the next, not by {lanes}.",
                "Reshape every dimension with constant indices.",
            )

    def where(self, place: Place) -> tuple[Key, Place]:
        """Return the bank of a place, and the place within its block."""
        number = place.offset // self._block if self._block else 0
        local = replace(place, offset=place.offset - number * self._block)
        return (number, local.offset % self.step), local

    def keys(self) -> list[tuple[Key, int]]:
        """Return the banks that are accessed, in order, with the bytes of an element."""
        return sorted({(self.where(place)[0], size) for place, size in self._places})

    def first(self, key: Key) -> int:
        """Return the offset of a bank's first element."""
        return key[0] * self._block + key[1]

    def depth(self, key: Key) -> int:
        """Return the number of elements of a bank."""
        rest = self._kind.size - key[0] * self._block
        return max(1, ceil(((min(rest, self._block) if self._block else rest) - key[1]) / self.step))

    def _split(self, directive: Directive) -> int:
        """Take in a directive; return how many elements it asks for in a row of the step."""
        sizes = self._sizes
        chosen = int(directive.args.get("dim", "1"))
        if chosen > len(sizes):
            raise directive.refused(
                f"The array {self._name} must have a dimension {chosen} to be partitioned in, and has {len(sizes)}.",
                "Write dim=1 for the first one.",
            )
        lanes = 1
        for number in [chosen] if chosen else range(1, len(sizes) + 1):
            lanes *= self._dimension(directive, number, *sizes[number - 1])
        return lanes

    def _dimension(self, directive: Directive, number: int, stride: int, size: int) -> int:
        if size == 1:
            return 1
        kind = _type(directive)
        factor = size if kind == "complete" else min(size, int(directive.args.get("factor", "1")))
        if self.step % (stride * factor) == 0 and (kind != "block" or factor == size):
            return factor
        if self.step % (stride * size) == 0 and (self._table or not self.word):
            return factor
        block = stride * ceil(size / factor)
        if number == 1 and (kind == "block" or factor == size) and self._within(block) and self._block in (0, block):
            self._block = block
            return 1
        raise directive.refused(
            f"The array {self._name} must not be partitioned like this: its index is not constant, so that it is a "
            f"{'table' if self._table else 'RAM'}, and the bank in dimension {number} would not be known.",
            "Index that dimension by constants in unrolled loops, or remove the directive.",
        )

    def _within(self, block: int) -> bool:
        """Tell whether every access stays in one block."""
        for place, size in () if self._table else self._places:
            last = place.last
            if last is None or place.offset < 0 or place.offset // block != (last + size - 1) // block:
                return False
        return not self._table


def _dimensions(kind: Type, element: int) -> Iterator[tuple[int, int]]:
    """Return per dimension its stride in bytes and its size; an element of `element` bytes ends the dimensions."""
    while isinstance(kind, Array) and kind.element.size >= element:
        yield kind.element.size, kind.count
        kind = kind.element


def _type(directive: Directive) -> str:
    given = [t for t in ("complete", "cyclic", "block") if t in directive.args]
    return given[0] if given else directive.args.get("type", "complete").lower()
