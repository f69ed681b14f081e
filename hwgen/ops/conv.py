# SPDX-License-Identifier: Apache-2.0
"""Conv: a window and a matrix-vector unit, or a depthwise unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from hwgen.graph import Attr
from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.base import SourceOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order
from hwgen.ops.values import Expr, QuantConst


@dataclass(frozen=True)
class Geometry:
    """Kernel, stride, pads (top, left, bottom, right) of a two-dimensional window."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]

    @property
    def trivial(self) -> bool:
        """True when the window is the pixel itself."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and not any(self.pads)

    @property
    def taps(self) -> int:
        """Pixels in the window."""
        return prod(self.kernel)


def geometry(ctx: Lowering, node: SourceNode, shape: tuple[int, ...], kernel: tuple[int, ...]) -> Geometry:
    """Read the window attributes that Conv and the pools share.

    Raises
    ------
    UnsupportedError
        Not two-dimensional, dilated, or ceil_mode with a partial window.
    """
    if len(shape) != 4 or len(kernel) != 2:
        text = f"{node.op} must be two-dimensional with an input of (1, C, H, W), not {shape}."
        ctx.refuse(node, text, "Reshape to four axes and use a kernel of (1, k).")
    if any(d != 1 for d in node.attrs.get("dilations", ())):
        text = f"The dilations of {node.op} must be 1, not {node.attrs['dilations']}."
        ctx.refuse(node, text, "Write the kernel out with zeros between its taps.")
    strides = tuple(node.attrs.get("strides", (1, 1)))
    pads = tuple(node.attrs.get("pads", (0, 0, 0, 0)))
    auto = str(node.attrs.get("auto_pad", "NOTSET"))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same_pads(shape[2:], kernel, strides, upper=auto == "SAME_UPPER")
    if node.attrs.get("ceil_mode", 0):
        spare = [(shape[2 + i] + pads[i] + pads[i + 2] - kernel[i]) % strides[i] for i in range(2)]
        if any(spare):
            text = f"{node.op} with ceil_mode must have windows that fill the input, but {max(spare)} pixels are left."
            ctx.refuse(node, text, "Set ceil_mode to 0, or pad the input.")
    return Geometry((kernel[0], kernel[1]), (strides[0], strides[1]), (pads[0], pads[1], pads[2], pads[3]))


def _same_pads(
    extent: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...], *, upper: bool
) -> tuple[int, ...]:
    totals = [max((-(-e // s) - 1) * s + k - e, 0) for e, k, s in zip(extent, kernel, strides, strict=True)]
    small, large = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
    return (*small, *large) if upper else (*large, *small)


def zero_of(ctx: Lowering, node: SourceNode, expr: Expr) -> int:
    """Return the one integer that stands for real zero in every channel, which is what padding puts in."""
    zeros = {-o / s for o, s in zip(expr.curve.offset, expr.curve.slope, strict=True)}
    zero = zeros.pop()
    if zeros or zero.denominator != 1:
        text = f"The input of {node.op} must have one integral zero point, because the node pads with zeros."
        ctx.refuse(node, text, "Quantise the input with an integral zero point, or remove the padding.")
    return int(zero)


def window(ctx: Lowering, node: SourceNode, tensor: str, shape: Geometry, pad_value: int, order: str) -> str:
    """Emit a window, unless it is trivial; return the tensor of taps."""
    if shape.trivial:
        return tensor
    attrs: dict[str, Attr] = {
        "kernel": shape.kernel,
        "stride": shape.stride,
        "pads": shape.pads,
        "pad_value": pad_value,
        "order": order,
    }
    return ctx.emit("window", f"{ctx.stem(node)}_window", (tensor,), attrs, {}, (node.name,))


class Conv(SourceOp):
    """Two-dimensional convolution with constant weights: group 1, or depthwise with one output for each channel."""

    onnx = ("Conv",)
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit window and multiply-accumulate; the bias stays in the accumulator where it lies on its grid."""
        weight = macs.weights(ctx, node, node.inputs[1])
        expr = in_base_order(ctx, node, macs.linear(ctx, node, node.inputs[0]))
        shape = geometry(ctx, node, expr.view.shape, weight.ints.shape[2:])
        outputs, depth = weight.ints.shape[:2]
        channels, group = expr.view.shape[1], int(node.attrs.get("group", 1))
        pad = zero_of(ctx, node, expr) if any(shape.pads) else 0
        if group == 1:
            mac = self._dense(ctx, node, expr, weight, shape, pad)
        elif group == channels == outputs and depth == 1:
            mac = self._depthwise(ctx, node, expr, weight, shape, pad)
        else:
            text = f"The group of Conv must be 1, or equal to its {channels} input and output channels, not {group}."
            ctx.refuse(node, text, "Split the grouped convolution, or use a depthwise one with multiplier 1.")
        bias = ctx.real_constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
        if bias is not None:
            mac = replace(mac, bias=bias.reshape(-1).tolist())
        elif len(node.inputs) > 2 and node.inputs[2]:
            ctx.refuse(node, "The bias of Conv must be constant.")
        ctx.bind(node.outputs[0], macs.emit(ctx, node, mac))

    def _dense(
        self, ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst, shape: Geometry, pad: int
    ) -> macs.Mac:
        _one_scale_a_kernel(ctx, node, weight)
        outputs = len(weight.ints)
        rows = weight.ints.transpose(0, 2, 3, 1).reshape(outputs, -1)
        scale = weight.scale[:, :, 0, 0]
        if scale.shape[1] > 1:
            scale = np.tile(scale, (1, shape.taps))
        times = shape.taps if expr.curve.channels > 1 else 1
        ints, unit = macs.combine(ctx, node, rows, scale, expr.curve.slope * times)
        constant = macs.offsets(ints, expr.curve, times)
        taps = window(ctx, node, expr.tensor, shape, pad, "nhwc")
        return macs.Mac("matvec", {"per_pixel": True}, taps, ints, unit, constant, None)

    def _depthwise(
        self, ctx: Lowering, node: SourceNode, expr: Expr, weight: QuantConst, shape: Geometry, pad: int
    ) -> macs.Mac:
        _one_scale_a_kernel(ctx, node, weight)
        channels = len(weight.ints)
        ints = weight.ints.reshape(channels, -1)
        scales, slopes = weight.scale[:, 0, 0, 0].tolist(), list(expr.curve.slope)
        count = max(len(scales), len(slopes))
        unit = tuple(
            a * b for a, b in zip(scales * (count // len(scales)), slopes * (count // len(slopes)), strict=True)
        )
        offsets = [o / s for o, s in zip(expr.curve.offset, expr.curve.slope, strict=True)]
        offsets *= channels // len(offsets)
        constant = [int(row.sum()) * o for row, o in zip(ints, offsets, strict=True)]
        taps = window(ctx, node, expr.tensor, shape, pad, "taps")
        return macs.Mac("depthwise", {"taps": shape.taps}, taps, ints, unit, constant, None)


def _one_scale_a_kernel(ctx: Lowering, node: SourceNode, weight: QuantConst) -> None:
    if any(extent != 1 for extent in weight.scale.shape[2:]):
        ctx.refuse(node, "The weight scale of Conv must not vary within a kernel.", "Use one scale for each channel.")
