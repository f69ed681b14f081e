# SPDX-License-Identifier: Apache-2.0
"""The golden model: the integer graph in NumPy int64, the truth that csim and RTL must equal bit for bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.errors import UserError
from hwgen.graph import Graph, Ints, TensorType
from hwgen.ops.base import hardware_op


def run(graph: Graph, inputs: Mapping[str, Ints], wanted: Iterable[str] | None = None) -> dict[str, Ints]:
    """Compute the graph.

    Parameters
    ----------
    inputs
        For each graph input int64 ``(frames, *shape[1:])`` in ONNX layout.
    wanted
        Tensors to return beside the inputs; all of them where absent.

    Returns
    -------
    dict
        int64 ``(frames, *shape[1:])`` by name.

    Raises
    ------
    UserError
        An input is missing, has a wrong shape, or holds values outside its type.
    """
    checked = {name: _checked(graph, name, inputs) for name in graph.inputs}
    return evaluate(graph, checked, graph.producer if wanted is None else wanted)


def evaluate(graph: Graph, given: Mapping[str, Ints], wanted: Iterable[str]) -> dict[str, Ints]:
    """Compute the tensors `wanted`, taking those in `given` for granted.

    Only nodes between the two are computed: with the reference's integers at every quantised tensor in `given` and the
    same tensors left out one by one, each layer is judged alone (see `forced`). What else is computed on the way is
    dropped as soon as it has been read.

    Returns
    -------
    dict
        `given` and `wanted`, int64.
    """
    kept = dict.fromkeys(wanted)
    needed = _needed(graph, given, kept)
    nodes = [node for node in graph.nodes if needed.intersection(node.outputs)]
    last = {name: node.name for node in nodes for name in node.inputs}
    values = {name: _narrow(graph.types[name], value) for name, value in given.items()}
    for node in nodes:
        op = hardware_op(node)
        inputs = [values[name] if op.narrow else values[name].astype(np.int64, copy=False) for name in node.inputs]
        for name, out in zip(node.outputs, op.golden(graph, node, inputs), strict=True):
            if name not in given:
                values[name] = _narrow(graph.types[name], out)
        for name in {*node.inputs, *node.outputs}:
            if last.get(name, node.name) == node.name and name not in kept:
                values.pop(name, None)
    found = {name: values[name].astype(np.int64, copy=False) for name in kept if name not in given}
    return {**given, **found}


def _needed(graph: Graph, given: Mapping[str, Ints], wanted: Iterable[str]) -> set[str]:
    """Return the tensors that must be computed."""
    needed: set[str] = set()
    stack = [name for name in wanted if name not in given]
    while stack:
        name = stack.pop()
        if name in needed or name in given:
            continue
        needed.add(name)
        if name not in graph.producer:
            raise UserError(f"The tensor {name} must be given: nothing computes it.")
        stack.extend(graph.producer[name].inputs)
    return needed


def _narrow(kind: TensorType, values: Ints) -> Ints:
    """Return the same integers in 8 or 16 bits where the type is that small: less memory to move."""
    dtypes: tuple[npt.DTypeLike, ...] = (np.int8, np.int16) if kind.signed else (np.uint8, np.uint16)
    fits = values.size == 0 or (kind.lo <= int(values.min()) and int(values.max()) <= kind.hi)
    if kind.bits > 16 or not fits:
        return values
    narrow: Any = values.astype(dtypes[kind.bits > 8], copy=False)
    return np.asarray(narrow)


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
