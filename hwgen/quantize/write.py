# SPDX-License-Identifier: Apache-2.0
"""The quantised network as an ONNX file with QONNX's Quant nodes, which the importer reads like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hwgen.frontend.draft import IR_VERSION
from hwgen.graph.source import Array, SourceModel, SourceNode
from hwgen.quantize.bits import Bits
from hwgen.quantize.layers import Layer
from hwgen.quantize.net import Net
from hwgen.quantize.ranges import Grid
from hwgen.quantize.sequence import Weights

DOMAIN = "qonnx.custom_op.general"


def with_quantisers(
    net: Net, grids: Mapping[str, Grid], weights: Weights, bits: Mapping[str, Bits], *, outputs: bool
) -> Net:
    """Return the network with its rounded weights and a Quant node for each grid and each weight.

    Parameters
    ----------
    outputs
        Outputs of the network that have a grid are quantised too; else they stay as they are computed.
    """
    writer = _Writer(net.with_constants(weights.constants))
    for name in net.inputs:
        writer.quantise(name, grids.get(name))
    for node in net.nodes:
        if net.is_weighted(node):
            layer = Layer.of(net, node)
            writer.quantise_weights(layer, weights.scales[layer.weight], bits[node.name].weights)
        writer.node(node)
        for name in node.outputs:
            if name:
                writer.quantise(name, grids.get(name), at_output=outputs and name in net.outputs)
    return writer.finish()


class _Writer:
    def __init__(self, net: Net) -> None:
        self._net = net
        self._nodes: list[SourceNode] = []
        self._constants: dict[str, Array] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._renamed: dict[str, str] = {}

    def node(self, node: SourceNode) -> None:
        self._nodes.append(replace(node, inputs=tuple(self._renamed.get(name, name) for name in node.inputs)))

    def quantise(self, name: str, grid: Grid | None, *, at_output: bool = False) -> None:
        if grid is None:
            return
        made = self._net.fresh(f"{name}_quantised")
        self._shapes[made] = self._net.shapes[name]
        source = name
        if at_output:
            source = self._net.fresh(f"{name}_real")
            self._nodes[-1] = replace(
                self._nodes[-1], outputs=tuple(source if out == name else out for out in self._nodes[-1].outputs)
            )
            self._shapes[source] = self._net.shapes[name]
            made = name
        scale, zero = np.asarray(grid.scale, np.float32), np.asarray(grid.zero, np.float32)
        self._quant(source, made, scale, zero, grid.bits, signed=grid.signed)
        self._renamed[name] = made

    def quantise_weights(self, layer: Layer, scale: Array, bits: int) -> None:
        made = self._net.fresh(f"{layer.weight}_quantised")
        self._shapes[made] = self._net.constants[layer.weight].shape
        self._quant(layer.weight, made, scale, np.zeros((), np.float32), bits, signed=True)
        self._renamed[layer.weight] = made

    def _quant(self, source: str, made: str, scale: Array, zero: Array, bits: int, *, signed: bool) -> None:
        names = tuple(self._net.fresh(f"{made}_{role}") for role in ("scale", "zero_point", "bits"))
        width = np.asarray(bits, np.float32)
        self._constants.update(zip(names, (scale, zero, width), strict=True))
        attrs = {"signed": int(signed), "narrow": 0, "rounding_mode": "ROUND"}
        self._nodes.append(SourceNode(self._net.fresh(f"{made}_node"), "Quant", (source, *names), (made,), attrs))

    def finish(self) -> Net:
        return self._net.with_nodes(self._nodes, self._constants, self._shapes)


def to_onnx(net: Net, model: SourceModel) -> bytes:
    """Return the file; inputs, opset and name are those of the float model."""
    read = {name for node in net.nodes for name in node.inputs}
    graph = onnx.GraphProto(name=model.name)
    graph.node.extend(_proto(node, model.opset) for node in net.nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value, order="C"), name)
        for name, value in net.constants.items()
        if name in read
    )
    graph.input.extend(_port(model, name) for name in net.inputs)
    graph.output.extend(_port(model, name) for name in net.outputs)
    opsets = [helper.make_opsetid("", model.opset), helper.make_opsetid(DOMAIN, 1)]
    proto = helper.make_model(graph, opset_imports=opsets, producer_name="hwgen")
    proto.ir_version = IR_VERSION
    return bytes(proto.SerializeToString(deterministic=True))


def _port(model: SourceModel, name: str) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(model.dtypes[name]))
    return helper.make_tensor_value_info(name, kind, model.shapes[name])


def _proto(node: SourceNode, opset: int) -> onnx.NodeProto:
    domain = DOMAIN if node.op == "Quant" else ""
    proto = onnx.NodeProto(op_type=node.op, domain=domain, name=node.name, input=node.inputs, output=node.outputs)
    proto.attribute.extend(attributes(node, opset))
    return proto


def attributes(node: SourceNode, opset: int) -> Sequence[onnx.AttributeProto]:
    """Return a node's attributes, of the types that its operator says."""
    known = {} if node.op == "Quant" else onnx.defs.get_schema(node.op, opset, "").attributes
    return [
        helper.make_attribute(
            key,
            numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value,
            attr_type=known[key].type.value if key in known else None,
        )
        for key, value in node.attrs.items()
    ]
