# SPDX-License-Identifier: Apache-2.0
"""Gather with constant indices: rows, columns or channels of an activation in any order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import AXIS, Signature
from hwgen.ops.taking import TakingOp
from hwgen.ops.values import Const


class Gather(TakingOp):
    """Selection along one axis by constant indices; a single index drops the axis."""

    onnx = ("Gather",)
    signature = Signature(2, 2, {"axis": AXIS})

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Leave it to the host to look up constants, such as class labels, by a number that was computed."""
        index = ctx.value(node.inputs[1])
        if isinstance(ctx.value(node.inputs[0]), Const) and not isinstance(index, Const):
            ctx.bind(node.outputs[0], suffix([ctx.activation(node, node.inputs[1])], ctx, node))
        else:
            super().apply(ctx, node)

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Take the indices."""
        index = ctx.constant(node, 1, "indices")
        axis = int(node.attrs.get("axis", 0))
        extent = array.shape[axis]
        if index is None or index.min(initial=0) < -extent or index.max(initial=0) >= extent:
            ctx.refuse(node, f"The indices of Gather must lie in the axis of {extent} elements.")
        return [np.take(array, index.astype(np.int64), axis=axis)]
