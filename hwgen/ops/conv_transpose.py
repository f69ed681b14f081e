# SPDX-License-Identifier: Apache-2.0
"""ConvTranspose: an ordinary convolution for each phase of the stride, whose outputs are then interleaved.

With stride s, output row ``s*i + r`` takes the kernel rows k for which ``r + pad - k*dilation`` is a multiple of s,
from the input rows ``i + (r + pad - k*dilation) / s``. For each r that is a convolution of stride 1; all of them, and
those of the columns, share one window and are the output channels of one unit. No zeros are put between pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops import macs
from hwgen.ops.base import SourceOp
from hwgen.ops.conv import check_weights, convolution
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import selected
from hwgen.ops.signature import EXTENTS, POSITIVE, SPATIAL, Signature
from hwgen.ops.spatial import WINDOW, Geometry, Pair, feature_map, pair, size_of
from hwgen.ops.values import QuantConst, View


@dataclass(frozen=True)
class Axis:
    """One spatial axis.

    Parameters
    ----------
    taps
        For each phase and window position the kernel position that it multiplies, -1 for none; int64 ``(s, window)``.
    before, behind
        Padding of the window.
    count
        Positions of the window.
    """

    taps: Ints
    before: int
    behind: int
    count: int

    @classmethod
    def of(cls, size: int, out: int, kernel: int, stride: int, dilation: int, pad: int) -> Axis:
        """Return the axis of an input and an output of these sizes; `pad` is cut off in front."""
        places = np.arange(stride)[:, np.newaxis] + pad - np.arange(kernel) * dilation
        used = places % stride == 0
        steps = places // stride
        first = min(0, int(steps[used].min(initial=0)))
        last = max(0, int(steps[used].max(initial=0)))
        count = -(-out // stride)
        behind = max(0, count + last - size)
        taps = np.full((stride, last - first + 1), -1, dtype=np.int64)
        phase, tap = np.nonzero(used)
        taps[phase, steps[used] - first] = tap
        return cls(taps, -first, behind, size + behind - last)


class ConvTranspose(SourceOp):
    """Transposed convolution with constant weights over one or two spatial axes, with any groups and strides."""

    onnx = ("ConvTranspose",)
    signature = Signature(2, 3, {**WINDOW, "group": POSITIVE, "output_padding": SPATIAL, "output_shape": EXTENTS})
    needs_integers = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit the convolution of all phases, and look at its outputs interleaved."""
        weight = macs.weights(ctx, node, node.inputs[1])
        expr = feature_map(ctx, node, macs.linear(ctx, node, node.inputs[0]))
        check_weights(ctx, node, expr, weight)
        group, shape = int(node.attrs.get("group", 1)), ctx.model.shapes[node.outputs[0]]
        if len(weight.ints) != expr.view.shape[1] or len(weight.ints) % group:
            text = f"The weights of ConvTranspose must take {expr.view.shape[1]} channels, not {len(weight.ints)}."
            ctx.refuse(node, text, "Export the model again.")
        rows, columns = _axes(ctx, node, size_of(expr), weight.ints.shape[2:])
        kernel = (rows.taps.shape[1], columns.taps.shape[1])
        pads = (rows.before, columns.before, rows.behind, columns.behind)
        mac = convolution(
            ctx, node, expr, _phases(weight, rows, columns, group), Geometry(size_of(expr), kernel, pads=pads), group
        )
        phases = (len(rows.taps), len(columns.taps))
        bias = ctx.reals(node, 2, "bias", shape[1])
        if bias is not None:
            spread = np.repeat(bias.reshape(group, 1, -1), phases[0] * phases[1], axis=1)
            mac = replace(mac, bias=spread.reshape(-1).tolist())
        made = macs.emit(ctx, node, mac)
        places = _interleaved((rows.count, columns.count), phases, shape[1], group)
        places = places[:, : pair(shape[2:], 1)[0], : pair(shape[2:], 1)[1]].reshape(shape[1:])
        if places.size == ctx.type(made.tensor).elements:
            ctx.bind(node.outputs[0], replace(made, view=View(shape).over(places, ctx.type(made.tensor).shape)))
        else:
            ctx.bind(node.outputs[0], selected(ctx, node, made, places))


def _axes(ctx: Lowering, node: SourceNode, size: Pair, kernel: tuple[int, ...]) -> tuple[Axis, Axis]:
    """Return rows and columns; pads that follow from the output's shape have their smaller half first in SAME_UPPER."""
    one = (1,) * len(kernel)
    strides, dilation = (pair(node.attrs.get(name) or one, 1) for name in ("strides", "dilations"))
    extra = pair(node.attrs.get("output_padding") or (0,) * len(kernel), 0)
    out = pair(ctx.model.shapes[node.outputs[0]][2:], 1)
    begins = pair((node.attrs.get("pads") or (0,) * len(kernel))[: len(kernel)], 0)
    taps = pair(kernel, 1)
    auto = str(node.attrs.get("auto_pad", "NOTSET"))
    axes = []
    for a in (0, 1):
        pad = begins[a]
        if auto in ("SAME_UPPER", "SAME_LOWER") or node.attrs.get("output_shape"):
            total = max(0, strides[a] * (size[a] - 1) + extra[a] + (taps[a] - 1) * dilation[a] + 1 - out[a])
            pad = total // 2 if auto == "SAME_UPPER" else total - total // 2
        elif auto == "VALID":
            pad = 0
        axes.append(Axis.of(size[a], out[a], taps[a], strides[a], dilation[a], pad))
    return axes[0], axes[1]


def _phases(weight: QuantConst, rows: Axis, columns: Axis, group: int) -> QuantConst:
    """Return the weights of all phases, ``(group * phases * OC / group, C / group, *window)``."""
    channels, outputs = weight.ints.shape[:2]
    depth = channels // group
    kernel = weight.ints.reshape(channels, outputs, *pair(weight.ints.shape[2:], 1))
    padded = np.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 1)))
    taken = padded[:, :, rows.taps[:, np.newaxis, :, np.newaxis], columns.taps[np.newaxis, :, np.newaxis, :]]
    ints = taken.reshape(group, depth, outputs, *taken.shape[2:]).transpose(0, 3, 4, 2, 1, 5, 6)
    ints = ints.reshape(-1, depth, *taken.shape[4:])
    scale = weight.scale
    if any(extent != 1 for extent in scale.shape[2:]) or scale.size == 1:
        return QuantConst(ints, scale.reshape((1,) * (4 - scale.ndim) + scale.shape))
    full = np.broadcast_to(scale.reshape(scale.shape[:2]), (channels, outputs))
    each = full.reshape(group, 1, depth, outputs).transpose(0, 1, 3, 2)
    each = np.repeat(each, len(rows.taps) * len(columns.taps), axis=1).reshape(-1, depth, 1, 1)
    return QuantConst(ints, each[:, :1] if (each == each[:, :1]).all() else each)


def _interleaved(count: Pair, phases: Pair, channels: int, group: int) -> Ints:
    """Return where the elements of the output stand in the unit's, before it is cut: ``(OC, rows, columns)``."""
    (height, width), (down, across) = count, phases
    places = np.arange(channels * down * across * height * width, dtype=np.int64)
    places = places.reshape(group, down, across, channels // group, height, width).transpose(0, 3, 4, 1, 5, 2)
    return places.reshape(channels, height * down, width * across)
