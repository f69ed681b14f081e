# SPDX-License-Identifier: Apache-2.0
"""Min and Max: with a constant they are a Clip, of functions of one tensor a table."""

from __future__ import annotations

from functools import reduce

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.mapping import joined
from hwgen.ops.relu import clip
from hwgen.ops.signature import Signature
from hwgen.ops.tail import joined_by_host
from hwgen.ops.values import Reals


class MinMax(ElementwiseOp):
    """Least or greatest of an activation and constants, or of functions of one activation."""

    onnx = ("Min", "Max")
    signature = Signature(1, None)
    needs_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Clip the value's curve, or bind the function; what joins several tensors is left to the host."""
        constants = [ctx.real_constant(name) for name in node.inputs]
        open_inputs = [name for name, c in zip(node.inputs, constants, strict=True) if c is None]
        numbers = [number for c in constants if c is not None for number in c.reshape(-1).tolist()]
        if len(open_inputs) == 1 and all(c is None or c.size == 1 for c in constants):
            least = node.op == "Min"
            bound = (min(numbers) if least else max(numbers)) if numbers else None
            clip(ctx, node, None if least else bound, bound if least else None, open_inputs[0])
            return
        function = np.minimum if node.op == "Min" else np.maximum

        def of_all(*operands: Reals) -> Reals:
            return np.asarray(reduce(function, operands))

        found = joined(ctx, node, node.inputs, of_all, 1)
        if found is None:
            values = [ctx.activation(node, name) for name in open_inputs]
            ctx.bind(node.outputs[0], joined_by_host(ctx, node, values))
        else:
            ctx.bind(node.outputs[0], found)
