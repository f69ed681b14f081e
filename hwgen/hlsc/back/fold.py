# SPDX-License-Identifier: Apache-2.0
"""What each pure opcode of the IR computes, on Python integers: the one definition that every pass agrees with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

PURE = frozenset(
    {
        "add",
        "sub",
        "mul",
        "dsp",
        "and",
        "or",
        "xor",
        "shl",
        "lshr",
        "ashr",
        "eq",
        "ne",
        "ult",
        "ule",
        "slt",
        "sle",
        "select",
        "trunc",
        "zext",
        "sext",
        "concat",
        "extract",
    }
)
WIRES = frozenset({"trunc", "zext", "sext", "concat", "extract"})
COMPARES = frozenset({"eq", "ne", "ult", "ule", "slt", "sle"})
COMMUTATIVE = frozenset({"add", "mul", "and", "or", "xor", "eq", "ne"})


def ones(width: int) -> int:
    """Return the pattern of `width` one bits."""
    return (1 << width) - 1


def to_signed(pattern: int, width: int) -> int:
    """Return the two's complement meaning of a `width`-bit pattern."""
    return pattern - (1 << width) if pattern >> (width - 1) else pattern


def _concat(args: Sequence[int], widths: Sequence[int]) -> int:
    total = 0
    for value, width in zip(args, widths, strict=True):
        total = total << width | value
    return total


def _shift_left(value: int, amount: int, width: int) -> int:
    return 0 if amount >= width else value << amount


_BINARY: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, w: a + b,
    "sub": lambda a, b, w: a - b,
    "mul": lambda a, b, w: a * b,
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "shl": _shift_left,
    "lshr": lambda a, b, w: 0 if b >= w else a >> b,
    "ashr": lambda a, b, w: to_signed(a, w) >> min(b, w),
    "eq": lambda a, b, w: int(a == b),
    "ne": lambda a, b, w: int(a != b),
    "ult": lambda a, b, w: int(a < b),
    "ule": lambda a, b, w: int(a <= b),
    "slt": lambda a, b, w: int(to_signed(a, w) < to_signed(b, w)),
    "sle": lambda a, b, w: int(to_signed(a, w) <= to_signed(b, w)),
}


def evaluate(opcode: str, width: int, args: Sequence[int], widths: Sequence[int], attr: int | str | None) -> int:
    """Evaluate a pure opcode on unsigned bit patterns; the result is the unsigned pattern of `width` bits.

    Parameters
    ----------
    opcode, width, attr
        As in `ir.Value`; `opcode` is one of `PURE`.
    args, widths
        The arguments' patterns and their widths in bits.
    """
    binary = _BINARY.get(opcode)
    if binary is not None:
        return binary(args[0], args[1], widths[0]) & ones(width)
    if opcode == "dsp":
        wide = to_signed((args[0] - args[1]) & ones(widths[0]), widths[0])
        return wide * to_signed(args[2], widths[2]) & ones(width)
    if opcode == "select":
        return args[1] if args[0] else args[2]
    if opcode == "concat":
        return _concat(args, widths)
    if opcode == "sext":
        return to_signed(args[0], widths[0]) & ones(width)
    if opcode == "extract":
        assert isinstance(attr, int)
        return args[0] >> attr & ones(width)
    assert opcode in ("trunc", "zext"), opcode
    return args[0] & ones(width)
