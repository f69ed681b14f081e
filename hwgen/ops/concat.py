# SPDX-License-Identifier: Apache-2.0
"""Concat: activations side by side.

Branches with different scales become one tensor with a scale for each channel, where channels are joined: the quantiser
behind then has constants of its own for every channel, which is exactly what requantising every branch would give.
Elsewhere, and where constants are joined, a quantiser behind the join is put in front of it (`Postponed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from hwgen.graph import Attr
from hwgen.graph.source import SourceNode
from hwgen.ops.beside import Block, view_of_join, with_constants
from hwgen.ops.elementwise import ElementwiseOp, only_host_follows, suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order
from hwgen.ops.ranges import Range
from hwgen.ops.rearrange import stream_places
from hwgen.ops.signature import AXIS, HINT, Signature
from hwgen.ops.steps import Curve, common
from hwgen.ops.values import Activation, Expr, Fractions, Mapped, Postponed, View

MAX_BITS = 24


class Concat(ElementwiseOp):
    """Activations and constants along channels, rows, columns or features; any scales before a quantiser."""

    onnx = ("Concat",)
    signature = Signature(1, None, {"axis": AXIS}, ("axis",))
    needs_integers = True
    keeps_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit joins of two, one after the other."""
        values = [ctx.value(name) for name in node.inputs]
        constants = [ctx.real_constant(name) for name in node.inputs]
        apart = any(isinstance(value, Mapped) for value in values) or any(c is not None for c in constants)
        if apart and only_host_follows(ctx.model, node):
            ctx.bind(node.outputs[0], suffix(values, ctx, node))
            return
        given = zip(node.inputs, constants, strict=True)
        parts = [ctx.expr(node, name) if constant is None else constant for name, constant in given]
        axis = _checked(ctx, node, [ctx.model.shapes[name] for name in node.inputs])
        postponed = Postponed(tuple(parts), partial(_joined, ctx, node, axis))
        exprs = [part for part in parts if isinstance(part, Expr)]
        if not exprs:
            ctx.refuse(node, "Concat must join an activation, not constants only.", "Fold it before export.")
        laid, at = _laid_out(ctx, node, exprs, axis)
        if len(exprs) == len(parts) and (at == 1 or _one_curve(ctx, node, laid) is not None):
            ctx.bind(node.outputs[0], postponed.join(parts))
        elif only_host_follows(ctx.model, node):
            ctx.bind(node.outputs[0], suffix(values, ctx, node))
        else:
            ctx.bind(node.outputs[0], postponed)


