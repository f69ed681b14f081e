# SPDX-License-Identifier: Apache-2.0
"""AveragePool, GlobalAveragePool, ReduceMean over a map: a sum; the divisor goes into the next requantisation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hwgen.graph import Attr, Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.conv import Geometry, geometry, window, zero_of
from hwgen.ops.lowering import Lowering
from hwgen.ops.macs import linear
from hwgen.ops.maxpool import pooled
from hwgen.ops.moving import in_base_order
from hwgen.ops.steps import Curve
from hwgen.ops.values import Expr, View


class AveragePool(SourceOp):
    """Mean over a window. Where padding does not count, each position has a divisor of its own."""

    onnx = ("AveragePool", "GlobalAveragePool")
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a sum and divide the curve's slope."""
        expr = _map(ctx, node)
        kernel = expr.view.shape[2:] if node.op == "GlobalAveragePool" else tuple(node.attrs["kernel_shape"])
        shape = geometry(ctx, node, expr.view.shape, kernel)
        if any(shape.pads) and not node.attrs.get("count_include_pad", 0):
            counts = _counts(shape, expr.view.shape)
            if len(np.unique(counts)) > 1:
                _bind(ctx, node, expr, *_varying(ctx, node, expr, shape, counts))
                return
            _bind(ctx, node, expr, pooled(ctx, node, expr.tensor, shape, 0, "sum"), int(counts.reshape(-1)[0]))
            return
        pad = zero_of(ctx, node, expr) if any(shape.pads) else 0
        _bind(ctx, node, expr, pooled(ctx, node, expr.tensor, shape, pad, "sum"), shape.taps)


class ReduceMean(SourceOp):
    """Mean over both axes of a feature map."""

    onnx = ("ReduceMean",)
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a global sum and divide the curve's slope."""
        axes = node.attrs.get("axes")
        if axes is None:
            array = ctx.constant(node, 1, "axes")
            axes = () if array is None else tuple(array.reshape(-1).tolist())
        expr = _map(ctx, node)
        if sorted(axis % 4 for axis in axes) != [2, 3]:
            ctx.refuse(node, f"The axes of ReduceMean must be 2 and 3, not {tuple(axes)}.", "Use GlobalAveragePool.")
        height, width = expr.view.shape[2:]
        shape = Geometry((height, width), (1, 1), (0, 0, 0, 0))
        tensor = pooled(ctx, node, expr.tensor, shape, 0, "sum")
        _bind(ctx, node, expr, tensor, shape.taps)


def _map(ctx: Lowering, node: SourceNode) -> Expr:
    """Return the input as a map whose integers a sum can take: bipolar ones get a second bit."""
    expr = linear(ctx, node, node.inputs[0])
    if len(expr.view.shape) != 4:
        ctx.refuse(node, f"The input of {node.op} must be a feature map (1, C, H, W), not {expr.view.shape}.")
    expr = in_base_order(ctx, node, expr)
    if not ctx.type(expr.tensor).bipolar:
        return expr
    attrs: dict[str, Attr] = {"y_min": -1, "step": 1}
    table = {"thresholds": np.ones((1, 2), dtype=np.int64), "flip": np.zeros(1, dtype=np.int64)}
    wide = ctx.emit("thresholds", f"{ctx.stem(node)}_widen", (expr.tensor,), attrs, table, (node.name,))
    return replace(expr, tensor=wide, anchor=None)


def _bind(ctx: Lowering, node: SourceNode, expr: Expr, tensor: str, divisor: int) -> None:
    slope = tuple(s / divisor for s in expr.curve.slope)
    shape = ctx.type(tensor).shape
    view, wanted = View(shape), ctx.model.shapes[node.outputs[0]]
    if wanted != shape:
        view = View(wanted, view.positions().reshape(wanted[1:]))
    made = replace(expr, tensor=tensor, curve=Curve.line(slope, expr.curve.offset), view=view, anchor=None)
    ctx.bind(node.outputs[0], made)


def _counts(shape: Geometry, size: tuple[int, ...]) -> Ints:
    """Return how many pixels of each window lie inside the map, int64 ``(OH, OW)``."""
    top, left, bottom, right = shape.pads
    ones = np.pad(np.ones(size[2:], dtype=np.int64), ((top, bottom), (left, right)))
    taps = np.lib.stride_tricks.sliding_window_view(ones, shape.kernel)[:: shape.stride[0], :: shape.stride[1]]
    return np.asarray(taps.sum(axis=(2, 3)), dtype=np.int64)


def _varying(ctx: Lowering, node: SourceNode, expr: Expr, shape: Geometry, counts: Ints) -> tuple[str, int]:
    """Emit a pool whose sum is multiplied by the common divisor over the position's own; return it and the divisor."""
    divisor = math.lcm(*np.unique(counts).tolist())
    taps = window(ctx, node, expr.tensor, shape, 0, "taps")
    attrs: dict[str, Attr] = {"taps": shape.taps, "mode": "sum"}
    factor = divisor // counts.reshape(-1)
    return ctx.emit("pool", ctx.stem(node), (taps,), attrs, {"multiplier": factor}, (node.name,)), divisor
