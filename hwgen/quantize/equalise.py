# SPDX-License-Identifier: Apache-2.0
"""Cross-layer equalisation: scale the channels between two layers so that one grid suits all of them.

``f(s x) = s f(x)`` for positive s holds from layer to layer through Relu, LeakyRelu and pools, so a channel may be
divided by s in the first layer's weights and bias, and multiplied by s in the second layer's. Nagel et al. 2019 balance
the two weight ranges. Here every output of the first layer has a scale of its own, so its rows cost nothing; what is
balanced is the range of the activation against the range of the weights that read it (as Xiao et al. 2022 do). A
depthwise layer has a scale for each channel it reads too: in front of it all channels get the same range.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.engine import Engine, chunks
from hwgen.quantize.layers import Layer, well_seen
from hwgen.quantize.net import Net
from hwgen.quantize.prepare import bias_of, biased_output

HOMOGENEOUS = ("Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
LARGEST = 64.0
"""No channel is scaled by more than this, up or down."""


def equalise(net: Net, engine: Engine, feeds: Mapping[str, Array]) -> Net:
    """Return a network with the same function whose channels have more even ranges.

    Parameters
    ----------
    feeds
        Calibration frames.
    """
    pairs = [(layer, found) for layer in _layers(net) if (found := follower(net, layer)) is not None]
    if not pairs:
        return net
    ranges = _channel_ranges(net, engine, feeds, {second.input for _, second in pairs})
    for first, second in pairs:
        weights = second.input_ranges(net.constants[second.weight])
        factors = _factors(ranges[second.input], weights, free=_is_depthwise(net, second))
        net = _scaled(net, first, second, factors)
    return net


def _layers(net: Net) -> list[Layer]:
    found = [Layer.of(net, node) for node in net.layers if node.op in ("Conv", "Gemm", "MatMul")]
    return [
        layer
        for layer in found
        if layer.exact_rows and (layer.node.op == "Conv" or layer.in_axis + layer.out_axis == 1)
    ]


def _is_depthwise(net: Net, layer: Layer) -> bool:
    weight = net.constants[layer.weight]
    return layer.node.op == "Conv" and weight.shape[1] == 1 and layer.groups == weight.shape[0]


def follower(net: Net, layer: Layer) -> Layer | None:
    """Return the layer that alone reads this one, through homogeneous functions only; None where there is none.

    None too where a frame has few values of a channel: what calibration did not happen to see would be clipped.
    """
    name = biased_output(net, layer.node)
    if len(net.activations(layer.node)) > 1:
        return None
    while net.uses[name] == 1 and name not in net.outputs:
        reader = net.readers[name][0]
        if net.is_weighted(reader) and reader.inputs[0] == name and reader.op in ("Conv", "Gemm", "MatMul"):
            found = Layer.of(net, reader)
            fits = found.channel_axis == layer.channel_axis and well_seen(net, name, found.channel_axis)
            return found if fits else None
        if reader.op not in HOMOGENEOUS or (reader.op != "Relu" and not _positive_slope(reader)):
            return None
        name = reader.outputs[0]
    return None


def _positive_slope(node: SourceNode) -> bool:
    return node.op != "LeakyRelu" or float(node.attrs.get("alpha", 0.01)) >= 0


def _channel_ranges(net: Net, engine: Engine, feeds: Mapping[str, Array], names: set[str]) -> dict[str, Array]:
    """Return the largest absolute value of each channel; of a convolution axis 1, else the last one."""
    axis = {layer.input: layer.channel_axis for layer in _layers(net)}
    found: dict[str, Array] = {}

    def visit(node: SourceNode, values: Mapping[str, Array]) -> None:
        for name in names.intersection(node.outputs):
            value = np.abs(values[name])
            most = value.max(axis=tuple(i for i in range(value.ndim) if i != axis[name] % value.ndim))
            found[name] = np.maximum(found.get(name, most), most)

    for chunk in chunks(net, feeds):
        engine.walk(net, chunk, visit)
    return found


def _factors(acts: Array, weights: Array, *, free: bool) -> Array:
    """Return what each channel is divided by; powers of two, so that the float function keeps its bits."""
    alive = (acts > 0) & (weights > 0)
    wanted = np.where(alive, acts if free else np.sqrt(acts / np.where(weights > 0, weights, 1.0)), 1.0)
    if not alive.any():
        return np.ones(len(acts), np.float32)
    middle = np.exp(np.mean(np.log(wanted[alive])))
    exponent = np.rint(np.log2(np.where(alive, wanted / middle, 1.0)))
    limit = np.log2(LARGEST)
    return np.asarray(np.exp2(np.clip(exponent, -limit, limit)), np.float32)


def _scaled(net: Net, first: Layer, second: Layer, factors: Array) -> Net:
    """Divide the first layer's outputs by the factors, and multiply the weights that read them."""
    before, after = net.constants[first.weight], net.constants[second.weight]
    if len(factors) != first.scale_shape(before)[first.out_axis]:
        return net
    changed = {
        first.weight: (before / factors.reshape(first.scale_shape(before))).astype(np.float32),
        second.weight: second.scaled_inputs(after, factors).astype(np.float32),
    }
    bias = bias_of(net, first.node)
    if bias is not None:
        changed[bias] = (net.constants[bias] / factors).astype(np.float32)
    return net.with_constants(changed)
