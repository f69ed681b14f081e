# SPDX-License-Identifier: Apache-2.0
"""The integer graph as an ONNX file for Netron: operators in the domain ``hwgen``, types in node attributes."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper, numpy_helper

from hwgen.graph import Graph, Node
from hwgen.version import VERSION

DOMAIN = "hwgen"


def integer_view(graph: Graph) -> bytes:
    """Return the serialised view; it is for people, and nothing reads it back."""
    nodes = [_node(graph, node) for node in graph.nodes]
    used = sorted({key for node in graph.nodes for key in node.constants.values()})
    proto = helper.make_graph(
        nodes,
        graph.name,
        [_value(graph, name) for name in graph.inputs],
        [_value(graph, name) for name in graph.outputs],
        [numpy_helper.from_array(graph.constants[key], key) for key in used],
        value_info=[_value(graph, name) for node in graph.nodes for name in node.outputs if name not in graph.outputs],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(proto, producer_name="hwgen", producer_version=VERSION, opset_imports=opsets)
    model.ir_version = 10
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _value(graph: Graph, name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, graph.types[name].shape)


def _node(graph: Graph, node: Node) -> onnx.NodeProto:
    attrs: dict[str, int | str | list[int]] = {}
    for key, value in node.attrs.items():
        attrs[key] = list(value) if isinstance(value, tuple) else value
    attrs["input_types"] = ", ".join(str(graph.types[name]) for name in node.inputs)
    attrs["output_types"] = ", ".join(str(graph.types[name]) for name in node.outputs)
    attrs["source"] = ", ".join(node.source)
    inputs = [*node.inputs, *node.constants.values()]
    return helper.make_node(node.op, inputs, list(node.outputs), node.name, domain=DOMAIN, **attrs)
