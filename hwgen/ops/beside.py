# SPDX-License-Identifier: Apache-2.0
"""Constants beside an activation, such as the class token of a vision transformer: padding, and a table added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.add_table import added
from hwgen.ops.lowering import Lowering
from hwgen.ops.macs import settled
from hwgen.ops.moving import base_shape
from hwgen.ops.pad import surrounded
from hwgen.ops.values import Activation, Expr, Fractions, View


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a join as it lies in an integer tensor.

    Parameters
    ----------
    shape
        Shape of the integer tensor.
    places
        Where the elements of the ONNX tensor, batch left out, stand in it.
    reals
        Values of constants in that shape; None for an activation.
    """

    shape: tuple[int, ...]
    places: Ints
    reals: Fractions | None = None


def view_of_join(blocks: Sequence[Block], axis: int, at: int) -> View:
    """Return the view of an ONNX tensor whose parts are joined along `axis`, over the join of blocks along `at`."""
    starts = np.cumsum([0, *(prod(block.shape) for block in blocks)]).tolist()
    ranges = [np.arange(start, end, dtype=np.int64) for start, end in pairwise(starts)]
    labels = np.concatenate([r.reshape(block.shape) for r, block in zip(ranges, blocks, strict=True)], axis=at)
    where = np.empty(starts[-1], dtype=np.int64)
    where[labels.reshape(-1)] = np.arange(starts[-1], dtype=np.int64)
    found = [where[start + block.places] for start, block in zip(starts, blocks, strict=False)]
    return View(labels.shape).over(np.concatenate(found, axis=axis - 1), labels.shape)


def with_constants(
    ctx: Lowering,
    node: SourceNode,
    parts: Sequence[Activation | Fractions],
    exprs: Sequence[Expr],
    axis: int,
    at: int,
) -> list[Expr]:
    """Return each of `exprs` with the constants behind it, and the first with those in front of it.

    Parameters
    ----------
    parts
        All that is joined, in order: activations, and constants in the shape of their ONNX tensors.
    exprs
        The activations, laid out for the join.
    axis, at
        Axis of the ONNX tensors, and of the integer tensors, that is joined.
    """
    groups: list[list[Fractions]] = [[]]
    for part in parts:
        if isinstance(part, np.ndarray):
            groups[-1].append(part)
        else:
            groups.append([])
    fronts = [groups[0], *([] for _ in exprs[1:])]
    made = []
    for expr, front, behind in zip(exprs, fronts, groups[1:], strict=True):
        ends = [_block(np.concatenate(part, axis=axis)[0], axis, at) if part else None for part in (front, behind)]
        made.append(_surrounded(ctx, node, expr, ends, axis, at))
    return made


def _block(array: Fractions, axis: int, at: int) -> Block:
    """Lay out constants, batch left out, as activations are laid out for a join."""
    order = np.arange(array.size, dtype=np.int64)
    if array.ndim == 2 and at == 3 - axis:
        shape = (1, array.shape[1], array.shape[0], 1)
        return Block(shape, order.reshape(array.shape[::-1]).T, array.T.reshape(shape))
    base = base_shape(array.shape)
    return Block(base, order.reshape(array.shape), array.reshape(base))


def _surrounded(ctx: Lowering, node: SourceNode, expr: Expr, ends: Sequence[Block | None], axis: int, at: int) -> Expr:
    """Emit `pad`, and `add_table` unless one integer stands for all constants."""
    constants = [block for block in ends if block is not None]
    if not constants:
        return expr
    expr = settled(ctx, node, expr, "of a join with constants")
    base = Block(ctx.type(expr.tensor).shape, expr.view.positions())
    around = [(0, 0)] * 3
    front, behind = (0 if block is None else block.shape[at] for block in ends)
    around[at - 1] = (front, behind)
    value = _one_integer(expr, constants)
    made = surrounded(ctx, node, expr, around, value or 0)
    blocks = [block for block in (ends[0], base, ends[1]) if block is not None]
    if value is None:
        start = np.array(made.curve.spread(ctx.type(made.tensor).channels).offset, dtype=object)
        none = Fraction(0)
        reals = [np.full(block.shape, none) if block.reals is None else block.reals for block in blocks]
        marks = [np.full(block.shape, int(block.reals is not None), object) for block in blocks]
        outside = np.concatenate(marks, axis=at)
        placed = (np.concatenate(reals, axis=at) - start.reshape(1, -1, *[1] * (outside.ndim - 2))) * outside
        made = added(ctx, node, made, placed.reshape(len(start), -1))
    return Expr(made.tensor, made.curve, view_of_join(blocks, axis, at))


def _one_integer(expr: Expr, constants: Sequence[Block]) -> int | None:
    """Return the integer that stands for every constant, None without one."""
    reals = {real for block in constants if block.reals is not None for real in block.reals.reshape(-1)}
    if len(reals) > 1 or expr.curve.channels > 1:
        return None
    value = (reals.pop() - expr.curve.offset[0]) / expr.curve.slope[0]
    return int(value) if value.denominator == 1 and abs(value) < 1 << 15 else None
