# SPDX-License-Identifier: Apache-2.0
"""Simplification rules of bitwise operators, selects and comparisons."""

from __future__ import annotations

from hwgen.hlsc.back.build import Args, Builder, Rule
from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.back.rules_wires import disjoint, masked

Attr = int | str | None


def _opposite(b: Builder, left: int, right: int) -> bool:
    return b.inverted(left) == right or b.inverted(right) == left


def _absorb(b: Builder, opcode: str, left: int, right: int) -> int | None:
    """X & (x | y) = x, x & (x & y) = x & y, x & (~x | y) = x & y, and the duals."""
    other = "or" if opcode == "and" else "and"
    for x, y in ((left, right), (right, left)):
        found = b.values[y]
        if found.opcode == opcode and x in found.args:
            return y
        if found.opcode == other:
            if x in found.args:
                return x
            for position, arg in enumerate(found.args):
                if _opposite(b, arg, x):
                    return b.op(opcode, found.width, (x, found.args[1 - position]))
    return None


def _sign_mask(b: Builder, width: int, left: int, right: int) -> int | None:
    """X & sext(bit) is a select."""
    for x, y in ((left, right), (right, left)):
        if b.opcode(y) == "sext" and b.width(b.args(y)[0]) == 1:
            return b.op("select", width, (b.args(y)[0], x, b.const(width, 0)))
    return None


