# SPDX-License-Identifier: Apache-2.0
"""Power-of-two factors for the channels of an activation, folded into the weights that read it (Agile-Quant's TRIP).

A channel that is small beside the others gets few levels of their common grid. Multiplied by ``2**a`` in front of the
quantiser it gets more of them, and the weights that read it are divided by ``2**a``: the float function keeps its bits,
and hardware sees one scale for the tensor, because the factors end up in the requantisation. Larger integers make the
rounding errors of the weights weigh more, so both errors are measured together, and the factors stay where they help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwgen.config import Quantize
from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.bits import Bits
from hwgen.quantize.engine import Engine, chunks
from hwgen.quantize.layers import Layer, well_seen
from hwgen.quantize.net import Net
from hwgen.quantize.place import Site
from hwgen.quantize.ranges import Stats, grid
from hwgen.quantize.weights import nearest, scales

MOST = 3
"""Largest exponent."""
ROWS = 512
WORTH = 0.97
"""Factors stay where the error falls to this share or below."""


def trip(
    net: Net,
    engine: Engine,
    feeds: Mapping[str, Array],
    sites: tuple[Site, ...],
    bits: dict[str, Bits],
    options: Quantize,
) -> tuple[Net, dict[str, int]]:
    """Return a network with the same function, and the largest exponent used at each tensor that was scaled.

    Parameters
    ----------
    feeds
        Calibration frames; the first ones that fit into one chunk are looked at.
    sites
        Quantisers of the network.
    """
    chosen: dict[str, Array] = {}
    legal = {site.tensors[0]: site for site in sites if _legal(net, site)}

    def visit(node: SourceNode, values: Mapping[str, Array]) -> None:
        for name in legal.keys() & set(node.outputs):
            factors = _best(net, values[name], legal[name], bits, options)
            if factors is not None:
                chosen[name] = factors

    engine.walk(net, next(iter(chunks(net, feeds))), visit)
    for name, factors in chosen.items():
        net = _scaled(net, name, factors)
    return net, {name: int(np.log2(factors.max())) for name, factors in chosen.items()}


def _legal(net: Net, site: Site) -> bool:
    """Tell whether all readers are layers whose weights take the factors, and all mean the same axis by channels."""
    if len(site.tensors) > 1 or site.exact or not site.layers or site.tensors[0] in net.outputs:
        return False
    readers = net.readers[site.tensors[0]]
    if not all(r.op in ("Conv", "Gemm", "MatMul") and net.is_weighted(r) for r in readers):
        return False
    layers = [Layer.of(net, reader) for reader in readers]
    axes = {layer.channel_axis for layer in layers}
    return all(layer.exact_rows for layer in layers) and len(axes) == 1 and well_seen(net, site.tensors[0], axes.pop())


def _best(net: Net, x: Array, site: Site, bits: dict[str, Bits], options: Quantize) -> Array | None:
    """Return the factors with the least error behind the layers that read `x`, None where plain ones do as well."""
    layers = [Layer.of(net, reader) for reader in net.readers[site.tensors[0]]]
    axis = layers[0].channel_axis % x.ndim
    others = tuple(i for i in range(x.ndim) if i != axis)
    low, high = x.min(axis=others), x.max(axis=others)
    room = np.maximum(high.max() / np.maximum(high, 1e-30), 1.0)
    if low.min() < 0:
        room = np.minimum(room, low.min() / np.minimum(low, -1e-30))
    alpha = np.floor(np.log2(np.clip(room, 1.0, 2.0**MOST)) + 0.01)
    tried = [np.exp2(np.minimum(alpha, most)).astype(np.float32) for most in range(MOST + 1)]
    if not alpha.any():
        return None
    shape = tuple(-1 if i == axis else 1 for i in range(x.ndim))
    errors = [_error(net, x, f.reshape(shape), f, layers, site, bits, options) for f in tried]
    best = int(np.argmin(errors))
    return tried[best] if errors[best] <= WORTH * errors[0] else None


def _error(
    net: Net,
    x: Array,
    along: Array,
    factors: Array,
    layers: list[Layer],
    site: Site,
    bits: dict[str, Bits],
    options: Quantize,
) -> float:
    """Return the squared error behind all layers, each in units of its output."""
    stats = Stats(len(x))
    stats.add(x * along)
    seen = grid(stats, site.bits, options.calibration, symmetric=site.symmetric)
    rounded = seen.apply(x * along)
    total = 0.0
    for layer in layers:
        weight = net.constants[layer.weight]
        matrix = layer.matrix(weight).astype(np.float64)
        scaled = layer.matrix(layer.scaled_inputs(weight, 1 / factors)).astype(np.float64)
        width = bits[layer.node.name].weights
        kept = nearest(scaled, scales(scaled, width), width).real
        real, got = (layer.rows(v, weight, ROWS, 0).astype(np.float64) for v in (x, rounded))
        want = real @ matrix.transpose(0, 2, 1)
        have = got @ kept.transpose(0, 2, 1)
        total += float(((want - have) ** 2).sum() / max((want**2).sum(), 1e-30))
    return total


def _scaled(net: Net, name: str, factors: Array) -> Net:
    """Insert the factors in front of all readers of a tensor, and divide the readers' weights by them."""
    readers = net.readers[name]
    layer = Layer.of(net, readers[0])
    rank = len(net.shapes[name])
    shape = tuple(-1 if i == layer.channel_axis % rank else 1 for i in range(rank))
    out, constant = net.fresh(f"{name}_scaled"), net.fresh(f"{name}_factors")
    mul = SourceNode(net.fresh(f"{name}_scale"), "Mul", (name, constant), (out,))
    changed: dict[str, Array] = {constant: factors.reshape(shape)}
    nodes: list[SourceNode] = []
    for node in net.nodes:
        if node in readers:
            weight = net.constants[node.inputs[1]]
            changed[node.inputs[1]] = Layer.of(net, node).scaled_inputs(weight, 1 / factors).astype(np.float32)
            node = replace(node, inputs=(out, *node.inputs[1:]))
        nodes.append(node)
        if name in node.outputs:
            nodes.append(mul)
    return net.with_nodes(nodes, changed, {out: net.shapes[name]})
