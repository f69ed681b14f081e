# SPDX-License-Identifier: Apache-2.0
"""Products of two variables as chains of adders, each of which adds one digit's multiple of the other factor.

Booth's digits of a signed factor w are -2 w[p+1] + w[p] + w[p-1], p = 0, 2, 4 ...: -2..2. The multiple of x that a
digit asks for is 0, x or 2x, complemented where the digit is negative: five inputs a bit, so that a LUT of six inputs
computes it and adds it to the running sum; the carry in completes the complement. What lies below a digit is finished
and leaves the chain, which stays as wide as x and two bits. A product of n x m bits takes about (n + 2) * m / 2 LUTs.
(A. D. Booth, A signed binary multiplication technique, 1951; two bits at a time after O. L. MacSorley, 1961.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hwgen.hlsc.back.build import Builder


@dataclass(frozen=True)
class Factor:
    """A factor without its extension: new value id, width, signedness."""

    value: int
    width: int
    signed: bool


LookUp = Callable[[Builder, Factor, Factor], int]
"""Returns a product that a table gives."""


def _digit_bits(w: Factor) -> int:
    return max(2, w.width + (not w.signed))


def _low_bits(x: Factor, w: Factor, inputs: int) -> int:
    """Return how many of the lowest bits of w come first: as many as a table can take, else none or one."""
    bits = _digit_bits(w)
    sizes = (k for k in range(2, w.width) if (bits - k) % 2 == 0 and x.width + k <= inputs)
    return max(sizes, default=bits % 2)


def cost(x: Factor, w: Factor, inputs: int) -> int:
    """Return about how many LUTs of so many inputs x * w takes with digits of w."""
    low = _low_bits(x, w, inputs)
    first = x.width + low if low > 1 else low * x.width
    return first + adders(x, w, inputs) * (x.width + 2)


def adders(x: Factor, w: Factor, inputs: int) -> int:
    """Return how many adders in a row x * w takes with digits of w."""
    return (_digit_bits(w) - _low_bits(x, w, inputs)) // 2


def _add_row(b: Builder, total: int, x: Factor, digit: tuple[int, int, int]) -> int:
    """Return total + x * digit in the total's width; `digit` is the bits of weights -2, 1 and 1."""
    negative, one, other = digit
    width = b.width(total)
    single = b.resize(x.value, width, x.signed)
    double = b.op("shl", width, (single, b.const(width, 1)))
    even = b.op("select", width, (b.op("xor", 1, (negative, one)), double, b.const(width, 0)))
    magnitude = b.op("select", width, (b.op("xor", 1, (one, other)), single, even))
    multiple = b.op("xor", width, (magnitude, b.resize(negative, width, True)))
    # the carry in is an extra lowest bit of both operands, which costs no LUT when it is the same in both
    wide = b.op("add", width + 1, (b.concat([total, negative]), b.concat([multiple, negative])))
    return b.extract(wide, 1, width)


def product(b: Builder, x: Factor, w: Factor, width: int, inputs: int = 0, look_up: LookUp | None = None) -> int:
    """Return x * w modulo 2**width by the digits of w.

    Parameters
    ----------
    b
        Receives the values.
    x, w
        The factors.
    width
        Bits of the result; at most the sum of the factors' bits.
    inputs, look_up
        Inputs of a LUT and what gives a product of so many bits from a table; without them there are no tables.
    """
    bits, low = _digit_bits(w), _low_bits(x, w, inputs)
    factor = b.resize(w.value, bits, w.signed)
    digits = [b.extract(factor, k, 1) for k in range(bits)]
    total, signed, below = b.const(x.width, 0), x.signed, b.const(1, 0)
    if low > 1 and look_up is not None:
        total = look_up(b, x, Factor(b.extract(w.value, 0, low), low, False))
    elif low:
        total = b.op("select", x.width, (digits[0], x.value, total))
    finished, parts = low, []
    for place in range(low, min(bits, width), 2):
        parts += [b.extract(total, 0, finished)] if finished else []
        upper = min(x.width + 2, width - place)
        rest = b.width(total) - finished
        running = b.resize(b.extract(total, finished, rest), upper, signed) if rest > 0 else b.const(upper, 0)
        total = _add_row(b, running, x, (digits[place + 1], digits[place], below))
        finished, signed, below = 2, True, digits[place + 1]
    return b.resize(b.concat([total, *parts[::-1]]), width, x.signed or w.signed)


def multiple(b: Builder, value: int, factor: int) -> int:
    """Return value * factor modulo its width, as sums of shifted values; few digits of the factor are not 0."""
    width = b.width(value)
    total, place = b.const(width, 0), 0
    while factor and place < width:
        digit = 2 - factor % 4 if factor % 2 else 0
        if digit:
            shifted = b.op("shl", width, (value, b.const(width, place)))
            total = b.op("add" if digit > 0 else "sub", width, (total, shifted))
        factor, place = (factor - digit) >> 1, place + 1
    return total
