# SPDX-License-Identifier: Apache-2.0
"""Floor, Ceil and Round of an activation whose range is known: a quantiser of scale 1."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.requantising import quantise
from hwgen.ops.steps import uniform
from hwgen.ops.values import Mapped, Reals

FUNCTIONS: dict[str, Callable[[Reals], Reals]] = {"Floor": np.floor, "Ceil": np.ceil, "Round": np.rint}
MODES = {"Floor": "FLOOR", "Ceil": "CEIL", "Round": "ROUND"}
MAX_LEVELS = 1 << 16


class Rounding(ElementwiseOp):
    """Rounding to integers, halves to even; with a Clip behind it, import makes it a `Quant`."""

    onnx = ("Floor", "Ceil", "Round")

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Quantise to every integer that the accumulator can reach."""
        if isinstance(value := ctx.activation(node, node.inputs[0]), Mapped):
            ctx.bind(node.outputs[0], value.through(FUNCTIONS[node.op], 1))
            return
        expr = ctx.expr(node, node.inputs[0])
        known = ctx.ranges[expr.tensor]
        channels = range(expr.curve.channels)
        ends = [expr.curve.value(q, c) for q in (known.least, known.most) for c in channels]
        low, high = floor(min(ends)), ceil(max(ends))
        if high - low >= MAX_LEVELS:
            text = f"{node.op} must have at most {MAX_LEVELS} levels, not {high - low + 1} from {low} to {high}."
            ctx.refuse(node, text, "Put a Clip with integral bounds behind it.")
        high = max(high, low + 1)
        quantiser = uniform((Fraction(1),), 0, low, high, MODES[node.op], zero_first=False)
        quantise(ctx, node, quantiser, integer=False)
