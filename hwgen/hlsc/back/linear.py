# SPDX-License-Identifier: Apache-2.0
"""Leaves of sums as constant multiples: factor * value, through products, shifts, negations and extensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.back.intervals import Fact

_MOST = 64
"""Terms into which one leaf may come apart."""


@dataclass(frozen=True)
class Multiple:
    """factor * value modulo 2**width, the value read as signed or unsigned number of its own width.

    Where a value is not narrower than what counts of it, its sign does not matter.
    """

    factor: int
    value: int
    signed: bool


class Linear:
    """Finds multiples in a process whose values have the given facts."""

    def __init__(self, process: ir.Process, facts: Sequence[Fact]) -> None:
        self.values = process.values
        self.facts = facts

    def constant(self, index: int, signed: bool = True) -> int | None:
        """Return a constant's pattern, read as signed or not, else None."""
        value = self.values[index]
        if value.opcode != "const" or not isinstance(value.attr, int):
            return None
        return to_signed(value.attr, value.width) if signed else value.attr

    def amount(self, found: Multiple) -> int:
        """Return what a multiple of a constant adds to a sum, 0 for any other."""
        return found.factor * (self.constant(found.value, found.signed) or 0)

    def multiples(self, index: int, width: int, signed: bool, negative: bool) -> list[Multiple]:
        """Return a value, extended to `width` bits and perhaps negated, as the sum of multiples of simpler ones."""
        done: list[Multiple] = []
        work = [Multiple(-1 if negative else 1, index, signed)]
        while work and len(done) + len(work) <= _MOST:
            found = work.pop()
            deeper = self._step(found, width)
            if deeper is not None:
                work.append(deeper)
                continue
            terms = self._terms(found, width)
            if terms:
                work += terms
            else:
                done.append(found)
        return done + work

    def _terms(self, found: Multiple, width: int) -> list[Multiple]:
        """Return the two terms of a sum that does not wrap where that would count."""
        value = self.values[found.value]
        if value.opcode not in ("add", "sub"):
            return []
        whole = value.width + _zeros(found.factor) >= width
        if not whole and not never_wraps(value, [self.facts[a] for a in value.args], found.signed):
            return []
        second = -found.factor if value.opcode == "sub" else found.factor
        return [replace(found, value=value.args[0]), Multiple(second, value.args[1], found.signed)]

    def _step(self, found: Multiple, width: int) -> Multiple | None:
        value = self.values[found.value]
        whole = value.width + _zeros(found.factor) >= width
        if value.opcode in ("zext", "sext"):
            extended = value.opcode == "sext"
            if extended and not found.signed and not whole:
                return None
            return replace(found, value=value.args[0], signed=extended)
        if value.opcode == "concat" and len(value.args) == 2 and self.constant(value.args[1]) == 0:
            amount = self.values[value.args[1]].width
            return replace(found, factor=found.factor << amount, value=value.args[0])
        if value.opcode == "mul":
            factor = self.constant(value.args[1])
            if factor is None:
                return None
            return self._product(found, value, factor, whole)
        if value.opcode == "sub" and self.constant(value.args[0]) == 0:
            inner = value.args[1]
            return self._scaled(found, value, inner, -1, whole)
        return None

    def _product(self, found: Multiple, value: ir.Value, factor: int, whole: bool) -> Multiple | None:
        for pattern in (factor, factor & ones(value.width)):
            deeper = self._scaled(found, value, value.args[0], pattern, whole)
            if deeper is not None:
                return deeper
        return None

    def _scaled(self, found: Multiple, value: ir.Value, inner: int, factor: int, whole: bool) -> Multiple | None:
        """Return the multiple of `inner` if value = factor * inner also as numbers, or where only patterns count."""
        if whole:
            return Multiple(found.factor * factor, inner, found.signed)
        low, high = (-(1 << value.width - 1), ones(value.width - 1)) if found.signed else (0, ones(value.width))
        fact = self.facts[inner]
        for signed, least, most in ((True, fact.slo, fact.shi), (False, fact.ulo, fact.uhi)):
            products = (least * factor, most * factor)
            if low <= min(products) and max(products) <= high:
                return Multiple(found.factor * factor, inner, signed)
        return None

    def bits(self, found: Multiple, width: int) -> tuple[int, bool]:
        """Return how many bits of the value count, and whether the highest of them is a sign."""
        fact, own = self.facts[found.value], self.values[found.value].width
        needed = width - _zeros(found.factor)
        whole = own >= needed
        if not whole and not found.signed:
            return min(fact.unsigned_width, own), False
        if fact.slo >= 0:
            return min(fact.unsigned_width, needed), False
        if whole and fact.signed_width >= min(fact.unsigned_width, needed):
            return min(fact.unsigned_width, needed), False
        return fact.signed_width, True


def never_wraps(value: ir.Value, args: Sequence[Fact], signed: bool) -> bool:
    """Tell whether a sum of arguments with these facts, read as signed or not, always fits the value's width."""
    a, c = args
    if signed:
        low, high = (a.slo + c.slo, a.shi + c.shi) if value.opcode == "add" else (a.slo - c.shi, a.shi - c.slo)
        return low >= -1 << (value.width - 1) and high < 1 << (value.width - 1)
    if value.opcode == "add":
        return a.uhi + c.uhi <= ones(value.width)
    return a.ulo >= c.uhi


def _zeros(factor: int) -> int:
    return (factor & -factor).bit_length() - 1 if factor else 0
