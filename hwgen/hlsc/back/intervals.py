# SPDX-License-Identifier: Apache-2.0
"""One value's facts: unsigned and signed interval and known bits, and how each opcode transforms them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import COMPARES, evaluate, ones, to_signed
from hwgen.hlsc.back.knownbits import computed_bits
from hwgen.packing import signed_bits, unsigned_bits


class Fact(NamedTuple):
    """Bounds of a pattern read as unsigned (`ulo`..`uhi`) and as signed (`slo`..`shi`), and its known bits."""

    ulo: int
    uhi: int
    slo: int
    shi: int
    zeros: int
    ones: int

    @property
    def unsigned_width(self) -> int:
        """Bits needed when the rest is filled with zeros."""
        return unsigned_bits(self.uhi)

    @property
    def signed_width(self) -> int:
        """Bits needed when the rest is filled with the sign."""
        return signed_bits(self.slo, self.shi)


@cache
def top(width: int) -> Fact:
    """Return what is known of any value of this width: nothing."""
    half = 1 << (width - 1)
    return Fact(0, ones(width), -half, half - 1, 0, 0)


def exact(pattern: int, width: int) -> Fact:
    """Return the facts of a constant."""
    signed = to_signed(pattern, width)
    return Fact(pattern, pattern, signed, signed, ~pattern & ones(width), pattern)


def words_fact(words: Sequence[int], width: int) -> Fact:
    """Return what holds for each word of a table."""
    signed = [to_signed(w, width) for w in words]
    one, any_one = words[0], 0
    for word in words:
        one, any_one = one & word, any_one | word
    return Fact(min(words), max(words), min(signed), max(signed), ones(width) & ~any_one, one)


def tighten(fact: Fact, width: int) -> Fact:
    """Let the three descriptions sharpen each other; an impossible fact (unreachable) is returned unsharpened."""
    ulo, uhi, slo, shi, zero, one = fact
    mask, half = ones(width), 1 << (width - 1)
    for _ in range(2):
        ulo, uhi = max(ulo, one), min(uhi, mask & ~zero)
        if uhi < half:
            slo, shi = max(slo, ulo), min(shi, uhi)
        elif ulo >= half:
            slo, shi = max(slo, ulo - mask - 1), min(shi, uhi - mask - 1)
        if slo >= 0:
            ulo, uhi = max(ulo, slo), min(uhi, shi)
        elif shi < 0:
            ulo, uhi = max(ulo, slo + mask + 1), min(uhi, shi + mask + 1)
        if ulo > uhi or slo > shi:
            return fact
        prefix = mask & ~ones((ulo ^ uhi).bit_length())
        zero, one = zero | (prefix & ~ulo), one | (prefix & ulo)
        if zero & one:
            return fact
    return Fact(ulo, uhi, slo, shi, zero, one)


def join(a: Fact, b: Fact) -> Fact:
    """Return what holds when either may."""
    return Fact(
        min(a.ulo, b.ulo), max(a.uhi, b.uhi), min(a.slo, b.slo), max(a.shi, b.shi), a.zeros & b.zeros, a.ones & b.ones
    )


def from_unsigned(low: int, high: int, width: int) -> Fact:
    """Return the facts of a value whose exact (unwrapped) result lies in low..high, or nothing if it may wrap."""
    mask = ones(width)
    if low >> width != high >> width:
        return top(width)
    half = 1 << (width - 1)
    return Fact(low & mask, high & mask, -half, half - 1, 0, 0)


def from_signed(low: int, high: int, width: int) -> Fact:
    """As `from_unsigned` for a signed result."""
    half = 1 << (width - 1)
    return top(width) if low < -half or high >= half else Fact(0, ones(width), low, high, 0, 0)


def meet(a: Fact, b: Fact) -> Fact:
    """Return what holds when both do."""
    return Fact(
        max(a.ulo, b.ulo), min(a.uhi, b.uhi), max(a.slo, b.slo), min(a.shi, b.shi), a.zeros | b.zeros, a.ones | b.ones
    )


def _arithmetic(opcode: str, a: Fact, b: Fact, width: int) -> Fact:
    if opcode == "add":
        return meet(
            from_unsigned(a.ulo + b.ulo, a.uhi + b.uhi, width), from_signed(a.slo + b.slo, a.shi + b.shi, width)
        )
    if opcode == "sub":
        return meet(
            from_unsigned(a.ulo - b.uhi, a.uhi - b.ulo, width), from_signed(a.slo - b.shi, a.shi - b.slo, width)
        )
    products = [x * y for x in (a.slo, a.shi) for y in (b.slo, b.shi)]
    return meet(from_unsigned(a.ulo * b.ulo, a.uhi * b.uhi, width), from_signed(min(products), max(products), width))


def _bitwise(opcode: str, a: Fact, b: Fact, width: int) -> Fact:
    need = max(a.signed_width, b.signed_width)
    found = from_signed(-(1 << (need - 1)), (1 << (need - 1)) - 1, width)
    if opcode == "and":
        return found._replace(uhi=min(a.uhi, b.uhi))
    return found._replace(ulo=max(a.ulo, b.ulo)) if opcode == "or" else found


def _shift(opcode: str, a: Fact, amount: Fact, width: int) -> Fact:
    least, most = min(amount.ulo, width), min(amount.uhi, width)
    if opcode == "shl":
        return from_unsigned(a.ulo << least, a.uhi << most, width) if a.uhi << most <= ones(width) else top(width)
    if opcode == "lshr":
        return from_unsigned(a.ulo >> most, a.uhi >> least, width)
    low = min(a.slo >> least, a.slo >> most)
    return from_signed(low, max(a.shi >> least, a.shi >> most), width)


def _wires(opcode: str, width: int, attr: int | str | None, args: Sequence[Fact], widths: Sequence[int]) -> Fact:
    a = args[0]
    if opcode == "zext":
        return from_unsigned(a.ulo, a.uhi, width)
    if opcode == "sext":
        return from_signed(a.slo, a.shi, width)
    if opcode == "concat":
        low = high = 0
        for fact, part in zip(args, widths, strict=True):
            low, high = low << part | fact.ulo, high << part | fact.uhi
        return from_unsigned(low, high, width)
    offset = attr if isinstance(attr, int) else 0
    found = from_unsigned(a.ulo >> offset, a.uhi >> offset, width)
    return meet(found, from_signed(a.slo >> offset, a.shi >> offset, width))


def _compare(opcode: str, a: Fact, b: Fact) -> Fact:
    if opcode in ("eq", "ne"):
        apart = a.uhi < b.ulo or b.uhi < a.ulo or a.shi < b.slo or b.shi < a.slo or a.zeros & b.ones or a.ones & b.zeros
        return exact(int(opcode == "ne"), 1) if apart else top(1)
    low, high = (a.ulo, a.uhi), (b.ulo, b.uhi)
    if opcode in ("slt", "sle"):
        low, high = (a.slo, a.shi), (b.slo, b.shi)
    least = evaluate("ult" if opcode in ("ult", "slt") else "ule", 1, [0, 0], [1, 1], None)
    always = low[1] < high[0] or (least and low[1] == high[0])
    never = low[0] > high[1] or (not least and low[0] == high[1])
    return exact(1, 1) if always else exact(0, 1) if never else top(1)


def transfer(value: ir.Value, args: Sequence[Fact], widths: Sequence[int], stored: Mapping[str, Fact]) -> Fact:
    """Return the facts of a value from those of its arguments.

    `stored` has those of "state name" and "ram name"; ROMs are the caller's business.
    """
    opcode, width = value.opcode, value.width
    if opcode in ("state", "rom", "ram"):
        return stored.get(f"{opcode} {value.attr}", top(width))
    if width > _REMEMBERED or max(widths, default=0) > _REMEMBERED:
        return _transfer(opcode, width, value.attr, tuple(args), tuple(widths))
    return _remembered(opcode, width, value.attr, tuple(args), tuple(widths))


def _transfer(opcode: str, width: int, attr: int | str | None, args: tuple[Fact, ...], widths: tuple[int, ...]) -> Fact:
    if opcode == "const":
        assert isinstance(attr, int)
        return exact(attr, width)
    if opcode in ("read", "valid"):
        return top(width)
    if opcode in COMPARES:
        return _compare(opcode, args[0], args[1])
    if opcode in ("add", "sub", "mul"):
        found = _arithmetic(opcode, args[0], args[1], width)
    elif opcode in ("and", "or", "xor"):
        found = _bitwise(opcode, args[0], args[1], width)
    elif opcode in ("shl", "lshr", "ashr"):
        found = _shift(opcode, args[0], args[1], width)
    elif opcode == "dsp":
        wide = _arithmetic("sub", args[0], args[1], widths[0])
        bounds = [x * y for x in (wide.slo, wide.shi) for y in (args[2].slo, args[2].shi)]
        found = from_signed(min(bounds), max(bounds), width)
    elif opcode == "select":
        found = join(args[1], args[2])
    else:
        found = _wires(opcode, width, attr, args, widths)
    zero, one = computed_bits(opcode, width, attr, [(a.zeros, a.ones) for a in args], widths)
    return tighten(Fact(found.ulo, found.uhi, found.slo, found.shi, zero, one), width)


_REMEMBERED = 64
"""Most bits of a value whose facts are kept: unrolled loops ask the same again and again."""
_remembered = lru_cache(maxsize=1 << 16)(_transfer)
