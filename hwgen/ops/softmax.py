# SPDX-License-Identifier: Apache-2.0
"""Softmax inside a network, as a streaming integer unit; at the end of a model the host computes it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np

from hwgen.errors import Problem, Unquantised
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.graph.source import SourceNode
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule
from hwgen.ops import macs
from hwgen.ops.area import Parts, counter_bits, ram, rom
from hwgen.ops.elementwise import ElementwiseOp, only_host_follows
from hwgen.ops.folded import LaneOp, no_bipolar
from hwgen.ops.interpolated import FRACTION_BITS, INDEX_BITS, Interpolation, interpolation
from hwgen.ops.lowered import RequantProof
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import AXIS, Signature
from hwgen.ops.steps import Curve
from hwgen.ops.support import RomSet, element_type, in_type, int_attr, type_of
from hwgen.ops.tail import suffix_of
from hwgen.ops.tokens import as_tokens
from hwgen.ops.values import Expr

POINT = 16
"""Fractional bits of the probabilities; 1 is the largest 16-bit number."""
EXP_BITS = 12
RECIPROCAL_BITS = 18
MOST_BITS = 12
LEAST_STEP = Fraction(1, 1 << 16)
SAMPLES = 512


class Softmax(ElementwiseOp):
    """``exp(x) / sum(exp(x))`` over the channels, or over equal groups of them such as the heads of attention."""

    onnx = ("Softmax",)
    signature = Signature(attrs={"axis": AXIS})
    needs_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit the unit, whose output has 16 fractional bits; the next quantiser rounds it."""
        if only_host_follows(ctx.model, node):
            if _only_largest(ctx, node):
                ctx.alias(node.outputs[0], node.inputs[0])
                return
            ctx.bind(node.outputs[0], suffix_of(ctx, node))
            return
        expr = macs.linear(ctx, node, node.inputs[0])
        step = expr.curve.slope[0]
        if len(set(expr.curve.slope)) > 1 or len(set(expr.curve.offset)) > 1 or step < 0:
            text = "The input of Softmax must have one scale and one zero point for all channels."
            ctx.refuse(node, text, "Quantise it with one scale.")
        expr, length = _groups(ctx, node, expr)
        kind = ctx.type(expr.tensor)
        if kind.bits > MOST_BITS:
            text = f"The input of Softmax must have at most {MOST_BITS} bits, not {kind.bits}."
            ctx.refuse(node, text, "Quantise it to 8 bits.", Unquantised)
        table = exponentials(float(step), length, kind.hi - kind.lo)
        tensor = ctx.emit("softmax", ctx.stem(node), (expr.tensor,), {"length": length}, {"exp": table}, (node.name,))
        maker = ctx.producer(tensor)
        assert maker is not None
        ctx.proofs.append(_measured(ctx.graph(), maker, float(step)))
        unit = Fraction(1, 1 << POINT)
        ctx.describe(tensor, (unit,), 0)
        ctx.bind(node.outputs[0], Expr(tensor, Curve.line((unit,), (Fraction(0),)), expr.view))


def _only_largest(ctx: Lowering, node: SourceNode) -> bool:
    """Tell whether nothing but the place of the largest probability is asked for, which is that of the largest input.

    Inputs must be far enough apart for their probabilities to differ in float32, or ties would be others.
    """
    value = ctx.activation(node, node.inputs[0])
    if not isinstance(value, Expr) or not value.curve.affine or min(value.curve.slope) < LEAST_STEP:
        return False
    rank = len(value.view.shape)
    readers = [other for other in ctx.model.nodes if node.outputs[0] in other.inputs]
    axes = {int(other.attrs.get("axis", 0)) % rank for other in readers}
    same = axes == {int(node.attrs.get("axis", -1)) % rank} and all(other.op == "ArgMax" for other in readers)
    return same and node.outputs[0] not in ctx.model.outputs


