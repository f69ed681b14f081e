# SPDX-License-Identifier: Apache-2.0
"""Product of two activations: element by element, or of a map with one number for each channel (a gate)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.graph.source import SourceNode
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule
from hwgen.ops import macs
from hwgen.ops.area import NOT_COUNTING, Parts, counting, ram
from hwgen.ops.arithmetic import product_luts
from hwgen.ops.folded import LaneOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order
from hwgen.ops.ranges import Range
from hwgen.ops.steps import Curve
from hwgen.ops.support import holding, in_type, int_attr, two_inputs
from hwgen.ops.values import Expr


class Multiply(LaneOp):
    """``y = (a - za) * (b - zb)`` with integer attributes `za` and `zb`.

    Both inputs have the same shape; or b has one element for each channel of a, and serves all pixels.
    """

    name = "multiply"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the narrowest type that holds every product."""
        a, b = in_type(graph, node), in_type(graph, node, 1)
        lo, hi = _corners(a.lo - int_attr(node, "za"), a.hi - int_attr(node, "za"), *_shifted(b, node))
        return (holding(a.shape, lo, hi),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Multiply."""
        a, b = inputs
        if _is_gate(graph, node):
            b = b.reshape(*a.shape[:2], *[1] * (a.ndim - 2))
        return ((a - int_attr(node, "za")) * (b - int_attr(node, "zb")),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse shapes that do not fit."""
        a, b = in_type(graph, node), in_type(graph, node, 1)
        if a.shape == b.shape or b.elements == a.channels:
            return []
        text = f"The second factor must have the shape {a.shape} or {a.channels} elements, not the shape {b.shape}."
        return [Problem(text, node.name)]

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a beat of a and write one in every iteration; read a gate with the first pixel."""
        beats = np.arange(self.cycles(graph, node, folding), dtype=np.int64)
        gates = beats[: in_type(graph, node, 1).elements // folding.simd]
        return Schedule(beats.size, (beats, gates), (beats,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """A multiplier a lane, subtractions of zero points, and a RAM for the gates with a choice of its word."""
        a, b, y = (graph.types[name] for name in (*node.inputs, *node.outputs))
        lanes, folds, gated = choice.folding.simd, a.channels // choice.folding.simd, _is_gate(graph, node)
        counters = counting(folds, a.pixels, a.elements // lanes) if gated else NOT_COUNTING
        held, bram = ram(folds, lanes * b.bits, family) if gated and folds > 1 else (0.0, 0.0)
        zeros = sum(t.bits + 1 for t, z in ((a, "za"), (b, "zb")) if int_attr(node, z))
        (a_signed, a_bits), (b_signed, b_bits) = _factor(a, int_attr(node, "za")), _factor(b, int_attr(node, "zb"))
        products = lanes * product_luts(a_bits, a_signed, b_bits, b_signed, family)
        lut = {
            "base": 1.0, **counters, "products": products, "zeros": float(lanes * zeros), "ram": held,
            "chosen": float(lanes * b.bits * gated),
        }  # fmt: skip
        return Parts(
            lut, {"base": 1.0, "state": counters["counters"] + lanes * (y.bits + b.bits * (gated and folds == 1))}, bram
        )

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `multiply`."""
        a = in_type(graph, node)
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kChannels": a.channels,
            "kPixels": a.pixels,
            "kGate": _is_gate(graph, node),
            "kZeroA": int_attr(node, "za"),
            "kZeroB": int_attr(node, "zb"),
            **two_inputs(graph, node),
        }
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("multiply.hpp", "multiply", config, ins, outs))


def _factor(kind: TensorType, zero: int) -> tuple[bool, int]:
    """Return sign and bits of the differences of a format's integers from their zero point."""
    return bits_for(kind.lo - zero, kind.hi - zero)


def product(ctx: Lowering, node: SourceNode) -> Expr:
    """Emit the product of the node's two activations, neither of them constant.

    Raises
    ------
    UnsupportedError
        Their shapes do not fit, or real zero is no integer of theirs.
    """
    a, b = (macs.linear(ctx, node, name) for name in node.inputs)
    if np.prod(a.view.shape) < np.prod(b.view.shape):
        a, b = b, a
    b = _fitted(ctx, node, a, b)
    za, zb = _zero(ctx, node, a), _zero(ctx, node, b)
    (la, ha), (lb, hb) = ((ctx.ranges[e.tensor].lo - z, ctx.ranges[e.tensor].hi - z) for e, z in ((a, za), (b, zb)))
    corners = np.stack([la * lb, la * hb, ha * lb, ha * hb])
    out = Range(corners.min(axis=0), corners.max(axis=0))
    tensor = ctx.emit("multiply", ctx.stem(node), (a.tensor, b.tensor), {"za": za, "zb": zb}, {}, (node.name,), out)
    count = max(a.curve.channels, b.curve.channels)
    slopes = zip(a.curve.spread(count).slope, b.curve.spread(count).slope, strict=True)
    return Expr(tensor, Curve.line([s * t for s, t in slopes], (Fraction(0),)).shrink(), a.view)


def _fitted(ctx: Lowering, node: SourceNode, a: Expr, b: Expr) -> Expr:
    """Return the second factor in the layout of the first, or as one element for each of its channels."""
    base, places = ctx.type(a.tensor), a.view.positions()
    if a.view.shape == b.view.shape:
        return in_base_order(ctx, node, b, base.shape, places)
    shape = (1,) * (len(a.view.shape) - len(b.view.shape)) + b.view.shape[1:]
    if ctx.type(b.tensor).elements == base.channels:
        try:
            channels = np.broadcast_to(b.view.positions().reshape(shape[-places.ndim :]), places.shape)
        except ValueError:
            channels = np.zeros(1, dtype=np.int64)
        if np.array_equal(channels, places // base.pixels):
            return b
    text = f"The inputs of {node.op} must have the same shape, or one of them one number for each channel of the other"
    ctx.refuse(node, f"{text}, not {a.view.shape} and {b.view.shape}.", "Pool a gate over the whole map.")


def _zero(ctx: Lowering, node: SourceNode, expr: Expr) -> int:
    """Return the integer that stands for real zero."""
    zero = expr.curve.zero
    if zero is None:
        text = f"An input of {node.op} must have one integer as its zero point, for it is multiplied by an activation."
        ctx.refuse(node, text, "Quantise it right before.")
    return zero


def _is_gate(graph: Graph, node: Node) -> bool:
    return in_type(graph, node).elements != in_type(graph, node, 1).elements


def _shifted(kind: TensorType, node: Node) -> tuple[int, int]:
    return kind.lo - int_attr(node, "zb"), kind.hi - int_attr(node, "zb")


def _corners(la: int, ha: int, lb: int, hb: int) -> tuple[int, int]:
    corners = (la * lb, la * hb, ha * lb, ha * hb)
    return min(corners), max(corners)
