# SPDX-License-Identifier: Apache-2.0
"""Pow: a constant exponent, or a constant base."""

from __future__ import annotations

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.mapping import joined, quiet
from hwgen.ops.signature import Signature


class Power(ElementwiseOp):
    """Pow with a constant exponent, or a constant base: a table; the exponent 1 costs nothing."""

    onnx = ("Pow",)
    signature = Signature(2, 2)
    needs_integers = True
    folds_constants = False

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Pass the value through, or bind the function."""
        exponent = ctx.real_constant(node.inputs[1])
        if exponent is not None and all(e == 1 for e in exponent.reshape(-1)):
            ctx.bind(node.outputs[0], ctx.activation(node, node.inputs[0]))
            return
        found = joined(ctx, node, node.inputs, quiet(np.power))
        if found is None:
            ctx.refuse(node, "Pow must have a constant base or a constant exponent, not two activations.")
        ctx.bind(node.outputs[0], found)
