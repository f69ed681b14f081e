# SPDX-License-Identifier: Apache-2.0
"""MaxPool and GlobalMaxPool: the maximum of integers, because every curve before it increases."""

from __future__ import annotations

from dataclasses import replace

from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.conv import Geometry, geometry, window
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order
from hwgen.ops.values import Expr, View


class MaxPool(SourceOp):
    """Maximum over a window; padding is the format's minimum and never wins."""

    onnx = ("MaxPool", "GlobalMaxPool")
    needs_integers = True
    keeps_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a window and a pool, or one global pool."""
        if len(node.outputs) > 1 and node.outputs[1]:
            ctx.refuse(node, "MaxPool must not put out indices.", "Remove its second output.")
        expr = feature_map(ctx, node)
        if not expr.curve.increasing:
            text = "The input of MaxPool must grow with its integers, but a negative scale turns the order over."
            ctx.refuse(node, text, "Quantise before MaxPool, or pool before the batch normalisation.")
        kernel = expr.view.shape[2:] if node.op == "GlobalMaxPool" else tuple(node.attrs["kernel_shape"])
        shape = geometry(ctx, node, expr.view.shape, kernel)
        low = ctx.type(expr.tensor).lo
        tensor = pooled(ctx, node, expr.tensor, shape, low, "max")
        kind = ctx.type(expr.tensor)
        ctx.describe(tensor, kind.scale, kind.zero_point)
        ctx.bind(node.outputs[0], replace(expr, tensor=tensor, view=View(ctx.type(tensor).shape), anchor=None))


def feature_map(ctx: Lowering, node: SourceNode) -> Expr:
    """Return the input as a feature map in its own order."""
    expr = in_base_order(ctx, node, ctx.expr(node, node.inputs[0]))
    if len(expr.view.shape) != 4:
        ctx.refuse(node, f"The input of {node.op} must have the shape (1, C, H, W), not {expr.view.shape}.")
    return expr


def pooled(ctx: Lowering, node: SourceNode, tensor: str, shape: Geometry, pad_value: int, mode: str) -> str:
    """Emit the pool of a window, global where the window is the whole map; return the result."""
    if shape.kernel == ctx.type(tensor).shape[2:] and not any(shape.pads):
        return ctx.emit("global_pool", ctx.stem(node), (tensor,), {"mode": mode}, {}, (node.name,))
    taps = window(ctx, node, tensor, shape, pad_value, "taps")
    return ctx.emit("pool", ctx.stem(node), (taps,), {"taps": shape.taps, "mode": mode}, {}, (node.name,))
