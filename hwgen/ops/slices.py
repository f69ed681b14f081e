# SPDX-License-Identifier: Apache-2.0
"""Slice and Split: some rows, columns or channels of an activation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import AXES, AXIS, HINT, POSITIVE, WHOLES, Signature
from hwgen.ops.taking import TakingOp, axes, numbers


class Slice(TakingOp):
    """Every step-th element of constant ranges, backwards too."""

    onnx = ("Slice",)
    signature = Signature(1, 5, {"starts": WHOLES, "ends": WHOLES, "axes": AXES})

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Index the axes."""
        starts, ends = numbers(ctx, node, 1, "starts"), numbers(ctx, node, 2, "ends")
        if starts is None or ends is None:
            ctx.refuse(node, "Slice must have starts and ends.")
        along = axes(ctx, node, 3, array.ndim) or tuple(range(len(starts)))
        steps = numbers(ctx, node, 4, "steps") or (1,) * len(starts)
        if {len(along), len(ends), len(steps)} != {len(starts)} or len(along) > array.ndim or not all(steps):
            text = f"Slice must have a start, an end and a step other than 0 for each of its {len(along)} axes."
            ctx.refuse(node, text, HINT)
        index = [slice(None)] * array.ndim
        for axis, start, end, step in zip(along, starts, ends, steps, strict=True):
            extent = array.shape[axis]
            first = start + extent if start < 0 else start
            stop = end + extent if end < 0 else end
            if step > 0:
                index[axis] = slice(min(max(first, 0), extent), min(max(stop, 0), extent), step)
            else:
                last = min(max(stop, -1), extent - 1)
                index[axis] = slice(min(max(first, 0), extent - 1), None if last < 0 else last, step)
        return [array[tuple(index)]]


class Split(TakingOp):
    """Consecutive parts along one axis, each an output."""

    onnx = ("Split",)
    signature = Signature(1, 2, {"axis": AXIS, "split": WHOLES, "num_outputs": POSITIVE})

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Cut where the parts begin."""
        axis = int(node.attrs.get("axis", 0))
        extent, count = array.shape[axis], len(node.outputs)
        parts = numbers(ctx, node, 1, "split")
        if parts is None:
            each = -(-extent // count)
            parts = (each,) * (count - 1) + (extent - each * (count - 1),)
        if sum(parts) != extent or min(parts) < 1 or len(parts) != count:
            ctx.refuse(node, f"The {count} parts of Split must be at least 1 and add up to {extent}, not {parts}.")
        return np.split(array, np.cumsum(parts)[:-1].tolist(), axis=axis)
