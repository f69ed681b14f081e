# SPDX-License-Identifier: Apache-2.0
"""What convolutions and pools share: maps with one or two spatial axes, and the windows that slide over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from hwgen.graph import Attr
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order
from hwgen.ops.ranges import Range
from hwgen.ops.signature import EXTENTS, PADS, Kind, one_of
from hwgen.ops.values import Expr, View

Pair = tuple[int, int]
WINDOW: Mapping[str, Kind] = {
    "kernel_shape": EXTENTS, "strides": EXTENTS, "dilations": EXTENTS, "pads": PADS,
    "auto_pad": one_of("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
}  # fmt: skip
"""Attributes that convolutions and pools share."""


@dataclass(frozen=True)
class Geometry:
    """A window that slides over a map; pads are top, left, bottom, right.

    `beyond` says how many of the bottom and right pads are there only to fill the last window (ceil_mode).
    """

    size: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    beyond: Pair = (0, 0)

    @property
    def trivial(self) -> bool:
        """True when the window is the pixel itself."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and not any(self.pads)

    @property
    def whole(self) -> bool:
        """True when the only window is the map."""
        return self.kernel == self.size and self.dilation == (1, 1) and not any(self.pads)

    @property
    def taps(self) -> int:
        """Pixels in the window."""
        return prod(self.kernel)

    @property
    def reach(self) -> Pair:
        """Height and width of the window."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1, (self.kernel[1] - 1) * self.dilation[1] + 1

    @property
    def out_size(self) -> Pair:
        """Height and width of the output."""
        room = [self.size[i] + self.pads[i] + self.pads[i + 2] - self.reach[i] for i in (0, 1)]
        return room[0] // self.stride[0] + 1, room[1] // self.stride[1] + 1


def feature_map(ctx: Lowering, node: SourceNode, expr: Expr) -> Expr:
    """Return an activation as a feature map in the order of its integer tensor.

    Raises
    ------
    UnsupportedError
        Not ``(1, C, L)`` or ``(1, C, H, W)``.
    """
    shape = expr.view.shape
    if len(shape) not in (3, 4):
        text = f"{node.op} must have one or two spatial axes, (1, C, L) or (1, C, H, W), not an input of {shape}."
        ctx.refuse(node, text, "Reshape the map, or split a three-dimensional kernel into two-dimensional ones.")
    positions = expr.view.positions().reshape(-1)
    if ctx.type(expr.tensor).channels == shape[1] and np.array_equal(positions, np.arange(positions.size)):
        return expr
    return in_base_order(ctx, node, expr)


def size_of(expr: Expr) -> Pair:
    """Return height and width of a feature map; one with a single spatial axis is a row."""
    return pair(expr.view.shape[2:], 1)


def geometry(ctx: Lowering, node: SourceNode, expr: Expr, kernel: tuple[int, ...]) -> Geometry:
    """Read the window attributes that Conv and the pools share."""
    axes = len(expr.view.shape) - 2
    if len(kernel) != axes:
        text = f"The kernel of {node.op} must have {axes} axes like its input, not {len(kernel)}."
        ctx.refuse(node, text, "Export the model again.")
    strides = pair(node.attrs.get("strides") or (1,) * axes, 1)
    dilation = pair(node.attrs.get("dilations") or (1,) * axes, 1)
    pads = tuple(node.attrs.get("pads") or (0,) * 2 * axes)
    begins, ends = pair(pads[:axes], 0), pair(pads[axes:], 0)
    shape = Geometry(size_of(expr), pair(kernel, 1), strides, (*begins, *ends), dilation)
    auto = str(node.attrs.get("auto_pad", "NOTSET"))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        shape = replace(shape, pads=_same_pads(shape, upper=auto == "SAME_UPPER"))
    elif auto == "VALID":
        shape = replace(shape, pads=(0, 0, 0, 0))
    if min(shape.pads) < 0:
        ctx.refuse(node, f"The pads of {node.op} must not be negative.", "Cut the map with Slice.")
    shape = _filled(shape) if node.attrs.get("ceil_mode", 0) else shape
    wanted = pair(ctx.model.shapes[node.outputs[0]][2:], 1)
    if shape.out_size != wanted:
        text = f"The ceil_mode of {node.op} must not ask for windows that begin in the padding: {wanted} positions."
        ctx.refuse(node, text, "Set ceil_mode to 0; onnxruntime leaves these windows out.")
    return shape


def pair(values: tuple[int, ...], before: int) -> Pair:
    """Return one value for each of two axes; a single axis is that of the columns."""
    both = values if len(values) == 2 else (before, *values)
    return int(both[0]), int(both[1])


def _same_pads(shape: Geometry, *, upper: bool) -> tuple[int, int, int, int]:
    sides = zip(shape.size, shape.stride, shape.reach, strict=True)
    totals = [max((-(-extent // stride) - 1) * stride + reach - extent, 0) for extent, stride, reach in sides]
    (top, left), (bottom, right) = ([t // 2 for t in totals], [t - t // 2 for t in totals])
    return (top, left, bottom, right) if upper else (bottom, right, top, left)


def _filled(shape: Geometry) -> Geometry:
    """Return the geometry of ceil_mode: pads that fill a last window, unless it would begin behind the begin pads."""
    beyond = []
    for axis in (0, 1):
        before, padded = shape.size[axis] + shape.pads[axis], shape.size[axis] + shape.pads[axis] + shape.pads[axis + 2]
        stride, reach = shape.stride[axis], shape.reach[axis]
        steps = -(-(padded - reach) // stride)
        if steps * stride >= before:
            steps -= 1
        beyond.append(max(0, steps * stride + reach - padded))
    top, left, bottom, right = shape.pads
    pads = (top, left, bottom + beyond[0], right + beyond[1])
    return replace(shape, pads=pads, beyond=(beyond[0], beyond[1]))


def zero_of(ctx: Lowering, node: SourceNode, expr: Expr) -> int:
    """Return the one integer that stands for real zero in every channel, which is what padding puts in."""
    zero = expr.curve.zero
    if zero is None:
        text = f"The input of {node.op} must have one integral zero point, because the node pads with zeros."
        ctx.refuse(node, text, "Quantise the input with an integral zero point, or remove the padding.")
    return zero


def window(
    ctx: Lowering, node: SourceNode, tensor: str, shape: Geometry, pad_value: int, order: str, groups: int = 1
) -> str:
    """Emit a window, unless it is trivial; return the tensor of taps."""
    if shape.trivial:
        return tensor
    tensor, shape = _within(ctx, node, tensor, shape, pad_value)
    attrs: dict[str, Attr] = {
        "kernel": shape.kernel,
        "stride": shape.stride,
        "pads": shape.pads,
        "pad_value": pad_value,
        "order": order,
    }
    if shape.dilation != (1, 1):
        attrs["dilation"] = shape.dilation
    if groups > 1:
        attrs["groups"] = groups
    if ctx.type(tensor).shape[2:] != shape.size:
        attrs["size"] = shape.size
    return ctx.emit("window", f"{ctx.stem(node)}_window", (tensor,), attrs, {}, (node.name,))


def _within(ctx: Lowering, node: SourceNode, tensor: str, shape: Geometry, pad_value: int) -> tuple[str, Geometry]:
    """Emit a `pad` where windows lie in the padding as a whole; return its output, and what is left to the window."""
    before = [max(0, shape.pads[axis] - shape.reach[axis] + 1) for axis in (0, 1)]
    last = [(shape.out_size[axis] - 1) * shape.stride[axis] - shape.pads[axis] for axis in (0, 1)]
    behind = [max(0, last[axis] - shape.size[axis] + 1) for axis in (0, 1)]
    if not any((*before, *behind)):
        return tensor, shape
    if ctx.type(tensor).shape[2:] != shape.size:
        ctx.refuse(node, f"The padding of {node.op} must be less than its window here.", "Pad the map before Reshape.")
    attrs: dict[str, Attr] = {"pads": (0, *before, 0, *behind), "value": pad_value}
    known = ctx.ranges[tensor]
    out = Range(np.minimum(known.lo, pad_value), np.maximum(known.hi, pad_value))
    padded = ctx.emit("pad", f"{ctx.stem(node)}_pad", (tensor,), attrs, {}, (node.name,), out)
    size = (shape.size[0] + before[0] + behind[0], shape.size[1] + before[1] + behind[1])
    top, left, bottom, right = (p - q for p, q in zip(shape.pads, (*before, *behind), strict=True))
    return padded, replace(shape, size=size, pads=(top, left, max(bottom, 0), max(right, 0)))


def in_shape(ctx: Lowering, node: SourceNode, expr: Expr) -> Expr:
    """Return a result seen as the node's output, whose elements stand in the order of the integer tensor."""
    shape, base = ctx.model.shapes[node.outputs[0]], ctx.type(expr.tensor)
    positions = np.arange(base.elements, dtype=np.int64).reshape(shape[1:])
    return replace(expr, view=View(shape).over(positions, base.shape), anchor=None)
