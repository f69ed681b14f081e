# SPDX-License-Identifier: Apache-2.0
"""Constant operands of element-wise operators."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import HINT
from hwgen.ops.values import Activation, Fractions


def aligned(
    ctx: Lowering, node: SourceNode, values: npt.NDArray[Any], shape: tuple[int, ...], what: str
) -> npt.NDArray[Any]:
    """Return values that broadcast to `shape` with as many axes.

    Raises
    ------
    UnsupportedError
        They do not broadcast to it, or would make it larger.
    """
    values = np.asarray(values)
    found = values.reshape((1,) * (len(shape) - values.ndim) + values.shape) if values.size > 1 else values
    if found.size == 1:
        return found.reshape((1,) * len(shape))
    if found.ndim != len(shape) or any(n not in (1, extent) for n, extent in zip(found.shape, shape, strict=True)):
        ctx.refuse(node, f"The {what} of {node.op} must broadcast to {shape}, not have the shape {values.shape}.", HINT)
    return found


def per_channel(ctx: Lowering, node: SourceNode, value: Activation, reals: Fractions) -> tuple[Fraction, ...]:
    """Return a constant operand as one value, or one for each channel of the integer tensor.

    Raises
    ------
    UnsupportedError
        The constant varies within a channel, or makes the tensor larger.
    """
    base, shape = ctx.type(value.tensor), value.view.shape
    distinct: dict[Fraction, int] = {}
    ids = np.array([distinct.setdefault(v, len(distinct)) for v in reals.reshape(-1).tolist()], dtype=np.int64)
    values = list(distinct)
    try:
        full = np.broadcast_to(ids.reshape(reals.shape), shape)
    except ValueError:
        text = f"The constant of {node.op} must broadcast to {shape}, not {reals.shape}."
        ctx.refuse(node, text, "Broadcasting activations is not supported.")
    if len(values) == 1:
        return (values[0],)
    spread = np.empty(base.elements, dtype=np.int64)
    spread[value.view.positions().reshape(-1)] = full.reshape(-1)
    rows = spread.reshape(base.channels, -1)
    if (rows != rows[:, :1]).any():
        ctx.refuse(node, f"The constant of {node.op} must be a scalar, or one value for each channel.", "Fold it.")
    return tuple(values[i] for i in rows[:, 0])
