# SPDX-License-Identifier: Apache-2.0
"""HardSigmoid: a clipped line, so it costs what Relu costs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import NUMBER, Signature


class HardSigmoid(ElementwiseOp):
    """``min(max(alpha * x + beta, 0), 1)``."""

    onnx = ("HardSigmoid",)
    signature = Signature(attrs={"alpha": NUMBER, "beta": NUMBER})

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Scale and clip the value's curve."""
        alpha = Fraction(node.attrs.get("alpha", float(np.float32(0.2))))
        beta = Fraction(node.attrs.get("beta", 0.5))
        line = ctx.activation(node, node.inputs[0]).scaled((alpha,), (beta,))
        ctx.bind(node.outputs[0], line.clipped(Fraction(0), Fraction(1)))
