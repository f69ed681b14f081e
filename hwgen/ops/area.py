# SPDX-License-Identifier: Apache-2.0
"""What a kernel is made of, and what each part costs: estimates of LUTs, registers and block RAM.

A kernel lists its parts in amounts that its settings give exactly (bits of counters, bits added, bits stored). The
price of one unit of a part stands in ``area.yaml``, by kernel and by size of the family's LUTs;
``make calibrate`` finds the prices from what Yosys counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil
from pathlib import Path

import numpy as np
import yaml

from hwgen.graph import Ints
from hwgen.hw import Board, Family, Resources, Storage

PRICES = Path(__file__).parent / "area.yaml"
LUT_INPUTS: Mapping[Family, int] = {"xcup": 6, "xc7": 6, "ecp5": 4, "ice40": 4}
CELLS_OF_REGISTERS: Mapping[Family, float] = {"ice40": 0.75}
"""Share of the registers that take the place of a LUT, where a cell has one of each: not behind a LUT of their own."""
FREE_WORDS = {6: 256, 4: 64}
"""Words of a table of one bit that the multiplexers beside the LUTs choose among, by the LUTs' inputs."""
LUTS_PER_BLOCK = 150
ABSORBED = 16
SMALL_RAM, LARGE_RAM = 1 << 10, 1 << 15
"""Bits up to which a RAM is always in LUTs, and from which UltraRAM is worth a look."""


@dataclass(frozen=True)
class Parts:
    """What a kernel is made of.

    Parameters
    ----------
    lut, ff
        Amount of every part that costs LUTs, and of every part that costs registers.
    bram36
        Block RAMs, a half for 18 Kbit.
    dsp, uram
        Multiplier blocks and UltraRAMs.
    """

    lut: Mapping[str, float]
    ff: Mapping[str, float]
    bram36: float = 0.0
    dsp: int = 0
    uram: int = 0


@cache
def prices() -> dict[str, dict[str, dict[str, float]]]:
    """Return LUTs or registers for one unit of a part: ``prices()[kernel]["lut6" | "lut4" | "ff6" | "ff4"][part]``."""
    found: dict[str, dict[str, dict[str, float]]] = yaml.safe_load(PRICES.read_text(encoding="utf-8"))
    return found


def price_list(resource: str, family: Family) -> str:
    """Return the name of the price list of ``lut`` or ``ff`` for a family."""
    return f"{resource}{LUT_INPUTS[family]}"


def priced(kernel: str, family: Family, parts: Parts) -> Resources:
    """Return what the parts of a kernel cost; without a price list of its own, every unit of a part costs one."""
    lists = prices().get(kernel)
    lut, ff = (
        sum(price[part] * amount for part, amount in amounts.items()) if price else sum(amounts.values())
        for price, amounts in (
            (lists[price_list("lut", family)] if lists else None, parts.lut),
            (lists[price_list("ff", family)] if lists else None, parts.ff),
        )
    )
    lut += CELLS_OF_REGISTERS.get(family, 0.0) * ff
    return Resources(round(lut), round(ff), parts.dsp, parts.bram36, parts.uram)


def index_bits(extent: int) -> int:
    """Return the bits of a counter with `extent` values."""
    return max(0, extent - 1).bit_length()


def counter_bits(*extents: int) -> float:
    """Return the bits of some counters together."""
    return float(sum(map(index_bits, extents)))


def counting(*extents: int) -> dict[str, float]:
    """Return the parts of some counters; one that starts over before its bits run out has a multiplexer a bit."""
    return {"counters": counter_bits(*extents), "wraps": counter_bits(*(n for n in extents if n & (n - 1)))}


NOT_COUNTING: Mapping[str, float] = {"counters": 0.0, "wraps": 0.0}
"""The parts of `counting` where nothing is counted."""


def shift_adders(factors: Iterable[int]) -> int:
    """Return the adders that multiplications by these constants take: one fewer than each has ones."""
    return sum(max(0, abs(int(factor)).bit_count() - 1) for factor in factors)


# Memories -----------------------------------------------------------------------------------------------------------


def rom_luts(depth: int, width: int, family: Family = "xcup") -> int:
    """Return the LUTs of a table kept apart from the logic around it; the multiplexers beside the LUTs are free."""
    inputs = LUT_INPUTS[family]
    return 0 if depth <= 1 else width * (ceil(depth / (1 << inputs)) + ceil(depth / FREE_WORDS[inputs]) - 1)


