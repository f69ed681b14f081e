# SPDX-License-Identifier: Apache-2.0
"""Comparisons with constants, logic, and Where: steps of one activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.mapping import joined
from hwgen.ops.signature import Signature
from hwgen.ops.tail import joined_by_host
from hwgen.ops.values import Reals

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "And": np.logical_and,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Where": lambda condition, one, other: np.where(condition != 0, one, other),
    "Xor": lambda one, other: (one != 0) ^ (other != 0),
}
RISING = {"Greater", "GreaterOrEqual"}
FALLING = {"Less", "LessOrEqual", "Not"}


class Condition(ElementwiseOp):
    """Comparisons, logic and Where of constants and functions of one activation."""

    onnx = tuple(FUNCTIONS)
    signature = Signature(2, 2)
    signatures: ClassVar = {"Not": Signature(), "Where": Signature(3, 3)}
    needs_integers = True
    folds_constants = False

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Bind the function; what joins several tensors is left to the host."""
        constants = [ctx.real_constant(name) is not None for name in node.inputs]
        function = FUNCTIONS[node.op]

        def compute(*operands: Reals) -> Reals:
            return np.asarray(function(*operands), dtype=np.float64)

        found = joined(ctx, node, node.inputs, compute, _direction(node.op, constants))
        if found is None:
            values = [ctx.activation(node, n) for n, c in zip(node.inputs, constants, strict=True) if not c]
            ctx.bind(node.outputs[0], joined_by_host(ctx, node, values))
        else:
            ctx.bind(node.outputs[0], found)


def _direction(op: str, constants: list[bool]) -> int:
    """Return 1 where the result never falls as the one activation grows, -1 where it never rises, else 0."""
    if constants.count(False) != 1:
        return 0
    direction = int(op in RISING) - int(op in FALLING)
    return -direction if constants[0] else direction
