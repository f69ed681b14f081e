# SPDX-License-Identifier: Apache-2.0
"""ReduceMean, ReduceSum, ReduceMax, ReduceMin: over pixels, channels, one spatial axis, or everything."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np

from hwgen.graph import Attr, Ints
from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.averagepool import summable
from hwgen.ops.base import SourceOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.maxpool import pooled, rising
from hwgen.ops.signature import AXES, WHOLE, Signature
from hwgen.ops.spatial import Geometry, feature_map, size_of
from hwgen.ops.steps import Curve
from hwgen.ops.taking import axes
from hwgen.ops.values import Expr, View


class Reduction(SourceOp):
    """Mean, sum, maximum or minimum over pixels, channels, one spatial axis, or everything."""

    onnx = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
    signature = Signature(1, 2, {"axes": AXES, "keepdims": WHOLE, "noop_with_empty_axes": WHOLE})
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a global pool, a pool of rows or columns, or a product with ones."""
        axes = _axes(ctx, node)
        if not axes:
            ctx.bind(node.outputs[0], ctx.value(node.inputs[0]))
            return
        sums = node.op in ("ReduceMean", "ReduceSum")
        if sums:
            expr = summable(ctx, node, macs.linear(ctx, node, node.inputs[0]))
        else:
            expr = rising(ctx, node, ctx.expr(node, node.inputs[0]), largest=node.op == "ReduceMax")
        made = _reduced(ctx, node, expr, axes, sums=sums)
        if node.op == "ReduceMean":
            count = prod(expr.view.shape[axis] for axis in axes)
            made = made.through(made.curve.scaled((Fraction(1, count),), (Fraction(0),)))
        ctx.bind(node.outputs[0], replace(made, anchor=None))


def _axes(ctx: Lowering, node: SourceNode) -> tuple[int, ...]:
    """Return the axes in ascending order, none where the operator does nothing."""
    rank = len(ctx.model.shapes[node.inputs[0]])
    found = axes(ctx, node, 1, rank)
    if not found:
        found = () if node.attrs.get("noop_with_empty_axes", 0) else tuple(range(rank))
        found = found[1:] if ctx.model.shapes[node.inputs[0]][0] == 1 else found
    if 0 in found:
        ctx.refuse(node, f"The axes of {node.op} must not hold the batch, axis 0.", "Reduce the other axes only.")
    return tuple(sorted(found))


def _reduced(ctx: Lowering, node: SourceNode, expr: Expr, axes: tuple[int, ...], *, sums: bool) -> Expr:
    """Return the sum or the maximum over `axes`."""
    base, shape = ctx.type(expr.tensor), ctx.model.shapes[node.outputs[0]]
    places = _gathered(expr.view, axes)
    channels, pixels = places // base.pixels, places % base.pixels
    mode = "sum" if sums else "max"
    if places.shape[1] == base.pixels and (channels == channels[:, :1]).all():
        tensor = expr.tensor
        if base.pixels > 1:
            tensor = ctx.emit("global_pool", ctx.stem(node), (tensor,), {"mode": mode}, {}, (node.name,))
        curve = _of_sum(expr.curve, base.pixels) if sums else expr.curve
        return replace(expr, tensor=tensor, curve=curve, view=_view(ctx, tensor, channels[:, 0], shape))
    if places.shape[1] == base.elements and base.pixels > 1:
        whole = (np.arange(base.channels), (1, base.channels))
        tensor = ctx.emit("global_pool", f"{ctx.stem(node)}_map", (expr.tensor,), {"mode": mode}, {}, (node.name,))
        curve = _of_sum(expr.curve, base.pixels) if sums else expr.curve
        expr = replace(expr, tensor=tensor, curve=curve, view=_view(ctx, tensor, *whole))
        return _over_channels(ctx, node, expr, np.zeros(1, dtype=np.int64), sums=sums)
    if places.shape[1] == base.channels and (pixels == pixels[:, :1]).all():
        return _over_channels(ctx, node, expr, pixels[:, 0], sums=sums)
    return _over_axis(ctx, node, feature_map(ctx, node, expr), axes, mode)


def _gathered(view: View, axes: tuple[int, ...]) -> Ints:
    """Return the places that each element of the result is made from, ``(results, count)``."""
    positions = view.positions()
    kept = [axis for axis in range(positions.ndim) if axis + 1 not in axes]
    count = prod(view.shape[axis] for axis in axes)
    return positions.transpose(*kept, *(axis - 1 for axis in axes)).reshape(-1, count)


def _of_sum(curve: Curve, count: int) -> Curve:
    """Return the curve of a sum of `count` integers."""
    return Curve.line(curve.slope, tuple(o * count for o in curve.offset))


def _view(ctx: Lowering, tensor: str, places: Ints, shape: tuple[int, ...]) -> View:
    """Return the view of a result whose elements stand at `places`."""
    return View(shape).over(places.reshape(shape[1:]), ctx.type(tensor).shape)


def _over_channels(ctx: Lowering, node: SourceNode, expr: Expr, pixels: Ints, *, sums: bool) -> Expr:
    """Reduce every pixel: a product with ones, or the maximum of its channels one after the other."""
    base, shape = ctx.type(expr.tensor), ctx.model.shapes[node.outputs[0]]
    if sums:
        ones = np.ones((1, base.channels), dtype=np.int64)
        scale = np.array([[Fraction(1)]], dtype=object)
        ints, unit = macs.combine(ctx, node, ones, scale, expr.curve.slope)
        constant = macs.offsets(ints, expr.curve, 1)
        mac = macs.Mac("matvec", {"per_pixel": True}, expr.tensor, ints, unit, constant, None)
        made = macs.emit(ctx, node, mac)
    else:
        if expr.curve.channels > 1:
            text = f"The input of {node.op} over channels must have one scale for all of them."
            ctx.refuse(node, text, "Quantise it with one scale.")
        attrs: dict[str, Attr] = {"taps": base.channels, "mode": "max"}
        made = replace(expr, tensor=ctx.emit("pool", ctx.stem(node), (expr.tensor,), attrs, {}, (node.name,)))
    return replace(made, view=_view(ctx, made.tensor, pixels, shape))


def _over_axis(ctx: Lowering, node: SourceNode, expr: Expr, axes: tuple[int, ...], mode: str) -> Expr:
    """Reduce rows or columns of a map: a pool whose window is one of them."""
    height, width = size_of(expr)
    if len(axes) > 1 or axes[0] == 1:
        text = f"The axes of {node.op} must be channels, pixels, one spatial axis or everything, not {axes}."
        ctx.refuse(node, text, "Reduce one after the other.")
    kernel = (1, width) if axes[0] == len(expr.view.shape) - 1 else (height, 1)
    tensor = pooled(ctx, node, expr.tensor, Geometry((height, width), kernel), 0, mode)
    count = prod(kernel)
    curve = _of_sum(expr.curve, count) if mode == "sum" else expr.curve
    places = np.arange(ctx.type(tensor).elements, dtype=np.int64)
    return replace(expr, tensor=tensor, curve=curve, view=_view(ctx, tensor, places, ctx.model.shapes[node.outputs[0]]))
