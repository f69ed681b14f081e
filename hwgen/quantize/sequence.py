# SPDX-License-Identifier: Apache-2.0
"""Layer after layer: each one's weights are rounded for the inputs that the quantised layers before it really give it.

The float network and the quantised one run side by side. A layer sees both inputs, so its weights can make up for what
was lost before it, and its bias for what is left on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwgen.config import Quantize
from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.bits import Bits
from hwgen.quantize.correct import along, mean_error, on_grid
from hwgen.quantize.engine import Alive, Engine, on_grids
from hwgen.quantize.layers import Layer
from hwgen.quantize.net import Net
from hwgen.quantize.prepare import bias_of
from hwgen.quantize.ranges import Grid
from hwgen.quantize.rounding import adaptive, following, hessian
from hwgen.quantize.weights import Rounded, nearest, scales

ROW_ELEMENTS = 1 << 24
LARGEST_TENSOR = 1 << 25
"""So many elements of one tensor are kept at most; it bounds the frames."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Rounded weights of a network.

    Parameters
    ----------
    constants
        Real values of weights and biases, in place of the float ones.
    scales
        Scale of each layer's weights in the shape of `Layer.scale_shape`, by name of the weights.
    """

    constants: dict[str, Array] = field(default_factory=dict)
    scales: dict[str, Array] = field(default_factory=dict)


def frames_for(net: Net, frames: int) -> int:
    """Return how many frames fit side by side."""
    made = (name for node in net.nodes for name in node.outputs if name)
    largest = max((int(np.prod(net.shapes[name])) for name in made), default=1)
    return max(1, min(frames, LARGEST_TENSOR // largest))


def round_weights(
    net: Net,
    engine: Engine,
    feeds: Mapping[str, Array],
    grids: Mapping[str, Grid],
    bits: Mapping[str, Bits],
    options: Quantize,
) -> Weights:
    """Return the weights and biases of the quantised network.

    Parameters
    ----------
    feeds
        Calibration frames.
    grids
        Grid of every quantised tensor.
    bits
        Widths of every layer.
    """
    found = Weights()
    real, quantised = Alive(net, feeds), Alive(net, on_grids(feeds, grids))
    changed = net
    for node in net.nodes:
        result = engine.node(net, node, real.values)
        if net.is_weighted(node):
            layer = Layer.of(net, node)
            inputs = (real.values[layer.input], quantised.values[layer.input])
            unit = _round_layer(net, layer, inputs, bits[node.name].weights, options, found)
            changed = changed.with_constants(found.constants)
            made = engine.node(changed, node, quantised.values)
            shift = _correct(net, layer, (result, made), unit, grids, found)
            made = {layer.output: made[layer.output] + along(shift, layer.channel_axis, made[layer.output].ndim)}
            changed = changed.with_constants(found.constants)
        else:
            made = engine.node(changed, node, quantised.values)
        real.add(result)
        quantised.add(on_grids(made, grids))
        real.drop(node)
        quantised.drop(node)
    return found


def _round_layer(
    net: Net, layer: Layer, inputs: tuple[Array, Array], bits: int, options: Quantize, found: Weights
) -> Array:
    """Round one layer's weights into `found`; return their scale, one number for each output."""
    weight = net.constants[layer.weight]
    matrix = layer.matrix(weight).astype(np.float64)
    rounded = _adaptive(net, layer, matrix, inputs, bits) if _adapts(layer, options) else None
    if rounded is None:
        rounded = nearest(matrix, scales(matrix, bits), bits)
    found.constants[layer.weight] = layer.weights(rounded.real, weight).astype(np.float32)
    found.scales[layer.weight] = rounded.scale.reshape(layer.scale_shape(weight)).astype(np.float32)
    return np.asarray(rounded.scale.reshape(-1))


def _adapts(layer: Layer, options: Quantize) -> bool:
    return options.method == "adaptive" and layer.exact_rows and layer.node.op != "ConvTranspose"


def _adaptive(net: Net, layer: Layer, matrix: Array, inputs: tuple[Array, Array], bits: int) -> Rounded:
    """Round for the layer's output; with a bias to correct, only for what varies in it."""
    weight = net.constants[layer.weight]
    limit = max(256, ROW_ELEMENTS // (matrix.shape[0] * matrix.shape[2]))
    real, given = (layer.rows(x, weight, limit, 0) for x in inputs)
    if bias_of(net, layer.node) is not None:
        real, given = (rows - rows.mean(axis=1, keepdims=True) for rows in (real, given))
    h = hessian(given)
    return adaptive(following(matrix, real, given, h), bits, h)


def _correct(
    net: Net,
    layer: Layer,
    outputs: tuple[Mapping[str, Array], Mapping[str, Array]],
    scale: Array,
    grids: Mapping[str, Grid],
    found: Weights,
) -> Array:
    """Correct one layer's bias into `found`; return what its output changes by, one number for each channel."""
    name = bias_of(net, layer.node)
    if name is None:
        return np.zeros(1, np.float32)
    old = net.constants[name]
    error = mean_error(outputs[0][layer.output], outputs[1][layer.output], layer.channel_axis)
    bias = np.broadcast_to(old.reshape(-1), error.shape) + error
    grid = grid_of(net, layer.input, grids)
    if grid is not None:
        bias = on_grid(bias, np.broadcast_to(scale, error.shape) * grid.scale)
    shape = old.shape if old.size == bias.size else (bias.size,)
    found.constants[name] = bias.astype(np.float32).reshape(shape)
    inside = layer.node.op != "MatMul"
    return np.asarray(bias - old.reshape(-1), np.float32) if inside else np.zeros(1, np.float32)


def grid_of(net: Net, name: str, grids: Mapping[str, Grid]) -> Grid | None:
    """Return the grid that a tensor lies on, its own or that of what it is handed on from."""
    while name not in grids:
        maker = net.makers.get(name)
        if maker is None or not net.keeps_integers(maker):
            return None
        name = net.activations(maker)[0]
    return grids[name]


def layer_grid(net: Net, node: SourceNode, grids: Mapping[str, Grid]) -> Grid | None:
    """Return the grid of a layer's input."""
    return grid_of(net, node.inputs[0], grids)
