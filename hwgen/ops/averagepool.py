# SPDX-License-Identifier: Apache-2.0
"""AveragePool and GlobalAveragePool: a sum; the divisor goes into the next requantisation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np

from hwgen.graph import Attr, Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.macs import linear, moved
from hwgen.ops.maxpool import pooled
from hwgen.ops.signature import WHOLE, Signature
from hwgen.ops.spatial import WINDOW, Geometry, feature_map, geometry, in_shape, size_of, window, zero_of
from hwgen.ops.steps import Curve
from hwgen.ops.values import Expr


class AveragePool(SourceOp):
    """Mean over a window. Where padding does not count, each position has a divisor of its own."""

    onnx = ("AveragePool", "GlobalAveragePool")
    signature = Signature(attrs={**WINDOW, "ceil_mode": WHOLE, "count_include_pad": WHOLE}, required=("kernel_shape",))
    signatures: ClassVar = {"GlobalAveragePool": Signature()}
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a sum and divide the curve's slope."""
        expr = summable(ctx, node, feature_map(ctx, node, linear(ctx, node, node.inputs[0])))
        if node.op == "GlobalAveragePool":
            shape = Geometry(size_of(expr), size_of(expr))
        else:
            shape = geometry(ctx, node, expr, tuple(node.attrs["kernel_shape"]))
        include = bool(node.attrs.get("count_include_pad", 0))
        counts = _counts(shape, include=include)
        if counts.min() == 0:
            ctx.refuse(node, f"Every window of {node.op} must hold a pixel, but some hold padding only.", "Pad less.")
        pad = 0
        if include and any(shape.pads) and not any(shape.beyond):
            pad = zero_of(ctx, node, expr)
        elif include and any(shape.beyond):
            expr = moved(ctx, node, expr, zero_of(ctx, node, expr))
        if len(np.unique(counts)) > 1:
            tensor, divisor = _varying(ctx, node, expr, shape, counts)
        else:
            tensor, divisor = pooled(ctx, node, expr.tensor, shape, pad, "sum"), int(counts.flat[0])
        curve = Curve.line(tuple(s / divisor for s in expr.curve.slope), expr.curve.offset)
        ctx.bind(node.outputs[0], in_shape(ctx, node, replace(expr, tensor=tensor, curve=curve)))


def summable(ctx: Lowering, node: SourceNode, expr: Expr) -> Expr:
    """Return a tensor whose integers a sum can take: bipolar ones get a second bit."""
    if not ctx.type(expr.tensor).bipolar:
        return expr
    attrs: dict[str, Attr] = {"y_min": -1, "step": 1}
    table = {"thresholds": np.ones((1, 2), dtype=np.int64), "flip": np.zeros(1, dtype=np.int64)}
    wide = ctx.emit("thresholds", f"{ctx.stem(node)}_widen", (expr.tensor,), attrs, table, (node.name,))
    return replace(expr, tensor=wide, anchor=None)


def _counts(shape: Geometry, *, include: bool) -> Ints:
    """Return how many pixels of each window count, int64 ``(OH, OW)``; padding does where `include` says so."""
    top, left, bottom, right = shape.pads
    rest = (bottom - shape.beyond[0], right - shape.beyond[1])
    ones = np.ones(shape.size, dtype=np.int64)
    ones = np.pad(ones, ((top, rest[0]), (left, rest[1])), constant_values=int(include))
    ones = np.pad(ones, ((0, shape.beyond[0]), (0, shape.beyond[1])))
    taps = np.lib.stride_tricks.sliding_window_view(ones, shape.reach)[:: shape.stride[0], :: shape.stride[1]]
    taps = taps[:, :, :: shape.dilation[0], :: shape.dilation[1]]
    return np.asarray(taps.sum(axis=(2, 3)), dtype=np.int64)


def _varying(ctx: Lowering, node: SourceNode, expr: Expr, shape: Geometry, counts: Ints) -> tuple[str, int]:
    """Emit a pool whose sum is multiplied by the common divisor over the position's own; return it and the divisor."""
    divisor = math.lcm(*np.unique(counts).tolist())
    taps = window(ctx, node, expr.tensor, shape, 0, "taps")
    attrs: dict[str, Attr] = {"taps": shape.taps, "mode": "sum"}
    factor = divisor // counts.reshape(-1)
    return ctx.emit("pool", ctx.stem(node), (taps,), attrs, {"multiplier": factor}, (node.name,)), divisor
