# SPDX-License-Identifier: Apache-2.0
"""If-conversion: when a block of the loop body runs, and which value a join takes."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc.builder import Builder
from hwgen.hlsc.cfg import dominators, postorder
from hwgen.hlsc.llparse import Inst

END = "$end"


class Flow:
    """The acyclic control flow of one iteration.

    Parameters
    ----------
    builder
        Receives the predicates.
    order
        The blocks of the body in topological order, the first runs always.
    edges
        Successors of each block within the iteration; `END` where the iteration ends.
    """

    def __init__(self, builder: Builder, order: Sequence[str], edges: dict[str, tuple[str, ...]]) -> None:
        self._builder = builder
        self._edges = edges
        self.before: dict[str, list[str]] = {name: [] for name in [*order, END]}
        for name in order:
            for to in edges[name]:
                self.before[to].append(name)
        forward = {**edges, END: ()}
        self.idom = dominators([*order, END], forward)
        backward = {name: tuple(found) for name, found in self.before.items()}
        self._post = dominators(postorder(END, backward)[::-1], backward)
        self._conditions: dict[tuple[str, str], int] = {}
        self._relative: dict[tuple[str, str], int] = {}
        self._reaches: dict[str, frozenset[str]] = {END: frozenset()}
        for name in reversed(order):
            self._reaches[name] = frozenset(edges[name]).union(*(self._reaches[to] for to in edges[name]))
        self.first = order[0]

    def branch(self, block: str, conditions: dict[str, int]) -> None:
        """Record the condition under which `block` jumps to each of its successors."""
        for to, condition in conditions.items():
            self._conditions[block, to] = condition

    def predicate(self, block: str) -> int:
        """Return the one-bit value that tells whether `block` runs in an iteration."""
        return self._given(block, self.first)

    def reaches(self, one: str, other: str) -> bool:
        """Whether `other` may run after `one` in the same iteration."""
        return other in self._reaches[one]

    def _always_follows(self, block: str, other: str) -> bool:
        """Whether `block` runs whenever `other`, which dominates it, does."""
        while other != END:
            if other == block:
                return True
            other = self._post[other]
        return False

    def _given(self, block: str, start: str) -> int:
        """Return the condition of `block`, given that its dominator `start` runs."""
        if block == start:
            return self._builder.const(1, 1)
        key = (block, start)
        if key not in self._relative:
            near = self.idom[block]
            if self._always_follows(block, near):
                self._relative[key] = self._given(near, start)
            elif near != start:
                self._relative[key] = self._builder.both(self._given(near, start), self._given(block, near))
            else:
                found = self._builder.const(0, 1)
                for edge in self.before[block]:
                    found = self._builder.either(found, self._along(edge, block, start))
                self._relative[key] = found
        return self._relative[key]

    def _along(self, block: str, to: str, start: str) -> int:
        return self._builder.both(self._given(block, start), self._conditions[block, to])

    def ends(self, blocks: Sequence[str]) -> int:
        """Return whether the iteration ends by a jump from one of some blocks."""
        found = self._builder.const(0, 1)
        for block in blocks:
            found = self._builder.either(found, self._along(block, END, self.idom[END]))
        return found

    def merge(self, block: str, incoming: dict[str, int]) -> int:
        """Return the value that arrives at `block`, given one for each predecessor that has a defined one."""
        start = self.idom[block]
        pairs = [(self._along(edge, block, start), value) for edge, value in incoming.items()]
        pairs.sort(key=lambda pair: pair[0])
        result = pairs[-1][1]
        if len(pairs) == 2 and self._simpler(pairs[0][0], pairs[1][0]):
            return self._builder.select(pairs[1][0], pairs[1][1], pairs[0][1])
        for condition, value in reversed(pairs[:-1]):
            result = self._builder.select(condition, value, result)
        return result

    def _simpler(self, other: int, value: int) -> bool:
        """Whether `value` is a leaf or compare while `other` is logic."""
        logic = ("and", "or", "xor")
        values = self._builder.values
        return values[other].opcode in logic and values[value].opcode not in logic


def branch_conditions(builder: Builder, end: Inst, value: int | None, numbers: Sequence[int]) -> dict[str, int]:
    """Return the condition of each target of a terminator.

    Parameters
    ----------
    builder
        Receives the conditions.
    end
        A `br` or `switch`.
    value
        Its operand as a value, None for an unconditional jump.
    numbers
        The cases of a switch.
    """
    found: dict[str, int] = {}
    if value is None:
        return {end.detail[0]: builder.const(1, 1)}
    if end.opcode == "br":
        yes, no = end.detail
        if yes == no:
            return {yes: builder.const(1, 1)}
        return {yes: value, no: builder.invert(value)}
    rest = builder.const(1, 1)
    for number, label in zip(numbers, end.detail[1:], strict=True):
        hit = builder.make("eq", 1, (value, builder.const(number, builder.width(value))))
        found[label] = builder.either(found.get(label, builder.const(0, 1)), hit)
        rest = builder.both(rest, builder.invert(hit))
    default = end.detail[0]
    found[default] = builder.either(found.get(default, builder.const(0, 1)), rest)
    return found
