# SPDX-License-Identifier: Apache-2.0
"""Products in LUTs: small ones as a table and an adder, others as rows of digits (see `rows`).

A product with one of a few constants is one table (see `resident`). Up to 4 x 4 bits, a table of the factor and two
bits, and one adder whose LUTs do the rest. A factor w = 4 * high + low, low = 0..3, high = -2..1 (signed w) or 0..3.
x * low is a table of at most six inputs; x * high is 0, x or 2x, complemented where negative, which fits into the LUTs
of the adder that joins the two. A 4 x 4 bit product takes 13 LUTs instead of 24.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.dsp import looping
from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.back.resident import Residents
from hwgen.hlsc.back.rows import Factor, adders, cost, multiple, product
from hwgen.hlsc.back.share import shareable
from hwgen.packing import signed_bits, unsigned_bits

_TABLE_INPUTS = 6
_DIGIT = 2


def _table_name(x: Factor, w: Factor) -> str:
    return f"times_{'us'[x.signed]}{x.width}_{'us'[w.signed]}{w.width}"


def _table(x: Factor, w: Factor) -> ir.Rom:
    """Return the table of x * w at the address {w, x}."""
    products = [
        (to_signed(b, w.width) if w.signed else b) * (to_signed(a, x.width) if x.signed else a)
        for b in range(1 << w.width)
        for a in range(1 << x.width)
    ]
    signed = x.signed or w.signed
    width = signed_bits(min(products), max(products)) if signed else unsigned_bits(max(products))
    return ir.Rom(_table_name(x, w), width, tuple(p & ones(width) for p in products))


class _Multiplier:
    """Translates products; those in `kept` stay."""

    def __init__(self, process: ir.Process, model: DelayModel, kept: Container[int]) -> None:
        self.process = process
        self.model = model
        self.inputs = model.family.inputs
        self.kept = kept
        self.stuck = looping(process)
        self.residents = Residents(process.roms, self.inputs)

    def translate(self, b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        impl = value.bind.impl if value.bind else ""
        if value.opcode == "mul" and impl != "dsp" and value.id not in self.kept:
            found = self._lowered(b, value, args, impl == "fabric")
            if found is not None:
                return found
        return b.op(value.opcode, value.width, args, value.attr)

    def _lowered(self, b: Builder, value: ir.Value, args: Sequence[int], always: bool) -> int | None:
        """Return a product as tables and adders, or None where a multiplier is better and not forbidden."""
        x, w = (self._factor(b, a) for a in args)
        if x is None or w is None:
            variable, constant = args if w is None else args[::-1]
            return multiple(b, variable, to_signed(b.pattern(constant), value.width)) if always else None
        found = None
        if self.inputs >= _TABLE_INPUTS:
            ways = (self.residents.product(b, x, w), self.residents.product(b, w, x))
            found = next((way for way in ways if way is not None), None)
            found = self._small(b, x, w) if found is None else found
        if found is None:
            x, w = min((x, w), (w, x), key=lambda pair: cost(pair[0], pair[1], self.inputs))
            if (
                not always
                and value.id in self.stuck
                and self._delay(x, w) > self.model.multiplier(b.values, replace(value, args=tuple(args)))
            ):
                return None
            found = product(b, x, w, min(value.width, x.width + w.width), self.inputs, self._look_up)
        return b.resize(found, value.width, x.signed or w.signed)

    def _delay(self, x: Factor, w: Factor) -> float:
        return self.model.family.level + adders(x, w, self.inputs) * self.model.adder(x.width + 3)

    @staticmethod
    def _factor(b: Builder, index: int) -> Factor | None:
        value = b.values[index]
        if value.opcode == "const":
            return None
        if value.opcode in ("zext", "sext"):
            return Factor(value.args[0], b.width(value.args[0]), value.opcode == "sext")
        return Factor(index, value.width, True)

    def _look_up(self, b: Builder, x: Factor, w: Factor) -> int:
        table = _table(x, w)
        return b.op("rom", table.width, (b.concat([w.value, x.value]),), table.name)

    def _small(self, b: Builder, x: Factor, w: Factor) -> int | None:
        """Return x * w exactly, in the sum of their widths, or None where this is no gain."""
        if x.value == w.value or min(x.width, w.width) < _DIGIT:
            return None
        if not w.signed or w.width <= _DIGIT:
            x, w = w, x
        width = x.width + w.width
        if width <= _TABLE_INPUTS:
            return b.resize(self._look_up(b, x, w), width, x.signed or w.signed)
        if x.width > _TABLE_INPUTS - _DIGIT or not _DIGIT < w.width <= 2 * _DIGIT:
            return None
        low = self._look_up(b, x, Factor(b.extract(w.value, 0, _DIGIT), _DIGIT, False))
        high = Factor(b.extract(w.value, _DIGIT, w.width - _DIGIT), w.width - _DIGIT, w.signed)
        upper = width - _DIGIT
        shifted = b.resize(b.extract(low, _DIGIT, b.width(low) - _DIGIT), upper, x.signed)
        if w.signed:
            total = self._add_digit(b, shifted, x, high, upper)
        else:
            row = self._look_up(b, x, high) if high.width > 1 else self._gate(b, x, high.value)
            total = b.op("add", upper, (shifted, b.resize(row, upper, x.signed)))
        return b.concat([total, b.extract(low, 0, _DIGIT)])

    @staticmethod
    def _gate(b: Builder, x: Factor, bit: int) -> int:
        return b.op("select", x.width, (bit, x.value, b.const(x.width, 0)))

    def _add_digit(self, b: Builder, total: int, x: Factor, digit: Factor, width: int) -> int:
        """Return total + x * digit, digit a signed number of one or two bits."""
        negative = b.extract(digit.value, digit.width - 1, 1)
        single = b.resize(x.value, width, x.signed)
        zero = b.const(width, 0)
        if digit.width == 1:
            magnitude = b.op("select", width, (negative, single, zero))
        else:
            double = b.op("shl", width, (single, b.const(width, 1)))
            even = b.op("select", width, (negative, double, zero))
            magnitude = b.op("select", width, (b.extract(digit.value, 0, 1), single, even))
        row = b.op("xor", width, (magnitude, b.op("sext", width, (negative,))))
        # the carry in is an extra lowest bit of both operands, which costs no LUT when it is the same in both
        wide = b.op("add", width + 1, (b.concat([total, negative]), b.concat([row, negative])))
        return b.extract(wide, 1, width)


def lower_products(process: ir.Process, model: DelayModel) -> ir.Process:
    """Return the process with products of two variables written as tables and adders.

    Multiplications stay that multiplier blocks are bound to, that may share a multiplier, that are with constants, and
    those in a recurrence that a multiplier makes faster; but none that is bound to the fabric.
    """
    if not any(v.opcode == "mul" for v in process.values):
        return process
    multiplier = _Multiplier(process, model, shareable(process))
    sizes = range(1, _TABLE_INPUTS)
    tables = [
        _table(Factor(0, a, s), Factor(0, c, t))
        for a in sizes
        for c in sizes
        if a + c <= model.family.inputs
        for s in (False, True)
        for t in (False, True)
    ]
    present = {r.name for r in process.roms}
    roms = (*process.roms, *(t for t in tables if t.name not in present))
    lowered = rebuild(replace(process, roms=roms), multiplier.translate)
    return replace(lowered, roms=(*lowered.roms, *multiplier.residents.tables.values()))
