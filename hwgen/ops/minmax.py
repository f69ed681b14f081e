# SPDX-License-Identifier: Apache-2.0
"""Min and Max: with a constant they are a Clip, of functions of one tensor a table, of two tensors sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial, reduce

import numpy as np

from hwgen.errors import Unquantised
from hwgen.graph.source import SourceNode
from hwgen.ops.affine import total
from hwgen.ops.elementwise import ElementwiseOp, only_host_follows, suffix
from hwgen.ops.lowering import Lowering
from hwgen.ops.macs import settled
from hwgen.ops.mapping import joined
from hwgen.ops.relu import clip
from hwgen.ops.signature import Signature
from hwgen.ops.values import Activation, Expr, Fractions, Mapped, Postponed, Reals, Sum


class MinMax(ElementwiseOp):
    """Least or greatest of activations and constants; before a quantiser, of any scales and functions."""

    onnx = ("Min", "Max")
    signature = Signature(1, None)
    needs_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Clip the value's curve, or bind the function; several tensors wait for the quantiser behind."""
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
        if found is not None:
            ctx.bind(node.outputs[0], found)
            return
        values = [ctx.activation(node, name) for name in open_inputs]
        if only_host_follows(ctx.model, node):
            ctx.bind(node.outputs[0], suffix(values, ctx, node))
            return
        if any(value.view.shape != values[0].view.shape for value in values):
            shapes = [value.view.shape for value in values]
            text = f"The inputs of {node.op} must have the same shape, not {' and '.join(map(str, shapes))}."
            ctx.refuse(node, text, "Broadcasting one activation over another is not supported.")
        if any(c is not None and c.size > 1 for c in constants):
            text = f"The constants of {node.op} must be single numbers where it has several activations."
            ctx.refuse(node, text, "Use two nodes.")
        waiting = Postponed(tuple(values), partial(_extreme, ctx, node))
        if numbers:
            waiting = waiting.clipped(None, min(numbers)) if node.op == "Min" else waiting.clipped(max(numbers), None)
        ctx.bind(node.outputs[0], waiting)


def _extreme(ctx: Lowering, node: SourceNode, parts: Sequence[Activation | Fractions]) -> Expr:
    """Emit the extreme of activations with scales of a common grid: ``b + max(a - b, 0)``, ``a - max(a - b, 0)``."""
    made: Expr | None = None
    for part in parts:
        assert not isinstance(part, np.ndarray)
        if isinstance(part, Mapped):
            text = f"The output of {node.op} must be quantised, for an input is a function of {part.source}."
            ctx.refuse(node, text, "Insert a quantiser (Quant or QuantizeLinear) behind it.", Unquantised)
        expr = settled(ctx, node, ctx.realise(part) if isinstance(part, Sum) else part, node.inputs[0])
        made = expr if made is None else _of_two(ctx, node, made, expr)
    assert made is not None
    return made


def _of_two(ctx: Lowering, node: SourceNode, a: Expr, b: Expr) -> Expr:
    beyond = total(ctx, node, a, b, Fraction(-1))
    line = ctx.realise(beyond) if isinstance(beyond, Sum) else beyond
    rest = settled(ctx, node, line.clipped(Fraction(0), None), node.inputs[0])
    found = total(ctx, node, a, rest, Fraction(-1)) if node.op == "Min" else total(ctx, node, b, rest, Fraction(1))
    made = ctx.realise(found) if isinstance(found, Sum) else found
    return replace(made, anchor=None)
