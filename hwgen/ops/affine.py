# SPDX-License-Identifier: Apache-2.0
"""Arithmetic with constants: Add, Sub, Mul, Div, Neg, BatchNormalization; and the residual join of two tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.add_table import varies_in_channel, with_table
from hwgen.ops.constants import aligned, per_channel
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.mapping import joined, quiet
from hwgen.ops.moving import in_base_order
from hwgen.ops.multiply import product
from hwgen.ops.signature import NOT_NEGATIVE, NUMBER, WHOLE, Signature
from hwgen.ops.steps import Curve, sqrt
from hwgen.ops.table import MAX_INPUT_BITS
from hwgen.ops.tail import joined_by_host
from hwgen.ops.values import Activation, Const, Expr, Fractions, Mapped, QuantConst, Reals, Sum, Value, fractions

ONE, ZERO = Fraction(1), Fraction(0)
FUNCTIONS: dict[str, Callable[[Reals, Reals], Reals]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": quiet(lambda a, b: a / b),
}


class Affine(ElementwiseOp):
    """Add, Sub, Mul, Div by a constant scalar or one constant for each channel; Add, Sub and Mul of two activations."""

    onnx = ("Add", "Sub", "Mul", "Div")
    signature = Signature(2, 2)
    needs_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Change the value's curve; hardware appears at the next quantiser."""
        left, right = (ctx.real_constant(name) for name in node.inputs)
        if left is not None and right is not None:
            _constants(ctx, node, left, right)
        elif right is not None:
            _with_constant(ctx, node, node.inputs[0], right, reverse=False)
        elif left is not None:
            _with_constant(ctx, node, node.inputs[1], left, reverse=True)
        else:
            _join(ctx, node)


class Neg(ElementwiseOp):
    """Negation."""

    onnx = ("Neg",)

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Turn the curve over."""
        ctx.bind(node.outputs[0], ctx.activation(node, node.inputs[0]).scaled((-ONE,), (ZERO,)))


class BatchNormalization(ElementwiseOp):
    """Inference-mode batch normalisation: one exact line for each channel."""

    onnx = ("BatchNormalization",)
    signature = Signature(5, 5, {"epsilon": NOT_NEGATIVE, "momentum": NUMBER, "training_mode": WHOLE})

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Apply ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``."""
        if node.attrs.get("training_mode", 0):
            text = "BatchNormalization must be in inference mode, not training_mode = 1."
            ctx.refuse(node, text, "Export after eval().")
        value = ctx.activation(node, node.inputs[0])
        if len(value.view.shape) < 2:
            ctx.refuse(node, f"The input of BatchNormalization must have channels, not the shape {value.view.shape}.")
        names = ("scale", "bias", "mean", "variance")
        parts = [ctx.reals(node, i, name, value.view.shape[1]) for i, name in enumerate(names, 1)]
        gamma, beta, mean, variance = (part.reshape(-1).tolist() for part in parts if part is not None)
        epsilon = Fraction(float(np.float32(node.attrs.get("epsilon", 1e-5))))
        if any(v + epsilon <= 0 for v in variance):
            ctx.refuse(node, "The variance of BatchNormalization must be positive.")
        slopes = [g / sqrt(v + epsilon) for g, v in zip(gamma, variance, strict=True)]
        shifts = [b - m * s for b, m, s in zip(beta, mean, slopes, strict=True)]
        rest = (1,) * (len(value.view.shape) - 2)
        factor = per_channel(ctx, node, value, _objects(slopes).reshape(-1, *rest))
        offset = per_channel(ctx, node, value, _objects(shifts).reshape(-1, *rest))
        ctx.bind(node.outputs[0], value.scaled(factor, offset))


def _with_constant(ctx: Lowering, node: SourceNode, name: str, reals: Fractions, *, reverse: bool) -> None:
    value = ctx.activation(node, name)
    if node.op in ("Add", "Sub") and isinstance(value, Expr) and varies_in_channel(ctx, value, reals):
        line = macs.linear(ctx, node, name)
        negated = line.through(line.curve.scaled((-ONE,), (ZERO,))) if node.op == "Sub" and reverse else line
        added = -reals if node.op == "Sub" and not reverse else reals
        ctx.bind(node.outputs[0], with_table(ctx, node, negated, added))
        return
    constants = per_channel(ctx, node, value, reals)
    if node.op in ("Mul", "Div"):
        if node.op == "Div" and reverse:
            divided = joined(ctx, node, node.inputs, FUNCTIONS["Div"])
            assert divided is not None
            ctx.bind(node.outputs[0], divided)
            return
        if node.op == "Div" and any(c == 0 for c in constants):
            ctx.refuse(node, "Div must not divide by 0.")
        factor = tuple(1 / c for c in constants) if node.op == "Div" else constants
        ctx.bind(node.outputs[0], value.scaled(factor, (ZERO,)))
        return
    sign = -ONE if node.op == "Sub" and reverse else ONE
    offset = tuple(-c for c in constants) if node.op == "Sub" and not reverse else constants
    if isinstance(value, Expr) and sign == 1 and macs.fold_bias(ctx, node, value, offset):
        ctx.bind(node.outputs[0], value)
        return
    ctx.bind(node.outputs[0], value.scaled((sign,), offset))


