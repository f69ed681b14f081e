# SPDX-License-Identifier: Apache-2.0
"""Processes written by hand in the form in which C++ arrives: wide counters, wide sums, words packed by shifts."""

from __future__ import annotations

import random
from collections.abc import Sequence

from random_ir import Draft

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import ones


def pack(d: Draft, lanes: Sequence[int], width: int) -> int:
    """Lane 0 lowest, by shifts and ors."""
    own = d.width(lanes[0])
    word = d.fit(lanes[0], width)
    for index, lane in enumerate(lanes[1:], 1):
        shifted = d.op("shl", width, d.fit(lane, width), d.const(width, index * own))
        word = d.op("or", width, word, shifted)
    return word


def lane(d: Draft, word: int, index: int, bits: int) -> int:
    width = d.width(word)
    return d.op("trunc", bits, d.op("lshr", width, word, d.const(width, index * bits)))


def matvec(
    name: str = "matvec", inputs: int = 64, outputs: int = 32, simd: int = 8, pe: int = 4, bits: int = 4,
    steps: int = 15, seed: int = 1, signed_in: bool = False,
) -> ir.Process:  # fmt: skip
    """Matrix times vector, with the input kept for all output folds and `steps` thresholds per channel (0: none)."""
    rng = random.Random(seed)
    d = Draft(name)
    columns, rows = inputs // simd, outputs // pe
    d.stream("in0", "in", simd * bits)
    acc_bits = 2 * bits + (inputs - 1).bit_length()
    column, column_last = d.counter("column", columns)
    row, row_last = d.counter("row", rows, enable=column_last)
    first_row = d.op("eq", 1, row, d.const(32, 0))
    first_column = d.op("eq", 1, column, d.const(32, 0))
    read = d.op("read", simd * bits, first_row, attr="in0", name="word")
    kept = d.op("ram", simd * bits, column, attr="vector", name="kept")
    word = d.op("select", simd * bits, first_row, read, kept, name="word")
    d.rams.append(ir.Ram("vector", simd * bits, columns, ir.Store(column, word, first_row)))
    fold = d.op("add", 32, d.op("mul", 32, row, d.const(32, columns)), column, name="fold")
    table = [rng.getrandbits(simd * pe * bits) for _ in range(columns * rows)]
    d.roms.append(ir.Rom("weights", simd * pe * bits, tuple(table)))
    weights = d.op("rom", simd * pe * bits, fold, attr="weights", name="weight")
    sums = []
    for p in range(pe):
        total = d.const(32, 0)
        for s in range(simd):
            x = d.fit(lane(d, word, s, bits), 32, signed_in)
            w = d.fit(lane(d, weights, p * simd + s, bits), 32, True)
            total = d.op("add", 32, total, d.op("mul", 32, x, w, name=f"product_{p}_{s}"), name=f"sum_{p}")
        acc = d.state(f"acc_{p}", acc_bits)
        start = d.op("select", acc_bits, first_column, d.const(acc_bits, 0), acc)
        next_ = d.op("add", acc_bits, start, d.fit(total, acc_bits), name=f"next_{p}")
        d.define(f"acc_{p}", next_)
        sums.append(next_)
    if steps:
        sums = thresholds(d, rng, sums, row, rows, steps)
    width = sum(d.width(s) for s in sums)
    d.stream("out0", "out", width)
    d.writes.append(ir.Write("out0", pack(d, sums, width), column_last))
    del row_last
    return d.done(columns * rows)


def thresholds(d: Draft, rng: random.Random, sums: Sequence[int], row: int, rows: int, steps: int) -> list[int]:
    """Count for each sum how many of its channel's thresholds it reaches."""
    width = d.width(sums[0])
    spread = 1 << (width - 4)
    words = []
    for _ in range(rows):
        levels = [sorted(rng.randint(-spread, spread) for _ in range(steps)) for _ in sums]
        words.append(sum((t & ones(width)) << i * width for i, t in enumerate(t for ts in levels for t in ts)))
    total = width * steps * len(sums)
    d.roms.append(ir.Rom("levels", total, tuple(words)))
    table = d.op("rom", total, row, attr="levels")
    result = []
    for p, value in enumerate(sums):
        count = d.const(32, 0)
        for step in range(steps):
            level = lane(d, table, p * steps + step, width)
            count = d.op("add", 32, count, d.fit(d.op("sle", 1, level, value), 32))
        result.append(d.fit(count, steps.bit_length()))
    return result
