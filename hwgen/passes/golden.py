# SPDX-License-Identifier: Apache-2.0
"""The golden model: the integer graph in NumPy int64, the truth that csim and RTL must equal bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from hwgen.errors import UserError
from hwgen.graph import Graph, Ints
from hwgen.ops.base import hardware_op


def run(graph: Graph, inputs: Mapping[str, Ints]) -> dict[str, Ints]:
    """Compute every tensor of the graph.

    Parameters
    ----------
    inputs
        For each graph input int64 ``(frames, *shape[1:])`` in ONNX layout.

    Returns
    -------
    dict
        Every tensor, inputs included, int64 ``(frames, *shape[1:])``.

    Raises
    ------
    UserError
        An input is missing, has a wrong shape, or holds values outside its type.
    """
    checked = {name: _checked(graph, name, inputs) for name in graph.inputs}
    return evaluate(graph, checked, [name for node in graph.nodes for name in node.outputs])


def evaluate(graph: Graph, given: Mapping[str, Ints], wanted: Iterable[str]) -> dict[str, Ints]:
    """Compute the tensors `wanted`, taking those in `given` for granted.

    Only nodes between the two are computed: with the reference's integers at every quantised tensor in `given` and the
    same tensors left out one by one, each layer is judged alone (see `forced`).

    Returns
    -------
    dict
        `given`, `wanted` and everything computed on the way.
    """
    values = dict(given)
    needed: set[str] = set()
    stack = [name for name in wanted if name not in values]
    while stack:
        name = stack.pop()
        if name in needed or name in values:
            continue
        needed.add(name)
        if name not in graph.producer:
            raise UserError(f"The tensor {name} must be given: nothing computes it.")
        stack.extend(graph.producer[name].inputs)
    for node in graph.nodes:
        if needed.intersection(node.outputs):
            outs = hardware_op(node).golden(graph, node, [values[name] for name in node.inputs])
            values.update({name: out for name, out in zip(node.outputs, outs, strict=True) if name not in given})
    return values


def forced(graph: Graph, given: Mapping[str, Ints], wanted: Iterable[str]) -> dict[str, Ints]:
    """Compute each tensor of `wanted` from the nearest tensors of `given` before it: teacher forcing."""
    result = {}
    for name in wanted:
        others = {key: value for key, value in given.items() if key != name}
        result[name] = evaluate(graph, others, [name])[name]
    return result


def _checked(graph: Graph, name: str, inputs: Mapping[str, Ints]) -> Ints:
    kind = graph.types[name]
    if name not in inputs:
        raise UserError(f"The input {name} of shape (frames, {', '.join(map(str, kind.shape[1:]))}) is missing.")
    values = np.asarray(inputs[name])
    if values.shape[1:] != kind.shape[1:]:
        raise UserError(f"The input {name} must have the shape (frames, *{kind.shape[1:]}), not {values.shape}.")
    if values.size and not (kind.lo <= values.min() and values.max() <= kind.hi):
        text = f"The input {name} must lie in {kind.lo} to {kind.hi}, but holds {values.min()} to {values.max()}."
        raise UserError(text)
    return values.astype(np.int64)