def _checked(ctx: Lowering, node: SourceNode, shapes: list[tuple[int, ...]]) -> int:
    """Return the axis that is joined, counted from the first."""
    axis = int(node.attrs["axis"]) % len(shapes[0])
    if axis == 0:
        ctx.refuse(node, "Concat must not join along the batch.", "Join along another axis.")
    if len({(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}) > 1:
        ctx.refuse(node, f"The inputs of Concat must differ in axis {axis} only, not be {shapes}.", HINT)
    return axis


def _joined(ctx: Lowering, node: SourceNode, axis: int, parts: Sequence[Activation | Fractions]) -> Expr:
    """Emit joins of two, one after the other; constants go around the activations next to them."""
    exprs, at = _laid_out(ctx, node, [part for part in parts if isinstance(part, Expr)], axis)
    mixed = len(exprs) < len(parts)
    if mixed:
        exprs = with_constants(ctx, node, parts, exprs, axis, at)
    if at != 1 or mixed:
        aligned = _one_curve(ctx, node, exprs)
        if aligned is None and at != 1:
            text = "The inputs of Concat must have one scale where rows or columns are joined, or a quantiser behind."
            ctx.refuse(node, text, "Quantise its output, or all of its inputs with the same scale and zero point.")
        exprs = aligned or exprs
    joined = exprs[0]
    for part in exprs[1:]:
        joined = _join(ctx, node, joined, part, at)
    blocks = [Block(ctx.type(part.tensor).shape, part.view.positions()) for part in exprs]
    return replace(joined, view=view_of_join(blocks, axis, at), anchor=None)


def _laid_out(ctx: Lowering, node: SourceNode, parts: list[Expr], axis: int) -> tuple[list[Expr], int]:
    """Return the branches in one layout, and the axis of their integer tensors that is joined.

    Vectors are joined in the order of their streams, and rows whose elements follow each other in a stream as tokens:
    neither then waits for a whole frame.
    """
    rank = len(parts[0].view.shape)
    places = [stream_places(ctx.type(p.tensor).shape)[p.view.positions()] for p in parts]
    if rank == 2:
        vectors = zip(parts, places, strict=True)
        return [in_base_order(ctx, node, part, (1, place.size), place) for part, place in vectors], 1
    if rank == 3 and all(np.ptp(place, axis=1).sum() <= np.ptp(place, axis=0).sum() for place in places):
        return [_as_tokens(ctx, node, part) for part in parts], 3 - axis
    if axis > 3:
        ctx.refuse(node, f"Concat must join one of the first four axes, not axis {axis}.", "Reshape its inputs.")
    return [in_base_order(ctx, node, part) for part in parts], 3 if (rank, axis) == (3, 2) else axis


def _as_tokens(ctx: Lowering, node: SourceNode, part: Expr) -> Expr:
    rows, columns = part.view.shape[1:]
    index = np.arange(rows * columns, dtype=np.int64).reshape(columns, rows).T
    return in_base_order(ctx, node, part, (1, columns, rows, 1), index)


def _one_curve(ctx: Lowering, node: SourceNode, parts: list[Expr]) -> list[Expr] | None:
    """Return the branches with integers of one meaning, scaled onto a common grid; None where that is too fine."""
    curves = [part.curve for part in parts]
    if all(curve == curves[0] for curve in curves):
        return parts
    if any(curve.channels > 1 or not curve.affine or curve.slope[0] == 0 for curve in curves):
        return None
    unit = common([curve.slope[0] for curve in curves])
    start = curves[0].offset[0]
    steps = [(curve.offset[0] - start) / unit for curve in curves]
    factors = [int(curve.slope[0] / unit) for curve in curves]
    kinds = [ctx.type(part.tensor) for part in parts]
    if any(step.denominator != 1 or abs(step) >= 1 << MAX_BITS for step in steps) or any(
        kind.bits + factor.bit_length() > MAX_BITS for kind, factor in zip(kinds, factors, strict=True)
    ):
        return None
    line = Curve.line((unit,), (start,))
    return [_scaled(ctx, node, p, m, int(k), line) for p, m, k in zip(parts, factors, steps, strict=True)]


def _scaled(ctx: Lowering, node: SourceNode, part: Expr, factor: int, add: int, line: Curve) -> Expr:
    """Emit ``factor * q + add``."""
    if (factor, add) == (1, 0):
        return replace(part, curve=line)
    known = ctx.ranges[part.tensor]
    low, high = (np.sort([known.lo * factor + add, known.hi * factor + add], axis=0)[end] for end in (0, 1))
    attrs: dict[str, Attr] = {"shift": 0, "lo": int(low.min()), "hi": int(high.max())}
    constants = {"mul": np.array([factor], dtype=np.int64), "add": np.array([add], dtype=np.int64)}
    name = f"{ctx.stem(node)}_scale"
    tensor = ctx.emit("requantise", name, (part.tensor,), attrs, constants, (node.name,), Range(low, high))
    return Expr(tensor, line, part.view)


def _join(ctx: Lowering, node: SourceNode, a: Expr, b: Expr, at: int) -> Expr:
    """Emit the join of two integer tensors; the view is left to the caller."""
    first, second = ctx.type(a.tensor), ctx.type(b.tensor)
    ranges = ctx.ranges[a.tensor], ctx.ranges[b.tensor]
    if at == 1:
        out = Range(np.concatenate([r.lo for r in ranges]), np.concatenate([r.hi for r in ranges]))
        curves = a.curve.spread(first.channels), b.curve.spread(second.channels)
        fields = [getattr(curves[0], f) + getattr(curves[1], f) for f in ("slope", "offset", "floor", "ceiling")]
        curve = Curve(*fields).shrink()
    else:
        out = Range(np.minimum(*(r.lo for r in ranges)), np.maximum(*(r.hi for r in ranges)))
        curve = a.curve
    tensor = ctx.emit("concat", ctx.stem(node), (a.tensor, b.tensor), {"axis": at}, {}, (node.name,), out)
    if (first.scale, first.zero_point) == (second.scale, second.zero_point) and len(first.scale) == 1:
        ctx.describe(tensor, first.scale, first.zero_point)
    return Expr(tensor, curve, View(ctx.type(tensor).shape))
