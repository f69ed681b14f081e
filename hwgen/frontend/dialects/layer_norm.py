# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation written out in means, squares and roots, as exporters before opset 17 do: one node again.

``d = x - mean(x); d / sqrt(mean(d * d) + epsilon)`` becomes LayerNormalization; scale and bias behind it stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwgen.frontend.draft import Draft, unique, without_dead_code
from hwgen.frontend.shapes import infer
from hwgen.graph.source import Array, SourceNode

OPSET = 17
"""The first one with LayerNormalization."""


def fused(draft: Draft) -> Draft:
    """Return the draft with every layer normalisation over the last axis as one node; constants are folded already."""
    makers = {name: node for node in draft.nodes for name in node.outputs}
    ends = {node.outputs[0]: found for node in draft.nodes if (found := _normalised(node, makers, draft.constants))}
    if not ends:
        return draft
    shapes, _ = infer(draft)
    nodes: list[SourceNode] = []
    constants, taken = dict(draft.constants), draft.names()
    for node in draft.nodes:
        x, axis, epsilon = ends.get(node.outputs[0], ("", 0, 0.0))
        shape = shapes.get(x, ())
        width = shape[-1] if shape and axis in (-1, len(shape) - 1) else None
        if width is None:
            nodes.append(node)
            continue
        ones = unique(f"{node.outputs[0]}__ones", taken)
        constants[ones] = np.ones(width, np.float32)
        attrs = {"axis": -1, "epsilon": epsilon}
        nodes.append(SourceNode(node.name, "LayerNormalization", (x, ones), node.outputs, attrs))
    return without_dead_code(replace(draft.with_nodes(nodes, constants), opset=max(draft.opset, OPSET)))


def _normalised(
    node: SourceNode, makers: Mapping[str, SourceNode], constants: Mapping[str, Array]
) -> tuple[str, int, float] | None:
    """Return the input, the axis and epsilon of a layer normalisation that ends in this node, None where none does."""
    centred, root = _quotient(node, makers)
    total = _maker(root, "Sqrt", makers)
    spread = _maker(total.inputs[0], "Add", makers) if total else None
    minus = _maker(centred, "Sub", makers)
    if spread is None or minus is None:
        return None
    epsilon = [constants[name] for name in spread.inputs if name in constants and constants[name].size == 1]
    variance = next((made for name in spread.inputs if (made := _maker(name, "ReduceMean", makers))), None)
    mean = _maker(minus.inputs[1], "ReduceMean", makers)
    if len(epsilon) != 1 or variance is None or mean is None or mean.inputs[0] != minus.inputs[0]:
        return None
    axes = {_axis(reduced, constants) for reduced in (mean, variance)}
    squared = _squared(makers.get(variance.inputs[0]), constants)
    alike = squared == centred or _same_difference(makers.get(squared), minus)
    axis = axes.pop()
    if axes or axis is None or not alike:
        return None
    return minus.inputs[0], axis, float(epsilon[0].reshape(-1)[0])


def _quotient(node: SourceNode, makers: Mapping[str, SourceNode]) -> tuple[str, str]:
    """Return numerator and denominator of a quotient, or of a product with a reciprocal; empty for anything else."""
    if node.op == "Div":
        return node.inputs[0], node.inputs[1]
    if node.op == "Mul":
        for one, other in (node.inputs, node.inputs[::-1]):
            reciprocal = _maker(other, "Reciprocal", makers)
            if reciprocal is not None:
                return one, reciprocal.inputs[0]
    return "", ""


def _maker(name: str, op: str, makers: Mapping[str, SourceNode]) -> SourceNode | None:
    node = makers.get(name)
    return node if node is not None and node.op == op else None


def _squared(node: SourceNode | None, constants: Mapping[str, Array]) -> str:
    """Return what a node squares; empty where it does something else."""
    if node is not None and node.op == "Mul" and node.inputs[0] == node.inputs[1]:
        return node.inputs[0]
    if node is not None and node.op == "Pow":
        exponent = constants.get(node.inputs[1])
        if exponent is not None and (exponent == 2).all():
            return node.inputs[0]
    return ""


def _same_difference(node: SourceNode | None, minus: SourceNode) -> bool:
    return node is not None and node.op == "Sub" and node.inputs == minus.inputs


def _axis(node: SourceNode, constants: Mapping[str, Array]) -> int | None:
    """Return the one axis of a mean that keeps its dimensions."""
    axes = node.attrs.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] in constants:
        axes = tuple(constants[node.inputs[1]].reshape(-1).tolist())
    return int(axes[0]) if axes and len(axes) == 1 and node.attrs.get("keepdims", 1) else None
