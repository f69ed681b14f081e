# SPDX-License-Identifier: Apache-2.0
"""Conv: a window and a matrix-vector unit, or a depthwise unit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwgen.graph import Attr
from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.base import SourceOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import HINT, POSITIVE, Signature
from hwgen.ops.spatial import WINDOW, Geometry, feature_map, geometry, in_shape, window, zero_of
from hwgen.ops.values import Expr, Fractions, QuantConst


class Conv(SourceOp):
    """Convolution with constant weights over one or two spatial axes, with any groups, strides, pads and dilations."""

    onnx = ("Conv",)
    signature = Signature(2, 3, {**WINDOW, "group": POSITIVE})
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit window and multiply-accumulate; the bias stays in the accumulator where it lies on its grid."""
        weight = macs.weights(ctx, node, node.inputs[1])
        expr = feature_map(ctx, node, macs.linear(ctx, node, node.inputs[0]))
        check_weights(ctx, node, expr, weight)
        shape = geometry(ctx, node, expr, weight.ints.shape[2:])
        group = int(node.attrs.get("group", 1))
        outputs, depth = weight.ints.shape[:2]
        if depth * group != expr.view.shape[1] or outputs % group:
            text = (
                f"The weights of Conv must take {expr.view.shape[1]} channels in {group} groups, not {depth} in each."
            )
            ctx.refuse(node, text, "Export the model again.")
        mac = convolution(ctx, node, expr, weight, shape, group)
        bias = ctx.reals(node, 2, "bias", outputs)
        if bias is not None:
            mac = replace(mac, bias=bias.reshape(-1).tolist())
        ctx.bind(node.outputs[0], in_shape(ctx, node, macs.emit(ctx, node, mac)))


def check_weights(ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst) -> None:
    """Refuse weights that have not as many axes as the map."""
    rank = len(expr.view.shape)
    if weight.ints.ndim != rank:
        ctx.refuse(
            node, f"The weights of {node.op} must have {rank} axes like its input, not {weight.ints.ndim}.", HINT
        )


def convolution(
    ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst, shape: Geometry, group: int
) -> macs.Mac:
    """Emit the window of a convolution, and return its multiply-accumulate without a bias.

    Parameters
    ----------
    weight
        ``(OC, C / group, *kernel)``.
    """
    if any(extent != 1 for extent in weight.scale.shape[2:]):
        text = f"The weight scale of {node.op} must not vary within a kernel."
        ctx.refuse(node, text, "Use one scale for each channel.")
    pad = zero_of(ctx, node, expr) if any(shape.pads) else 0
    outputs, depth = weight.ints.shape[:2]
    rows = np.moveaxis(weight.ints, 1, -1).reshape(outputs, -1)
    scale = _spread(weight.scale.reshape(weight.scale.shape[:2]) * _by_row(expr, outputs, group), shape.taps)
    ints, unit = macs.combine(ctx, node, rows, scale, (Fraction(1),))
    constant = macs.offsets(ints, expr.curve, shape.taps, group)
    if depth == 1 < group:
        taps = window(ctx, node, expr.tensor, shape, pad, "taps")
        return macs.Mac("depthwise", {"taps": shape.taps}, taps, ints, unit, constant, None)
    taps = window(ctx, node, expr.tensor, shape, pad, "nhwc", group)
    attrs: dict[str, Attr] = {"per_pixel": True}
    if group > 1:
        attrs["groups"] = group
    return macs.Mac("matvec", attrs, taps, ints, unit, constant, None)


def _by_row(expr: Expr, outputs: int, group: int) -> Fractions:
    """Return the slope of every input that a row of weights takes: ``(OC, C / group)``, or (1, 1) where all agree."""
    slopes = np.array(expr.curve.slope, dtype=object)
    if slopes.size == 1:
        return slopes.reshape(1, 1)
    return np.repeat(slopes.reshape(group, -1), outputs // group, axis=0) if group > 1 else slopes[np.newaxis]


def _spread(scale: Fractions, taps: int) -> Fractions:
    """Repeat scales of input channels for every tap."""
    return np.tile(scale, (1, taps)) if scale.shape[1] > 1 else scale
