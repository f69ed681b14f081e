# SPDX-License-Identifier: Apache-2.0
"""Simplification rules of additions, multiplications and shifts."""

from __future__ import annotations

from hwgen.hlsc.back.build import Args, Builder, Rule
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.back.rules_wires import disjoint

Attr = int | str | None


def add(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Gather constants, turn doubling into a shift and disjoint bits into wires."""
    left, right = args
    if left == right:
        return b.op("shl", width, (left, b.const(width, 1)))
    constant = b.constant(right)
    if constant == 0:
        return left
    inner = b.values[left]
    if constant is not None and inner.opcode == "add":
        middle = b.constant(inner.args[1])
        if middle is not None:
            return b.op("add", width, (inner.args[0], b.const(width, middle + constant)))
    if width == 1:
        return b.op("xor", 1, args)
    for x, y in ((left, right), (right, left)):
        found = b.values[y]
        if found.opcode == "sub" and b.constant(found.args[0]) == 0:
            return b.op("sub", width, (x, found.args[1]))
    wires = disjoint(b, width, left, right)
    return _above_zeros(b, "add", width, args) if wires is None else wires


def sub(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Subtracting a constant is adding its negation."""
    left, right = args
    if left == right:
        return b.const(width, 0)
    if width == 1:
        return b.op("xor", 1, args)
    constant = b.constant(right)
    if constant is not None:
        return b.op("add", width, (left, b.const(width, -constant)))
    inner = b.values[right]
    if inner.opcode == "sub" and b.constant(inner.args[0]) == 0:
        return b.op("add", width, (left, inner.args[1]))
    return _above_zeros(b, "sub", width, args)


def mul(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A power of two is a shift, its negative a shift and a negation, a factor of one bit a select."""
    left, right = args
    constant = b.constant(right)
    if constant is not None:
        for factor, negative in ((constant, False), (-constant & ones(width), True)):
            if factor & (factor - 1) == 0:
                if factor == 0:
                    return b.const(width, 0)
                amount = b.const(width, factor.bit_length() - 1)
                shifted = b.op("shl", width, (left, amount)) if factor > 1 else left
                return b.op("sub", width, (b.const(width, 0), shifted)) if negative else shifted
        return _even_product(b, width, left, constant)
    for x, y in ((left, right), (right, left)):
        found = b.values[y]
        if found.opcode in ("zext", "sext") and b.width(found.args[0]) == 1:
            product = x if found.opcode == "zext" else b.op("sub", width, (b.const(width, 0), x))
            return b.op("select", width, (found.args[0], product, b.const(width, 0)))
    return None


def _even_product(b: Builder, width: int, value: int, factor: int) -> int | None:
    """Leave the zeros below an even factor out of the product."""
    zeros = (factor & -factor).bit_length() - 1
    if zeros == 0:
        return None
    rest = width - zeros
    product = b.op("mul", rest, (b.extract(value, 0, rest), b.const(rest, factor >> zeros)))
    return b.concat([product, b.const(zeros, 0)])


def _above_zeros(b: Builder, opcode: str, width: int, args: Args) -> int | None:
    """Leave low bits that are 0 in both operands out of a sum."""
    both = b.bits[args[0]][0] & b.bits[args[1]][0]
    zeros = min((~both & both + 1).bit_length() - 1, width - 1)
    if zeros == 0:
        return None
    rest = width - zeros
    total = b.op(opcode, rest, [b.extract(a, zeros, rest) for a in args])
    return b.concat([total, b.const(zeros, 0)])


def _amount(b: Builder, args: Args) -> int | None:
    constant = b.constant(args[1])
    return None if constant is None else min(constant, b.width(args[0]))


def shl(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A constant shift is wires."""
    amount = _amount(b, args)
    if amount is None:
        return None
    if amount in (0, width):
        return b.const(width, 0) if amount else args[0]
    return b.concat([b.extract(args[0], 0, width - amount), b.const(amount, 0)])


def lshr(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A constant shift is wires."""
    amount = _amount(b, args)
    if amount is None:
        return None
    if amount == width:
        return b.const(width, 0)
    return b.resize(b.extract(args[0], amount, width - amount), width, False)


def ashr(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A constant shift is wires; a shift of a value that is never negative is a logical one."""
    if b.bits[args[0]][0] >> (width - 1):
        return b.op("lshr", width, args)
    amount = _amount(b, args)
    if amount is None:
        return None
    amount = min(amount, width - 1)
    return b.resize(b.extract(args[0], amount, width - amount), width, True)


RULES: dict[str, Rule] = {"add": add, "sub": sub, "mul": mul, "shl": shl, "lshr": lshr, "ashr": ashr}
