# SPDX-License-Identifier: Apache-2.0
"""Functions that hardware has only inside a network: at a model's end the host computes them, exactly."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import only_host_follows, suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.values import Suffix, Value


def suffix_of(ctx: Lowering, node: SourceNode) -> Suffix:
    """Return the value of a node that the host computes from what the accelerator puts out."""
    return suffix([ctx.activation(node, node.inputs[0])], ctx, node)


def joined_by_host(ctx: Lowering, node: SourceNode, values: Sequence[Value]) -> Suffix:
    """Return the join of values that hardware does not have, which the host does at the end of a model.

    Raises
    ------
    UnsupportedError
        Hardware follows.
    """
    if only_host_follows(ctx.model, node):
        return suffix(values, ctx, node)
    text = f"The inputs of {node.op} must be constants and functions of one quantised tensor, not of several."
    ctx.refuse(node, text, "Quantise each of them (Quant or QuantizeLinear), and join them by Add, Sub or Mul.")
