# SPDX-License-Identifier: Apache-2.0
"""Pure LLVM instructions as IR values; everything that only moves bits becomes wires."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.builder import Builder
from hwgen.hlsc.ir import Binding, Opcode

_SWAPPED: dict[str, Opcode] = {"ugt": "ult", "uge": "ule", "sgt": "slt", "sge": "sle"}
_PLAIN: dict[str, Opcode] = {"eq": "eq", "ne": "ne", "ult": "ult", "ule": "ule", "slt": "slt", "sle": "sle"}


class Refused(Exception):
    """An instruction outside the subset: the rule that it breaks, and the fix."""

    def __init__(self, rule: str, fix: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.fix = fix


def compare(builder: Builder, predicate: str, left: int, right: int) -> int:
    """Return `icmp predicate left, right`."""
    if predicate in _SWAPPED:
        return builder.make(_SWAPPED[predicate], 1, (right, left))
    return builder.make(_PLAIN[predicate], 1, (left, right))


def binary(builder: Builder, opcode: str, left: int, right: int, bind: Binding | None = None) -> int:
    """Return an LLVM binary instruction's value; both operands have the result's width, `bind` is for `mul`."""
    width = builder.width(left)
    number = builder.number(right)
    if opcode in ("udiv", "sdiv", "urem", "srem"):
        return _divide(builder, opcode, left, right)
    if opcode in ("shl", "lshr", "ashr") and number is not None:
        return shift(builder, opcode, left, min(number, width))
    if opcode == "and":
        return _and(builder, left, right)
    if opcode == "or":
        joined = _join(builder, left, right)
        if joined is not None:
            return joined
    opcodes: dict[str, Opcode] = {
        "add": "add", "sub": "sub", "mul": "mul", "or": "or", "xor": "xor", "shl": "shl", "lshr": "lshr", "ashr": "ashr"
    }  # fmt: skip
    return builder.make(opcodes[opcode], width, (left, right), bind=bind)


def shift(builder: Builder, opcode: str, value: int, amount: int) -> int:
    """Return a shift by a constant, as wires."""
    width = builder.width(value)
    if amount == 0:
        return value
    if opcode == "shl":
        if amount >= width:
            return builder.const(0, width)
        return builder.concat([builder.extract(value, 0, width - amount), builder.const(0, amount)])
    if amount >= width:
        if opcode == "lshr":
            return builder.const(0, width)
        amount = width - 1
    return builder.extend(builder.extract(value, amount, width - amount), width, opcode == "ashr")


def _and(builder: Builder, left: int, right: int) -> int:
    """Return a conjunction; a mask with few runs of ones is wires."""
    width = builder.width(left)
    if width == 1:
        return builder.both(left, right)
    if builder.number(left) is not None:
        left, right = right, left
    mask = builder.number(right)
    if mask is None or builder.number(left) is not None:
        return builder.make("and", width, (left, right))
    parts, at = [], 0
    while at < width:
        one = mask >> at & 1
        rest = (~mask if one else mask) >> at
        run = min(width - at, (rest & -rest).bit_length() - 1 if rest else width)
        parts.append(builder.extract(left, at, run) if one else builder.const(0, run))
        at += run
    return _wires(builder, parts)


def _wires(builder: Builder, parts: list[int]) -> int:
    """Return the concatenation of parts, least significant first; zeros on top become an extension."""
    width = sum(map(builder.width, parts))
    merged: list[int] = []
    for part in parts:
        if merged and builder.number(part) is not None and builder.number(merged[-1]) is not None:
            low, high = merged.pop(), part
            part = builder.make("concat", builder.width(low) + builder.width(high), (high, low))
        merged.append(part)
    if len(merged) > 1 and builder.number(merged[-1]) == 0:
        merged.pop()
    return builder.extend(builder.concat(merged[::-1]), width, False)


def _segments(builder: Builder, value: int) -> list[tuple[int, int]] | None:
    """Return a value as (width, value) pieces, least significant first, where some pieces are known zeros."""
    found = builder.values[value]
    if found.opcode == "concat":
        pieces: list[tuple[int, int]] = []
        for arg in reversed(found.args):
            pieces += _segments(builder, arg) or [(builder.width(arg), arg)]
        return pieces
    if found.opcode == "zext":
        inner = found.args[0]
        width = builder.width(inner)
        top = found.width - width
        return [*(_segments(builder, inner) or [(width, inner)]), (top, builder.const(0, top))]
    number = builder.number(value)
    if number is not None:
        pieces, at = [], 0
        while at < found.width:
            one = number >> at & 1
            rest = (~number if one else number) >> at
            run = min(found.width - at, (rest & -rest).bit_length() - 1 if rest else found.width)
            pieces.append((run, builder.const(ones(run) if one else 0, run)))
            at += run
        return pieces
    return None


def _join(builder: Builder, left: int, right: int) -> int | None:
    """Return left | right as wires where, bit by bit, at most one of them is not zero."""
    if builder.width(left) == 1:
        return builder.either(left, right)
    one, other = _segments(builder, left), _segments(builder, right)
    if one is None or other is None:
        return None
    parts: list[int] = []
    one, other = one[::-1], other[::-1]
    taken = [0, 0]
    while one and other:
        run = min(one[-1][0] - taken[0], other[-1][0] - taken[1])
        a, b = one[-1][1], other[-1][1]
        if builder.number(a) == 0:
            parts.append(builder.extract(b, taken[1], run))
        elif builder.number(b) == 0:
            parts.append(builder.extract(a, taken[0], run))
        else:
            return None
        for side, pieces in enumerate((one, other)):
            taken[side] += run
            if taken[side] == pieces[-1][0]:
                pieces.pop()
                taken[side] = 0
    return _wires(builder, parts)


def _divide(builder: Builder, opcode: str, left: int, right: int) -> int:
    """Return a division by a power of two."""
    number, width = builder.number(right), builder.width(left)
    if number is None or number & (number - 1) or number == 0 or (opcode[0] == "s" and number >> (width - 1)):
        what = "Division" if opcode.endswith("div") else "The remainder"
        raise Refused(
            f"{what} must be by a constant power of two.",
            "Count with a second variable that wraps around, or multiply by a constant and shift.",
        )
    amount = number.bit_length() - 1
    if opcode == "udiv":
        return shift(builder, "lshr", left, amount)
    if opcode == "urem":
        return binary(builder, "and", left, builder.const(number - 1, width))
    sign = shift(builder, "ashr", left, width - 1)
    rounded = builder.make("add", width, (left, shift(builder, "lshr", sign, width - amount)))
    if opcode == "sdiv":
        return shift(builder, "ashr", rounded, amount)
    return builder.make("sub", width, (left, binary(builder, "and", rounded, builder.const(-number, width))))


def intrinsic(builder: Builder, name: str, args: Sequence[int], result: int) -> int | None:
    """Return the value, `result` bits wide, of an LLVM intrinsic such as `umin`; None for one that is not known."""
    width = builder.width(args[0])
    zero = builder.const(0, width)
    if name in ("umin", "umax", "smin", "smax"):
        less = builder.make("ult" if name[0] == "u" else "slt", 1, (args[0], args[1]))
        small, large = (args[0], args[1]) if name.endswith("min") else (args[1], args[0])
        return builder.select(less, small, large)
    if name == "abs":
        negative = builder.make("slt", 1, (args[0], zero))
        return builder.select(negative, builder.make("sub", width, (zero, args[0])), args[0])
    if name == "usub":
        less = builder.make("ult", 1, (args[0], args[1]))
        return builder.select(less, zero, builder.make("sub", width, (args[0], args[1])))
    if name == "uadd":
        total = builder.make("add", width + 1, tuple(builder.extend(a, width + 1, False) for a in args[:2]))
        full = builder.const(-1, width)
        return builder.select(builder.extract(total, width, 1), full, builder.extract(total, 0, width))
    if name in ("ssub", "sadd"):
        return _saturate(builder, "sub" if name == "ssub" else "add", args)
    if name in ("fshl", "fshr"):
        return _funnel(builder, name, args)
    if name in ("ctpop", "ctlz", "cttz", "bswap", "bitreverse"):
        return _bits(builder, name, args[0])
    if name in ("ucmp", "scmp"):
        order: Opcode = "ult" if name == "ucmp" else "slt"
        more = builder.extend(builder.make(order, 1, (args[1], args[0])), result, False)
        return builder.select(builder.make(order, 1, (args[0], args[1])), builder.const(-1, result), more)
    return None


def _saturate(builder: Builder, opcode: Opcode, args: Sequence[int]) -> int:
    width = builder.width(args[0])
    total = builder.make(opcode, width + 1, tuple(builder.extend(a, width + 1, True) for a in args[:2]))
    sign, next_bit = builder.extract(total, width, 1), builder.extract(total, width - 1, 1)
    limit = builder.select(sign, builder.const(1 << (width - 1), width), builder.const(ones(width - 1), width))
    return builder.select(builder.make("xor", 1, (sign, next_bit)), limit, builder.extract(total, 0, width))


def _funnel(builder: Builder, name: str, args: Sequence[int]) -> int:
    width = builder.width(args[0])
    amount = builder.number(args[2])
    if amount is not None:
        amount %= width
        keep = width - amount if name == "fshl" else amount
        if keep in (0, width):
            return args[0] if name == "fshl" else args[1]
        return builder.concat([builder.extract(args[0], 0, keep), builder.extract(args[1], keep, width - keep)])
    if width & (width - 1):
        raise Refused(
            f"Rotation of {width} bits by a variable has no hardware form.", "Rotate words of 2, 4, 8, 16, ... bits."
        )
    short = builder.extract(args[2], 0, max(1, width.bit_length() - 1))
    both = builder.concat([args[0], args[1]])
    moved = builder.make("shl" if name == "fshl" else "lshr", 2 * width, (both, short))
    return builder.extract(moved, width if name == "fshl" else 0, width)


def _bits(builder: Builder, name: str, value: int) -> int:
    width = builder.width(value)
    if name in ("bswap", "bitreverse"):
        step = 8 if name == "bswap" else 1
        return builder.concat([builder.extract(value, at, step) for at in range(0, width, step)])
    pieces = [builder.extract(value, at, 1) for at in range(width)]
    if name == "ctpop":
        while len(pieces) > 1:
            size = builder.width(pieces[0]) + 1
            wide = [builder.extend(p, size, False) for p in pieces]
            if len(wide) % 2:
                wide.append(builder.const(0, size))
            pieces = [builder.make("add", size, (a, b)) for a, b in zip(wide[::2], wide[1::2], strict=True)]
        return builder.extend(pieces[0], width, False)
    result = builder.const(width, width)
    order = enumerate(reversed(pieces)) if name == "ctlz" else enumerate(pieces)
    for count, piece in reversed(list(order)):
        result = builder.select(piece, builder.const(count, width), result)
    return result
