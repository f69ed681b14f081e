# SPDX-License-Identifier: Apache-2.0
"""What the host can compute: before the first hardware node, and after the last one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from hwgen.errors import Unquantised
from hwgen.graph.source import SourceModel, SourceNode
from hwgen.ops.base import SourceOp, source_ops
from hwgen.ops.lowering import Lowering
from hwgen.ops.values import Anchor, Expr, Host, HostQuant, Mapped, Postponed, Suffix, Sum, Value


class ElementwiseOp(SourceOp):
    """An operator that the host may compute at either end, and that is arithmetic on values in between.

    `folds_constants` says that with a single activation it is a clipped line, which is exact behind any sum; what is
    not, and `needs_integers`, is quantised in front too.
    """

    host = True
    folds_constants: ClassVar[bool] = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Leave it to the host when all of it is still on the host, else call `apply`."""
        if any(isinstance(ctx.value(name), Host) for name in node.inputs if name):
            quantised = HostQuant | Expr | Sum | Mapped | Postponed
            others = [name for name in node.inputs if name and isinstance(ctx.value(name), quantised)]
            if others:
                text = f"{node.op} must not mix the quantised tensor {others[0]} with real numbers."
                ctx.refuse(node, text, "Quantise all of its inputs.", Unquantised)
            for name in node.outputs:
                ctx.bind(name, Host(name))
            return
        self.apply(ctx, node)

    @abstractmethod
    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Bind the output of a node with at least one quantised input, or only constant ones."""


def suffix(values: Sequence[Value], ctx: Lowering, node: SourceNode) -> Suffix:
    """Return what the host computes from `values`, some of which come from the accelerator."""
    anchors: dict[tuple[str, str], Anchor] = {}
    for value in values:
        if isinstance(value, Postponed):
            value = suffix([part for part in value.parts if not isinstance(part, np.ndarray)], ctx, node)
        if isinstance(value, Sum):
            value = ctx.realise(value)
        found: tuple[Anchor, ...] = ()
        if isinstance(value, Suffix):
            found = value.anchors
        elif isinstance(value, Expr | Mapped):
            if value.anchor is None:
                ctx.refuse(node, f"The input of {node.op} must keep the order of its elements.", "Drop the Transpose.")
            found = (value.anchor,)
        anchors.update({(a.tensor, a.onnx): a for a in found})
    return Suffix(tuple(anchors.values()), node.name)


def only_host_follows(model: SourceModel, node: SourceNode) -> bool:
    """Tell whether the host can compute everything that depends on `node`."""
    reached = set(node.outputs)
    for other in model.nodes:
        if reached.intersection(other.inputs):
            op = source_ops().get(other.op)
            if op is None or not op.host:
                return False
            reached.update(other.outputs)
    return True
