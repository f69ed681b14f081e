# SPDX-License-Identifier: Apache-2.0
"""Matrix-vector unit: every convolution (after a window) and every fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import log2

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Board, Built, Choice, CType, Family, Folding, KernelCall, Resources, Schedule, StreamType, pack
from hwgen.ops import multipliers, whole
from hwgen.ops.area import LUT_INPUTS, LaneTable, Parts, addressed, counting, lane_table, ram, rom, together
from hwgen.ops.arithmetic import (
    NO_PRODUCTS,
    count_luts,
    fetched_parts,
    pipeline_bits,
    product_rows,
    products_parts,
    read_parts,
    restarted,
    summed_rows,
    table_is_late,
)
from hwgen.ops.constant_sums import dot_luts
from hwgen.ops.folded import FoldedOp, write_every
from hwgen.ops.support import (
    RomSet,
    bias_table,
    bipolar_weights,
    bool_attr,
    divisors,
    element_type,
    holding,
    in_type,
    int_attr,
    type_of,
    weight_codes,
    weighted_range,
)

HANDSHAKE = 8
"""LUTs of a matrix of constants beside its sums."""
RESIDENT = "matvec_resident"
"""The price list of units whose products are tables of the input and of the fold."""


class Matvec(FoldedOp):
    """``acc = weight @ x + bias``.

    `per_pixel` true: ``(1, K, OH, OW) -> (1, OC, OH, OW)``. False: the whole frame in stream order (NHWC) is one vector
    of K elements, ``-> (1, OC)``. Constants: `weight` (OC, K) and `bias` (OC,). Attributes `weight_bits` and
    `weight_signed` give the weights' format; signed one-bit weights are -1 and +1. The accumulator's type holds every
    sum that these weights can reach. With `groups` (G, per pixel only) the input's channels are G parts of K elements,
    and each part has OC / G rows of the weights of its own.
    """

    name = "matvec"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the accumulator's type."""
        x = in_type(graph, node)
        weight, bias = graph.constant(node, "weight"), graph.constant(node, "bias")
        spatial = x.shape[2:] if bool_attr(node, "per_pixel") else ()
        return (holding((1, weight.shape[0], *spatial), *weighted_range(weight, bias, x)),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Multiply exactly."""
        (x,) = inputs
        weight, bias = graph.constant(node, "weight"), graph.constant(node, "bias")
        frames = x.shape[0]
        if bool_attr(node, "per_pixel"):
            groups = _groups(node)
            columns = x.reshape(frames, groups, weight.shape[1], -1)
            acc = exact_product(weight.reshape(groups, -1, weight.shape[1]), columns)
            acc = acc.reshape(frames, len(bias), -1)
            acc += bias[:, np.newaxis]
            return (acc.reshape(frames, weight.shape[0], *x.shape[2:]),)
        vectors = np.moveaxis(x.reshape(frames, x.shape[1], -1), 1, 2).reshape(frames, -1)
        acc = exact_product(weight, vectors.T)
        acc += bias[:, np.newaxis]
        return (acc.T,)

    def choices(self, graph: Graph, node: Node, board: Board) -> list[Choice]:
        """Return every folding with the units and storages that suit it."""
        size, bits = graph.constant(node, "weight").size, int_attr(node, "weight_bits")
        tables = [(f, size // (f.simd * f.pe)) for f in self.foldings(graph, node)]
        found = multipliers.choices(in_type(graph, node), bits, bipolar_weights(node), tables, board)
        return found + multipliers.streamed(found, bits, board)

    def traffic(self, graph: Graph, node: Node, choice: Choice) -> int:
        """Return the bytes of the rows of all weights for every vector, where they are streamed."""
        if choice.storage != "streamed":
            return 0
        row = multipliers.row_bytes(choice.folding, int_attr(node, "weight_bits"))
        return row * self.cycles(graph, node, choice.folding)

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return every (divisor of K, divisor of OC / G), and the whole frame where it is small enough."""
        outputs, inputs = graph.constant(node, "weight").shape
        found = [Folding(simd, pe) for simd in divisors(inputs) for pe in divisors(outputs // _groups(node))]
        alone = bool_attr(node, "per_pixel") and _groups(node) == 1 and graph.types[node.outputs[0]].pixels > 1
        return [*found, whole.folding(graph, node)] if alone and whole.fits(graph, node) else found

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return `simd` lanes in and `pe` lanes out for each pixel."""
        if folding.pixels > 1:
            return whole.streams(graph, node)
        return (
            (StreamType.of(in_type(graph, node), folding.simd),),
            (StreamType.of(graph.types[node.outputs[0]], folding.pe),),
        )

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return vectors * (OC / PE) * (K / SIMD)."""
        outputs, inputs = graph.constant(node, "weight").shape
        vectors = graph.types[node.outputs[0]].pixels // folding.pixels
        return int(vectors * (outputs // folding.pe) * (inputs // folding.simd))

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a vector during its first output fold, write at the end of every output fold."""
        outputs, inputs = graph.constant(node, "weight").shape
        nf, sf = outputs // _groups(node) // folding.pe, inputs // folding.simd
        iterations = self.cycles(graph, node, folding)
        starts = np.arange(0, iterations, nf * sf, dtype=np.int64)
        reads = (starts[:, np.newaxis] + np.arange(sf, dtype=np.int64)).reshape(-1)
        return Schedule(iterations, (reads,), (write_every(iterations, sf),))

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse a weight matrix that does not fit the input."""
        x, inputs = in_type(graph, node), graph.constant(node, "weight").shape[1]
        extent = (x.channels if bool_attr(node, "per_pixel") else x.elements) // _groups(node)
        if inputs == extent:
            return []
        return [Problem(f"The weights must have {extent} columns, not {inputs}.", node.name)]

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """Products, adder trees, accumulators; the tables; the kept vector; the counters.

        Column counts of 1 need no accumulator, row counts of 1 keep no vector, single vectors no vector counter. The
        bits of a product out of a table count for the adders behind it too.
        """
        x, acc = in_type(graph, node), graph.types[node.outputs[0]]
        weight, weight_bits = graph.constant(node, "weight"), int_attr(node, "weight_bits")
        simd, pe = choice.folding.simd, choice.folding.pe
        blocks, sf = weight.shape[0] // pe, weight.shape[1] // simd
        nf = blocks // _groups(node)
        streamed = choice.storage == "streamed"
        any_weights = multipliers.any_weights(pe, simd, weight_bits, bool_attr(node, "weight_signed"))
        table = lane_table(any_weights.reshape(-1, simd) if streamed else weight, pe, simd)
        lanes = np.minimum(table.bits, weight_bits)
        both, constant = x.bipolar and bipolar_weights(node), blocks * sf == 1 and not streamed
        few = _few(graph, node, choice)
        in_luts = not (both or few or choice.unit == "dsp")
        products = products_parts(table, weight_bits, x, acc.bits, family) if in_luts else NO_PRODUCTS
        unpacked, dsp = 0.0, 0
        if choice.unit == "dsp":
            unpacked, dsp = _packed(table, weight_bits, x.bits, x.signed, family)
        stored = int(lanes.sum())
        kept_rows = 1 if streamed else blocks * sf
        weights, weight_bram = rom(1 if few else kept_rows, stored, family, choice.storage)
        bias_width = pe * type_of(graph.constant(node, "bias")).bits
        bias, bias_bram = rom(blocks, bias_width, family)
        kept, kept_bram = ram(sf, simd * x.bits, family) if nf > 1 < sf else (0.0, 0.0)
        vector = float(simd * x.bits if nf > 1 else 0)
        beyond = blocks if blocks > nf > 1 else 1
        counters = counting(nf, sf, beyond, kept_rows if blocks > 1 < sf else 1, acc.pixels * blocks * sf)
        sums = float(pe * acc.bits)
        one_bit = x.bipolar or bipolar_weights(node)
        term = max(x.bits, weight_bits) if one_bit else x.bits + weight_bits
        lut = {
            "base": 1.0, **counters, "ram": kept, "vector": vector, "unpacked": unpacked,
            "resident": float((lanes[lanes > 0] + x.bits).sum()) if few else 0.0,
            "sums": 0.0 if constant or few else sums,
            **summed_rows(0 if both or constant or few else pe, simd, term),
            "restart": 0.0 if constant else restarted(sums, sf, family),
            "count": pe * count_luts(simd, family) if both else 0.0,
        }  # fmt: skip
        registers = sums * (2 if sf > 1 else 1) + (vector if sf == 1 else 0.0)
        adders = 1 + log2(simd) - (one_bit and simd > 1) + product_rows(x.bits, x.signed, weight_bits, True, family)
        read = read_parts(weights, one_bit)
        late = table_is_late(weight_bram, weights["rom"], kept_rows, adders, family)
        ff = {
            "base": 1.0, "state": counters["counters"] + registers, "unpacked": unpacked,
            "table": addressed(kept_rows, stored) + addressed(blocks, bias_width),
            **fetched_parts(late, stored, simd * x.bits, blocks),
            "pipeline": pe * pipeline_bits(adders, simd, term, family) if in_luts and not constant else 0.0,
        }  # fmt: skip
        return Parts(together(lut, products, read, bias), ff, weight_bram + bias_bram + kept_bram, dsp)

    def cost(self, graph: Graph, node: Node, choice: Choice, board: Board) -> Resources:
        """Price the parts; sums of constants by the constants, pixels side by side one by one."""
        one, x, pixels = super().cost(graph, node, choice, board), in_type(graph, node), choice.folding.pixels
        if choice.unit == "lut_const" and not _few(graph, node, choice) and LUT_INPUTS[board.family] > 4:
            one = replace(one, lut=round(HANDSHAKE + dot_luts(graph.constant(node, "weight"), x.bits)))
        return Resources(one.lut * pixels, one.ff * pixels, one.dsp * pixels, one.bram36 * pixels, one.uram * pixels)

    def price_list(self, graph: Graph, node: Node, choice: Choice) -> str:
        """Return the name of the prices of a choice's parts."""
        return RESIDENT if _few(graph, node, choice) else self.name

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `matvec`."""
        x, acc = in_type(graph, node), graph.types[node.outputs[0]]
        weight = graph.constant(node, "weight")
        table = bias_table(weight, graph.constant(node, "bias"), x.bipolar, bipolar_weights(node))
        (outputs, inputs), (simd, pe) = weight.shape, (choice.folding.simd, choice.folding.pe)
        weight_t, codes = weight_codes(node, weight)
        config: dict[str, int | bool | CType] = {
            "kSimd": simd,
            "kPe": pe,
            "kInputs": inputs,
            "kOutputs": outputs // _groups(node),
            "kVectors": acc.pixels,
            "kBipolarInput": x.bipolar,
            "kBipolarWeight": bipolar_weights(node),
            "in_t": element_type(x),
            "weight_t": weight_t,
            "bias_t": type_of(table),
            "acc_t": element_type(acc),
            **multipliers.settings(choice, weight.size // (simd * pe), simd * pe * weight_t.bits),
        }
        if _groups(node) > 1:
            config["kGroups"] = _groups(node)
        if choice.folding.pixels > 1:
            config["kPixels"] = choice.folding.pixels
        tiles = codes.reshape(outputs // pe, pe, inputs // simd, simd).transpose(0, 2, 1, 3).reshape(-1, pe * simd)
        roms = RomSet(node.name)
        ins, outs = self.streams(graph, node, choice.folding)
        if choice.storage == "streamed":
            rows = pack(tiles, StreamType(weight_t.signed, weight_t.bits, pe * simd, len(tiles))).astype(np.int64)
            feed = StreamType(False, 8, rows.shape[1], acc.pixels * len(rows))
            key = f"{node.name}_weights"
            roms.add("bias", type_of(table), table.reshape(-1, pe))
            call = KernelCall("matvec.hpp", "matvec_streamed", config, (*ins, feed), outs, roms.roms, (key,))
            return Built(call, {**roms.arrays, key: rows})
        roms.add("weights", weight_t, tiles)
        roms.add("bias", type_of(table), table.reshape(-1, pe))
        return Built(KernelCall("matvec.hpp", "matvec", config, ins, outs, roms.roms), roms.arrays)


@lru_cache(maxsize=16)
def _packed(table: LaneTable, weight_bits: int, x_bits: int, x_signed: bool, family: Family) -> tuple[float, int]:
    """Return `multipliers.block_products` for a table: its storages differ in nothing of it."""
    x = TensorType((1,), x_signed, x_bits)
    lanes = np.minimum(table.bits, weight_bits)
    return multipliers.block_products(lanes.T, table.least.T, table.first.T, x, family)


def _few(graph: Graph, node: Node, choice: Choice) -> bool:
    """Tell whether a LUT chooses among a lane's few weights; with one weight a lane they are constants."""
    return choice.unit == "lut_const" and graph.constant(node, "weight").size > choice.folding.simd * choice.folding.pe


def _groups(node: Node) -> int:
    """Return the attribute `groups`, 1 where it is left out."""
    return int_attr(node, "groups") if "groups" in node.attrs else 1


def exact_product(weight: Ints, columns: Ints) -> Ints:
    """Multiply integer matrices exactly, through floating-point BLAS where every partial sum is representable.

    A partial sum of a row is at most the sum of the magnitudes of its weights times the largest input, in whatever
    order the library adds; below 2**24 float32 holds all of these integers, below 2**53 float64.

    Parameters
    ----------
    weight
        ``(..., rows, K)``.
    columns
        ``(..., K, N)`` of any integer type.

    Returns
    -------
    Ints
        int64 ``(..., rows, N)``.
    """
    bound = int(np.abs(weight).sum(axis=-1).max(initial=0)) * _magnitude(columns)
    for limit, dtype in ((1 << 24, np.float32), (1 << 53, np.float64)):
        if bound < limit:
            product = np.matmul(weight.astype(dtype), columns.astype(dtype))
            return np.asarray(product, dtype=np.int64)
    return np.asarray(np.matmul(weight, columns.astype(np.int64)), dtype=np.int64)


def _magnitude(values: Ints) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0
