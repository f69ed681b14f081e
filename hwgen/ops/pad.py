# SPDX-License-Identifier: Apache-2.0
"""Pad: constant values around an activation, or its own elements repeated there; negative pads cut it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np

from hwgen.graph import Attr
from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order, selected
from hwgen.ops.ranges import Range
from hwgen.ops.signature import NUMBER, TEXT, WHOLES, Signature
from hwgen.ops.steps import Curve
from hwgen.ops.taking import axes, numbers
from hwgen.ops.values import Expr, View

MODES: dict[str, Literal["reflect", "edge", "wrap"]] = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}
MAX_BITS = 32
Pairs = list[tuple[int, int]]


class Pad(ElementwiseOp):
    """A constant, or the edge, reflection or other end around each axis; a following window takes a constant in."""

    onnx = ("Pad",)
    signature = Signature(1, 4, {"mode": TEXT, "pads": WHOLES, "value": NUMBER})
    needs_integers = True
    keeps_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Cut first, then pad."""
        mode = str(node.attrs.get("mode", "constant"))
        expr = macs.linear(ctx, node, node.inputs[0]) if mode == "constant" else ctx.expr(node, node.inputs[0])
        around = _around(ctx, node, len(expr.view.shape))
        cut = tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(around, expr.view.shape[1:], strict=True))
        around = [(max(a, 0), max(b, 0)) for a, b in around]
        positions = expr.view.positions()[cut]
        if not positions.size:
            ctx.refuse(node, "The pads of Pad must leave something of its input.")
        if mode in MODES:
            positions = np.pad(positions, around, mode=MODES[mode])
        elif mode != "constant":
            ctx.refuse(node, f"The mode of Pad must be constant, edge, reflect or wrap, not {mode}.")
        if positions.shape != expr.view.shape[1:]:
            expr = selected(ctx, node, expr, positions)
        if mode == "constant" and any(a or b for a, b in around):
            expr = _padded(ctx, node, expr, around)
        ctx.bind(node.outputs[0], expr)


def _around(ctx: Lowering, node: SourceNode, rank: int) -> Pairs:
    """Return the elements before and behind each axis, batch left out."""
    pads = numbers(ctx, node, 1, "pads") or ()
    along = axes(ctx, node, 3, rank) or tuple(range(rank))
    if len(pads) != 2 * len(along):
        ctx.refuse(node, f"Pad must have {2 * len(along)} pads, not {len(pads)}.")
    found = [(0, 0)] * rank
    for axis, begin, end in zip(along, pads, pads[len(along) :], strict=False):
        found[axis] = (begin, end)
    if any(found[0]):
        ctx.refuse(node, "Pad must not pad the batch.")
    return found[1:]


def _padded(ctx: Lowering, node: SourceNode, expr: Expr, around: Pairs) -> Expr:
    """Emit `pad`, where one integer stands for the constant."""
    value = _integer(ctx, node, expr.curve)
    expr = in_base_order(ctx, node, expr)
    if len(expr.view.shape) > len(ctx.type(expr.tensor).shape):
        ctx.refuse(node, f"The input of Pad must have at most four axes, not {len(expr.view.shape)}.")
    if len(around) == 2:
        around = [around[0], (0, 0), around[1]]
    made = surrounded(ctx, node, expr, [*around, *[(0, 0)] * (3 - len(around))], value)
    shape = ctx.type(made.tensor).shape
    extents = ctx.model.shapes[node.outputs[0]][1:]
    order = np.arange(ctx.type(made.tensor).elements, dtype=np.int64).reshape(extents)
    return replace(made, view=View(shape).over(order, shape))


def surrounded(ctx: Lowering, node: SourceNode, expr: Expr, around: Pairs, value: int) -> Expr:
    """Emit `pad` with the integer `value`; the view is left to the caller.

    Parameters
    ----------
    around
        Elements before and behind: channels, rows, columns of the integer tensor.
    """
    kind, known = ctx.type(expr.tensor), ctx.ranges[expr.tensor]
    before, behind = around[0]
    spatial = any(a or b for a, b in around[1:])
    inner = known.lo, known.hi
    low, high = (np.minimum(known.lo, value), np.maximum(known.hi, value)) if spatial else inner
    full = np.full(1, value, dtype=np.int64)
    out = Range(*(np.concatenate([full.repeat(before), q, full.repeat(behind)]) for q in (low, high)))
    attrs: dict[str, Attr] = {"pads": (*(a for a, _ in around), *(b for _, b in around)), "value": value}
    tensor = ctx.emit("pad", ctx.stem(node), (expr.tensor,), attrs, {}, (node.name,), out)
    if len(kind.scale) == 1:
        ctx.describe(tensor, kind.scale, kind.zero_point)
    return Expr(tensor, _wider(expr.curve, before, behind), View(ctx.type(tensor).shape))


def _integer(ctx: Lowering, node: SourceNode, curve: Curve) -> int:
    """Return the integer that stands for the constant in every channel."""
    constant = ctx.reals(node, 2, "constant value", 1)
    real = Fraction(node.attrs.get("value", 0)) if constant is None else constant.reshape(-1)[0]
    found = {(real - o) / s for s, o in zip(curve.slope, curve.offset, strict=True)}
    value = found.pop()
    if found or value.denominator != 1 or abs(value) >= 1 << (MAX_BITS - 1):
        text = f"The value {float(real):g} of Pad must be one integer of its input's quantisation, in every channel."
        ctx.refuse(node, text, "Pad with 0 and an integral zero point, or with a multiple of the scale.")
    return int(value)


def _wider(curve: Curve, before: int, behind: int) -> Curve:
    """Return the curve with channels more, where the integer that pads means the same."""
    if curve.channels == 1:
        return curve

    def spread(values: Sequence[Fraction]) -> tuple[Fraction, ...]:
        return (values[0],) * before + tuple(values) + (values[-1],) * behind

    return Curve.line(spread(curve.slope), spread(curve.offset))
