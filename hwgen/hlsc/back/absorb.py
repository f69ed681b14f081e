# SPDX-License-Identifier: Apache-2.0
"""Logic that costs neither a LUT nor time, because the LUTs in front of an adder's carry chain compute it.

On families with LUTs of six inputs a bit of a sum takes one LUT: the bit of the first operand, which must be a signal
since the carry needs it as well, xor a function of up to five signals in place of the second operand. So selects, ands,
ors and xors that only this adder uses come free where every bit of them depends on at most five. Yosys fits them in for
additions and subtractions, not for comparisons (of which it puts two bits into each LUT).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.back.bitsum import has_part

LUT_INPUTS = 6
"""Size of the LUTs for which all this holds."""
_LEAVES = LUT_INPUTS - 1
_BITWISE = frozenset({"and", "or", "xor", "select"})
_SHIFTED = frozenset({"zext", "sext", "trunc", "extract", "concat"})


class Cone(NamedTuple):
    """The operand of an adder that is logic of its LUTs, and the nodes in it."""

    operand: int
    nodes: frozenset[int]


class _Finder:
    def __init__(self, process: ir.Process, sunk: Iterable[int]) -> None:
        self.values = process.values
        self.uses = Counter(sunk)
        for value in self.values:
            self.uses.update(value.args)

    def cone(self, adder: ir.Value) -> Cone | None:
        """Return the operand with the most logic that an adder's LUTs can do; the second where both are equal."""
        found = [self._nodes(a) for a in adder.args]
        if any(has_part(self.values, a) for a in adder.args):
            return None
        if adder.opcode == "add" and len(found[0]) > len(found[1]):
            return Cone(adder.args[0], frozenset(found[0]))
        return Cone(adder.args[1], frozenset(found[1])) if found[1] else None

    def _nodes(self, index: int) -> set[int]:
        """Return the nodes of an operand that fit; pieces of a concatenation have bits of their own."""
        value = self.values[index]
        if value.opcode in _SHIFTED:
            free = self.uses[index] == 1
            return set().union(*(self._nodes(a) for a in value.args)) if free else set()
        return self._grown(index) if self._is_free(index) else set()

    def _is_free(self, index: int) -> bool:
        return self.values[index].opcode in _BITWISE and self.uses[index] == 1

    def _grown(self, root: int) -> set[int]:
        """Return as much of the logic before and with `root` as depends on few enough values, bit by bit."""
        inside: set[int] = set()
        leaves = {root}
        while True:
            for leaf in sorted(leaves, reverse=True):
                wider = (leaves - {leaf}).union(*(self._aligned(a) for a in self.values[leaf].args))
                if self._is_free(leaf) and len(wider) <= _LEAVES:
                    inside.add(leaf)
                    leaves = wider
                    break
            else:
                return inside

    def _aligned(self, index: int) -> set[int]:
        """Return the value whose bit i is bit i of this one, or nothing for a constant."""
        value = self.values[index]
        while value.opcode in ("zext", "sext", "trunc") or (value.opcode == "extract" and value.attr == 0):
            if self.uses[value.id] > 1 and self.values[value.args[0]].opcode in _BITWISE:
                break
            value = self.values[value.args[0]]
        return set() if value.opcode == "const" else {value.id}


def cones(process: ir.Process, sunk: Iterable[int]) -> Mapping[int, Cone]:
    """Return by adder the logic that its LUTs compute.

    Parameters
    ----------
    process
        After `finalise`.
    sunk
        Values that writes, stores and state updates use, once per use.
    """
    finder = _Finder(process, sunk)
    found = {v.id: finder.cone(v) for v in process.values if v.opcode in ("add", "sub") and v.width > 2}
    return {adder: cone for adder, cone in found.items() if cone is not None}
