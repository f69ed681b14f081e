# SPDX-License-Identifier: Apache-2.0
"""Depthwise unit: each channel is the weighted sum of its own window taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log2

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Board, Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType
from hwgen.ops import multipliers, whole
from hwgen.ops.area import Parts, addressed, counting, lane_table, rom, together
from hwgen.ops.arithmetic import (
    NO_PRODUCTS,
    fetched_parts,
    pipeline_bits,
    product_rows,
    products_parts,
    read_parts,
    summed_rows,
    table_is_late,
)
from hwgen.ops.folded import LaneOp, write_every
from hwgen.ops.support import (
    RomSet,
    bias_table,
    bipolar_weights,
    divisors,
    element_type,
    holding,
    in_type,
    int_attr,
    type_of,
    weight_codes,
    weighted_range,
)
from hwgen.ops.window_rows import foldable


class Depthwise(LaneOp):
    """``(1, T*C, OH, OW) -> (1, M*C, OH, OW)``: ``acc[o] = sum_t weight[o, t] * x[t, o // M] + bias[o]``.

    Attributes `taps` (T), `weight_bits`, `weight_signed`; constants `weight` (M*C, T) and `bias` (M*C,): each channel
    has M filters, one as a rule. The input comes from a window of order ``taps``.
    """

    name = "depthwise"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the accumulator's type."""
        x = in_type(graph, node)
        weight, bias = graph.constant(node, "weight"), graph.constant(node, "bias")
        return (holding((1, weight.shape[0], *x.shape[2:]), *weighted_range(weight, bias, x)),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Sum the weighted taps."""
        (x,) = inputs
        weight, bias = graph.constant(node, "weight"), graph.constant(node, "bias")
        taps = int_attr(node, "taps")
        channels = x.shape[1] // taps
        by_tap = x.reshape(x.shape[0], taps, channels, -1)
        dtype = np.int32 if graph.types[node.outputs[0]].bits < 31 and x.dtype.itemsize <= 2 else np.int64
        filters = weight.reshape(channels, -1, taps, 1)
        acc = np.empty((x.shape[0], *filters.shape[:2], by_tap.shape[3]), dtype)
        acc[:] = bias.reshape(channels, -1, 1)
        for tap in range(taps):
            acc += by_tap[:, tap, :, np.newaxis] * filters[:, :, tap].astype(dtype)
        return (acc.reshape(x.shape[0], len(weight), *x.shape[2:]),)

    def lane_channels(self, graph: Graph, node: Node) -> int:
        """Return the channels of the window's input."""
        return in_type(graph, node).channels // int_attr(node, "taps")

    def filters(self, graph: Graph, node: Node) -> int:
        """Return the filters of each channel."""
        return graph.types[node.outputs[0]].channels // self.lane_channels(graph, node)

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return each divisor of the channels, all taps of some, several of all; with all filters of a channel."""
        filters, channels = self.filters(graph, node), self.lane_channels(graph, node)
        every, bits = int_attr(node, "taps"), in_type(graph, node).bits
        one = [Folding(lanes, lanes * filters) for lanes in divisors(channels)]
        some = [Folding(every * n, n * filters) for n in foldable(channels, every, bits, whole.WIDEST)]
        taps = [n for n in divisors(every) if n > 1 and n * channels * bits <= whole.WIDEST]
        return one + some + [Folding(n * channels, channels * filters) for n in taps]

    def beside(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return the taps of a word."""
        return folding.simd * self.filters(graph, node) // folding.pe

    def choices(self, graph: Graph, node: Node, board: Board) -> list[Choice]:
        """Return every folding with the units and storages that suit it."""
        size, bits = graph.constant(node, "weight").size, int_attr(node, "weight_bits")
        tables = [(f, size // (f.pe * self.beside(graph, node, f))) for f in self.foldings(graph, node)]
        return multipliers.choices(in_type(graph, node), bits, bipolar_weights(node), tables, board)

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the taps' stream and the sums' stream."""
        taps = StreamType.of(in_type(graph, node), folding.simd)
        beside = self.beside(graph, node, folding)
        if folding.simd < beside * self.lane_channels(graph, node) or beside == 1:
            taps = replace(taps, order="taps", taps=int_attr(node, "taps"), beside=beside)
        return (taps,), (StreamType.of(graph.types[node.outputs[0]], folding.pe),)

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a word in every iteration, write after the last tap of each fold."""
        beats = self.cycles(graph, node, folding)
        writes = write_every(beats, int_attr(node, "taps") // self.beside(graph, node, folding))
        return Schedule(beats, (np.arange(beats, dtype=np.int64),), (writes,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """A multiplier for each tap and an accumulator a lane, the tables, the counters."""
        x, acc = in_type(graph, node), graph.types[node.outputs[0]]
        weight_bits, lanes = int_attr(node, "weight_bits"), choice.folding.pe
        beside = self.beside(graph, node, choice.folding)
        taps, folds = int_attr(node, "taps") // beside, acc.channels // lanes
        lane = lane_table(graph.constant(node, "weight"), lanes, beside)
        kept = np.minimum(lane.bits, weight_bits)
        stored = int(kept.sum())
        few = choice.unit == "lut_const" and folds * taps > 1
        weights, weight_bram = rom(1 if few else folds * taps, stored, family, choice.storage)
        bias_width = lanes * type_of(graph.constant(node, "bias")).bits
        bias, bias_bram = rom(folds, bias_width, family)
        counters = counting(taps, folds, folds * taps if folds > 1 else 1, acc.pixels * folds * taps)
        in_luts = not few and choice.unit != "dsp"
        products = products_parts(lane, weight_bits, x, acc.bits, family) if in_luts else NO_PRODUCTS
        unpacked, dsp = 0.0, 0
        if choice.unit == "dsp":
            lanewise = (kept, lane.least, lane.first)
            filters = self.filters(graph, node)
            shared = (each.reshape(-1, filters, beside).swapaxes(1, 2) for each in lanewise)
            bits, least, values = (each.reshape(-1, filters) for each in shared)
            unpacked, dsp = multipliers.block_products(bits, least, values, x, family)
        summed = summed_rows(lanes if folds * taps > 1 else 0, beside, x.bits + weight_bits)
        sums = float(lanes * acc.bits)
        lut = {"base": 1.0, **counters, "sums": sums, "unpacked": unpacked}
        lut["resident"] = float((kept[kept > 0] + x.bits).sum()) if few else 0.0
        table = addressed(folds * taps, stored) + addressed(folds, bias_width)
        adders = 1 + log2(beside) + product_rows(x.bits, x.signed, weight_bits, True, family)
        read = read_parts(weights, weight_bits == 1)
        late = table_is_late(weight_bram, weights["rom"], folds * taps, adders, family)
        cut = lanes * pipeline_bits(adders, beside, x.bits + weight_bits, family)
        state = counters["counters"] + sums * (2 if taps > 1 else 1)
        ff = {
            "base": 1.0, "state": state, "table": table, "unpacked": unpacked,
            **fetched_parts(late or choice.unit == "dsp", stored * late, choice.folding.simd * x.bits * late, folds),
            "pipeline": cut if in_luts and folds * taps > 1 else 0.0,
        }  # fmt: skip
        return Parts(together(lut, products, summed, read, bias), ff, weight_bram + bias_bram, dsp)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `depthwise`."""
        x, acc = in_type(graph, node), graph.types[node.outputs[0]]
        taps, lanes, filters = int_attr(node, "taps"), choice.folding.pe, self.filters(graph, node)
        weight, beside = graph.constant(node, "weight"), self.beside(graph, node, choice.folding)
        table = bias_table(weight, graph.constant(node, "bias"), x.bipolar, bipolar_weights(node))
        weight_t, codes = weight_codes(node, weight)
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd // beside,
            "kChannels": self.lane_channels(graph, node),
            "kTaps": taps,
            "kPixels": acc.pixels,
            "kBipolarInput": x.bipolar,
            "kBipolarWeight": bipolar_weights(node),
            "in_t": element_type(x),
            "weight_t": weight_t,
            "bias_t": type_of(table),
            "acc_t": element_type(acc),
            **multipliers.settings(choice, weight.size // (lanes * beside), lanes * beside * weight_t.bits),
        }
        if filters > 1:
            config["kMultiplier"] = filters
        if beside > 1:
            config["kBeside"] = beside
        by_fold = codes.reshape(-1, lanes, taps // beside, beside).transpose(0, 2, 3, 1).reshape(-1, beside * lanes)
        roms = RomSet(node.name)
        roms.add("weights", weight_t, by_fold)
        roms.add("bias", type_of(table), table.reshape(-1, lanes))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("depthwise.hpp", "depthwise", config, ins, outs, roms.roms), roms.arrays)