def table_luts(words: Ints, bits: int, family: Family = "xcup") -> int:
    """Return the LUTs of a table whose contents are known: pieces that recur or never change are cheap.

    Parameters
    ----------
    words
        Its words, (depth,), of which the lowest `bits` bits are kept.
    """
    inputs, depth = LUT_INPUTS[family], len(words)
    size, shared = min(1 << inputs, 1 << index_bits(depth)), inputs == 6
    padded = np.concatenate([words, np.full(-depth % size, words[-1], dtype=np.int64)])
    luts = 0
    for bit in range(bits):
        column = np.packbits((padded >> bit & 1).astype(np.uint8).reshape(-1, size), axis=1)
        luts += _pieces_luts([row.tobytes() for row in column], FREE_WORDS[inputs] // size, shared)
    return luts


def _pieces_luts(pieces: list[bytes], side_by_side: int, shared: bool) -> int:
    """Return the LUTs of one bit of a table: those of a group's differing pieces, a few groups chosen among.

    Small LUTs feed the multiplexers beside them alone: no piece is shared between groups.
    """
    trivial = {bytes(len(pieces[0])), b"\xff" * len(pieces[0])}
    groups = {tuple(pieces[i : i + side_by_side]) for i in range(0, len(pieces), side_by_side)}
    luts, known = min(len(groups), len(set(pieces))) - 1, trivial
    for group in sorted(groups):
        own = len(set(group) - known)
        luts += min(len(group), own + (len(set(group)) > 1 and own > 0))
        known = known | set(group) if shared else known
    return luts


def ram_luts(depth: int, width: int, family: Family = "xcup") -> int:
    """Return the LUTs of a LUT RAM with its read multiplexers, and on AMD parts what chooses the bank to write.

    On AMD parts 8 LUTs hold 14 bits by 32 words or 7 bits by 64 words; on ECP5 4 LUTs hold 4 bits by 16 words. On iCE40
    there are none: a register for every bit takes the place of a LUT, and two LUTs choose among four.
    """
    if family == "ice40":
        return width * (depth + ceil(2 * (depth - 1) / 3))
    if family == "ecp5":
        banks = ceil(depth / 16)
        return 4 * ceil(width / 4) * banks + width * (banks - 1)
    banks = ceil(depth / 64)
    bits = 14 if depth <= 32 else 7
    return 8 * ceil(width / bits) * banks + width * ceil((banks - 1) / 3) + (banks if banks > 1 else 0)


def blocks(depth: int, width: int) -> int:
    """Return the 18 Kbit block RAMs by which the compiler decides where a memory lives."""
    return max(ceil(width / 36), ceil(width * depth / (18 * 1024)))


def _in_block(luts: int, depth: int, width: int) -> bool:
    return luts > LUTS_PER_BLOCK * blocks(depth, width)


SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
SMALL_SHAPES = ((256, 16), (512, 8), (1024, 4), (2048, 2))
"""Words and bits of a block of 18 Kbit, and of one of 4 Kbit."""


def mapped_blocks(depth: int, width: int, family: Family = "xcup") -> float:
    """Return the 36 Kbit block RAMs that synthesis spends: the cheapest of the shapes that a block can take."""
    blocks, _ = _cheapest_blocks(depth, width, family)
    return blocks / (9 if family == "ice40" else 2)


def banks_luts(depth: int, width: int, family: Family = "xcup") -> int:
    """Return the LUTs that choose among the blocks of a memory that is deeper than one of them."""
    _, banks = _cheapest_blocks(depth, width, family)
    return (banks - 1) * width * (1 if LUT_INPUTS[family] == 6 else 2)


def _cheapest_blocks(depth: int, width: int, family: Family) -> tuple[int, int]:
    """Return the blocks of a memory, and how many of them are one behind the other."""
    shapes = SMALL_SHAPES if family == "ice40" else SHAPES
    return min((ceil(depth / rows) * ceil(width / bits), ceil(depth / rows)) for rows, bits in shapes)


def rom_in_block(depth: int, width: int) -> bool:
    """Tell whether a table lives in block RAM: where its LUTs would be worth more (the compiler's rule)."""
    return _in_block(width * ceil(depth / 64), depth, width)


def ram_in_block(depth: int, width: int) -> bool:
    """Tell whether a RAM with one write and one read port lives in block RAM (the compiler's rule)."""
    return _in_block(8 * ceil(width / 14) * ceil(depth / 32), depth, width)


def lane_bits(values: Ints, axis: int | tuple[int, ...]) -> Ints:
    """Return the bits that the compiler keeps of every lane of a table; `axis` is what its address runs over.

    A lane that never changes needs none.
    """
    return _bits_between(values.min(axis=axis), values.max(axis=axis))


def _bits_between(least: Ints, most: Ints) -> Ints:
    magnitude = np.maximum(np.maximum(most, -least - 1), 0)
    bits = np.frexp(magnitude.astype(np.float64))[1] + (least < 0)
    return np.where(least == most, 0, bits).astype(np.int64)


def trailing_zeros(values: Ints, axis: int | tuple[int, ...]) -> Ints:
    """Return how many zeros all values of a lane end in: bits that cost nothing; none for a lane of zeros."""
    return _zeros_under(np.bitwise_or.reduce(values, axis=axis))


def _zeros_under(either: Ints) -> Ints:
    return np.where(either == 0, 0, np.frexp((either & -either).astype(np.float64))[1] - 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class LaneTable:
    """What the lanes of a table of weights hold, each array of shape ``(pe, simd)``; equal to itself alone.

    Parameters
    ----------
    bits, zeros
        As `lane_bits` and `trailing_zeros` say.
    least, first
        The least weight of a lane, and the first.
    """

    bits: Ints
    zeros: Ints
    least: Ints
    first: Ints


@dataclass(frozen=True, eq=False)
class _Itself:
    """An array as a key: equal to itself alone."""

    array: Ints

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.array is other.array

    def __hash__(self) -> int:
        return id(self.array)


def lane_table(weight: Ints, pe: int, simd: int) -> LaneTable:
    """Return what the lanes hold of a table with ``pe * simd`` lanes that is cut from weights (rows, columns)."""
    return _lane_table(_Itself(weight), pe, simd)


@lru_cache(maxsize=16)
def _lane_table(weight: _Itself, pe: int, simd: int) -> LaneTable:
    rows = _over_rows(weight, pe)
    least, most, either, first = (each.reshape(pe, -1, simd) for each in rows)
    least = least.min(axis=1)
    either = np.bitwise_or.reduce(either, axis=1)
    return LaneTable(_bits_between(least, most.max(axis=1)), _zeros_under(either), least, first[:, 0])


@lru_cache(maxsize=64)
def _over_rows(weight: _Itself, pe: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return least, greatest, all bits and first of the weights that a row of lanes meets, each (pe, columns)."""
    blocks = weight.array.reshape(-1, pe, weight.array.shape[1])
    return blocks.min(axis=0), blocks.max(axis=0), np.bitwise_or.reduce(blocks, axis=0), blocks[0]


def rom(depth: int, width: int, family: Family, storage: Storage = "auto") -> tuple[dict[str, float], float]:
    """Return the parts and the block RAMs of a table: small ones are absorbed by their users, constants are free."""
    if depth <= 1 or width == 0:
        return {"table": 0.0, "rom": 0.0}, 0.0
    if storage == "bram" or (storage == "auto" and rom_in_block(depth, width)):
        return {"table": 0.0, "rom": 0.0}, mapped_blocks(depth, width, family)
    if depth <= ABSORBED:
        return {"table": width * (index_bits(depth) / index_bits(ABSORBED)) ** 2, "rom": 0.0}, 0.0
    return {"table": 0.0, "rom": float(rom_luts(depth, width, family))}, 0.0


def addressed(depth: int, width: int) -> float:
    """Return the bits of an absorbed table that synthesis registers behind its counter."""
    return float(width) if 4 < depth <= ABSORBED and not rom_in_block(depth, width) else 0.0


def ram(depth: int, width: int, family: Family, storage: Storage = "auto") -> tuple[float, float]:
    """Return the LUTs and the block RAMs of a RAM with one write and one read port; UltraRAM takes none of them.

    A memory deeper than its blocks has LUTs that choose among them.
    """
    if storage == "uram":
        return 0.0, 0.0
    if storage == "bram" or (storage == "auto" and ram_in_block(depth, width)):
        return float(banks_luts(depth, width, family)), mapped_blocks(depth, width, family)
    return float(ram_luts(depth, width, family)), 0.0


def ultra_rams(depth: int, width: int) -> int:
    """Return the UltraRAMs of 4,096 words of 72 bits that a RAM fills."""
    return ceil(depth / 4096) * ceil(width / 72)


def ram_storages(depth: int, width: int, board: Board) -> Sequence[Storage]:
    """Return where a RAM is worth keeping: a small one in LUTs, only a large one in UltraRAM."""
    if depth * width <= SMALL_RAM:
        return ("auto",)
    large = depth * width >= LARGE_RAM and board.family == "xcup" and board.resources.uram > 0
    return ("lutram", "bram", "uram") if large else ("lutram", "bram")


def together(*parts: Mapping[str, float]) -> dict[str, float]:
    """Add amounts part by part."""
    total: dict[str, float] = {}
    for each in parts:
        for name, amount in each.items():
            total[name] = total.get(name, 0.0) + amount
    return total
