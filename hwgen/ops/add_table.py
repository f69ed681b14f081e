# SPDX-License-Identifier: Apache-2.0
"""Addition of a constant that differs from element to element, such as position embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.graph.source import SourceNode
from hwgen.hw import Built, Choice, CType, Family, KernelCall
from hwgen.ops.area import ABSORBED, Parts, addressed, counting, index_bits, rom, together
from hwgen.ops.folded import LaneOp, no_bipolar
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.steps import Curve
from hwgen.ops.support import RomSet, element_type, holding, in_type, int_attr, type_of
from hwgen.ops.values import Expr, Fractions, within

FINE_BITS = 16
"""The constant is rounded to a step of the input, or to the step of an input of so many bits where it has fewer."""
FAR = 1 << 10


def with_table(ctx: Lowering, node: SourceNode, expr: Expr, reals: Fractions) -> Expr:
    """Emit the sum of an activation, one unclipped line of integers, and a constant of the same shape or fewer axes."""
    base = ctx.type(expr.tensor)
    placed = np.empty(base.elements, dtype=object)
    placed[expr.view.positions().reshape(-1)] = np.broadcast_to(reals, expr.view.shape).reshape(-1)
    return added(ctx, node, expr, placed.reshape(base.channels, base.pixels))


def added(ctx: Lowering, node: SourceNode, expr: Expr, placed: Fractions) -> Expr:
    """Emit the sum of an activation and a constant, real values ``(C, pixels)`` of the integer tensor's layout.

    The constant is written in steps of the input where it lies on them, else in finer ones; what is far beyond the
    input's range, such as the -1e9 of a mask, is taken as `FAR` times that range.
    """
    base = ctx.type(expr.tensor)
    slopes = np.array(expr.curve.spread(base.channels).slope, dtype=object)[:, np.newaxis]
    exact = placed / slopes
    shift = 0 if all(value.denominator == 1 for value in exact.reshape(-1)) else max(0, FINE_BITS - base.bits)
    most = FAR << (base.bits + shift)
    exact = exact * (1 << shift)
    steps = [slope / (1 << shift) for slope in slopes[:, 0]]
    if any(abs(value) > most for value in exact.reshape(-1)):
        ctx.notes.append(f"The constant of {ctx.stem(node)} is cut at {FAR} times the range of its input.")
        exact = within(exact, Fraction(-most), Fraction(most))
    table = np.array([[round(value) for value in row] for row in exact], dtype=np.int64)
    apart = max(abs(value - whole) for value, whole in zip(exact.reshape(-1), table.reshape(-1).tolist(), strict=True))
    if apart:
        grid = f"its input's grid, by {float(apart):.1g} of 1/{1 << shift} of a step"
        ctx.notes.append(f"The constant of {ctx.stem(node)} is rounded onto {grid}.")
    known = ctx.ranges[expr.tensor]
    out = Range((known.lo << shift) + table.min(axis=1), (known.hi << shift) + table.max(axis=1))
    tensor = ctx.emit(
        "add_table", ctx.stem(node), (expr.tensor,), {"shift": shift}, {"table": table}, (node.name,), out
    )
    curve = Curve.line(steps, expr.curve.spread(base.channels).offset).shrink()
    return Expr(tensor, curve, expr.view)


def varies_in_channel(ctx: Lowering, expr: Expr, reals: Fractions) -> bool:
    """Tell whether a constant that broadcasts to an activation takes several values in one of its channels."""
    base, shape = ctx.type(expr.tensor), expr.view.shape
    if len(reals.shape) > len(shape) or any(
        a not in (1, b) for a, b in zip(reals.shape[::-1], shape[::-1], strict=False)
    ):
        return False
    distinct: dict[Fraction, int] = {}
    ids = np.array([distinct.setdefault(v, len(distinct)) for v in reals.reshape(-1).tolist()], dtype=np.int64)
    placed = np.empty(base.elements, dtype=np.int64)
    placed[expr.view.positions().reshape(-1)] = np.broadcast_to(ids.reshape(reals.shape), shape).reshape(-1)
    rows = placed.reshape(base.channels, -1)
    return bool((rows != rows[:, :1]).any())


class AddTable(LaneOp):
    """``y = (x << shift) + table``; constant `table` is (C, pixels)."""

    name = "add_table"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the narrowest type that holds every sum."""
        x, shift, table = in_type(graph, node), int_attr(node, "shift"), graph.constant(node, "table")
        return (holding(x.shape, (x.lo << shift) + int(table.min()), (x.hi << shift) + int(table.max())),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Add."""
        (x,) = inputs
        table = graph.constant(node, "table").reshape(x.shape[1:])
        return ((x << int_attr(node, "shift")) + table,)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse bipolar inputs, and tables of another size."""
        x, problems = in_type(graph, node), no_bipolar(graph, node)
        found = graph.constant(node, "table").shape
        if found != (x.channels, x.pixels):
            text = f"The table must have the shape {(x.channels, x.pixels)}, not {found}."
            problems.append(Problem(text, node.name))
        return problems

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One adder a lane, and the table, whose bits under the shift pass by; few words have few bits that differ."""
        y, lanes, shift = graph.types[node.outputs[0]], choice.folding.simd, int_attr(node, "shift")
        beats, width = y.elements // lanes, lanes * type_of(graph.constant(node, "table")).bits
        few = beats <= ABSORBED
        passed = min(lanes * shift, (1 << beats) - 2) if few else lanes * shift
        table, blocks = rom(beats, width - lanes * shift * few, family)
        counters = counting(beats)
        sums = float(lanes * (y.bits - shift))
        lut = together({"base": 1.0, **counters, "sums": sums, "passed": float(passed * few * (beats > 1))}, table)
        state = counters["counters"] + sums + passed
        behind = float(in_type(graph, node).bits * lanes + index_bits(beats)) if blocks else 0.0
        ff = {"base": 1.0, "state": state, "table": addressed(beats, width), "behind": behind}
        return Parts(lut, ff, blocks)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `add_table`."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        table = graph.constant(node, "table")
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kBeats": x.elements // choice.folding.simd,
            "kShift": int_attr(node, "shift"),
            "in_t": element_type(x),
            "out_t": element_type(y),
        }
        roms = RomSet(node.name)
        roms.add("table", type_of(table), np.ascontiguousarray(table.T).reshape(-1, choice.folding.simd))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("add_table.hpp", "add_table", config, ins, outs, roms.roms), roms.arrays)
