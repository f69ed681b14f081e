# SPDX-License-Identifier: Apache-2.0
"""Relu and Clip: they fuse into the next quantiser, or into the one before."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwgen.graph import bits_for
from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.requantising import narrow
from hwgen.ops.signature import HINT, NUMBER, Signature
from hwgen.ops.values import Expr, HostQuant, Postponed


class Relu(ElementwiseOp):
    """``max(x, 0)``."""

    onnx = ("Relu",)

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Clip the value's curve."""
        clip(ctx, node, Fraction(0), None)


class Clip(ElementwiseOp):
    """``min(max(x, low), high)`` with constant bounds; on a tensor of integers it narrows a quantiser (QCDQ)."""

    onnx = ("Clip",)
    signature = Signature(1, 3, {"min": NUMBER, "max": NUMBER})

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Clip the value's curve, or the range of a quantised input."""
        low, high = (_bound(ctx, node, i, name) for i, name in ((1, "min"), (2, "max")))
        if low is not None and high is not None and low > high:
            ctx.refuse(node, f"The minimum of Clip must not exceed its maximum, but {float(low)} > {float(high)}.")
        value = ctx.value(node.inputs[0])
        if isinstance(value, HostQuant) and not value.real:
            lo, hi = (_within(end, low, high) for end in (value.lo, value.hi))
            signed, bits = bits_for(lo, hi)
            ctx.bind(node.outputs[0], replace(value, onnx=node.outputs[0], lo=lo, hi=hi, signed=signed, bits=bits))
            return
        clip(ctx, node, low, high)


def clip(ctx: Lowering, node: SourceNode, low: Fraction | None, high: Fraction | None, name: str | None = None) -> None:
    """Bind the output of ``min(max(x, low), high)``: in the quantiser right before it, or in the value's curve.

    `name` is the input, by default the node's first.
    """
    name = name or node.inputs[0]
    waiting = ctx.value(name)
    if isinstance(waiting, Postponed):
        ctx.bind(node.outputs[0], waiting.clipped(low, high))
        return
    value = ctx.activation(node, name)
    if isinstance(value, Expr) and narrow(ctx, node, value, low, high):
        ctx.bind(node.outputs[0], value)
        return
    ctx.bind(node.outputs[0], value.clipped(low, high))


def _within(q: int, low: Fraction | None, high: Fraction | None) -> int:
    q = q if low is None else max(q, math.ceil(low))
    return q if high is None else min(q, math.floor(high))


def _bound(ctx: Lowering, node: SourceNode, index: int, name: str) -> Fraction | None:
    array = ctx.constant(node, index, name)
    if array is not None and array.size != 1:
        ctx.refuse(node, f"The {name} of Clip must be one number, not {array.size}.", HINT)
    number = node.attrs.get(name) if array is None else array.reshape(-1)[0].item()
    if number is None or abs(number) >= float(np.finfo(np.float32).max):
        return None
    return Fraction(number)
