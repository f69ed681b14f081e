# SPDX-License-Identifier: Apache-2.0
"""Forward known-bits analysis of one value: which bits are always 0, which are always 1."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc.back.fold import WIRES, ones

Bits = tuple[int, int]
"""(mask of bits known to be 0, mask of bits known to be 1)."""


def sum_bits(a: Bits, b: Bits, carry: int, width: int) -> Bits:
    """Known bits of a + b + carry, by the smallest and the largest possible sum agreeing on a carry."""
    mask = ones(width)
    largest = (~a[0] & mask) + (~b[0] & mask) + carry
    smallest = a[1] + b[1] + carry
    carry_zero = ~(largest ^ a[0] ^ b[0])
    carry_one = smallest ^ a[1] ^ b[1]
    known = (a[0] | a[1]) & (b[0] | b[1]) & (carry_zero | carry_one) & mask
    return ~largest & known, smallest & known


def _trailing_zeros(bits: Bits, width: int) -> int:
    possible = ~bits[0] & ones(width)
    return (possible & -possible).bit_length() - 1 if possible else width


def _binary(opcode: str, a: Bits, b: Bits, width: int) -> Bits:
    mask = ones(width)
    if opcode == "and":
        return a[0] | b[0], a[1] & b[1]
    if opcode == "or":
        return a[0] & b[0], a[1] | b[1]
    if opcode == "xor":
        return (a[0] & b[0]) | (a[1] & b[1]), (a[0] & b[1]) | (a[1] & b[0])
    if opcode == "add":
        return sum_bits(a, b, 0, width)
    if opcode == "sub":
        return sum_bits(a, (b[1], b[0]), 1, width)
    low = min(width, _trailing_zeros(a, width) + _trailing_zeros(b, width))
    if opcode == "mul":
        return ones(low) & mask, 0
    return 0, 0


def _shift(opcode: str, a: Bits, width: int) -> Bits:
    if opcode == "shl":
        return ones(_trailing_zeros(a, width)), 0
    possible = ~a[0] & ones(width)
    leading = ones(width) & ~ones(possible.bit_length())
    return (leading, 0) if opcode == "lshr" or leading else (0, 0)


def _wires(opcode: str, width: int, attr: int | str | None, args: Sequence[Bits], widths: Sequence[int]) -> Bits:
    if opcode == "concat":
        zero = one = 0
        for (known_zero, known_one), part in zip(args, widths, strict=True):
            zero, one = zero << part | known_zero, one << part | known_one
        return zero, one
    (zero, one), own = args[0], widths[0]
    mask = ones(width)
    if opcode == "extract":
        assert isinstance(attr, int)
        return zero >> attr & mask, one >> attr & mask
    if opcode == "trunc":
        return zero & mask, one & mask
    high = mask & ~ones(own)
    if opcode == "zext":
        return zero | high, one
    return zero | (high if zero >> (own - 1) & 1 else 0), one | (high if one >> (own - 1) & 1 else 0)


def computed_bits(opcode: str, width: int, attr: int | str | None, args: Sequence[Bits], widths: Sequence[int]) -> Bits:
    """Return the known bits of a value that is no stored word from those of its arguments."""
    if opcode == "const":
        assert isinstance(attr, int)
        return ~attr & ones(width), attr
    if opcode in WIRES:
        return _wires(opcode, width, attr, args, widths)
    if opcode == "select":
        return args[1][0] & args[2][0], args[1][1] & args[2][1]
    if opcode in ("shl", "lshr", "ashr"):
        return _shift(opcode, args[0], width)
    if len(args) == 2 and width == widths[0]:
        return _binary(opcode, args[0], args[1], width)
    return 0, 0
