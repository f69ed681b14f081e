# SPDX-License-Identifier: Apache-2.0
"""Expand and Tile: an activation repeated along its axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import HINT, Signature
from hwgen.ops.taking import TakingOp, numbers


class Expand(TakingOp):
    """Broadcast to a constant shape."""

    onnx = ("Expand",)
    signature = Signature(2, 2)

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Broadcast."""
        shape = ctx.model.shapes[node.outputs[0]]
        if len(shape) < array.ndim or any(
            a not in (1, b) for a, b in zip(array.shape[::-1], shape[::-1], strict=False)
        ):
            ctx.refuse(node, f"The input of Expand must broadcast to {shape}, not have the shape {array.shape}.", HINT)
        return [np.broadcast_to(array, shape)]


class Tile(TakingOp):
    """The whole repeated a constant number of times along each axis."""

    onnx = ("Tile",)
    signature = Signature(2, 2)

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Repeat."""
        repeats = numbers(ctx, node, 1, "repeats")
        if repeats is None or len(repeats) != array.ndim or min(repeats) < 1:
            ctx.refuse(node, f"Tile must have a positive number of repeats for each of {array.ndim} axes.", HINT)
        return [np.tile(array, repeats)]
