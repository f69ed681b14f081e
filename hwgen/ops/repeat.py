# SPDX-License-Identifier: Apache-2.0
"""Expand and Tile: an activation repeated along its axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.taking import TakingOp, numbers


class Expand(TakingOp):
    """Broadcast to a constant shape."""

    onnx = ("Expand",)

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Broadcast."""
        return [np.broadcast_to(array, ctx.model.shapes[node.outputs[0]])]


class Tile(TakingOp):
    """The whole repeated a constant number of times along each axis."""

    onnx = ("Tile",)

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Repeat."""
        repeats = numbers(ctx, node, 1, "repeats")
        if repeats is None:
            ctx.refuse(node, "Tile must have repeats.")
        return [np.tile(array, repeats)]
