# SPDX-License-Identifier: Apache-2.0
"""Simplify a draft: constants are computed, nodes that do nothing go, layout changes of weights move to their source.

Quantisers and DequantizeLinear of constants stay nodes: lowering needs the integers in front of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx

from hwgen.errors import Problem, UnsupportedError
from hwgen.frontend.bounds import Budget
from hwgen.frontend.draft import QONNX_OPS, Draft, Port, to_proto, without_dead_code
from hwgen.frontend.reference import run_once
from hwgen.frontend.shapes import DTypes, Shapes, infer
from hwgen.graph.source import Array, SourceNode

MAX_ROUNDS = 100
"""Constants of unknown shape, each made of another one, that are computed one after the other."""

_KEPT = QONNX_OPS | {"DequantizeLinear"}
_RANDOM = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


_SHRINKING = frozenset({"NonZero", "Compress", "Unique"})
"""Operators whose output has a size that depends on values, and no more elements than the input has coordinates."""


def with_constants_lifted(draft: Draft) -> Draft:
    """Return the draft with the values of its Constant nodes among its constants."""
    made = {node.outputs[0]: _constant(node) for node in draft.nodes if node.op == "Constant"}
    return draft.with_nodes((node for node in draft.nodes if node.op != "Constant"), {**draft.constants, **made})


def simplify(draft: Draft) -> Draft:
    """Return an equivalent draft in which no node but a quantiser computes a constant, and no node does nothing.

    Raises
    ------
    UnsupportedError
        A constant part of the model cannot be computed.
    """
    for _ in range(MAX_ROUNDS):
        shapes, dtypes = infer(draft)
        draft = draft.with_nodes(_cast(node, dtypes) for node in draft.nodes)
        after = without_dead_code(_without_idle_nodes(_fold(draft, shapes), shapes, dtypes))
        if len(after.nodes) == len(draft.nodes):
            return after
        draft = after
    text = f"Constants are computed from each other more than {MAX_ROUNDS} deep."
    raise UnsupportedError(Problem(text, draft.nodes[0].name, "Fold the model's constants before you build it."))


def _cast(node: SourceNode, dtypes: DTypes) -> SourceNode:
    """Write CastLike as the Cast that it is."""
    if node.op != "CastLike" or node.inputs[1] not in dtypes:
        return node
    kind = onnx.helper.np_dtype_to_tensor_dtype(dtypes[node.inputs[1]])
    return SourceNode(node.name, "Cast", node.inputs[:1], node.outputs, {"to": kind})


def _fold(draft: Draft, shapes: Shapes) -> Draft:
    """Compute the nodes whose inputs are all known, and how much they make of them."""
    constants = dict(draft.constants)
    budget = Budget()
    pending: list[SourceNode] = []
    coming: set[str] = set()
    rest: list[SourceNode] = []
    for node in draft.nodes:
        shape = shapes.get(node.inputs[0]) if node.op in ("Shape", "Size") else None
        if shape is not None and None not in shape:
            constants[node.outputs[0]] = _of_shape(node, shape)
        elif _foldable(node, constants, coming, shapes, budget):
            pending.append(node)
            coming.update(node.outputs)
        else:
            rest.append(node)
    read = {name for node in rest for name in node.inputs} | set(draft.outputs)
    wanted = [name for node in pending for name in node.outputs if name in read]
    if wanted:
        constants.update(_compute(draft, pending, constants, wanted))
    return draft.with_nodes(rest, constants)


def _foldable(
    node: SourceNode, constants: Mapping[str, Array], coming: set[str], shapes: Shapes, budget: Budget
) -> bool:
    """Say whether a node makes constants of known sizes; they are taken off the budget.

    Where a size is not known yet, because it is among the numbers that other nodes compute, the next round knows it.
    """
    if node.op in _KEPT or node.op in _RANDOM:
        return False
    if not all(not name or name in constants or name in coming for name in node.inputs):
        return False
    outputs = [_known(shapes.get(name)) for name in node.outputs if name]
    inputs = [constants[name].shape if name in constants else _known(shapes.get(name)) for name in node.inputs if name]
    if node.op in _SHRINKING:
        outputs = [(math.prod(shape or ()) * max(1, len(shape or ())),) for shape in inputs[:1]]
    known = [shape for shape in (*inputs, *outputs) if shape is not None]
    if len(known) < len(inputs) + len(outputs):
        return False
    budget.spend(node, known[: len(inputs)], known[len(inputs) :])
    return True


def _known(shape: tuple[int | None, ...] | None) -> tuple[int, ...] | None:
    return None if shape is None or None in shape else tuple(size or 0 for size in shape)


def _constant(node: SourceNode) -> Array:
    for key, value in node.attrs.items():
        if key == "value":
            return np.asarray(value)
        if key.startswith("value_"):
            kind = {"f": np.float32, "i": np.int64, "s": np.str_}[key.removeprefix("value_")[0]]
            return np.asarray(value, kind)
    raise UnsupportedError(Problem("Constant must carry a dense value.", node.name))


def _of_shape(node: SourceNode, shape: tuple[int | None, ...]) -> Array:
    sizes = np.asarray(shape, np.int64)
    if node.op == "Size":
        return np.asarray(np.prod(sizes), np.int64)
    return sizes[slice(node.attrs.get("start", 0), node.attrs.get("end"))]


def _compute(
    draft: Draft, nodes: list[SourceNode], constants: Mapping[str, Array], wanted: list[str]
) -> dict[str, Array]:
    read = {name for node in nodes for name in node.inputs}
    part = replace(draft, inputs=(), outputs=tuple(wanted))
    model = to_proto(part, nodes, {name: value for name, value in constants.items() if name in read}, "constants")
    try:
        model = onnx.shape_inference.infer_shapes(model)
        return run_once(model.SerializeToString(), {}, wanted)
    except Exception as error:
        names = [
            Problem(f"The constant part of the model cannot be computed at {node.op}.", node.name) for node in nodes
        ]
        raise UnsupportedError(names[:5]) from error


def _without_idle_nodes(draft: Draft, shapes: Shapes, dtypes: DTypes) -> Draft:
    """Drop nodes whose output is their input: Identity, Dropout at inference, Cast and Reshape to what it is."""
    ports = {port.name for port in draft.inputs}
    outputs = set(draft.outputs)
    renamed: dict[str, str] = {}
    nodes: list[SourceNode] = []
    for node in draft.nodes:
        node = replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        source = node.inputs[0] if node.inputs else ""
        if not _idle(node, draft, shapes, dtypes):
            nodes.append(node)
        elif node.outputs[0] not in outputs:
            renamed[node.outputs[0]] = source
        elif source in ports or source in draft.constants or source in outputs:
            nodes.append(node)
        else:
            nodes = _renaming(nodes, source, node.outputs[0])
            renamed[source] = node.outputs[0]
            renamed = {old: node.outputs[0] if new == source else new for old, new in renamed.items()}
    return draft.with_nodes(nodes)


def _renaming(nodes: list[SourceNode], old: str, new: str) -> list[SourceNode]:
    def swap(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    return [replace(node, inputs=swap(node.inputs), outputs=swap(node.outputs)) for node in nodes]


def _idle(node: SourceNode, draft: Draft, shapes: Shapes, dtypes: DTypes) -> bool:
    if node.op == "Identity":
        return True
    if not node.inputs or not node.outputs:
        return False
    if node.op == "Dropout":
        training = node.inputs[2] if len(node.inputs) > 2 else ""
        return len(node.outputs) == 1 and (not training or not np.any(draft.constants.get(training, np.True_)))
    source, result = node.inputs[0], node.outputs[0]
    if node.op == "Cast":
        return source in dtypes and dtypes[source] == dtypes.get(result)
    if node.op in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
        shape = shapes.get(source)
        return shape is not None and None not in shape and shape == shapes.get(result)
    return False


def with_weights_in_place(draft: Draft) -> Draft:
    """Move a Transpose behind a quantiser or DequantizeLinear of a constant onto the constant itself.

    Per-tensor parameters stay as they are, QONNX parameters of the weight's rank are transposed with it, and a
    DequantizeLinear axis is renumbered. The result keeps the Transpose's name; the old quantiser dies if unread.
    """
    constants = dict(draft.constants)
    makers = {name: node for node in draft.nodes for name in node.outputs}
    taken = draft.names()
    nodes: list[SourceNode] = []
    for node in draft.nodes:
        maker = makers.get(node.inputs[0]) if node.op == "Transpose" else None
        if maker is not None and maker.op in _KEPT and all(name in constants for name in maker.inputs if name):
            moved = _moved(node, maker, constants, taken)
            makers[node.outputs[0]] = moved
            node = moved
        nodes.append(node)
    return without_dead_code(draft.with_nodes(nodes, constants))


def _moved(node: SourceNode, maker: SourceNode, constants: dict[str, Array], taken: set[str]) -> SourceNode:
    rank = constants[maker.inputs[0]].ndim
    perm = tuple(node.attrs.get("perm", range(rank - 1, -1, -1)))
    inputs: list[str] = []
    for position, name in enumerate(maker.inputs):
        value = constants.get(name)
        qonnx_axes = maker.op in QONNX_OPS and value is not None and value.size > 1
        if value is not None and (position == 0 or qonnx_axes):
            full = value.reshape((1,) * (rank - value.ndim) + value.shape)
            name = _unique_constant(f"{name}_transposed", np.ascontiguousarray(full.transpose(perm)), constants, taken)
        inputs.append(name)
    attrs = dict(maker.attrs)
    if maker.op == "DequantizeLinear" and constants[maker.inputs[1]].size > 1:
        attrs["axis"] = perm.index(int(attrs.get("axis", 1)) % rank)
    return SourceNode(node.name, maker.op, tuple(inputs), node.outputs, attrs)


def _unique_constant(stem: str, value: Array, constants: dict[str, Array], taken: set[str]) -> str:
    name = stem
    while name in taken:
        if name in constants and constants[name].shape == value.shape and np.array_equal(constants[name], value):
            return name
        name = f"{name}_"
    taken.add(name)
    constants[name] = value
    return name


def open_inputs(draft: Draft) -> tuple[Port, ...]:
    """Return the inputs that something reads."""
    used = draft.uses()
    return tuple(port for port in draft.inputs if used[port.name])
