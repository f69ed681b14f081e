# SPDX-License-Identifier: Apache-2.0
"""What multiplies by weights, and where the weights live: the units and storages that a node is offered with.

A unit keeps a table of weights: a row for each of its folds, a lane for each product that it makes in a cycle. Products
that share a factor share multiplier blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from math import ceil

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints, TensorType
from hwgen.hw import Board, Choice, Family, Folding, Storage, Unit
from hwgen.ops.area import ABSORBED, LUT_INPUTS, index_bits, rom_in_block
from hwgen.ops.support import kept_in
from hwgen.packing import BLOCKS, Format, stars

CODES = 64
"""More than any code of a lane, see `_begun`."""


def block_products(bits: Ints, least: Ints, values: Ints, x: TensorType, family: Family) -> tuple[float, int]:
    """Return the bits that are read out of shared multiplier blocks with logic around them, and the blocks.

    Parameters
    ----------
    bits, least, values
        For each lane that an element of the input meets, shape ``(elements, lanes)``: the bits that the compiler keeps
        of its weights (none where there is one weight only), the least weight, and one of them.
    x
        Format of the input.
    family
        Of the blocks.
    """
    block, wide = BLOCKS[family], bits > 1
    codes = np.where(wide, 2 * bits + (least < 0), 0)
    codes = np.take_along_axis(codes, np.argsort(~wide, axis=1, kind="stable"), axis=1)
    begun = _begun(codes, x.bits, x.signed, family)
    blocks, unpacked = int(wide.sum()), 0.0
    for row, most in zip(begun, bits.max(axis=1).tolist(), strict=True):
        groups, packed = _taken(row.tobytes())
        blocks -= packed - groups
        unpacked += (packed - groups) * (x.bits + most) + (0 if block.subtracts else groups * block.wide)
    constant = (bits == 0) & (np.bitwise_count(np.abs(values)) > 1)
    for row in np.flatnonzero(constant.any(axis=1)):
        blocks += np.unique(values[row, constant[row]]).size
    return unpacked, blocks


@lru_cache(maxsize=1 << 12)
def _taken(begun: bytes) -> tuple[int, int]:
    """Return the blocks that hold more than one product, and the products in them, where each block takes its most."""
    at, groups, packed = 0, 0, 0
    while at < len(begun):
        count = begun[at]
        if count > 1:
            groups, packed = groups + 1, packed + count
        at += count
    return groups, packed


def _begun(codes: Ints, x_bits: int, x_signed: bool, family: Family) -> npt.NDArray[np.uint8]:
    """Return how many products a block holds that begins at a lane, (elements, lanes).

    A lane's code is two times its bits plus its sign; behind the last lane codes are 0.
    """
    most = BLOCKS[family].most
    table = _table(x_bits, x_signed, family)
    padded = np.zeros((codes.shape[0], codes.shape[1] + most - 1), dtype=np.int64)
    padded[:, : codes.shape[1]] = codes
    key = np.zeros_like(codes)
    for k in range(most):
        key = key * CODES + padded[:, k : k + codes.shape[1]]
    new = np.unique(key[table[key] == 0])
    for each in new.tolist():
        row = [each // CODES**k % CODES for k in reversed(range(most))]
        factors = [Format(code // 2, bool(code % 2)) for code in row[: row.index(0) if 0 in row else most]]
        found = stars(factors, Format(x_bits, x_signed), BLOCKS[family])
        table[each] = len(found[0][0]) if found and found[0][0][0] == 0 else 1
    return table[key]


@cache
def _table(x_bits: int, x_signed: bool, family: Family) -> npt.NDArray[np.uint8]:
    """Return the table that `_begun` fills, 0 where it has not looked yet."""
    return np.zeros(CODES ** BLOCKS[family].most, dtype=np.uint8)


def any_weights(pe: int, simd: int, bits: int, signed: bool) -> Ints:
    """Return weights, ``(2, pe, 1, simd)``, every lane with the least and the greatest: what a stream may bring."""
    ends = np.array([-(1 << bits - 1), (1 << bits - 1) - 1] if signed else [0, (1 << bits) - 1], dtype=np.int64)
    ends = np.array([-1, 1], dtype=np.int64) if signed and bits == 1 else ends
    return np.tile(ends.reshape(2, 1, 1, 1), (1, pe, 1, simd))


def units(x: TensorType, weight_bits: int, bipolar_weights: bool, depth: int, board: Board) -> Sequence[Unit]:
    """Return the units that are worth offering for a table of `depth` rows.

    Multiplier blocks are for products of two numbers that both change; where a lane has one weight only, the product is
    made of the weight's own adders, and where it has few, of a table of the input and of the fold.
    """
    if x.bipolar or bipolar_weights:
        return ("xnor",) if x.bipolar and bipolar_weights else ("lut_generic",)
    if depth == 1:
        return ("lut_const",)
    block = BLOCKS[board.family]
    fits = max(x.bits + (not x.signed), weight_bits) <= min(block.wide, block.narrow)
    blocks = board.resources.dsp > 0 and min(x.bits, weight_bits) > 1 and fits
    tables: Unit = "lut_const" if resident(x, depth, board.family) else "lut_generic"
    return (tables, "dsp") if blocks else (tables,)


def resident(x: TensorType, depth: int, family: Family) -> bool:
    """Tell whether a LUT that tells the inputs apart can choose among `depth` weights as well."""
    return depth > 1 < x.bits and LUT_INPUTS[family] > 4 and x.bits + index_bits(depth) <= LUT_INPUTS[family]


def storages(depth: int) -> Sequence[Storage]:
    """Return where a table of `depth` rows may live on the chip; the logic around a small one absorbs it."""
    return ("lut", "bram") if depth > ABSORBED else ("auto",)


def row_bytes(folding: Folding, weight_bits: int) -> int:
    """Return the bytes of a row of a table that is streamed: a beat of its port."""
    return ceil(folding.simd * folding.pe * weight_bits / 8)


def choices(
    x: TensorType, weight_bits: int, bipolar_weights: bool, depths: Sequence[tuple[Folding, int]], board: Board
) -> list[Choice]:
    """Return every folding, given with the rows of its table, with every unit and storage worth offering.

    Multiplier blocks are not offered for more products than all of the device can make.
    """
    return [
        Choice(folding, unit, storage)
        for folding, depth in depths
        for unit in units(x, weight_bits, bipolar_weights, depth, board)
        if unit != "dsp" or folding.pe * folding.simd <= BLOCKS[board.family].most * board.resources.dsp
        for storage in storages(depth)
    ]


def streamed(found: Sequence[Choice], weight_bits: int, board: Board) -> list[Choice]:
    """Return the choices whose weights may come from memory off chip instead: rows no wider than the board's ports."""
    return [
        replace(choice, storage="streamed")
        for choice in found
        if board.memories and choice.storage == "lut" and 8 * row_bytes(choice.folding, weight_bits) <= board.axis_bits
    ]


def settings(choice: Choice, depth: int, width: int) -> dict[str, bool | int]:
    """Return the members of a kernel's configuration that say what multiplies and where the weights live.

    A table of `depth` rows of `width` bits that the compiler leaves in LUTs anyway is not bound to them: it may turn
    out to be constants, which no directive can bind.
    """
    if choice.storage == "lut" and not rom_in_block(depth, width):
        choice = replace(choice, storage="auto")
    return {**({"kDsp": True} if choice.unit == "dsp" else {}), **kept_in(choice)}
