# SPDX-License-Identifier: Apache-2.0
"""Bring a float network into the form that quantisation wants; its function does not change.

Constants that are stored as integers become real, batch normalisations go into the weights before them, alpha and beta
of Gemm into its constants, and every layer with weights gets a bias that can be corrected.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.layers import Layer
from hwgen.quantize.net import Net


def prepare(net: Net) -> Net:
    """Return an equivalent network that is ready for the other steps."""
    for step in (_real_constants, _own_constants, _plain_gemms, _folded_norms, _with_biases):
        net = step(net)
    return net


def _real_constants(net: Net) -> Net:
    """Compute each DequantizeLinear of constants."""
    nodes: list[SourceNode] = []
    made: dict[str, Array] = {}
    for node in net.nodes:
        if node.op == "DequantizeLinear" and all(name in net.constants for name in node.inputs if name):
            made[node.outputs[0]] = _dequantised(node, [net.constants[name] for name in node.inputs if name])
        else:
            nodes.append(node)
    return net.with_nodes(nodes, made)


def _dequantised(node: SourceNode, values: list[Array]) -> Array:
    q, scale = values[0].astype(np.float64), values[1].astype(np.float64)
    zero = values[2].astype(np.float64) if len(values) > 2 else np.zeros(())
    if scale.size > 1:
        shape = [1] * q.ndim
        shape[int(node.attrs.get("axis", 1)) % q.ndim] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape) if zero.size > 1 else zero
    return ((q - zero) * scale).astype(np.float32)


def _own_constants(net: Net) -> Net:
    """Give every layer weights and a bias that no other node reads, so that each may change alone."""
    seen: set[str] = set()
    made: dict[str, Array] = {}
    nodes = []
    for node in net.nodes:
        if net.is_weighted(node):
            inputs = list(node.inputs)
            for index, name in enumerate(inputs[1:], 1):
                if name in seen:
                    inputs[index] = net.fresh(f"{node.name}_{name}")
                    made[inputs[index]] = net.constants[name]
                elif name in net.constants:
                    seen.add(name)
            node = replace(node, inputs=tuple(inputs))
        nodes.append(node)
    return net.with_nodes(nodes, made)


def _plain_gemms(net: Net) -> Net:
    """Fold alpha and beta of Gemm into its constants."""
    nodes: list[SourceNode] = []
    changed: dict[str, Array] = {}
    for node in net.nodes:
        if node.op == "Gemm" and net.is_weighted(node):
            attrs = dict(node.attrs)
            alpha, beta = (float(attrs.pop(key, 1.0)) for key in ("alpha", "beta"))
            changed[node.inputs[1]] = _times(net.constants[node.inputs[1]], alpha)
            if len(node.inputs) > 2 and node.inputs[2] in net.constants:
                changed[node.inputs[2]] = _times(net.constants[node.inputs[2]], beta)
                beta = 1.0
            node = replace(node, attrs=attrs if beta == 1.0 else {**attrs, "beta": beta})
        nodes.append(node)
    return net.with_nodes(nodes, changed)


def _times(array: Array, factor: float) -> Array:
    return array if factor == 1.0 else (array * factor).astype(array.dtype)


def _folded_norms(net: Net) -> Net:
    """Fold each BatchNormalization into the layer before it where nothing else reads that layer."""
    nodes: list[SourceNode] = []
    for node in net.nodes:
        maker = next((n for n in nodes if node.op == "BatchNormalization" and node.inputs[0] in n.outputs), None)
        if maker is None or not _foldable(net, node, maker):
            nodes.append(node)
            continue
        folded, constants = _fold_norm(net, node, Layer.of(net, maker))
        nodes[nodes.index(maker)] = folded
        net = net.with_constants(constants)
    return net.with_nodes(nodes)


def _foldable(net: Net, norm: SourceNode, maker: SourceNode) -> bool:
    constant = all(name in net.constants for name in norm.inputs[1:])
    alone = net.uses[maker.outputs[0]] == 1 and net.is_weighted(maker)
    grouped = maker.op == "ConvTranspose" and maker.attrs.get("group", 1) != 1
    bias = len(maker.inputs) < 3 or not maker.inputs[2] or maker.inputs[2] in net.constants
    return constant and alone and bias and not grouped and not norm.attrs.get("training_mode", 0)


def _fold_norm(net: Net, norm: SourceNode, layer: Layer) -> tuple[SourceNode, dict[str, Array]]:
    gamma, beta, mean, variance = (net.constants[name].astype(np.float64) for name in norm.inputs[1:5])
    factor = gamma / np.sqrt(variance + float(norm.attrs.get("epsilon", 1e-5)))
    weight = net.constants[layer.weight]
    scaled = weight * factor.reshape(layer.scale_shape(weight))
    node = layer.node
    old = net.constants[node.inputs[2]].astype(np.float64) if len(node.inputs) > 2 and node.inputs[2] else 0.0
    bias = net.fresh(f"{node.name}_bias")
    constants = {layer.weight: scaled.astype(np.float32), bias: ((old - mean) * factor + beta).astype(np.float32)}
    if node.op == "MatMul":
        node = replace(node, op="Gemm", attrs={})
    return replace(node, inputs=(*node.inputs[:2], bias), outputs=norm.outputs), constants


def _with_biases(net: Net) -> Net:
    """Give each layer a bias of one number for each output: its third input, or an Add of its own behind a MatMul."""
    nodes: list[SourceNode] = []
    for node in net.nodes:
        nodes.append(node)
        if not net.is_weighted(node) or bias_of(net, node) is not None:
            continue
        if node.op == "MatMul" or (len(node.inputs) > 2 and node.inputs[2]):
            continue
        layer = Layer.of(net, node)
        weight = net.constants[layer.weight]
        count = weight.shape[layer.out_axis] * (layer.groups if node.op == "ConvTranspose" else 1)
        name = net.fresh(f"{node.name}_bias")
        nodes[-1] = replace(node, inputs=(*node.inputs[:2], name))
        net = net.with_constants({name: np.zeros(count, np.float32)})
    return net.with_nodes(nodes)


def bias_of(net: Net, node: SourceNode) -> str | None:
    """Return the constant that holds a layer's bias, None where there is none that could be changed."""
    if node.op != "MatMul":
        has = len(node.inputs) > 2 and node.inputs[2] in net.constants
        return node.inputs[2] if has else None
    add = _adder(net, node)
    return None if add is None else next(name for name in add.inputs if name in net.constants)


def _adder(net: Net, node: SourceNode) -> SourceNode | None:
    """Return the Add of one constant for each column that alone reads a MatMul."""
    out = node.outputs[0]
    readers = net.readers.get(out, ())
    if net.uses[out] != 1 or not readers or readers[0].op != "Add":
        return None
    constants = [net.constants[name] for name in readers[0].inputs if name in net.constants]
    columns = net.constants[node.inputs[1]].shape[-1]
    fits = len(constants) == 1 and constants[0].size == columns and constants[0].shape[-1:] == (columns,)
    return readers[0] if fits else None


def biased_output(net: Net, node: SourceNode) -> str:
    """Return the tensor that holds a layer's result with its bias."""
    add = _adder(net, node) if node.op == "MatMul" else None
    return node.outputs[0] if add is None else add.outputs[0]
