# SPDX-License-Identifier: Apache-2.0
"""What multiplies by weights, and where the weights live: the units and storages that a node is offered with.

A unit keeps a table of weights: a row for each of its folds, a lane for each product that it makes in a cycle. Products
that share a factor share multiplier blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import ceil

import numpy as np

from hwgen.graph import Ints, TensorType
from hwgen.hw import Board, Choice, Family, Folding, Storage, Unit
from hwgen.ops.area import ABSORBED
from hwgen.packing import BLOCKS, Format, stars

KERNEL_STORAGE: dict[Storage, int] = {"lut": 1, "lutram": 1, "bram": 2, "uram": 3}
"""``kStorage`` of ``hls/include/hwgen/settings.hpp``."""


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
    block, blocks, unpacked = BLOCKS[family], 0, 0.0
    for lanes, negative, weights in zip(bits, least < 0, values, strict=True):
        wide = lanes > 1
        sizes = _packed(tuple(lanes[wide].tolist()), tuple(negative[wide].tolist()), x.bits, x.signed, family)
        constants = {int(weight) for weight in weights[lanes == 0] if abs(int(weight)).bit_count() > 1}
        blocks += len(sizes) + int(wide.sum()) - sum(sizes) + len(constants)
        unpacked += (sum(sizes) - len(sizes)) * (x.bits + int(lanes.max()))
        unpacked += 0 if block.subtracts else len(sizes) * block.wide
    return unpacked, blocks


@lru_cache(maxsize=65536)
def _packed(bits: tuple[int, ...], signed: tuple[bool, ...], x_bits: int, x_signed: bool, family: Family) -> list[int]:
    """Return how many products each block takes that holds more than one."""
    factors = [Format(b, s) for b, s in zip(bits, signed, strict=True)]
    return [len(chosen) for chosen, _ in stars(factors, Format(x_bits, x_signed), BLOCKS[family])]


def any_weights(pe: int, simd: int, bits: int, signed: bool) -> Ints:
    """Return weights, ``(2, pe, 1, simd)``, every lane with the least and the greatest: what a stream may bring."""
    ends = np.array([-(1 << bits - 1), (1 << bits - 1) - 1] if signed else [0, (1 << bits) - 1], dtype=np.int64)
    ends = np.array([-1, 1], dtype=np.int64) if signed and bits == 1 else ends
    return np.tile(ends.reshape(2, 1, 1, 1), (1, pe, 1, simd))


def units(x: TensorType, weight_bits: int, bipolar_weights: bool, depth: int, board: Board) -> Sequence[Unit]:
    """Return the units that are worth offering for a table of `depth` rows.

    Multiplier blocks are for products of two numbers that both change; where a lane has one weight only, the product is
    made of the weight's own adders.
    """
    if x.bipolar or bipolar_weights:
        return ("xnor",) if x.bipolar and bipolar_weights else ("lut_generic",)
    if depth == 1:
        return ("lut_const",)
    block = BLOCKS[board.family]
    fits = max(x.bits + (not x.signed), weight_bits) <= min(block.wide, block.narrow)
    blocks = board.resources.dsp > 0 and min(x.bits, weight_bits) > 1 and fits
    return ("lut_generic", "dsp") if blocks else ("lut_generic",)


def storages(depth: int) -> Sequence[Storage]:
    """Return where a table of `depth` rows may live on the chip; the logic around a small one absorbs it."""
    return ("lut", "bram") if depth > ABSORBED else ("auto",)


def row_bytes(folding: Folding, weight_bits: int) -> int:
    """Return the bytes of a row of a table that is streamed: a beat of its port."""
    return ceil(folding.simd * folding.pe * weight_bits / 8)


def choices(
    x: TensorType, weight_bits: int, bipolar_weights: bool, depths: Sequence[tuple[Folding, int]], board: Board
) -> list[Choice]:
    """Return every folding, given with the rows of its table, with every unit and storage worth offering."""
    return [
        Choice(folding, unit, storage)
        for folding, depth in depths
        for unit in units(x, weight_bits, bipolar_weights, depth, board)
        for storage in storages(depth)
    ]


def streamed(found: Sequence[Choice], weight_bits: int, board: Board) -> list[Choice]:
    """Return the choices whose weights may come from memory off chip instead: rows no wider than the board's ports."""
    return [
        replace(choice, storage="streamed")
        for choice in found
        if board.memories and choice.storage == "lut" and 8 * row_bytes(choice.folding, weight_bits) <= board.axis_bits
    ]


def settings(choice: Choice) -> dict[str, bool | int]:
    """Return the members of a kernel's configuration that say what multiplies and where the weights live."""
    found: dict[str, bool | int] = {"kDsp": True} if choice.unit == "dsp" else {}
    return {**found, "kStorage": KERNEL_STORAGE[choice.storage]} if choice.storage in KERNEL_STORAGE else found
