# SPDX-License-Identifier: Apache-2.0
"""Moving the elements of an activation in hardware: into the order that an operator needs, or some of them only.

Most layouts cost nothing: a `View` says where the elements of an ONNX tensor stand in the integer tensor, and matrix
products put their weights in that order. An operator that needs another order asks for it:

    expr = in_base_order(ctx, node, ctx.expr(node, node.inputs[0]))

gives the same ONNX tensor over an integer tensor whose own layout it has, such as (1, C, H, W) for a convolution; where
it has already, nothing is emitted. An operator that reads its input in another layout names that: tokens (1, T, D) as
pixels with D channels, or heads (1, H, T, d) with H*d channels for each of T pixels, are

    in_base_order(ctx, node, expr, (1, D, T, 1), np.arange(T * D).reshape(D, T).T)
    in_base_order(ctx, node, expr, (1, H * d, T, 1), np.arange(H * d * T).reshape(H, d, T).transpose(0, 2, 1))
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.graph import Attr, Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.steps import Curve
from hwgen.ops.values import Expr, View


def in_base_order(
    ctx: Lowering, node: SourceNode, expr: Expr, shape: tuple[int, ...] | None = None, index: Ints | None = None
) -> Expr:
    """Return `expr` over an integer tensor of another shape and order; emit `rearrange` where it is not there yet.

    Parameters
    ----------
    node
        The ONNX node that asks.
    shape
        Shape of the integer tensor, ``(1, C, H, W)`` or ``(1, F)``. By default that of the ONNX tensor, where
        ``(1, C, L)`` becomes ``(1, C, 1, L)`` and further axes are taken together with the last.
    index
        Position in the integer tensor's ONNX layout of each element of the ONNX tensor, int64 of the ONNX shape
        without the batch; by default they stand in order.

    Raises
    ------
    UnsupportedError
        Elements with different scales would come into one channel.
    """
    extents = expr.view.shape[1:]
    count = int(np.prod(extents))
    positions = np.arange(count, dtype=np.int64).reshape(extents) if index is None else index
    target = shape or base_shape(extents)
    taken = np.empty(count, dtype=np.int64)
    taken[positions.reshape(-1)] = expr.view.positions().reshape(-1)
    view = View(target).over(positions, target)
    if target == ctx.type(expr.tensor).shape and np.array_equal(taken, np.arange(count)):
        return replace(expr, view=view)
    return rearranged(ctx, node, expr, taken.reshape(target[1:]), view)


def base_shape(extents: tuple[int, ...]) -> tuple[int, ...]:
    """Return the integer tensor's shape for an ONNX tensor of these extents, batch left out."""
    if len(extents) == 2:
        return (1, extents[0], 1, extents[1])
    if len(extents) in (1, 3):
        return (1, *extents)
    if not extents:
        return (1, 1)
    return (1, *extents[:2], int(np.prod(extents[2:])))


def selected(ctx: Lowering, node: SourceNode, expr: Expr, positions: Ints) -> Expr:
    """Return some elements of `expr`, any of them repeated, as an ONNX tensor of their own.

    Parameters
    ----------
    positions
        For each element of the new ONNX tensor, batch left out, its position in the integer tensor of `expr`: what
        indexing ``expr.view.positions()`` gives.

    Notes
    -----
    What was a channel stays a channel, and what was a pixel a pixel: rows of tokens are tokens again.
    """
    shape, where = _kept(positions, ctx.type(expr.tensor).shape)
    taken = np.empty(positions.size, dtype=np.int64)
    taken[where.reshape(-1)] = positions.reshape(-1)
    return rearranged(ctx, node, expr, taken.reshape(shape[1:]), View(shape).over(where, shape))


def _kept(positions: Ints, base: tuple[int, ...]) -> tuple[tuple[int, ...], Ints]:
    """Return the shape of an integer tensor for elements taken from one of shape `base`, and their places in it."""
    extents = positions.shape
    order = np.arange(positions.size, dtype=np.int64)
    pixels = int(np.prod(base[2:]))
    channels, places = np.divmod(positions, pixels)
    along = [axis for axis in range(positions.ndim) if _varies(channels, axis)]
    across = [axis for axis in range(positions.ndim) if axis not in along]
    natural = base_shape(extents), order.reshape(extents)
    if any(_varies(places, axis) for axis in along) or (len(extents) == 3 and set(along) <= {0}):
        return natural
    axes = (*along, *across)
    rows = [extents[axis] for axis in across if extents[axis] > 1]
    if len(base) == 2:
        spread: tuple[int, ...] = ()
    elif len(rows) < 2:
        spread = (1, *rows) if rows and base[2] == 1 else (*rows, *(1, 1)[len(rows) :])
    else:
        spread = (rows[0], int(np.prod(rows[1:])))
    shape = (1, int(np.prod([extents[axis] for axis in along])), *spread)
    where = order.reshape([extents[axis] for axis in axes]).transpose(np.argsort(axes))
    return shape, where


def _varies(values: Ints, axis: int) -> bool:
    return bool((values != values.take([0], axis=axis)).any())


def rearranged(ctx: Lowering, node: SourceNode, expr: Expr, taken: Ints, view: View) -> Expr:
    """Emit `rearrange`, or find the one that is there already.

    Parameters
    ----------
    taken
        Shape of the new integer tensor without the batch: position in the old one of each element.
    view
        What the ONNX tensor is of the new integer tensor.
    """
    kind, known = ctx.type(expr.tensor), ctx.ranges[expr.tensor]
    channels = taken.reshape(len(taken), -1) // kind.pixels
    curve = _curve(ctx, node, expr.curve, channels)
    attrs: dict[str, Attr] = {"shape": (1, *taken.shape)}
    index = taken.reshape(-1)
    graph = ctx.graph()
    for made in graph.nodes:
        alike = made.op == "rearrange" and made.inputs == (expr.tensor,) and made.attrs == attrs
        if alike and np.array_equal(graph.constant(made, "index"), index):
            return Expr(made.outputs[0], curve, view)
    out = Range(known.lo[channels].min(axis=1), known.hi[channels].max(axis=1))
    name = f"{ctx.stem(node)}_order"
    tensor = ctx.emit("rearrange", name, (expr.tensor,), attrs, {"index": index}, (node.name,), out)
    scale = kind.scale if len(kind.scale) < 2 else [kind.scale[c] for c in channels[:, 0]]
    ctx.describe(tensor, scale, kind.zero_point)
    return Expr(tensor, curve, view)


def _curve(ctx: Lowering, node: SourceNode, curve: Curve, channels: Ints) -> Curve:
    """Return the curve of channels that are made of elements of these old channels, shape ``(C, pixels)``."""
    if curve.channels == 1:
        return curve
    rows = list(zip(curve.slope, curve.offset, curve.floor, curve.ceiling, strict=True))
    distinct = {row: number for number, row in enumerate(dict.fromkeys(rows))}
    numbers = np.array([distinct[row] for row in rows], dtype=np.int64)[channels]
    if (numbers != numbers[:, :1]).any():
        text = f"The input of {node.op} must have one scale for all channels where it changes which elements share one."
        ctx.refuse(node, text, "Quantise it with one scale for the whole tensor.")
    slope, offset, floor, ceiling = zip(*(rows[c] for c in channels[:, 0]), strict=True)
    return Curve(slope, offset, floor, ceiling).shrink()
