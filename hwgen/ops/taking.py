# SPDX-License-Identifier: Apache-2.0
"""What operators share whose output consists of elements of their input: Slice, Split, Gather, Resize and others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.moving import selected
from hwgen.ops.signature import HINT
from hwgen.ops.values import Const, QuantConst


class TakingOp(ElementwiseOp):
    """An operator that takes elements of its first input; the others are constants."""

    keeps_integers = True

    @abstractmethod
    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Return what the operator makes of any array of the input's ONNX shape: one array for each output."""

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Take elements of a constant, or emit `rearrange` for an activation."""
        value = ctx.value(node.inputs[0])
        if isinstance(value, Const):
            ctx.refuse(node, f"{node.op} of a constant must be folded before export.")
        if isinstance(value, QuantConst):
            order = np.arange(value.ints.size, dtype=np.int64).reshape(value.ints.shape)
            for name, found in zip(node.outputs, self.taken(ctx, node, order), strict=False):
                ctx.bind(name, _of_constant(value, found))
            return
        expr = ctx.expr(node, node.inputs[0])
        for name, found in zip(node.outputs, self.taken(ctx, node, expr.view.positions()[np.newaxis]), strict=False):
            if found.shape[:1] != (1,):
                ctx.refuse(node, f"{node.op} must keep the batch of 1 as the first axis, not give {found.shape}.")
            if not found.size:
                ctx.refuse(node, f"{node.op} must take at least one element, not give the shape {found.shape}.")
            if name:
                ctx.bind(name, selected(ctx, node, expr, found[0]))


def _of_constant(value: QuantConst, found: Ints) -> QuantConst:
    ints = value.ints.reshape(-1)[found]
    scale = np.broadcast_to(value.scale, value.ints.shape).reshape(-1)[found]
    return QuantConst(ints, scale).reshaped(ints.shape)


def axes(ctx: Lowering, node: SourceNode, index: int, rank: int) -> tuple[int, ...] | None:
    """Return the axes that an input, or in older opsets an attribute, lists, counted from the first; None where absent.

    Raises
    ------
    UnsupportedError
        There are only `rank` axes, or one is listed twice.
    """
    found = numbers(ctx, node, index, "axes")
    if found is None:
        return None
    if any(not -rank <= axis < rank for axis in found) or len({axis % rank for axis in found}) < len(found):
        ctx.refuse(node, f"The axes of {node.op} must be some of {rank} axes, each once, not {found}.", HINT)
    return tuple(axis % rank for axis in found)


def numbers(ctx: Lowering, node: SourceNode, index: int, name: str) -> tuple[int, ...] | None:
    """Return a list of integers that is an input in newer opsets and an attribute in older ones; None where absent."""
    array = ctx.constant(node, index, name)
    if array is not None:
        return tuple(int(v) for v in array.reshape(-1))
    value = node.attrs.get(name)
    if value is None:
        return None
    return tuple(int(v) for v in value) if isinstance(value, Sequence) else (int(value),)
