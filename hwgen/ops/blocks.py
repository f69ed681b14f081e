# SPDX-License-Identifier: Apache-2.0
"""DepthToSpace and SpaceToDepth: blocks of pixels become channels, and back."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import HINT, POSITIVE, Signature, one_of
from hwgen.ops.taking import TakingOp


class DepthToSpace(TakingOp):
    """Channels spread over blocks of pixels, in the order DCR or CRD (pixel shuffle)."""

    onnx = ("DepthToSpace",)
    signature = Signature(attrs={"blocksize": POSITIVE, "mode": one_of("DCR", "CRD")}, required=("blocksize",))

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Cut the channels into blocks."""
        size = int(node.attrs["blocksize"])
        n, c, h, w = _map(ctx, node, array)
        if c % size**2:
            ctx.refuse(node, f"The channels of {node.op} must be a multiple of {size**2}, not {c}.", HINT)
        if str(node.attrs.get("mode", "DCR")) == "CRD":
            blocks = array.reshape(n, c // size**2, size, size, h, w).transpose(0, 1, 4, 2, 5, 3)
        else:
            blocks = array.reshape(n, size, size, c // size**2, h, w).transpose(0, 3, 4, 1, 5, 2)
        return [blocks.reshape(n, c // size**2, h * size, w * size)]


class SpaceToDepth(TakingOp):
    """Blocks of pixels put into channels."""

    onnx = ("SpaceToDepth",)
    signature = Signature(attrs={"blocksize": POSITIVE}, required=("blocksize",))

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Cut the map into blocks."""
        size = int(node.attrs["blocksize"])
        n, c, h, w = _map(ctx, node, array)
        if h % size or w % size:
            ctx.refuse(node, f"The rows and columns of {node.op} must be multiples of {size}, not {h} and {w}.", HINT)
        blocks = array.reshape(n, c, h // size, size, w // size, size).transpose(0, 3, 5, 1, 2, 4)
        return [blocks.reshape(n, c * size**2, h // size, w // size)]


def _map(ctx: Lowering, node: SourceNode, array: Ints) -> tuple[int, ...]:
    """Return the four extents of a map."""
    if array.ndim != 4:
        ctx.refuse(node, f"The input of {node.op} must have four axes, not {array.ndim}.", HINT)
    return array.shape
