# SPDX-License-Identifier: Apache-2.0
"""MatMul and Gemm with constant weights: a matrix-vector unit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.base import SourceOp
from hwgen.ops.constants import aligned
from hwgen.ops.lowering import Lowering
from hwgen.ops.matmul_dynamic import product_of_activations
from hwgen.ops.signature import NUMBER, WHOLE, Signature
from hwgen.ops.tokens import as_tokens
from hwgen.ops.values import Activation, Const, Expr, HostQuant, QuantConst, View


class MatMul(SourceOp):
    """``x @ w`` or ``w @ x``: x is one vector, or one for each pixel or token; w are weights, or heads of tokens."""

    onnx = ("MatMul",)
    signature = Signature(2, 2)
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a matrix-vector unit whose columns stand in stream order, or a product of two activations."""
        if isinstance(ctx.value(node.inputs[0]), Const | QuantConst):
            ctx.bind(node.outputs[0], _from_the_left(ctx, node))
            return
        if isinstance(ctx.value(node.inputs[1]), HostQuant | Activation):
            ctx.bind(node.outputs[0], product_of_activations(ctx, node))
            return
        expr = macs.linear(ctx, node, node.inputs[0])
        ctx.bind(node.outputs[0], product(ctx, node, expr, macs.weights(ctx, node, node.inputs[1]), None))


class Gemm(SourceOp):
    """``y = alpha * x @ w + beta * c``."""

    onnx = ("Gemm",)
    signature = Signature(2, 3, {"alpha": NUMBER, "beta": NUMBER, "transA": WHOLE, "transB": WHOLE})
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit a matrix-vector unit; alpha goes into the scale, beta into the bias."""
        if node.attrs.get("transA", 0):
            text = "The first input of Gemm must hold one frame in each row, not be transposed."
            ctx.refuse(node, text, "Export with transA = 0.")
        weight = macs.weights(ctx, node, node.inputs[1])
        _check_matrix(ctx, node, weight)
        if node.attrs.get("transB", 0):
            weight = weight.transposed((1, 0))
        alpha, beta = Fraction(node.attrs.get("alpha", 1.0)), Fraction(node.attrs.get("beta", 1.0))
        if alpha == 0:
            ctx.refuse(node, "The alpha of Gemm must not be 0.")
        weight = replace(weight, scale=weight.scale * alpha)
        bias = ctx.reals(node, 2, "bias")
        if bias is not None:
            shape = (1, weight.ints.shape[1])
            bias = np.broadcast_to(aligned(ctx, node, bias, shape, "bias"), shape).reshape(-1) * beta
        expr = macs.linear(ctx, node, node.inputs[0])
        ctx.bind(node.outputs[0], product(ctx, node, expr, weight, None if bias is None else bias.tolist()))


def _check_matrix(ctx: Lowering, node: SourceNode, weight: QuantConst) -> None:
    if weight.ints.ndim != 2:
        text = f"The weights of {node.op} must have two axes, not {weight.ints.ndim}."
        ctx.refuse(node, text, "Use one matrix for all vectors, or quantise both inputs as activations.")


def _from_the_left(ctx: Lowering, node: SourceNode) -> Expr:
    """Return ``weight @ x``, which is the transpose of ``x.T @ weight.T``."""
    weight = macs.weights(ctx, node, node.inputs[0])
    _check_matrix(ctx, node, weight)
    expr = macs.linear(ctx, node, node.inputs[1])
    if len(expr.view.shape) < 3:
        text = f"The second input of {node.op} must have columns to multiply, (1, K, N), not {expr.view.shape}."
        ctx.refuse(node, text, "Use x @ w, with the weights as the second input.")
    made = product(ctx, node, _turned(ctx, expr), weight.transposed((1, 0)), None)
    return replace(_turned(ctx, made), anchor=None)


def _turned(ctx: Lowering, expr: Expr) -> Expr:
    """Return an activation with its last two axes exchanged."""
    positions = expr.view.positions().swapaxes(-1, -2)
    return replace(expr, view=expr.view.over(positions, ctx.type(expr.tensor).shape))


def product(ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst, bias: list[Fraction] | None) -> Expr:
    """Return ``expr @ weight + bias``.

    Parameters
    ----------
    weight
        ``(K, N)``.
    bias
        Exact reals, one for each of the N columns.
    """
    _check_matrix(ctx, node, weight)
    inputs = len(weight.ints)
    if expr.view.shape[-1] != inputs:
        ctx.refuse(node, f"The input of {node.op} must have {inputs} columns, not {expr.view.shape[-1]}.")
    base = ctx.type(expr.tensor)
    pixel = len(base.shape) == len(expr.view.shape) == 4 and base.pixels == 1
    if int(np.prod(expr.view.shape)) == inputs and not (pixel and expr.view.in_order):
        return _whole(ctx, node, expr, weight, bias)
    return _by_pixel(ctx, node, expr, weight, bias)


def _whole(ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst, bias: list[Fraction] | None) -> Expr:
    """Take the whole frame as one vector; the columns are put in stream order."""
    inputs, outputs = weight.ints.shape
    base = ctx.type(expr.tensor)
    order, channels = _stream_order(expr, base.shape)
    slopes = expr.curve.slope if expr.curve.channels == 1 else tuple(expr.curve.slope[c] for c in channels)
    scale = weight.scale.T
    if scale.shape[1] > 1:
        scale = scale[:, order]
    ints, unit = macs.combine(ctx, node, weight.ints.T[:, order], scale, slopes)
    constant = macs.offsets(ints, expr.curve, inputs // base.channels)
    made = macs.emit(ctx, node, macs.Mac("matvec", {"per_pixel": False}, expr.tensor, ints, unit, constant, bias))
    shape = (*expr.view.shape[:-1], outputs)
    if len(shape) == 2:
        return made
    return replace(made, view=View(shape, np.arange(outputs, dtype=np.int64).reshape(shape[1:])))


def _by_pixel(ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst, bias: list[Fraction] | None) -> Expr:
    """Take every token as a vector, or every pixel of a feature map that was transposed to have its channels last."""
    outputs = weight.ints.shape[1]
    expr = as_tokens(ctx, node, expr)
    pixels = ctx.type(expr.tensor).pixels
    ints, unit = macs.combine(ctx, node, weight.ints.T, weight.scale.T, expr.curve.slope)
    constant = macs.offsets(ints, expr.curve, 1)
    made = macs.emit(ctx, node, macs.Mac("matvec", {"per_pixel": True}, expr.tensor, ints, unit, constant, bias))
    positions = np.arange(outputs * pixels, dtype=np.int64).reshape(outputs, pixels).T
    shape = (*expr.view.shape[:-1], outputs)
    return replace(made, view=View(shape, positions.reshape(shape[1:])))


def _stream_order(expr: Expr, base: tuple[int, ...]) -> tuple[Ints, Ints]:
    """Return, for each element of the stream, its index in the ONNX vector and its channel."""
    count = int(np.prod(base))
    channels = base[1]
    streamed = np.arange(count, dtype=np.int64).reshape(channels, -1).T.reshape(-1)
    index = np.empty(count, dtype=np.int64)
    index[expr.view.positions().reshape(-1)] = np.arange(count, dtype=np.int64)
    return index[streamed], np.tile(np.arange(channels, dtype=np.int64), count // channels)
