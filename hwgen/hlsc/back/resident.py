# SPDX-License-Identifier: Apache-2.0
"""Products with one of a few constants: one table of the other factor and of the constant's address.

A LUT of six inputs that tells apart all values of a factor of k bits has 6 - k inputs to spare, which select among
2**(6 - k) constants: a product takes one LUT a bit, however many bits the constants have (LUTMUL, arXiv 2411.11852).
"""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.back.rows import Factor
from hwgen.packing import signed_bits, unsigned_bits


class Residents:
    """Looks products up in tables of their own; `tables` are those made so far, by their contents."""

    def __init__(self, roms: Sequence[ir.Rom], inputs: int) -> None:
        self._roms = {rom.name: rom for rom in roms}
        self._inputs = inputs
        self.tables: dict[tuple[int, tuple[int, ...]], ir.Rom] = {}

    def product(self, b: Builder, x: Factor, w: Factor) -> int | None:
        """Return x * w in the sum of their widths where w comes from a small table, else None."""
        value = b.values[w.value]
        low, word = (int(str(value.attr)), value.args[0]) if value.opcode == "extract" else (0, w.value)
        source = b.values[word]
        if source.opcode != "rom" or x.value == w.value or source.attr not in self._roms:
            return None
        address = source.args[0]
        bits = b.width(address)
        if x.width < 2 or x.width + bits > self._inputs:
            return None
        rom = self._roms[str(source.attr)]
        constants = [rom.words[i] >> low & ones(w.width) if i < len(rom.words) else 0 for i in range(1 << bits)]
        products = [
            (to_signed(c, w.width) if w.signed else c) * (to_signed(a, x.width) if x.signed else a)
            for c in constants
            for a in range(1 << x.width)
        ]
        least, most = min(products), max(products)
        width = signed_bits(least, most) if least < 0 else unsigned_bits(most)
        table = self._table(width, tuple(p & ones(width) for p in products))
        found = b.op("rom", width, (b.concat([address, x.value]),), table.name)
        return b.resize(found, x.width + w.width, least < 0)

    def _table(self, width: int, words: tuple[int, ...]) -> ir.Rom:
        key = (width, words)
        if key not in self.tables:
            number = len(self.tables)
            while f"product_{number}" in self._roms:
                number += 1
            self.tables[key] = ir.Rom(f"product_{number}", width, words)
            self._roms[f"product_{number}"] = self.tables[key]
        return self.tables[key]
