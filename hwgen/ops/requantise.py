# SPDX-License-Identifier: Apache-2.0
"""Multiply-add-shift: requantisation into many levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.hw import Built, Choice, CType, Family, KernelCall
from hwgen.ops.area import ABSORBED, Parts, addressed, counter_bits, index_bits, rom, shift_adders, together
from hwgen.ops.folded import LaneOp
from hwgen.ops.support import (
    RomSet,
    element_type,
    holding,
    in_type,
    int_attr,
    per_fold,
    product_range,
    type_of,
)


class Requantise(LaneOp):
    """``y = clip((acc * mul[c] + add[c]) >> shift, lo, hi)``; the shift rounds towards minus infinity.

    Attributes `shift`, `lo`, `hi`; constants `mul` and `add`, (C,) or (1,) for all channels. With the optional
    attribute `ties`, results without a fraction (exact ties where `add` holds one half) go to the even neighbour (1)
    or to the odd one (2): half to even before an even or an odd zero point is added.
    """

    name = "requantise"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the type that holds ``[lo, hi]``."""
        return (holding(in_type(graph, node).shape, int_attr(node, "lo"), int_attr(node, "hi")),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Multiply, add, shift, clip."""
        (x,) = inputs
        spread = (-1, *(1 for _ in x.shape[2:]))
        mul, add = (graph.constant(node, role).reshape(spread) for role in ("mul", "add"))
        exact = x * mul
        exact += add
        shifted = shift_with_ties(exact, int_attr(node, "shift"), ties_of(node))
        return (np.clip(shifted, int_attr(node, "lo"), int_attr(node, "hi"), out=shifted),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse tables of a wrong length and products beyond 63 bits."""
        problems = []
        x = in_type(graph, node)
        mul, add = graph.constant(node, "mul"), graph.constant(node, "add")
        for role, table in (("multipliers", mul), ("addends", add)):
            if table.shape[0] not in (1, x.channels):
                text = f"The {role} must number 1 or {x.channels}, not {table.shape[0]}."
                problems.append(Problem(text, node.name))
        if _product(x, mul, add).bits > 63:
            problems.append(Problem("The product must fit 63 bits.", node.name, "Use fewer multiplier bits."))
        if int_attr(node, "lo") > int_attr(node, "hi"):
            problems.append(Problem("The lower limit must not exceed the upper.", node.name))
        return problems

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One multiplier, adder and clip a lane, the two tables; a shared factor is multiplied by shifts and adders."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        mul, add, lanes = graph.constant(node, "mul"), graph.constant(node, "add"), choice.folding.simd
        mul_bits, folds = type_of(mul).bits, x.channels // lanes
        depth = 1 if mul.shape[0] == add.shape[0] == 1 else folds
        factors, factor_bram = rom(depth if mul.shape[0] > 1 else 1, lanes * mul_bits, family)
        addends, add_bram = rom(depth if add.shape[0] > 1 else 1, lanes * type_of(add).bits, family)
        product = _product(x, mul, add).bits
        shared = depth == 1 or mul.shape[0] == 1
        per_lane = lanes if mul.shape[0] == 1 else lanes / mul.size
        counters = counter_bits(depth, x.elements // lanes)
        growing = min(1.0, (1 + index_bits(depth)) / (1 + index_bits(ABSORBED)))
        kept = max(1, product - int_attr(node, "shift"))
        lut = {
            "base": 1.0, "counters": counters, "products": 0.0 if shared else lanes * x.bits * mul_bits * growing,
            "shift_adds": per_lane * shift_adders(mul.tolist()) * (x.bits + mul_bits / 2) if shared else 0.0,
            "sums": float(lanes * product), "clip": float(lanes * (kept + y.bits)),
            "ties": float(lanes * product) if ties_of(node) else 0.0,
        }  # fmt: skip
        table = addressed(folds if mul.shape[0] > 1 else 1, lanes * mul_bits)
        table += addressed(folds if add.shape[0] > 1 else 1, lanes * type_of(add).bits)
        state = counters + lanes * y.bits
        ff = {"base": 1.0, "state": state, "pipeline": float(lanes * product), "table": table}
        return Parts(together(lut, factors, addends), ff, factor_bram + add_bram)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `requantise`; a bipolar input enters as its bit b, being ``2 b - 1``."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        mul, add = graph.constant(node, "mul"), graph.constant(node, "add")
        product = _product(x, mul, add)
        if x.bipolar:
            mul, add = 2 * mul, add - mul
        rows = 1 if mul.shape[0] == add.shape[0] == 1 else x.channels
        lanes = min(rows, choice.folding.simd)
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kChannels": x.channels,
            "kBeats": x.elements // choice.folding.simd,
            "kShift": int_attr(node, "shift"),
            "kTies": ties_of(node),
            "kLo": int_attr(node, "lo"),
            "kHi": int_attr(node, "hi"),
            "in_t": element_type(x),
            "mul_t": type_of(mul),
            "add_t": type_of(add),
            "prod_t": product,
            "out_t": element_type(y),
        }
        roms = RomSet(node.name)
        roms.add("mul", type_of(mul), per_fold(mul, rows, lanes))
        roms.add("add", type_of(add), per_fold(add, rows, lanes))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("requantise.hpp", "requantise", config, ins, outs, roms.roms), roms.arrays)


def ties_of(node: Node) -> int:
    """Return the optional attribute `ties`: 0, 1 (to even) or 2 (to odd)."""
    return int_attr(node, "ties") if "ties" in node.attrs else 0


def shift_with_ties(exact: Ints, shift: int, ties: int) -> Ints:
    """Return ``exact >> shift``, one less where nothing was shifted out and the parity is not the wanted one."""
    floored = exact >> shift
    if ties == 0:
        return floored
    down = (exact == floored << shift) & (floored % 2 == ties % 2)
    return np.asarray(floored - down)


def _product(x: TensorType, mul: Ints, add: Ints) -> CType:
    """Return the signed type that holds ``acc * mul``, ``add`` and their sum for every channel."""
    lo, hi = product_range(x.lo, x.hi, mul)
    least, most = min(lo, 0) + min(int(add.min()), 0), max(hi, 0) + max(int(add.max()), 0)
    return CType(True, bits_for(min(least, -1), most)[1])
