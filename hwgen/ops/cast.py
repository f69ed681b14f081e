# SPDX-License-Identifier: Apache-2.0
"""Cast: the same numbers in another type."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp, suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.signature import WHOLE, Signature
from hwgen.ops.steps import Curve
from hwgen.ops.values import Expr, Sum

WIDE = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE})


class Cast(ElementwiseOp):
    """Integers and reals in another type; where that changes a value, the host does it at the very end of a model."""

    onnx = ("Cast",)
    signature = Signature(attrs={"to": WHOLE, "saturate": WHOLE}, required=("to",))
    keeps_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Pass the value through where the type holds it, else leave it to the host."""
        value = ctx.activation(node, node.inputs[0])
        kind = ctx.model.dtypes[node.outputs[0]]
        if isinstance(value, Sum) and node.attrs["to"] not in WIDE:
            value = ctx.realise(value)
        held = node.attrs["to"] in WIDE
        if isinstance(value, Expr) and kind.kind in "iu":
            held = _holds(value.curve, ctx.ranges[value.tensor], np.iinfo(kind))
        if held:
            ctx.bind(node.outputs[0], value)
        else:
            ctx.bind(node.outputs[0], suffix([value], ctx, node))


def _holds(curve: Curve, known: Range, kind: np.iinfo[Any]) -> bool:
    """Tell whether every value of a curve over integers is an integer of a type."""
    numbers = (*curve.slope, *curve.offset, *curve.floor, *curve.ceiling)
    if any(number is not None and number.denominator != 1 for number in numbers):
        return False
    ends = [curve.value(q, c) for q in (known.least, known.most) for c in range(curve.channels)]
    return kind.min <= min(ends) and max(ends) <= kind.max