def and_(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A mask is wires."""
    left, right = args
    if left == right:
        return left
    if _opposite(b, left, right):
        return b.const(width, 0)
    for x, y in ((left, right), (right, left)):
        if b.bits[x][0] | b.bits[y][1] == ones(width):
            return x
    mask = b.constant(right)
    if mask is not None:
        return masked(b, left, mask, 0)
    found = _absorb(b, "and", left, right)
    return found if found is not None else _sign_mask(b, width, left, right)


def or_(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Bits that never overlap are a concatenation."""
    left, right = args
    if left == right:
        return left
    if _opposite(b, left, right):
        return b.const(width, -1)
    for x, y in ((left, right), (right, left)):
        if b.bits[x][1] | b.bits[y][0] == ones(width):
            return x
    found = disjoint(b, width, left, right)
    if found is not None:
        return found
    mask = b.constant(right)
    return masked(b, left, ~mask, 1) if mask is not None else _absorb(b, "or", left, right)


def xor(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Complements cancel; the complement of a comparison stays one."""
    left, right = args
    if left == right:
        return b.const(width, 0)
    if b.constant(right) == 0:
        return left
    if _opposite(b, left, right):
        return b.const(width, -1)
    inner = b.values[left]
    constant = b.constant(right)
    if constant is not None and inner.opcode == "xor":
        middle = b.constant(inner.args[1])
        if middle is not None:
            return b.op("xor", width, (inner.args[0], b.const(width, middle ^ constant)))
    return disjoint(b, width, left, right) if constant is None else None


def _implied(b: Builder, condition: int, arm: int, truth: bool) -> int | None:
    """Resolve a select in an arm that has the same condition."""
    found = b.values[arm]
    if found.opcode != "select":
        return None
    if found.args[0] == condition:
        return found.args[1 if truth else 2]
    if _opposite(b, found.args[0], condition):
        return found.args[2 if truth else 1]
    return None


def _boolean_select(b: Builder, condition: int, one: int, zero: int) -> int | None:
    a, c = b.constant(one), b.constant(zero)
    if a == 1 or one == condition:
        return b.op("or", 1, (condition, zero))
    if c == 0 or zero == condition:
        return b.op("and", 1, (condition, one))
    if a == 0:
        return b.op("and", 1, (b.invert(condition), zero))
    if c == 1:
        return b.op("or", 1, (b.invert(condition), one))
    if _opposite(b, one, zero):
        return b.invert(b.op("xor", 1, (condition, one)))
    return None


def _merged_select(b: Builder, width: int, condition: int, one: int, zero: int) -> int | None:
    """Join two selects that choose between the same two values."""
    inner = b.values[zero]
    if inner.opcode == "select" and one in inner.args[1:]:
        if inner.args[1] == one:
            return b.op("select", width, (b.op("or", 1, (condition, inner.args[0])), one, inner.args[2]))
        either = b.op("or", 1, (condition, b.invert(inner.args[0])))
        return b.op("select", width, (either, one, inner.args[1]))
    inner = b.values[one]
    if inner.opcode == "select" and zero in inner.args[1:]:
        if inner.args[2] == zero:
            return b.op("select", width, (b.op("and", 1, (condition, inner.args[0])), inner.args[1], zero))
        both = b.op("and", 1, (condition, b.invert(inner.args[0])))
        return b.op("select", width, (both, inner.args[2], zero))
    return None


def select(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Selects of constants are wires or gates; nested ones with related conditions merge."""
    condition, one, zero = args
    constant = b.constant(condition)
    if constant is not None:
        return one if constant else zero
    if one == zero:
        return one
    flipped = b.inverted(condition)
    if flipped is not None:
        return b.op("select", width, (flipped, zero, one))
    for arm, truth in ((one, True), (zero, False)):
        found = _implied(b, condition, arm, truth)
        if found is not None:
            return b.op("select", width, (condition, found, zero) if truth else (condition, one, found))
    if width == 1:
        return _boolean_select(b, condition, one, zero)
    a, c = b.constant(one), b.constant(zero)
    if a is not None and c is not None and a ^ c == ones(width) and a in (0, ones(width)):
        return b.op("sext", width, (condition if a else b.invert(condition),))
    if a is not None and c is not None and (a, c) in ((1, 0), (0, 1)):
        return b.op("zext", width, (condition if a else b.invert(condition),))
    equal = b.values[condition]
    if equal.opcode == "eq" and {one, zero} == set(equal.args):
        return zero
    return _merged_select(b, width, condition, one, zero)


def _narrowed(b: Builder, opcode: str, left: int, right: int) -> int | None:
    """Compare the values under two equal extensions instead."""
    width = b.width(left)
    signed = opcode == "slt"
    for kind in ("sext", "zext"):
        inner = [b.args(x)[0] if b.opcode(x) == kind else x for x in (left, right)]
        if not any(b.opcode(x) == kind for x in (left, right)):
            continue
        need = max((b.width(x) for x in inner if b.constant(x) is None), default=1)
        need += kind == "zext" and signed
        for x in inner:
            pattern = b.constant(x)
            if pattern is None:
                continue
            value = to_signed(pattern, width) if kind == "sext" else pattern
            need = max(need, (value if value >= 0 else ~value).bit_length() + (kind == "sext" or signed))
        extended = all(b.opcode(x) == kind or b.constant(x) is not None for x in (left, right))
        if need < width and extended:
            return b.op(opcode, 1, [b.extract(x, 0, need) for x in (left, right)])
    return None


def eq(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Equality with known bits decided, one-bit equality as a gate."""
    left, right = args
    if left == right:
        return b.const(1, 1)
    if b.bits[left][0] & b.bits[right][1] or b.bits[left][1] & b.bits[right][0]:
        return b.const(1, 0)
    if b.width(left) == 1:
        return b.invert(b.op("xor", 1, (left, right)))
    found = _narrowed(b, "eq", left, right)
    if found is not None:
        return found
    pattern, inner = b.constant(right), b.values[left]
    if pattern is not None and inner.opcode == "add" and b.constant(inner.args[1]) is not None:
        return b.op("eq", 1, (inner.args[0], b.const(inner.width, pattern - b.pattern(inner.args[1]))))
    return None


def ne(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Inequality is the complement of equality."""
    return b.invert(b.op("eq", 1, args))


def ule(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A <= b is not b < a."""
    return b.invert(b.op("ult", 1, (args[1], args[0])))


def sle(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """A <= b is not b < a."""
    return b.invert(b.op("slt", 1, (args[1], args[0])))


def ult(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Unsigned comparison with powers of two looks at the high bits only."""
    left, right = args
    own = b.width(left)
    if left == right or b.constant(right) == 0:
        return b.const(1, 0)
    if b.bits[left][1] >= ones(own) & ~b.bits[right][0]:
        return b.const(1, 0)
    if ones(own) & ~b.bits[left][0] < b.bits[right][1]:
        return b.const(1, 1)
    if b.constant(left) == 0:
        return b.invert(b.op("eq", 1, (right, left)))
    pattern = b.constant(right)
    if pattern is not None and pattern & (pattern - 1) == 0:
        low = pattern.bit_length() - 1
        return b.op("eq", 1, (b.extract(left, low, own - low), b.const(own - low, 0)))
    pattern = b.constant(left)
    if pattern is not None and (pattern + 1) & pattern == 0 and pattern != ones(own):
        low = pattern.bit_length()
        return b.invert(b.op("eq", 1, (b.extract(right, low, own - low), b.const(own - low, 0))))
    if b.opcode(left) == "sext" and b.opcode(right) == "sext":
        return None
    return _narrowed(b, "ult", left, right)


def slt(b: Builder, width: int, args: Args, attr: Attr) -> int | None:
    """Signed comparison with 0 is the sign; of values that are never negative it is the unsigned one."""
    left, right = args
    own = b.width(left)
    if left == right:
        return b.const(1, 0)
    if b.constant(right) == 0:
        return b.extract(left, own - 1, 1)
    if b.constant(left) == ones(own):
        return b.invert(b.extract(right, own - 1, 1))
    if b.bits[left][0] >> (own - 1) and b.bits[right][0] >> (own - 1):
        return b.op("ult", 1, args)
    return _narrowed(b, "slt", left, right)


RULES: dict[str, Rule] = {
    "and": and_,
    "or": or_,
    "xor": xor,
    "select": select,
    "eq": eq,
    "ne": ne,
    "ule": ule,
    "sle": sle,
    "ult": ult,
    "slt": slt,
}
