# SPDX-License-Identifier: Apache-2.0
"""Table: any function of an integer of few bits."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, KernelCall
from hwgen.ops.area import NOT_COUNTING, Parts, counting, lane_bits, mapped_blocks, rom_in_block, table_luts
from hwgen.ops.folded import ElementOp
from hwgen.ops.support import RomSet, bool_attr, element_type, holding, in_type

MAX_INPUT_BITS = 12
MAX_OUTPUT_BITS = 16


class Table(ElementOp):
    """``y = values[x]``: a ROM for each lane.

    Constant `values`, int64 ``(C, N)`` or ``(1, N)`` for all channels: column i belongs to the i-th integer of the
    input's type, the least first. Attribute `bipolar`: all values are -1 or +1, and the output is one bit.
    """

    name = "table"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the narrowest type that holds all values."""
        shape, values = in_type(graph, node).shape, graph.constant(node, "values")
        if bool_attr(node, "bipolar"):
            return (TensorType(shape, True, 1),)
        return (holding(shape, int(values.min()), int(values.max())),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Look every element up."""
        (x,), values = inputs, graph.constant(node, "values")
        at = place(x, in_type(graph, node))
        if len(values) == 1:
            return (values[0][at],)
        rows = np.arange(len(values)).reshape(-1, *[1] * (x.ndim - 2))
        return (values[rows, at],)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse wide integers, and tables of a wrong size."""
        x, values = in_type(graph, node), graph.constant(node, "values")
        problems = []
        if x.bits > MAX_INPUT_BITS:
            text = f"The input of a table must have at most {MAX_INPUT_BITS} bits, not {x.bits}."
            problems.append(Problem(text, node.name, "Quantise it."))
        if self.infer(graph, node)[0].bits > MAX_OUTPUT_BITS:
            problems.append(Problem(f"The values of a table must fit {MAX_OUTPUT_BITS} bits.", node.name))
        if values.shape not in ((1, 1 << x.bits), (x.channels, 1 << x.bits)):
            text = f"The table must have 1 or {x.channels} rows of {1 << x.bits} values, not the shape {values.shape}."
            problems.append(Problem(text, node.name))
        return problems

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One ROM a lane, in LUTs or block RAM as the compiler decides, and a counter of folds.

        Two lanes read one block where all channels share the table.
        """
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        values, lanes = graph.constant(node, "values"), choice.folding.simd
        folds = x.channels // lanes if len(values) > 1 else 1
        codes = _stored(values, x, y)
        widths = lane_bits(codes.reshape(folds, -1, values.shape[1]), (0, 2))
        depth = folds * values.shape[1]
        ports = lanes if len(values) == 1 else 1
        wide = [bits for bits in widths.tolist() if bits and rom_in_block(depth, bits)]
        blocks = [mapped_blocks(depth, bits, family) * ceil(ports / 2) for bits in wide]
        stored = sum(
            ports * table_luts(words, bits, family)
            for words, bits in zip(_by_lane(codes, folds), widths.tolist(), strict=True)
            if bits and not rom_in_block(depth, bits)
        )
        counters = counting(folds, x.elements // lanes) if folds > 1 else NOT_COUNTING
        lut = {"base": 1.0, **counters, "rom": float(stored)}
        ff = {"base": 1.0, "state": counters["counters"] + lanes * y.bits}
        return Parts(lut, ff, sum(blocks))

    def kernel_of(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `table`; bipolar values are stored as their bits."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        codes, lanes = _stored(graph.constant(node, "values"), x, y), choice.folding.simd
        if len(codes) > 1:
            codes = codes.reshape(-1, lanes, codes.shape[1]).transpose(0, 2, 1)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": x.channels,
            "kBeats": x.elements // lanes,
            "in_t": element_type(x),
            "out_t": element_type(y),
        }
        roms = RomSet(node.name)
        roms.add("values", element_type(y), codes.reshape(-1, lanes if len(graph.constant(node, "values")) > 1 else 1))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("table.hpp", "table", config, ins, outs, roms.roms), roms.arrays)


def _by_lane(codes: Ints, folds: int) -> Ints:
    """Return the words of every lane's table (lanes, depth), the fold in the higher bits of the address."""
    return codes.reshape(folds, -1, codes.shape[1]).transpose(1, 0, 2).reshape(-1, folds * codes.shape[1])


def _stored(values: Ints, x: TensorType, y: TensorType) -> Ints:
    """Return the words of the tables in the order of the input's codes, bipolar ones as their bits."""
    codes = _codes(values, x)
    return (codes + 1) // 2 if y.bipolar else codes


def place(x: Ints, kind: TensorType) -> Ints:
    """Return the column of each integer of a type in a table."""
    return (x + 1) >> 1 if kind.bipolar else x - kind.lo


def integers(kind: TensorType) -> Ints:
    """Return the integers of a type, one for each column of a table."""
    return np.array([-1, 1]) if kind.bipolar else np.arange(kind.lo, kind.hi + 1, dtype=np.int64)


def _codes(values: Ints, kind: TensorType) -> Ints:
    """Return the columns in the order of the input's bits read as an unsigned number."""
    return values if kind.bipolar else np.roll(values, kind.lo, axis=1)
