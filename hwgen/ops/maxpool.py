# SPDX-License-Identifier: Apache-2.0
"""MaxPool and GlobalMaxPool: the maximum of integers, because every curve before it increases."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from hwgen.graph import Attr
from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.signature import WHOLE, Signature
from hwgen.ops.spatial import WINDOW, Geometry, feature_map, geometry, in_shape, size_of, window
from hwgen.ops.values import Expr


class MaxPool(SourceOp):
    """Maximum over a window; padding is the format's minimum and never wins."""

    onnx = ("MaxPool", "GlobalMaxPool")
    signature = Signature(attrs={**WINDOW, "ceil_mode": WHOLE, "storage_order": WHOLE}, required=("kernel_shape",))
    signatures: ClassVar = {"GlobalMaxPool": Signature()}
    needs_integers = True
    keeps_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a window and a pool, or one global pool."""
        if len(node.outputs) > 1 and node.outputs[1]:
            ctx.refuse(node, "MaxPool must not put out indices.", "Remove its second output.")
        expr = feature_map(ctx, node, ctx.expr(node, node.inputs[0]))
        expr = rising(ctx, node, expr, largest=True)
        if node.op == "GlobalMaxPool":
            shape = Geometry(size_of(expr), size_of(expr))
        else:
            shape = geometry(ctx, node, expr, tuple(node.attrs["kernel_shape"]))
        kind = ctx.type(expr.tensor)
        tensor = pooled(ctx, node, expr.tensor, shape, kind.lo, "max")
        ctx.describe(tensor, kind.scale, kind.zero_point)
        ctx.bind(node.outputs[0], in_shape(ctx, node, replace(expr, tensor=tensor)))


def rising(ctx: Lowering, node: SourceNode, expr: Expr, *, largest: bool) -> Expr:
    """Return an activation whose largest real value, or smallest, is that of the largest integer in every channel."""
    turned = [s != 0 and (s > 0) != largest for s in expr.curve.slope]
    if not any(turned):
        return expr
    known = ctx.ranges[expr.tensor]
    sign = np.array([-1 if t else 1 for t in turned], dtype=np.int64)
    lo, hi = np.minimum(known.lo * sign, known.hi * sign), np.maximum(known.lo * sign, known.hi * sign)
    attrs: dict[str, Attr] = {"shift": 0, "lo": int(lo.min()), "hi": int(hi.max())}
    constants = {"mul": sign, "add": 0 * sign}
    name = f"{ctx.stem(node)}_turned"
    tensor = ctx.emit("requantise", name, (expr.tensor,), attrs, constants, (node.name,), Range(lo, hi))
    slope = tuple(s * int(f) for s, f in zip(expr.curve.slope, sign.tolist(), strict=True))
    return replace(expr, tensor=tensor, curve=replace(expr.curve, slope=slope), anchor=None)


def pooled(ctx: Lowering, node: SourceNode, tensor: str, shape: Geometry, pad_value: int, mode: str) -> str:
    """Emit the pool of a window, global where the window is the whole map; return the result."""
    if shape.whole:
        return ctx.emit("global_pool", ctx.stem(node), (tensor,), {"mode": mode}, {}, (node.name,))
    taps = window(ctx, node, tensor, shape, pad_value, "taps")
    return ctx.emit("pool", ctx.stem(node), (taps,), {"taps": shape.taps, "mode": mode}, {}, (node.name,))
