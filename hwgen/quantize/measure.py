# SPDX-License-Identifier: Apache-2.0
"""How good a quantised network is: signal to noise of every layer, agreement of the classes, and which layer hurts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.bits import Bits
from hwgen.quantize.engine import Engine, chunks, count, first_frames
from hwgen.quantize.layers import Layer
from hwgen.quantize.net import Net
from hwgen.quantize.prepare import biased_output
from hwgen.quantize.ranges import Grid
from hwgen.quantize.sequence import layer_grid
from hwgen.quantize.weights import nearest, scales

ALONE_WORK = 4_000_000_000
ALONE_FRAMES = 8


@dataclass(frozen=True)
class LayerFigures:
    """One layer with weights.

    Parameters
    ----------
    name, op
        Of the node.
    weights, acts
        Bits of its weights and of its input.
    sqnr_db
        Signal to quantisation noise of its output in the quantised network; None where there is no noise or no signal.
    alone_db
        The same of the network's output when nothing but this layer and its input is quantised, to the nearest.
    """

    name: str
    op: str
    weights: int
    acts: int | None
    sqnr_db: float | None
    alone_db: float | None


@dataclass(frozen=True)
class Agreement:
    """The quantised network's outputs against the float network's.

    Parameters
    ----------
    frames
        Frames compared.
    sqnr_db
        Over all outputs; None where they are equal.
    top1
        Fraction of equal classes; None where no output has classes.
    """

    frames: int
    sqnr_db: float | None
    top1: float | None


class Noise:
    """Adds up signal and noise."""

    def __init__(self) -> None:
        self._signal = self._noise = 0.0

    def add(self, real: Array, got: Array) -> None:
        """Add one pair of arrays."""
        reals = real.astype(np.float64)
        self._signal += float((reals**2).sum())
        self._noise += float(((reals - got) ** 2).sum())

    @property
    def db(self) -> float | None:
        """``10 log10(signal / noise)``, None where either is nothing."""
        if not self._signal or not self._noise:
            return None
        return round(10 * math.log10(self._signal / self._noise), 2)


def agreement(
    engine: Engine, net: Net, quantised: Net, grids: Mapping[str, Grid], feeds: Mapping[str, Array]
) -> Agreement:
    """Compare the outputs of two networks on frames."""
    noise, votes = Noise(), []
    for chunk in chunks(net, feeds):
        real = engine.walk(net, chunk, _ignore)
        got = engine.walk(quantised, chunk, _ignore, grids)
        for name in net.outputs:
            noise.add(real[name], got[name])
            if real[name].ndim > 1 and max(net.shapes[name][1:], default=1) > 1:
                votes.append((classes(real[name]) == classes(got[name])).reshape(-1))
    top1 = float(np.mean(np.concatenate(votes))) if votes else None
    return Agreement(count(feeds), noise.db, top1)


def classes(output: Array) -> Array:
    """Return the index of the largest value: of a frame, of each place of a map, or of each row of a list."""
    if output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
        return np.asarray(output.argmax(axis=1))
    if output.ndim == 3 and output.shape[1] > 1:
        return np.asarray(output.argmax(axis=2))
    return np.asarray(output.reshape(len(output), -1).argmax(axis=1))


def layer_noise(
    engine: Engine, net: Net, quantised: Net, grids: Mapping[str, Grid], feeds: Mapping[str, Array]
) -> dict[str, float | None]:
    """Return the signal to noise of each layer's output, by node name."""
    outputs = {biased_output(net, node): node.name for node in net.layers}
    found = {name: Noise() for name in outputs.values()}
    for chunk in chunks(net, feeds):
        real: dict[str, Array] = {}

        def keep(node: SourceNode, values: Mapping[str, Array], real: dict[str, Array] = real) -> None:
            real.update({name: values[name] for name in node.outputs if name in outputs})

        def compare(node: SourceNode, values: Mapping[str, Array], real: dict[str, Array] = real) -> None:
            for name in node.outputs:
                if name in outputs:
                    found[outputs[name]].add(real.pop(name), values[name])

        engine.walk(net, chunk, keep)
        engine.walk(quantised, chunk, compare, grids)
    return {name: noise.db for name, noise in found.items()}


def alone(
    engine: Engine, net: Net, bits: Mapping[str, Bits], grids: Mapping[str, Grid], feeds: Mapping[str, Array]
) -> dict[str, float | None]:
    """Return the signal to noise of the outputs with one layer quantised and all others real, by node name.

    Its weights are rounded to the nearest: those of the quantised network make up for layers that are real here.
    Frames are few where the network is large: the work grows with the square of the number of layers.
    """
    kept: dict[str, Array] = {}
    frames = max(1, min(ALONE_FRAMES, ALONE_WORK // max(1, macs(net) * len(net.layers) // 2)))
    few = first_frames(feeds, frames)
    kept.update(few)
    engine.walk(net, few, lambda node, values: kept.update({name: values[name] for name in node.outputs if name}))
    return {node.name: _one(engine, net, node, bits[node.name].weights, grids, kept) for node in net.layers}


def _one(
    engine: Engine, net: Net, layer: SourceNode, bits: int, grids: Mapping[str, Grid], kept: Mapping[str, Array]
) -> float | None:
    weight = net.constants[layer.inputs[1]]
    matrix = Layer.of(net, layer).matrix(weight).astype(np.float64)
    rounded = nearest(matrix, scales(matrix, bits), bits).real
    real = Layer.of(net, layer).weights(rounded, weight).astype(np.float32)
    changed = net.with_constants({layer.inputs[1]: real})
    grid = layer_grid(net, layer, grids)
    new: dict[str, Array] = {}
    for node in net.nodes:
        if node.name == layer.name:
            source = layer.inputs[0]
            given = {**kept, source: kept[source] if grid is None else grid.apply(kept[source])}
            new.update(engine.node(changed, node, given))
        elif any(name in new for name in node.inputs):
            new.update(engine.node(changed, node, {**kept, **new}))
    noise = Noise()
    for name in net.outputs:
        noise.add(kept[name], new.get(name, kept[name]))
    return noise.db


def macs(net: Net) -> int:
    """Return the multiplications of one frame."""
    total = 0
    for node in net.layers:
        weight = net.constants[node.inputs[1]]
        layer = Layer.of(net, node)
        places = int(np.prod(net.shapes[node.outputs[0]])) // (weight.shape[layer.out_axis] or 1)
        total += weight.size * max(places, 1)
    return total


def _ignore(node: SourceNode, values: Mapping[str, Array]) -> None:
    return None


def layer_figures(
    net: Net,
    bits: Mapping[str, Bits],
    grids: Mapping[str, Grid],
    noise: Mapping[str, float | None],
    lonely: Mapping[str, float | None],
) -> tuple[LayerFigures, ...]:
    """Return the figures of all layers, in order."""
    found = []
    for node in net.layers:
        grid = layer_grid(net, node, grids)
        acts = None if grid is None else grid.bits
        found.append(
            LayerFigures(node.name, node.op, bits[node.name].weights, acts, noise[node.name], lonely[node.name])
        )
    return tuple(found)
