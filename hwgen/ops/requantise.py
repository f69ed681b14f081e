# SPDX-License-Identifier: Apache-2.0
"""Multiply-add-shift: requantisation into many levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.hw import Built, Choice, CType, Family, KernelCall
from hwgen.ops.area import (
    LUT_INPUTS,
    NOT_COUNTING,
    Parts,
    addressed,
    counting,
    lane_bits,
    rom,
    shift_adders,
    together,
    trailing_zeros,
)
from hwgen.ops.arithmetic import product_luts, product_rows, stages
from hwgen.ops.folded import ElementOp
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


class Requantise(ElementOp):
    """``y = clip((acc * mul[c] + add[c]) >> shift, lo, hi)``; the shift rounds towards minus infinity.

    Attributes `shift`, `lo`, `hi`; constants `mul` and `add`, (C,) or (1,) for all channels. Optional constants `least`
    and `most`, likewise, both or none: narrower limits of each channel, inside `lo` and `hi`. With the optional
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
        least, most = (limit.reshape(spread) for limit in limits_of(graph, node))
        return (np.clip(shifted, least, most, out=shifted),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse tables of a wrong length and products beyond 63 bits."""
        problems = []
        x = in_type(graph, node)
        mul, add = graph.constant(node, "mul"), graph.constant(node, "add")
        least, most = limits_of(graph, node)
        for role, table in (("multipliers", mul), ("addends", add), ("limits", least), ("limits", most)):
            if table.shape[0] not in (1, x.channels):
                text = f"The {role} must number 1 or {x.channels}, not {table.shape[0]}."
                problems.append(Problem(text, node.name))
        if _product(x, mul, add).bits > 63:
            problems.append(Problem("The product must fit 63 bits.", node.name, "Use fewer multiplier bits."))
        lo, hi = int_attr(node, "lo"), int_attr(node, "hi")
        if lo > hi or (not problems and (least > most).any()):
            problems.append(Problem("The lower limit must not exceed the upper.", node.name))
        elif min(least.min(), most.min()) < lo or max(least.max(), most.max()) > hi:
            problems.append(Problem(f"The limits of each channel must lie in {lo} to {hi}.", node.name))
        return problems

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One multiplier, adder and clip a lane, the two tables; a shared factor is multiplied by shifts and adders."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        mul, add, lanes = graph.constant(node, "mul"), graph.constant(node, "add"), choice.folding.simd
        folds, product = x.channels // lanes, _product(x, mul, add).bits
        tables = (mul, add, *limits_of(graph, node))
        rows = np.stack([np.broadcast_to(table, x.channels).reshape(folds, lanes) for table in tables])
        bits, zeros = lane_bits(rows, 1), trailing_zeros(rows, 1)
        varies = bits > 0
        stored = int((bits - zeros * varies).sum())
        table, bram = rom(folds if stored else 1, stored, family)
        factors = np.where(varies[0], np.maximum(bits[0] - zeros[0], 1), 0)
        products = sum(product_luts(x.bits, x.signed, int(f), False, family) for f in factors if f)
        shifts = sum(shift_adders([f]) * (x.bits + int(f).bit_length() / 2) for f in rows[0, 0, ~varies[0]])
        sums = np.where(varies[0] | varies[1] | (rows[1, 0] != 0), product - np.where(varies[1], zeros[1], 0), 0)
        if LUT_INPUTS[family] == 6:
            sums[~varies[0] & ~varies[1] & powers_of_two(rows[0, 0])] = 0
        shift = int_attr(node, "shift")
        kept = max(1, product - shift)
        ends = np.stack([x.lo * mul + add, x.hi * mul + add]) >> shift
        clips = bool((ends < y.lo).any() or (ends > y.hi).any())
        counters = counting(folds, x.elements // lanes) if stored else NOT_COUNTING
        lut = {
            "base": 1.0, **counters, "products": float(products), "shift_adds": float(shifts),
            "sums": float(sums.sum()), "clip": float(lanes * (kept + y.bits) * clips),
            "limits": float(varies[2:].sum() * (kept + y.bits)),
            "ties": lanes * (shift / LUT_INPUTS[family] + kept) if ties_of(node) else 0.0,
        }  # fmt: skip
        adders = max((product_rows(x.bits, x.signed, int(f), False, family) for f in factors), default=0)
        cuts = stages(adders + 3, family) - 1 if adders else 0
        ff = {
            "base": 1.0, "state": counters["counters"] + lanes * y.bits, "table": addressed(folds, stored),
            "pipeline": float(cuts * lanes * (product + x.bits)), "behind": cuts * stored if table["rom"] else 0.0,
        }  # fmt: skip
        return Parts(together(lut, table), ff, bram)

    def kernel_of(self, graph: Graph, node: Node, choice: Choice) -> Built:
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
        if "least" in node.constants:
            for role, limit in zip(("least", "most"), limits_of(graph, node), strict=True):
                roms.add(role, element_type(y), per_fold(limit, len(limit), min(len(limit), choice.folding.simd)))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("requantise.hpp", "requantise", config, ins, outs, roms.roms), roms.arrays)


def powers_of_two(values: Ints) -> npt.NDArray[np.bool_]:
    """Tell which values multiply by a shift alone: a constant behind it is added along a carry chain, without LUTs."""
    found: npt.NDArray[np.bool_] = (values & (values - 1)) == 0
    return found


def ties_of(node: Node) -> int:
    """Return the optional attribute `ties`: 0, 1 (to even) or 2 (to odd)."""
    return int_attr(node, "ties") if "ties" in node.attrs else 0


def limits_of(graph: Graph, node: Node) -> tuple[Ints, Ints]:
    """Return the least and the greatest output, each (C,) or (1,)."""
    if "least" in node.constants:
        return graph.constant(node, "least"), graph.constant(node, "most")
    least, most = (np.array([int_attr(node, name)], dtype=np.int64) for name in ("lo", "hi"))
    return least, most


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
