# SPDX-License-Identifier: Apache-2.0
"""Channels last, as TensorFlow and Keras have them: tf2onnx stands a Transpose before and behind what ONNX wants first.

Everything between such a pair that treats all axes alike is done on the channels-first twin of its tensor instead: the
Transposes move down until they meet their counterpart and both vanish, or reach the end of the model. A model input
that has its channels last is transposed once, by the host.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from hwgen.frontend.draft import Draft, unique, without_dead_code
from hwgen.frontend.fold import simplify
from hwgen.frontend.shapes import Shapes, infer
from hwgen.frontend.writer import Writer
from hwgen.graph.source import Array, SourceNode

_UNARY = frozenset(
    [
        "Abs",
        "Cast",
        "Ceil",
        "Clip",
        "Dropout",
        "Elu",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Log",
        "Mish",
        "Neg",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Sigmoid",
        "Sign",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Tanh",
        "ThresholdedRelu",
    ]
)
_BROADCAST = frozenset(
    ["Add", "BipolarQuant", "Div", "Max", "Min", "Mul", "PRelu", "Pow", "Quant", "Sub", "Trunc", "Where"]
)
_REDUCE = frozenset(["ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare"])
_AXIS = frozenset({"Concat", "LogSoftmax", "Softmax", "Split", "QuantizeLinear", "DequantizeLinear"})
_LINEAR = frozenset({"QuantizeLinear", "DequantizeLinear"})
_DEFAULT_AXIS = {"QuantizeLinear": 1, "DequantizeLinear": 1, "Split": 0}
_NUMBERS = frozenset({"Pad", "Resize"})
WINDOWED = frozenset(["AveragePool", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"])
"""Operators that want channels first; a Transpose of a tensor of another rank than theirs is no matter of layout."""

MOVABLE = _UNARY | _BROADCAST | _REDUCE | _AXIS | _NUMBERS | {"Slice", "Squeeze"}


def to_last(rank: int) -> tuple[int, ...]:
    """Return the permutation from channels first to channels last."""
    return (0, *range(2, rank), 1)


def to_first(rank: int) -> tuple[int, ...]:
    """Return the permutation from channels last to channels first."""
    return (0, rank - 1, *range(1, rank - 1))


def rewritten(draft: Draft) -> Draft:
    """Return a simplified draft with its Transposes moved down, simplified again; unchanged where there are none."""
    if not any(node.op == "Transpose" for node in draft.nodes):
        return draft
    shapes = infer(draft)[0]
    windowed = [node.inputs[0] for node in draft.nodes if node.op in WINDOWED]
    ranks = {len(shapes.get(name) or ()) for name in windowed} - {0, 1, 2}
    if not any(_perm(node) in (to_last(rank), to_first(rank)) for node in draft.nodes for rank in ranks):
        return draft
    walk = _Walk(draft, shapes, ranks)
    for port in draft.inputs:
        if len(shapes.get(port.name) or ()) in ranks and _reaches_first(draft, port.name):
            walk.seed(port.name)
    for node in draft.nodes:
        walk.visit(node)
    if not walk.moved:
        return draft
    return simplify(without_dead_code(draft.with_nodes(walk.nodes, {**draft.constants, **walk.constants})))


def _perm(node: SourceNode) -> tuple[int, ...] | None:
    return tuple(node.attrs["perm"]) if node.op == "Transpose" and "perm" in node.attrs else None


def _is_first(node: SourceNode) -> bool:
    perm = _perm(node)
    return perm is not None and len(perm) > 2 and perm == to_first(len(perm))


def _reaches_first(draft: Draft, name: str) -> bool:
    """Tell whether an input comes to a Transpose to channels first through one or more nodes that can be moved."""
    reached: set[str] = {name}
    for node in draft.nodes:
        if not reached.intersection(node.inputs):
            continue
        if _is_first(node) and node.inputs[0] != name:
            return True
        if node.op in MOVABLE:
            reached.update(node.outputs)
    return False


class _Walk(Writer):
    """Walks down the nodes and knows the channels-first twin of every channels-last tensor seen so far."""

    def __init__(self, draft: Draft, shapes: Shapes, ranks: Collection[int]) -> None:
        super().__init__(draft.names())
        self.ranks = ranks
        self.known = draft.constants
        self.shapes = shapes
        self.twin: dict[str, str] = {}
        self.moved = False

    def seed(self, name: str) -> None:
        """Give a model input a twin."""
        rank = len(self.shapes[name])
        self.twin[name] = self.op("Transpose", (name,), f"{name}_first", perm=to_first(rank))

    def visit(self, node: SourceNode) -> None:
        """Write the node, or do it on twins."""
        perm = _perm(node) or ()
        if len(perm) in self.ranks and perm in (to_first(len(perm)), to_last(len(perm))):
            node = self._transposed(node, perm)
        elif node.op in MOVABLE and any(name in self.twin for name in node.inputs) and self._move(node):
            return
        self.nodes.append(node)

    def _transposed(self, node: SourceNode, perm: tuple[int, ...]) -> SourceNode:
        """Note what a Transpose makes twins of; one to a twin that is already there becomes an Identity."""
        source, out, rank = node.inputs[0], node.outputs[0], len(perm)
        if perm == to_first(rank) and source in self.twin:
            self.moved = True
            return SourceNode(node.name, "Identity", (self.twin[source],), node.outputs)
        if perm == to_last(rank):
            self.twin[out] = source
        else:
            self.twin[source] = out
        return node

    def _move(self, node: SourceNode) -> bool:
        """Do a node on twins; False where it cannot be."""
        rank = len(self.shapes.get(node.inputs[0] if node.op != "Where" else node.outputs[0]) or ())
        held = [name for name in node.inputs if name and name not in self.known]
        if rank < 3 or any(name not in self.twin or len(self.shapes[name] or ()) != rank for name in held):
            return False
        changed = _changed(self, node, rank)
        if changed is None:
            return False
        attrs, inputs, layout_stays = changed
        inputs = [self.twin.get(name, name) for name in inputs]
        self.moved = True
        if not layout_stays:
            self.nodes.append(SourceNode(node.name, node.op, tuple(inputs), node.outputs, attrs))
            return True
        twins = [unique(f"{name}_first", self.taken) for name in node.outputs]
        self.nodes.append(SourceNode(node.name, node.op, tuple(inputs), tuple(twins), attrs))
        for name, twin in zip(node.outputs, twins, strict=True):
            place = unique(f"{name}_last", self.taken)
            self.nodes.append(SourceNode(place, "Transpose", (twin,), (name,), {"perm": to_last(rank)}))
            self.twin[name] = twin
        return True

    def turned(self, name: str, change: Callable[[Array], Array]) -> str:
        """Return a constant after `change`, under a new name."""
        value = self.known[name]
        return self.const(f"{name}_first", change(value), value.dtype)


_Change = tuple[dict[str, Any], list[str], bool]


def _changed(w: _Walk, node: SourceNode, rank: int) -> _Change | None:
    """Return attributes and inputs of a node for its twins, and whether its output has the layout of its input."""
    attrs, inputs = dict(node.attrs), list(node.inputs)
    if node.op in _UNARY:
        return attrs, inputs, True
    if node.op in _BROADCAST:
        return attrs, [_operand(w, name, rank) for name in inputs], True
    if node.op in _AXIS:
        if node.op not in _LINEAR or w.known[inputs[1]].size > 1:
            attrs["axis"] = _axis(int(attrs.get("axis", _DEFAULT_AXIS.get(node.op, -1))), rank)
        return attrs, inputs, True
    if node.op == "Pad" and len([name for name in inputs if name]) <= 3 and inputs[1] in w.known:
        inputs[1] = w.turned(inputs[1], lambda pads: pads.reshape(2, rank)[:, list(to_first(rank))].reshape(-1))
        return attrs, inputs, True
    if node.op == "Resize" and "axes" not in attrs and all(w.known[n].size in (0, rank) for n in inputs[1:] if n):
        order = list(to_first(rank))
        inputs[1:] = [w.turned(n, lambda v: v[order] if v.size else v) if n else n for n in inputs[1:]]
        return attrs, inputs, True
    if node.op == "Slice" and len(inputs) > 3 and inputs[3]:
        inputs[3] = w.turned(inputs[3], lambda axes: np.array([_axis(int(a), rank) for a in axes.reshape(-1)]))
        return attrs, inputs, True
    return _reduced(w, node, rank) if node.op in _REDUCE or node.op == "Squeeze" else None


def _reduced(w: _Walk, node: SourceNode, rank: int) -> _Change | None:
    """Renumber the axes of a reduction; without them kept, only all pixels together may go."""
    attrs, inputs = dict(node.attrs), list(node.inputs)
    if "axes" in attrs:
        axes = [_axis(int(a), rank) for a in attrs["axes"]]
        attrs["axes"] = tuple(sorted(axes))
    elif len(inputs) > 1 and inputs[1]:
        axes = [_axis(int(a), rank) for a in w.known[inputs[1]].reshape(-1)]
        inputs[1] = w.turned(inputs[1], lambda _: np.array(sorted(axes)))
    else:
        return None
    kept = node.op != "Squeeze" and bool(attrs.get("keepdims", 1))
    return (attrs, inputs, kept) if kept or sorted(axes) == list(range(2, rank)) else None


def _axis(axis: int, rank: int) -> int:
    """Return the place of a channels-last axis among channels-first ones."""
    return to_first(rank).index(axis % rank)


def _operand(w: _Walk, name: str, rank: int) -> str:
    """Return the twin of an operand of a broadcast: constants are transposed, scalars stay."""
    value = w.known.get(name)
    if value is None or value.size <= 1 or value.ndim > rank:
        return name
    return w.turned(name, lambda v: v.reshape((1,) * (rank - v.ndim) + v.shape).transpose(to_first(rank)))
