# SPDX-License-Identifier: Apache-2.0
"""Compute every value, state register, RAM and ROM word in as few bits as its range and its uses allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.demand import demanded
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.back.intervals import Fact, words_fact
from hwgen.hlsc.back.knownbits import Bits
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.back.ranges import Ranges

_LOW_BITS_ONLY = frozenset({"add", "sub", "mul", "and", "or", "xor", "select"})
_SHIFTS = frozenset({"shl", "lshr", "ashr"})
_SHORTER = _LOW_BITS_ONLY | _SHIFTS


class Form(NamedTuple):
    """How a word is kept: the low `width` bits, the rest filled with zeros or the sign."""

    width: int
    signed: bool


def form(fact: Fact, mask: int, width: int) -> Form:
    """Return the smallest form of a value with these facts, of which the bits in `mask` matter."""
    unsigned, signed, wanted = fact.unsigned_width, fact.signed_width, max(1, mask.bit_length())
    best = min(width, unsigned, signed, wanted)
    return Form(best, best < unsigned and best >= signed)


class _Narrower:
    def __init__(self, process: ir.Process) -> None:
        self.process = process
        ranges = Ranges(process)
        self.facts = ranges.facts
        self.stored = ranges.stored
        self.masks = demanded(process, self.facts)
        self.storage = self._storage()

    def _storage(self) -> dict[str, Form]:
        masks: dict[str, int] = {}
        facts: dict[str, Fact] = dict(self.stored)
        widths: dict[str, int] = {}
        for value in self.process.values:
            if value.opcode in ("state", "ram", "rom"):
                key = f"{value.opcode} {value.attr}"
                masks[key] = masks.get(key, 0) | self.masks[value.id]
                widths[key] = value.width
        for rom in self.process.roms:
            facts[f"rom {rom.name}"] = words_fact(rom.words, rom.width)
        return {key: form(facts[key], mask, widths[key]) for key, mask in masks.items()}

    def bits(self) -> Mapping[str, Bits]:
        """Return the known bits of every stored word in its new width."""
        known: dict[str, Bits] = {}
        for key, kept in self.storage.items():
            fact = self.stored.get(key)
            if fact is not None:
                known[key] = (fact.zeros & ones(kept.width), fact.ones & ones(kept.width))
        return known

    def translate(self, b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        """Rebuild a value in its smallest form, extended again to its old width."""
        fact, width = self.facts[value.id], value.width
        if value.opcode != "const" and (fact.ulo == fact.uhi or not self.masks[value.id]) and value.opcode != "read":
            return b.const(width, fact.ulo if self.masks[value.id] else 0)
        if value.opcode in ("state", "ram", "rom"):
            kept = self.storage[f"{value.opcode} {value.attr}"]
            return b.resize(b.op(value.opcode, kept.width, args, value.attr), width, kept.signed)
        kept = form(fact, self.masks[value.id], width) if value.opcode in _SHORTER else Form(width, False)
        if value.opcode in _LOW_BITS_ONLY and kept.width < width:
            low = [
                a if b.width(a) == 1 and i == 0 and value.opcode == "select" else b.extract(a, 0, kept.width)
                for i, a in enumerate(args)
            ]
            return b.resize(b.op(value.opcode, kept.width, low), width, kept.signed)
        if value.opcode in _SHIFTS:
            return self._shift(b, value, args, kept)
        if value.opcode in ("eq", "ult", "slt"):
            return self._compare(b, value, args)
        return b.op(value.opcode, width, args, value.attr)

    def _shift(self, b: Builder, value: ir.Value, args: Sequence[int], kept: Form) -> int:
        """Shift in the width of what is shifted (right) or of what is wanted (left), by an amount of its true width."""
        source, amount = (self.facts[a] for a in value.args)
        by = b.extract(args[1], 0, min(amount.unsigned_width, b.width(args[1])))
        width = kept.width
        if value.opcode == "lshr":
            width = source.unsigned_width
        elif value.opcode == "ashr":
            width = source.signed_width
        width = min(width, value.width)
        shifted = b.op(value.opcode, width, (b.extract(args[0], 0, width), by))
        signed = kept.signed if value.opcode == "shl" else value.opcode == "ashr"
        return b.resize(shifted, value.width, signed)

    def _compare(self, b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        facts = [self.facts[a] for a in value.args]
        own = b.width(args[0])
        unsigned = max(f.unsigned_width for f in facts)
        signed = max(f.signed_width for f in facts)
        if value.opcode == "eq":
            width = min(own, unsigned, signed)
        else:
            width = min(own, unsigned if value.opcode == "ult" else signed)
        return b.op(value.opcode, 1, [b.extract(a, 0, width) for a in args])


def narrow(process: ir.Process) -> ir.Process:
    """Return an equivalent process in which no word is wider than its range and its uses need.

    Streams keep their widths. RAM words that were never written are taken as unreachable, as the subset demands.
    """
    narrower = _Narrower(process)
    widths = {key: kept.width for key, kept in narrower.storage.items()}
    return rebuild(process, narrower.translate, narrower.bits(), widths)
