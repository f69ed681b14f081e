# SPDX-License-Identifier: Apache-2.0
"""Trip counts: constant evaluation of the induction chain, whatever form LLVM gave the exit test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.llparse import Inst, Operand
from hwgen.hlsc.lltypes import Int

MOST_STEPS = 1 << 22
"""Longest loop whose exit test is found by running its induction chain instead of by formula."""


@dataclass(frozen=True)
class Induction:
    """A loop-carried local that starts at a constant and changes by a constant."""

    name: str
    width: int
    first: int
    step: int

    def at(self, iteration: int) -> int:
        """Return the pattern in iteration `iteration`."""
        return self.first + iteration * self.step & ones(self.width)

    def values(self, count: int) -> tuple[int, int] | None:
        """Return lowest and highest value over `count` iterations, signed where it must be; None if it wraps."""
        last = (count - 1) * self.step
        for first in (self.first, to_signed(self.first, self.width)):
            low, high = min(first, first + last), max(first, first + last)
            if low >= 0 and high <= ones(self.width):
                return low, high
            if -(1 << (self.width - 1)) <= low and high < 1 << (self.width - 1):
                return low, high
        return None


_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def _holds(predicate: str, left: int, right: int, width: int) -> bool:
    if predicate[0] == "s":
        left, right = to_signed(left, width), to_signed(right, width)
    return _COMPARE[predicate if predicate in ("eq", "ne") else predicate[1:]](left, right)


class Chain:
    """The induction chain of one loop.

    Parameters
    ----------
    defined
        Instructions by name.
    phis
        The loop header's phi instructions: name -> (width, constant start or None, the operand it becomes).
    """

    def __init__(self, defined: Mapping[str, Inst], phis: Mapping[str, tuple[int, int | None, Operand]]) -> None:
        self._defined = defined
        self._phis = phis

    def induction(self, name: str) -> Induction | None:
        """Return phi `name` as an induction variable, None if it is something else."""
        width, first, following = self._phis[name]
        if first is None or not isinstance(following, str):
            return None
        step = self._offset(following, name)
        return Induction(name, width, first & ones(width), to_signed(step & ones(width), width)) if step else None

    def _offset(self, value: Operand, phi: str) -> int | None:
        """Return c where `value` is `phi + c`."""
        if value == phi:
            return 0
        inst = self._defined.get(value) if isinstance(value, str) else None
        if inst is None or inst.opcode not in ("add", "sub"):
            return None
        left, right = inst.operands
        if inst.opcode == "add" and isinstance(left, int):
            left, right = right, left
        if not isinstance(right, int):
            return None
        rest = self._offset(left, phi)
        return None if rest is None else rest + (right if inst.opcode == "add" else -right)

    def count(self, condition: Operand, leaves_when: bool) -> int | None:
        """Return the number of iterations, None if it is not a constant or the loop never ends.

        Parameters
        ----------
        condition
            The exit branch's operand.
        leaves_when
            Its value in the last iteration.
        """
        found = self._formula(condition, leaves_when)
        return found if found is not None else self._run(condition, leaves_when)

    def _formula(self, condition: Operand, leaves_when: bool) -> int | None:
        inst = self._defined.get(condition) if isinstance(condition, str) else None
        if inst is None or inst.opcode != "icmp" or not isinstance(inst.operands[1], int):
            return None
        for name in self._phis:
            offset = self._offset(inst.operands[0], name)
            chain = self.induction(name) if offset is not None else None
            if chain is not None and offset is not None:
                return self._solve(chain, offset, inst, leaves_when)
        return None

    def _solve(self, chain: Induction, offset: int, inst: Inst, leaves_when: bool) -> int | None:
        """Return the first iteration, plus one, in which the exit test of an induction variable holds."""
        width, limit = chain.width, inst.operands[1]
        assert isinstance(limit, int)
        limit &= ones(width)
        predicate = inst.detail[0]

        def leaves(iteration: int) -> bool:
            return _holds(predicate, chain.at(iteration) + offset & ones(width), limit, width) == leaves_when

        if leaves(0):
            return 1
        span = (1 << width) // abs(chain.step)
        if (predicate == "eq") == leaves_when and predicate in ("eq", "ne"):
            distance = (limit - chain.first - offset) * (1 if chain.step > 0 else -1) & ones(width)
            exact, rest = divmod(distance, abs(chain.step))
            return exact + 1 if rest == 0 else None
        low, high = 0, 1
        while high < span and not leaves(high):
            low, high = high, min(high * 2, span)
        if not leaves(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if leaves(middle) else (middle, high)
        return high + 1

    def _run(self, condition: Operand, leaves_when: bool) -> int | None:
        """Run the chain step by step."""
        needed: dict[str, str] = {}
        states: list[str] = []
        try:
            test = self._python(condition, needed, states)
            done = 0
            while done < len(states):
                self._python(self._phis[states[done]][2], needed, states)
                done += 1
        except KeyError:
            return None
        if any(self._phis[name][1] is None for name in states):
            return None
        names = {name: f"s{i}" for i, name in enumerate(states)}
        lines = [f" v{i} = {text}" for i, text in enumerate(needed.values())]
        following = ", ".join(self._python(self._phis[name][2], needed, states) for name in states)
        source = "\n".join(
            [
                f"def run({', '.join(names.values())}):",
                f" for count in range(1, {MOST_STEPS + 1}):",
                *(" " + line for line in lines),
                f"  if {test} == {int(leaves_when)}: return count",
                f"  {', '.join(names.values())}, = {following},",
            ]
        )
        space: dict[str, object] = {"holds": lambda p, a, b, w: int(_holds(p, a, b, w)), "signed": to_signed}
        exec(source, space)
        result = space["run"](*(int(self._phis[n][1] or 0) & ones(self._phis[n][0]) for n in states))  # type: ignore[operator]
        return int(result) if result else None

    def _python(self, value: Operand, needed: dict[str, str], states: list[str]) -> str:
        """Return a Python expression for `value`; `needed` receives the assignments it depends on, in order."""
        if isinstance(value, int):
            return str(value)
        if not isinstance(value, str):
            return "0"
        if value in self._phis:
            if value not in states:
                states.append(value)
            return f"s{states.index(value)}"
        inst = self._defined[value]
        if value not in needed:
            args = [self._python(v, needed, states) for v in inst.operands]
            needed[value] = _expression(inst, args)
        return f"v{list(needed).index(value)}"


def _expression(inst: Inst, args: list[str]) -> str:
    """Return the Python form of a pure instruction; KeyError for one that the chain may not hold."""
    kind = inst.types[0] if inst.types else inst.type
    width = kind.width if isinstance(kind, Int) else 64
    mask = ones(inst.type.width if isinstance(inst.type, Int) else 64)
    if inst.opcode == "icmp":
        return f"holds('{inst.detail[0]}', {args[0]} & {ones(width)}, {args[1]} & {ones(width)}, {width})"
    if inst.opcode == "select":
        return f"({args[1]} if {args[0]} & 1 else {args[2]}) & {mask}"
    if inst.opcode in ("zext", "trunc", "freeze"):
        return f"{args[0]} & {mask}"
    if inst.opcode == "sext":
        return f"signed({args[0]} & {ones(width)}, {width}) & {mask}"
    sign = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^", "shl": "<<", "lshr": ">>"}[
        inst.opcode
    ]
    left = f"({args[0]} & {mask})" if sign == ">>" else args[0]
    return f"({left} {sign} {args[1]}) & {mask}"
