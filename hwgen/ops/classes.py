# SPDX-License-Identifier: Apache-2.0
"""The end of a classifier: ArgMax in hardware, Softmax and its kin on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.elementwise import ElementwiseOp, suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import AXIS, WHOLE, Signature
from hwgen.ops.steps import Curve
from hwgen.ops.values import View


class ArgMax(SourceOp):
    """Index of the largest class; of several the lowest. A unit where the integers order like the reals."""

    onnx = ("ArgMax",)
    signature = Signature(attrs={"axis": AXIS, "keepdims": WHOLE, "select_last_index": WHOLE})
    host = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit the unit, or leave it to the host where integers and reals may order differently."""
        expr = ctx.expr(node, node.inputs[0])
        shape = expr.view.shape
        axis = int(node.attrs.get("axis", 0)) % len(shape)
        lowest = not node.attrs.get("select_last_index", 0)
        vector = expr.view.in_order and shape[axis] == int(np.prod(shape)) == ctx.type(expr.tensor).channels
        curve = expr.curve
        if not (vector and lowest and curve.affine and curve.channels == 1 and curve.slope[0] > 0):
            ctx.bind(node.outputs[0], suffix([expr], ctx, node))
            return
        tensor = ctx.emit("argmax", ctx.stem(node), (expr.tensor,), {}, {}, (node.name,))
        out = ctx.model.shapes[node.outputs[0]]
        view = View((1, 1)) if out == (1, 1) else View(out, np.zeros(out[1:], dtype=np.int64))
        made = replace(expr, tensor=tensor, curve=Curve.identity(), view=view, anchor=None)
        ctx.bind(node.outputs[0], made)


class HostOnly(ElementwiseOp):
    """Functions that hardware does not have; at the very end of a model the host computes them."""

    onnx = ("LogSoftmax", "LpNormalization", "TopK")
    signature = Signature(attrs={"axis": AXIS, "p": WHOLE})
    signatures: ClassVar = {"TopK": Signature(2, 2, {"axis": AXIS, "largest": WHOLE, "sorted": WHOLE})}

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Hand the last tensor that the accelerator knows to the host."""
        found = suffix([ctx.activation(node, node.inputs[0])], ctx, node)
        for name in node.outputs:
            ctx.bind(name, found)
