# SPDX-License-Identifier: Apache-2.0
"""Simplify a draft: constants are computed, nodes that do nothing go, layout changes of weights move to their source.

Quantisers and DequantizeLinear of constants stay nodes: lowering needs the integers in front of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx

from hwgen.errors import Problem, UnsupportedError
from hwgen.frontend.draft import QONNX_OPS, Draft, Port, to_proto, without_dead_code
from hwgen.frontend.reference import run_once
from hwgen.frontend.shapes import DTypes, Shapes, infer
from hwgen.graph.source import Array, SourceNode

MAX_FOLDED_ELEMENTS = 1 << 26
"""A larger constant is not computed: a model that asks for it is damaged, or not one for hardware."""

_KEPT = QONNX_OPS | {"DequantizeLinear"}
_RANDOM = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


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
    while True:
        shapes, dtypes = infer(draft)
        after = without_dead_code(_without_idle_nodes(_fold(draft, shapes), shapes, dtypes))
        if len(after.nodes) == len(draft.nodes):
            return after
        draft = after


def _fold(draft: Draft, shapes: Shapes) -> Draft:
    """Compute the nodes whose inputs are all known."""
    constants = dict(draft.constants)
    pending: list[SourceNode] = []
    coming: set[str] = set()
    rest: list[SourceNode] = []
    for node in draft.nodes:
        shape = shapes.get(node.inputs[0]) if node.op in ("Shape", "Size") else None
        if shape is not None and None not in shape:
            constants[node.outputs[0]] = _of_shape(node, shape)
        elif _foldable(node, constants, coming, shapes):
            pending.append(node)
            coming.update(node.outputs)
        else:
            rest.append(node)
    read = {name for node in rest for name in node.inputs} | set(draft.outputs)
    wanted = [name for node in pending for name in node.outputs if name in read]
    if wanted:
        constants.update(_compute(draft, pending, constants, wanted))
    return draft.with_nodes(rest, constants)


def _foldable(node: SourceNode, constants: Mapping[str, Array], coming: set[str], shapes: Shapes) -> bool:
    if node.op in _KEPT or node.op in _RANDOM:
        return False
    if not all(not name or name in constants or name in coming for name in node.inputs):
        return False
    sizes = [shapes.get(name) or () for name in node.outputs]
    if any(int(np.prod([size or 1 for size in shape], dtype=object)) > MAX_FOLDED_ELEMENTS for shape in sizes):
        message = f"The constant that {node.op} computes is too large: over {MAX_FOLDED_ELEMENTS} elements."
        raise UnsupportedError(Problem(message, node.name))
    return True


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
