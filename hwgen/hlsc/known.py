# SPDX-License-Identifier: Apache-2.0
"""Bits of LLVM's values that are always 0, so that an index is seen to be a multiple, or small."""

from __future__ import annotations

from collections.abc import Mapping

from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.llparse import Inst, Operand
from hwgen.hlsc.lltypes import Int

_DEPTH = 24


class Zeros:
    """The bits that are known to be 0.

    Parameters
    ----------
    defined
        Instructions by the names of their results.
    streams
        Widths in bits of the streams, by their local names.
    """

    def __init__(self, defined: Mapping[str, Inst], streams: Mapping[str, int]) -> None:
        self._defined = defined
        self._streams = streams
        self._known: dict[str, int] = {}

    def of(self, value: Operand, width: int, depth: int = _DEPTH) -> int:
        """Return a mask of `width` bits that has a 1 where the value is known to have a 0."""
        if isinstance(value, int):
            return ~value & ones(width)
        inst = self._defined.get(value) if isinstance(value, str) else None
        if inst is None or inst.type != Int(width) or depth == 0:
            return 0
        if inst.name not in self._known:
            self._known[inst.name] = 0
            self._known[inst.name] = self._find(inst, width, depth - 1)
        return self._known[inst.name]

    def most(self, value: Operand, width: int) -> int:
        """Return the largest number that a value, unsigned, can be."""
        return ~self.of(value, width) & ones(width)

    def multiple(self, value: Operand, width: int) -> int:
        """Return how many of the lowest bits are 0."""
        return _low(self.of(value, width), width)

    def _find(self, inst: Inst, width: int, depth: int) -> int:
        op, number = inst.opcode, inst.operands[-1] if inst.operands else None
        if op == "load" and isinstance(inst.operands[0], str):
            return ones(width) & ~ones(self._streams.get(inst.operands[0], width))
        if op in ("phi", "select"):
            found = ones(width)
            for value in inst.operands if op == "phi" else inst.operands[1:]:
                found &= self.of(value, width, depth)
            return found
        if op in ("zext", "sext", "trunc") and isinstance(inst.types[0], Int):
            inner = inst.types[0].width
            zeros = self.of(inst.operands[0], inner, depth)
            positive = op == "zext" or zeros >> (inner - 1)
            return ones(width) & (zeros | (ones(width) & ~ones(inner) if positive else 0))
        if op in ("shl", "lshr"):
            return self._shifted(inst, width, depth) if isinstance(number, int) and 0 <= number < width else 0
        if op not in ("and", "or", "xor", "add", "mul"):
            return 0
        left, right = (self.of(value, width, depth) for value in inst.operands)
        if op == "and":
            return left | right
        return left & right if op in ("or", "xor") else _arithmetic(op, left, right, width)

    def _shifted(self, inst: Inst, width: int, depth: int) -> int:
        zeros, number = self.of(inst.operands[0], width, depth), inst.operands[1]
        assert isinstance(number, int)
        if inst.opcode == "shl":
            return (zeros << number | ones(number)) & ones(width)
        return zeros >> number | ones(width) & ~ones(width - number)


def _low(zeros: int, width: int) -> int:
    """Return the number of ones below the lowest zero."""
    above = ~zeros & ones(width)
    return (above & -above).bit_length() - 1 if above else width


def _arithmetic(op: str, left: int, right: int, width: int) -> int:
    """Return the zeros of a sum or a product: at its low end, and at its high end where it cannot wrap around."""
    first, second = (~zeros & ones(width) for zeros in (left, right))
    low = [_low(zeros, width) for zeros in (left, right)]
    below = min(low) if op == "add" else min(width, sum(low))
    most = first + second if op == "add" else first * second
    above = ones(width) & ~ones(most.bit_length()) if most <= ones(width) else 0
    return above | ones(below)
