# SPDX-License-Identifier: Apache-2.0
"""Flatten, Reshape, Transpose, Squeeze, Unsqueeze, Identity: another look at the same tensor, never hardware."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from math import prod
from typing import ClassVar

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp, only_host_follows, suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import HINT, NUMBER, PERMUTATION, WHOLE, WHOLES, Signature
from hwgen.ops.values import Const, Expr, HostQuant, Mapped, QuantConst, Sum


class LayoutOp(ElementwiseOp):
    """An operator that only moves elements; the next matrix product permutes its weights to suit."""

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Permute a constant, rename a quantised input, or change an activation's view."""
        value = ctx.value(node.inputs[0])
        out = node.outputs[0]
        if isinstance(value, QuantConst):
            ctx.bind(out, self.constant(ctx, node, value))
        elif isinstance(value, Const):
            ctx.refuse(node, f"{node.op} of a constant must be folded before export.")
        elif isinstance(value, HostQuant) and self.by_host(node):
            _check_count(ctx, node, prod(ctx.model.shapes[node.inputs[0]]), ctx.model.shapes[out])
            ctx.bind(out, replace(value, onnx=out))
        elif isinstance(value, HostQuant | Expr | Sum | Mapped):
            value = ctx.activation(node, node.inputs[0])
            shape = ctx.model.shapes[out]
            _check_count(ctx, node, value.view.positions().size, shape)
            if shape[:1] != (1,) and only_host_follows(ctx.model, node):
                ctx.bind(out, suffix([value], ctx, node))
                return
            if shape[:1] != (1,):
                ctx.refuse(node, f"{node.op} must keep the batch of 1 as the first axis, not give {shape}.")
            positions = self.positions(ctx, node, value.view.positions(), shape[1:])
            ctx.bind(out, replace(value, view=value.view.over(positions, ctx.type(value.tensor).shape)))

    def constant(self, ctx: Lowering, node: SourceNode, value: QuantConst) -> QuantConst:
        """Return the constant in its new shape."""
        shape = ctx.model.shapes[node.outputs[0]]
        _check_count(ctx, node, value.ints.size, shape)
        return value.reshaped(shape)

    def by_host(self, node: SourceNode) -> bool:
        """Tell whether the host does this to a quantised input, rather than hardware seeing it as a view."""
        return True

    @abstractmethod
    def positions(self, ctx: Lowering, node: SourceNode, positions: Ints, shape: tuple[int, ...]) -> Ints:
        """Return the new arrangement; batch left out."""


def _check_count(ctx: Lowering, node: SourceNode, count: int, shape: tuple[int, ...]) -> None:
    if count != prod(shape):
        ctx.refuse(node, f"{node.op} must keep its {count} elements, not give the shape {shape}.", HINT)


class Reshape(LayoutOp):
    """Operators that keep the order of the elements."""

    onnx = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout")
    signature = Signature(1, 2, {"axes": WHOLES})
    signatures: ClassVar = {
        "Reshape": Signature(2, 2, {"allowzero": WHOLE}),
        "Flatten": Signature(attrs={"axis": WHOLE}),
        "Identity": Signature(),
        "Dropout": Signature(1, 3, {"ratio": NUMBER, "seed": WHOLE}),
    }
    keeps_integers = True

    def positions(self, ctx: Lowering, node: SourceNode, positions: Ints, shape: tuple[int, ...]) -> Ints:
        """Change the shape."""
        return positions.reshape(shape)


class Transpose(LayoutOp):
    """Permutation of the axes."""

    onnx = ("Transpose",)
    signature = Signature(attrs={"perm": PERMUTATION})
    keeps_integers = True

    def constant(self, ctx: Lowering, node: SourceNode, value: QuantConst) -> QuantConst:
        """Permute the axes of integers and scale."""
        return value.transposed(_perm(node, value.ints.ndim))

    def by_host(self, node: SourceNode) -> bool:
        """Leave a map as it is where it is only looked at with its channels last: that is how streams carry it."""
        return tuple(node.attrs.get("perm", ())) != (0, 2, 3, 1)

    def positions(self, ctx: Lowering, node: SourceNode, positions: Ints, shape: tuple[int, ...]) -> Ints:
        """Permute all axes but the batch."""
        perm = _perm(node, positions.ndim + 1)
        if perm[0] != 0:
            ctx.refuse(node, f"Transpose must keep the batch as the first axis, not permute by {perm}.")
        return positions.transpose([axis - 1 for axis in perm[1:]])


def _perm(node: SourceNode, ndim: int) -> tuple[int, ...]:
    return tuple(node.attrs.get("perm", range(ndim - 1, -1, -1)))