def _groups(ctx: Lowering, node: SourceNode, expr: Expr) -> tuple[Expr, int]:
    """Return the input and the elements of a group, which must be channels of one pixel that stand side by side."""
    axis = int(node.attrs.get("axis", -1)) % len(expr.view.shape)
    if axis == 0:
        ctx.refuse(node, "The axis of Softmax must not be the batch.")
    length = expr.view.shape[axis]
    pixels = ctx.type(expr.tensor).pixels
    rows = np.moveaxis(expr.view.positions(), axis - 1, -1).reshape(-1, length)
    together = bool((rows == rows[:, :1] + pixels * np.arange(length, dtype=np.int64)).all())
    if together and not (rows[:, 0] // pixels % length).any():
        return expr, length
    return as_tokens(ctx, node, expr, axis), length


def exponentials(step: float, length: int, reach: int) -> Ints:
    """Return ``exp(-step * d)`` for d = 0, 1, .. up to `reach`, or up to the first that is 0.

    Groups of `length` elements get one more bit each time `length` doubles, so that the sum stays as precise.
    """
    scale = float(1 << EXP_BITS + (length - 1).bit_length())
    table = np.rint(scale * np.exp(-step * np.arange(reach + 1, dtype=np.float64))).astype(np.int64)
    return table[: int(np.count_nonzero(table)) + 1]


def _measured(graph: Graph, node: Node, step: float) -> RequantProof:
    """Compare the unit with float64 on random groups of small and of full spread, and say how far it is off."""
    kind, length = graph.types[node.inputs[0]], int_attr(node, "length")
    rng = np.random.default_rng(0)
    least = rng.uniform(kind.lo, kind.hi, (SAMPLES, 1))
    groups = np.rint(rng.uniform(least, kind.hi, (SAMPLES, length))).astype(np.int64)
    got = probabilities(groups, graph.constant(node, "exp"))
    powers = np.exp(step * (groups - groups.max(axis=1, keepdims=True)))
    wanted = powers / powers.sum(axis=1, keepdims=True) * (1 << POINT)
    differing = int((got != np.rint(wanted)).sum())
    most = float(np.abs(got - wanted).max())
    detail = f"at most {most:.2f} steps of 2^-{POINT} from float64, measured on {got.size} values"
    return RequantProof(node.name, "interpolated", False, differing, detail)


@cache
def _reciprocal() -> Interpolation:
    return interpolation(lambda m: 1 / m, 1, RECIPROCAL_BITS)


def _sum_bits(table: Ints, length: int) -> int:
    return (int(table[0]) * length).bit_length()


def probabilities(groups: Ints, table: Ints) -> Ints:
    """Return the softmax of groups along the last axis, with 16 fractional bits.

    Parameters
    ----------
    groups
        int64 ``(..., K)``.
    table
        What `exponentials` gives.
    """
    away = groups.max(axis=-1, keepdims=True) - groups
    powers = table[np.minimum(away, len(table) - 1)]
    total = powers.sum(axis=-1, keepdims=True)
    mantissa, exponent = _reciprocal()(total, _sum_bits(table, groups.shape[-1]))
    scaled = (powers * mantissa) >> (RECIPROCAL_BITS - POINT - 1 + exponent)
    return np.asarray(np.minimum((scaled + 1) >> 1, (1 << POINT) - 1))


class SoftmaxUnit(LaneOp):
    """Softmax of every group of `length` channels of every pixel; probabilities with 16 fractional bits.

    Constant `exp`: ``2**n * exp(-step * d)``, falling; its last entry stands for all greater d.
    """

    name = "softmax"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return 16 unsigned bits."""
        return (TensorType(in_type(graph, node).shape, False, POINT),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Compute."""
        (x,) = inputs
        length = int_attr(node, "length")
        groups = x.reshape(len(x), x.shape[1] // length, length, -1).swapaxes(2, 3)
        found = probabilities(groups, graph.constant(node, "exp"))
        return (np.ascontiguousarray(found.swapaxes(2, 3)).reshape(x.shape),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse bipolar inputs."""
        return no_bipolar(graph, node)

    def lane_channels(self, graph: Graph, node: Node) -> int:
        """Return the length of a group, which a beat must not cross."""
        return int_attr(node, "length")

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return one iteration for each beat, and two groups more: three groups are under way."""
        folds = int_attr(node, "length") // folding.simd
        return in_type(graph, node).elements // folding.simd + 2 * folds

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Write a group's beats two groups after they were read."""
        beats = np.arange(in_type(graph, node).elements // folding.simd, dtype=np.int64)
        folds = int_attr(node, "length") // folding.simd
        return Schedule(self.cycles(graph, node, folding), (beats,), (beats + 2 * folds,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """A table, a compare, an adder and a product for every lane, one reciprocal, and two groups of memory."""
        x, table = in_type(graph, node), graph.constant(node, "exp")
        lanes, length = choice.folding.simd, int_attr(node, "length")
        folds, power = length // lanes, int(table[0]).bit_length()
        total = _sum_bits(table, length)
        kept, blocks = ram(folds, lanes * x.bits, family) if folds > 1 else (0.0, 0.0)
        powers, power_blocks = ram(folds, lanes * power, family) if folds > 1 else (0.0, 0.0)
        tables, table_blocks = rom(len(table), power, family)
        counters = counter_bits(folds, x.elements // length + 2, self.cycles(graph, node, choice.folding))
        lut = {
            "counters": counters, "ram": kept + powers, "exps": lanes * sum(tables.values()),
            "compares": float(2 * lanes * x.bits), "sums": float((lanes + 1) * total),
            "products": float(lanes * power * RECIPROCAL_BITS), "shifts": float(lanes * POINT * 6 + total * 6),
        }  # fmt: skip
        state = float(2 * x.bits + total + RECIPROCAL_BITS + lanes * (x.bits + power) * (folds == 1))
        ff = {"state": state + counters, "pipeline": float(lanes * (power * 4 + RECIPROCAL_BITS) + 2 * total)}
        return Parts(lut, ff, blocks + power_blocks + lanes * table_blocks)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `softmax`."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        table, reciprocal, length = graph.constant(node, "exp"), _reciprocal(), int_attr(node, "length")
        bits = _sum_bits(table, length)
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kChannels": length,
            "kGroups": x.elements // length,
            "kShift": RECIPROCAL_BITS - POINT,
            "kIndexBits": INDEX_BITS,
            "kFractionBits": FRACTION_BITS,
            "kWideBits": reciprocal.width(bits),
            "in_t": element_type(x),
            "exp_t": type_of(table),
            "sum_t": CType(False, bits),
            "reciprocal_t": type_of(reciprocal.base),
            "out_t": element_type(y),
        }
        roms = RomSet(node.name)
        for name, values in (("exps", table), ("base", reciprocal.base), ("slope", reciprocal.slope)):
            roms.add(name, type_of(values), values.reshape(-1, 1))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("softmax.hpp", "softmax", config, ins, outs, roms.roms), roms.arrays)
