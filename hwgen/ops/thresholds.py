# SPDX-License-Identifier: Apache-2.0
"""Multi-threshold unit: any monotone function of an integer into few levels, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, KernelCall
from hwgen.ops.area import (
    LUT_INPUTS,
    NOT_COUNTING,
    Parts,
    addressed,
    counting,
    lane_bits,
    rom,
    together,
    trailing_zeros,
)
from hwgen.ops.arithmetic import count_luts
from hwgen.ops.folded import ElementOp
from hwgen.ops.support import RomSet, element_type, holding, in_type, int_attr, per_fold, type_of
from hwgen.ops.threshold_search import search_levels, search_parts

FEW = 16
"""Up to so many thresholds each is compared with; among more of them a binary search finds the count."""


class Thresholds(ElementOp):
    """``y = y_min + step * #{t : acc >= t}``, counted as ``acc < t`` in flipped channels.

    Attributes `y_min` and `step` (1; or 2 with `y_min` -1 and one threshold: bipolar). Constants `thresholds` (C, T),
    ascending in each row, and `flip` (C,) of 0 and 1; C is the number of channels, or 1 for all of them. Few thresholds
    are all compared with at once, more than `FEW` are searched, a comparison after the other in a pipeline.
    """

    name = "thresholds"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the type that holds every level."""
        shape = in_type(graph, node).shape
        y_min, step = int_attr(node, "y_min"), int_attr(node, "step")
        count = graph.constant(node, "thresholds").shape[1]
        if (y_min, step, count) == (-1, 2, 1):
            return (TensorType(shape, True, 1),)
        return (holding(shape, y_min, y_min + step * count),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Count the thresholds that each element reaches."""
        (x,) = inputs
        table, flip = graph.constant(node, "thresholds"), graph.constant(node, "flip")
        flip = np.broadcast_to(flip, (table.shape[0],))
        count = np.zeros(x.shape, np.int64)
        if table.shape[1] <= FEW:
            columns = table.reshape(len(table), *[1] * (x.ndim - 2), -1)
            for index in range(table.shape[1]):
                count += x >= columns[..., index]
        else:
            for channel in range(len(table)):
                at = np.s_[:] if len(table) == 1 else np.s_[:, channel]
                count[at] = np.searchsorted(table[channel], x[at], side="right")
        flipped = flip.astype(bool).reshape(-1, *[1] * (x.ndim - 2))
        count = np.where(flipped, table.shape[1] - count, count)
        return (int_attr(node, "y_min") + int_attr(node, "step") * count,)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse steps that the kernel has no form for, rows that do not ascend, and a wrong number of rows."""
        problems = []
        table, flip = graph.constant(node, "thresholds"), graph.constant(node, "flip")
        channels = in_type(graph, node).channels
        y_min, step = int_attr(node, "y_min"), int_attr(node, "step")
        if step != 1 and (y_min, step, table.shape[1]) != (-1, 2, 1):
            problems.append(Problem(f"The step must be 1, or 2 for bipolar outputs, not {step}.", node.name))
        if table.shape[0] not in (1, channels) or flip.shape[0] not in (1, channels):
            problems.append(Problem(f"The thresholds must have 1 or {channels} rows, not {table.shape[0]}.", node.name))
        if table.shape[1] == 0:
            problems.append(Problem("There must be at least one threshold.", node.name))
        elif (np.diff(table, axis=1) < 0).any():
            problems.append(Problem("The thresholds must ascend in each channel.", node.name))
        return problems

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One comparator a threshold and lane, a count, the table; of many thresholds a search.

        Where all folds compare with the same number, the comparator is a constant one, and none where the input
        cannot reach the number.
        """
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        flip, lanes = graph.constant(node, "flip"), choice.folding.simd
        table = np.clip(graph.constant(node, "thresholds"), x.lo, x.hi + 1)
        folds = x.channels // lanes
        flipped = float(lanes * y.bits if len(set(flip.tolist())) > 1 and folds > 1 else 0)
        if table.shape[1] > FEW:
            stored_rows = _rows(table, flip, x)
            levels = search_levels(per_fold(table, stored_rows, min(stored_rows, lanes)), x.hi + 1)
            found = search_parts(levels, lanes, x.elements // lanes, x.bits, y.bits, family)
            return replace(found, lut=together(found.lut, {"flip": flipped}))
        rows = per_fold(table, x.channels, lanes)
        bits, first = lane_bits(rows, 0), rows[0]
        stored, bram = rom(folds, int(bits.sum()), family)
        sizes = x.bits - trailing_zeros(rows, 0)
        reached = (bits == 0) & (first > x.lo) & (first <= x.hi)
        fixed, counted = _fixed(sizes, reached, bits > 0, y.bits, family)
        compared = float(sizes[bits > 0].sum())
        counters = counting(folds, x.elements // lanes) if compared else NOT_COUNTING
        lut = {
            "base": 1.0, **counters, "constant": fixed, "count": counted, "compared": compared,
            "flip": flipped,
        }  # fmt: skip
        ff = {"base": 1.0, "state": counters["counters"] + lanes * y.bits, "table": addressed(folds, int(bits.sum()))}
        return Parts(together(lut, stored), ff, bram)

    def kernel_of(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `thresholds`; a bipolar input enters as its bit, a bipolar output is the count itself."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        table, flip = graph.constant(node, "thresholds"), graph.constant(node, "flip")
        if x.bipolar:
            table = -((-table - 1) // 2)
        lo, hi = (0, 1) if x.bipolar else (x.lo, x.hi)
        table = np.clip(table, lo, hi + 1)
        rows = _rows(table, flip, x)
        lanes = min(rows, choice.folding.simd)
        steps = table.shape[1]
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kChannels": x.channels,
            "kBeats": x.elements // choice.folding.simd,
            "kSteps": steps,
            "kYMin": 0 if y.bipolar else int_attr(node, "y_min"),
            "kStep": 1,
            "kFlip": bool(flip.any()),
            "in_t": element_type(x),
            "out_t": element_type(y),
        }
        ins, outs = self.streams(graph, node, choice.folding)
        roms = RomSet(node.name)
        folded, flips = per_fold(table, rows, lanes), per_fold(flip, rows, lanes)
        if steps <= FEW:
            roms.add("thresholds", type_of(table), folded.reshape(-1, lanes * steps))
            roms.add("flip", CType(False, 1), flips)
            return Built(KernelCall("thresholds.hpp", "thresholds", config, ins, outs, roms.roms), roms.arrays)
        roms.add("flip", CType(False, 1), flips)
        for number, level in enumerate(search_levels(folded, hi + 1)):
            roms.add(f"level{number}", type_of(level), level)
        call = KernelCall("threshold_search.hpp", "threshold_search", config, ins, outs, roms.roms)
        return Built(call, roms.arrays)


def _rows(table: Ints, flip: Ints, x: TensorType) -> int:
    """Return the rows of thresholds that the unit keeps: one where all channels share it, else one for each."""
    return 1 if table.shape[0] == flip.shape[0] == 1 else x.channels


def _fixed(
    sizes: Ints, reached: npt.NDArray[np.bool_], varying: npt.NDArray[np.bool_], out_bits: int, family: Family
) -> tuple[float, float]:
    """Return the LUTs of comparators with constants, and the bits that remain to be counted.

    ECP5 takes carry chains for them. Elsewhere a lane of few input bits is a table instead of comparators and a count.
    """
    inputs = LUT_INPUTS[family]
    each = sizes if inputs == 4 else np.ceil((sizes - 1) / (inputs - 1))
    chained = np.where(reached, each, 0).sum(axis=1).astype(np.float64)
    counted = np.array([count_luts(int(ones), family) for ones in (reached | varying).sum(axis=1)])
    wide = np.maximum(np.where(reached, sizes, 0).max(axis=1) - inputs, 0)
    table = np.where(reached.any(axis=1), out_bits * 2.0**wide, 0.0)
    alone = (inputs == 6) | (wide == 0) | (reached.sum(axis=1) == 1)
    tabled = ~varying.any(axis=1) & (table < chained + counted) & alone
    return float(np.where(tabled, table, chained).sum()), float(np.where(tabled, 0.0, counted).sum())