def _join(ctx: Lowering, node: SourceNode) -> None:
    values = [ctx.activation(node, name) for name in node.inputs]
    if node.op in ("Mul", "Div") or any(isinstance(value, Mapped) for value in values):
        ctx.bind(node.outputs[0], _function_or_product(ctx, node, values))
        return
    a, b = (macs.linear(ctx, node, name) for name in node.inputs)
    ctx.bind(node.outputs[0], total(ctx, node, a, b, -ONE if node.op == "Sub" else ONE))


def total(ctx: Lowering, node: SourceNode, a: Expr, b: Expr, sign: Fraction) -> Expr | Sum:
    """Return ``a + sign * b`` of two unclipped lines.

    Raises
    ------
    UnsupportedError
        Their shapes differ, or one of them has several scales.
    """
    if a.view.shape != b.view.shape:
        text = f"The inputs of {node.op} must have the same shape, not {a.view.shape} and {b.view.shape}."
        ctx.refuse(node, text, "Broadcasting one activation over another is not supported.")
    b = in_base_order(ctx, node, b, ctx.type(a.tensor).shape, a.view.positions())
    if a.tensor == b.tensor:
        both = a.curve.scaled((ONE,), tuple(sign * o for o in b.curve.offset))
        count = max(both.channels, b.curve.channels)
        pairs = zip(both.spread(count).slope, b.curve.spread(count).slope, strict=True)
        line = Curve.line([s + sign * t for s, t in pairs], both.spread(count).offset)
        return a.through(line.shrink())
    if len(set(a.curve.slope)) > 1 or len(set(b.curve.slope)) > 1:
        text = f"The inputs of {node.op} must each have one scale for all channels."
        ctx.refuse(node, text, "Quantise both before they are joined.")
    slopes = (a.curve.slope[0], sign * b.curve.slope[0])
    count = max(a.curve.channels, b.curve.channels)
    offsets = zip(a.curve.spread(count).offset, b.curve.spread(count).offset, strict=True)
    curve = Curve.line((ONE,), tuple(first + sign * second for first, second in offsets)).shrink()
    return Sum((a.tensor, b.tensor), slopes, curve, a.view, node.outputs[0], node.name, curve.offset)


def _function_or_product(ctx: Lowering, node: SourceNode, values: Sequence[Activation]) -> Value:
    """Return a function of the one tensor that both operands are made from; else a product, or what the host does."""
    functions = any(isinstance(value, Mapped) for value in values)
    whole = joined(ctx, node, node.inputs, FUNCTIONS[node.op])
    if whole is not None and (functions or ctx.type(whole.tensor).bits <= MAX_INPUT_BITS):
        return whole
    if functions:
        return joined_by_host(ctx, node, values)
    if node.op == "Mul":
        return product(ctx, node)
    hint = "Only a constant, or a function of the same tensor, can be divided by an activation."
    ctx.refuse(node, f"{node.op} must not divide one activation by another.", hint)


def _constants(ctx: Lowering, node: SourceNode, left: Fractions, right: Fractions) -> None:
    """Scale quantised constants by real ones."""
    first, second = (ctx.value(name) for name in node.inputs)
    if isinstance(second, QuantConst) and isinstance(first, Const) and node.op == "Mul":
        first, second, left, right = second, first, right, left
    if not (isinstance(first, QuantConst) and isinstance(second, Const) and node.op in ("Mul", "Div")):
        ctx.refuse(node, f"{node.op} of two constants must be folded before export.", "Run a constant-folding pass.")
    scale = fractions(second.array)
    if node.op == "Div" and (scale == 0).any():
        ctx.refuse(node, "Div must not divide by 0.")
    scale = aligned(ctx, node, scale, first.ints.shape, "second factor")
    scaled = first.scale * scale if node.op == "Mul" else first.scale / scale
    ctx.bind(node.outputs[0], replace(first, scale=scaled))


def _objects(values: list[Fraction]) -> Fractions:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
