# SPDX-License-Identifier: Apache-2.0
"""Binary search among many thresholds: its tables, and what they and the comparisons are made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Family
from hwgen.ops.area import LUT_INPUTS, NOT_COUNTING, Parts, counting, lane_bits, rom, rom_in_block, together

LEVELS_IN_A_STAGE = 4
"""Comparisons, with tables in LUTs in front of them, that about fit a cycle."""


def search_levels(table: Ints, never: int) -> list[Ints]:
    """Return the tables of a binary search among ascending thresholds.

    Parameters
    ----------
    table
        int64 ``(folds, lanes, thresholds)``.
    never
        Stands for thresholds that are missing: more than any input.

    Returns
    -------
    list
        Table l, ``(folds * 2**l, lanes)``, holds what is compared with once l bits of the count are known.
    """
    folds, lanes, count = table.shape
    bits = count.bit_length()
    full = np.full((folds, lanes, (1 << bits) - 1), never, dtype=np.int64)
    full[:, :, :count] = table
    levels = [full[:, :, (1 << (bits - n - 1)) - 1 :: 1 << (bits - n)] for n in range(bits)]
    return [np.ascontiguousarray(level.transpose(0, 2, 1)).reshape(-1, lanes) for level in levels]


def search_parts(levels: Sequence[Ints], lanes: int, beats: int, x_bits: int, y_bits: int, family: Family) -> Parts:
    """Return the parts of a search: a comparison for each level and lane, each lane with tables of its own.

    Parameters
    ----------
    levels
        As `search_levels` returns them, with `lanes` lanes, or with one for all.
    beats
        Words a frame.
    """
    folds = len(levels[0])
    counters = counting(folds, beats) if folds > 1 else NOT_COUNTING
    lut, bram, behind = {"base": 1.0, **counters}, 0.0, 0
    for level in levels:
        bits = np.broadcast_to(lane_bits(level, 0), lanes)
        for width in bits.tolist():
            stored, blocks = rom(len(level), width, family)
            lut, bram = together(lut, stored), bram + blocks
        behind += rom_in_block(len(level), int(bits.max()))
        varying = int((bits > 0).sum())
        fixed = (lanes - varying) * (x_bits - 1) / (LUT_INPUTS[family] - 1)
        lut = together(lut, {"searched": float(varying * x_bits), "constant": fixed})
    cuts = behind + ceil((len(levels) - behind) / LEVELS_IN_A_STAGE) - 1
    kept = lanes * (x_bits + len(levels) / 2) + folds.bit_length()
    ff = {"base": 1.0, "state": counters["counters"] + lanes * y_bits, "searched": cuts * kept}
    return Parts(lut, ff, bram)
