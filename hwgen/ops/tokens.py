# SPDX-License-Identifier: Apache-2.0
"""Activations as tokens: one axis of the ONNX tensor are the channels, everything else are pixels."""

from __future__ import annotations

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import in_base_order
from hwgen.ops.values import Expr


def as_tokens(ctx: Lowering, node: SourceNode, expr: Expr, axis: int = -1) -> Expr:
    """Return `expr` with one axis as its channels; elements move only where they do not lie like that already.

    Parameters
    ----------
    axis
        Axis of the ONNX tensor, not the batch.
    """
    shape = expr.view.shape
    axis %= len(shape)
    if axis == len(shape) - 1 and expr.view.channels_last(ctx.type(expr.tensor)):
        return expr
    channels, rest = shape[axis], shape[1:axis] + shape[axis + 1 :]
    pixels = int(np.prod(rest))
    places = np.moveaxis(np.arange(channels * pixels, dtype=np.int64).reshape(channels, *rest), 0, axis - 1)
    return in_base_order(ctx, node, expr, (1, channels, pixels, 1), places)


def as_heads(ctx: Lowering, node: SourceNode, expr: Expr, *, tokens_first: bool) -> Expr:
    """Return ``(1, ..., T, C)`` or ``(1, ..., C, T)`` as T pixels with the C channels of one head after the other."""
    *heads, rows, columns = expr.view.shape[1:]
    tokens, channels = (rows, columns) if tokens_first else (columns, rows)
    count = int(np.prod(heads))
    places = np.arange(count * channels * tokens, dtype=np.int64).reshape(count, channels, tokens)
    if tokens_first:
        places = places.transpose(0, 2, 1)
    return in_base_order(ctx, node, expr, (1, count * channels, tokens, 1), places.reshape(expr.view.shape[1:]))
