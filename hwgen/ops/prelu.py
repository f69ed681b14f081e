# SPDX-License-Identifier: Apache-2.0
"""PRelu: a Relu that leaks, with a slope for each channel."""

from __future__ import annotations

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.mapping import joined
from hwgen.ops.signature import Signature
from hwgen.ops.values import Reals


class PRelu(ElementwiseOp):
    """``x`` where it is positive, else ``slope * x``, with one slope or one for each channel."""

    onnx = ("PRelu",)
    signature = Signature(2, 2)
    needs_integers = True
    folds_constants = False

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Bind the function; it never falls where no slope is negative."""
        slope = ctx.reals(node, 1, "slope")
        assert slope is not None
        found = joined(ctx, node, node.inputs, _leak, int(all(s >= 0 for s in slope.reshape(-1))))
        assert found is not None
        ctx.bind(node.outputs[0], found)


def _leak(x: Reals, slope: Reals) -> Reals:
    return np.where(x < 0, slope * x, x)
