# SPDX-License-Identifier: Apache-2.0
"""Activations as functions of one integer tensor: how they begin, and how several of them become one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hwgen.graph import Ints, Node
from hwgen.graph.source import SourceNode
from hwgen.ops.base import hardware_op
from hwgen.ops.constants import per_channel
from hwgen.ops.lowering import Lowering
from hwgen.ops.steps import Curve
from hwgen.ops.values import Activation, Mapped, Reals, Sum, column

POINTWISE = ("table", "thresholds", "requantise")
"""Hardware operators that work element by element on one tensor."""


def mapped(ctx: Lowering, node: SourceNode, value: Activation) -> Mapped:
    """Return an activation as a function of its integers; a pending sum is emitted."""
    if isinstance(value, Mapped):
        return value
    expr = ctx.realise(value) if isinstance(value, Sum) else value
    values, direction = _line(expr.curve)
    return Mapped(expr.tensor, values, direction, expr.view, f"{node.op} ({node.name})", expr.anchor)


def joined(
    ctx: Lowering, node: SourceNode, names: Sequence[str], function: Callable[..., Reals], direction: int = 0
) -> Mapped | None:
    """Return a function of several values element by element: of constants, and activations made from one tensor.

    Parameters
    ----------
    names
        The operands.
    function
        Called with one float64 array for each operand; they broadcast.
    direction
        1 where the function never falls as any of its operands grows, else 0.

    Returns
    -------
    Mapped or None
        None where the activations are made from different tensors, or laid out differently.

    Raises
    ------
    UnsupportedError
        A constant is neither a scalar nor one value for each channel.
    """
    constants = [ctx.real_constant(name) for name in names]
    given = [ctx.activation(node, n) if c is None else None for n, c in zip(names, constants, strict=True)]
    functions = _on_one_tensor(ctx, node, [value for value in given if value is not None])
    if functions is None:
        return None
    base, rest = functions[0], iter(functions)
    operands: list[Callable[[Ints], Reals]] = []
    for constant in constants:
        if constant is None:
            operands.append(next(rest).values)
        else:
            operands.append(_constant(column(per_channel(ctx, node, base, constant))))
    same = all(np.array_equal(f.direction, base.direction) for f in functions)
    return replace(
        base,
        values=lambda q: function(*(operand(q) for operand in operands)),
        direction=base.direction * direction if same else np.zeros(1, dtype=np.int64),
        source=f"{node.op} ({node.name})",
    )


def _constant(numbers: Reals) -> Callable[[Ints], Reals]:
    return lambda q: numbers


def _line(curve: Curve) -> tuple[Callable[[Ints], Reals], Ints]:
    """Return a clipped line in float64, and its direction."""
    slope, offset = column(curve.slope), column(curve.offset)
    low = np.array([-np.inf if b is None else float(b) for b in curve.floor]).reshape(-1, 1)
    high = np.array([np.inf if b is None else float(b) for b in curve.ceiling]).reshape(-1, 1)
    direction = np.where(slope[:, 0] < 0, -1, 1).astype(np.int64)
    return lambda q: np.clip(slope * q + offset, low, high), direction


def _on_one_tensor(ctx: Lowering, node: SourceNode, values: Sequence[Activation]) -> list[Mapped] | None:
    """Return activations as functions of the nearest tensor that all of them are made from, None without one."""
    positions = [value.view.positions() for value in values]
    if any(not np.array_equal(positions[0], other) for other in positions[1:]):
        return None
    functions = [mapped(ctx, node, value) for value in values]
    lines = [[f.tensor, *_ancestors(ctx, f.tensor)] for f in functions]
    shared = next((tensor for tensor in lines[0] if all(tensor in line for line in lines)), None)
    return None if shared is None else [_lifted(ctx, f, shared) for f in functions]


def _ancestors(ctx: Lowering, tensor: str) -> list[str]:
    """Return the tensors that a tensor is made from element by element, the nearest first."""
    maker = ctx.producer(tensor)
    if maker is None or maker.op not in POINTWISE:
        return []
    return [maker.inputs[0], *_ancestors(ctx, maker.inputs[0])]


def _lifted(ctx: Lowering, value: Mapped, tensor: str) -> Mapped:
    """Return the same values as a function of an ancestor of their tensor."""
    while value.tensor != tensor:
        maker = ctx.producer(value.tensor)
        assert maker is not None
        value = replace(value, tensor=maker.inputs[0], values=_behind(ctx, value, maker), direction=0 * value.direction)
    return value


def _behind(ctx: Lowering, value: Mapped, maker: Node) -> Callable[[Ints], Reals]:
    graph, op, channels = ctx.graph(), hardware_op(maker), ctx.type(value.tensor).channels

    def values(q: Ints) -> Reals:
        every = np.broadcast_to(q, (channels, q.shape[1]))
        (made,) = op.golden(graph, maker, [every[np.newaxis]])
        return value.values(made[0])

    return values


def quiet(function: Callable[..., Reals]) -> Callable[..., Reals]:
    """Return a function that gives infinity and NaN without a warning."""

    def silent(*operands: Reals) -> Reals:
        with np.errstate(all="ignore"):
            return function(*operands)

    return silent
