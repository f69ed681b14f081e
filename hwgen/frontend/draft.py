# SPDX-License-Identifier: Apache-2.0
"""The model while it is being imported: plain data between the protobuf that was read and the `SourceModel`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper

from hwgen.graph.source import Array, SourceNode

IR_VERSION = 10
"""IR version that hwgen writes, read by every onnxruntime since 1.18; `ir_version` says where it has to be newer."""

QONNX_OPS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc"})
"""Quantiser operators of QONNX; they carry no domain inside hwgen because no standard operator has these names."""


@dataclass(frozen=True)
class Port:
    """A model input or output: its name, ONNX element type, and dimensions (a string is a symbol, None is unknown)."""

    name: str
    elem_type: int
    dims: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class Draft:
    """Nodes in topological order with their constants; treated as immutable.

    Parameters
    ----------
    opset
        Version of the default domain.
    nodes, constants, inputs, outputs
        As in `SourceModel`, not yet simplified.
    notes
        Sentences that tell what the import changed.
    """

    opset: int
    nodes: tuple[SourceNode, ...]
    constants: Mapping[str, Array]
    inputs: tuple[Port, ...]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def with_nodes(self, nodes: Iterable[SourceNode], constants: Mapping[str, Array] | None = None) -> Draft:
        """Return a copy with other nodes and, if given, other constants."""
        return replace(self, nodes=tuple(nodes), constants=self.constants if constants is None else constants)

    def uses(self) -> Counter[str]:
        """Return how often each tensor is read, being a model output counted as one use."""
        reads = Counter(name for node in self.nodes for name in node.inputs if name)
        reads.update(self.outputs)
        return reads

    def names(self) -> set[str]:
        """Return every tensor name in use."""
        made = {name for node in self.nodes for name in (*node.inputs, *node.outputs)}
        return made | set(self.constants) | {port.name for port in self.inputs} | set(self.outputs)


def ir_version(opset: int) -> int:
    """Return the IR version of a file of this opset: 11 from opset 23 on, whose types IR 10 does not know."""
    return IR_VERSION if opset < 23 else IR_VERSION + 1


def unique(stem: str, taken: set[str]) -> str:
    """Return `stem`, or `stem` with the smallest number that makes it new, and add it to `taken`."""
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}_{count}"
    taken.add(name)
    return name


def without_dead_code(draft: Draft) -> Draft:
    """Drop nodes and constants that no model output depends on."""
    alive = set(draft.outputs)
    kept: list[SourceNode] = []
    for node in reversed(draft.nodes):
        if any(name in alive for name in node.outputs):
            kept.append(node)
            alive.update(name for name in node.inputs if name)
    constants = {name: value for name, value in draft.constants.items() if name in alive}
    return draft.with_nodes(reversed(kept), constants)


def array_of(tensor: onnx.TensorProto) -> Array:
    """Return a tensor's values.

    Raises
    ------
    ValueError
        Its data do not fit its type and shape. Elements of 2 and 4 bits are packed, and onnx fills up what is missing
        of them, however much that is: eight elements a byte are the most that any file can hold.
    """
    fields = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
    stored = len(tensor.raw_data) + len(tensor.string_data) + sum(map(len, fields))
    if math.prod(tensor.dims) > 8 * stored:
        raise ValueError(f"tensor {tensor.name} holds too few data for its shape")
    return np.asarray(numpy_helper.to_array(tensor))


def attribute_value(attribute: AttributeProto) -> Any:
    """Return an attribute as Python data: str for bytes, tuple for lists, an array for a tensor."""
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, onnx.TensorProto):
        return array_of(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in value)
    return value


def to_proto(draft: Draft, nodes: Sequence[SourceNode], constants: Mapping[str, Array], name: str) -> onnx.ModelProto:
    """Return a model of standard operators with the draft's inputs and outputs.

    Parameters
    ----------
    nodes, constants
        The draft's own, with QONNX nodes written out in standard operators.
    """
    graph = onnx.GraphProto(name=name)
    for node in nodes:
        graph.node.append(_node_proto(node, draft.opset))
    for key, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), key))
    for port in draft.inputs:
        graph.input.append(helper.make_tensor_value_info(port.name, port.elem_type, port.dims))
    for output in draft.outputs:
        graph.output.append(onnx.ValueInfoProto(name=output))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", draft.opset)], producer_name="hwgen")
    model.ir_version = ir_version(draft.opset)
    return model


def _node_proto(node: SourceNode, opset: int) -> onnx.NodeProto:
    proto = onnx.NodeProto(op_type=node.op, name=node.name, input=node.inputs, output=node.outputs)
    schema = onnx.defs.get_schema(node.op, opset, "")
    for key, value in node.attrs.items():
        if isinstance(value, np.ndarray):
            value = numpy_helper.from_array(value)
        kind = schema.attributes[key].type.value if key in schema.attributes else None
        proto.attribute.append(helper.make_attribute(key, value, attr_type=kind))
    return proto
