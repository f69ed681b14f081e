# SPDX-License-Identifier: Apache-2.0
"""Post-training quantisation: the order of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hwgen.config import Quantize
from hwgen.errors import UserError
from hwgen.graph.source import Array, SourceModel, SourceNode
from hwgen.quantize.bits import Bits, layer_bits
from hwgen.quantize.engine import Engine, chunks, count, first_frames
from hwgen.quantize.equalise import equalise
from hwgen.quantize.measure import Agreement, LayerFigures, agreement, alone, layer_figures, layer_noise
from hwgen.quantize.net import Net
from hwgen.quantize.place import Site, place
from hwgen.quantize.prepare import prepare
from hwgen.quantize.ranges import Grid, Stats, grid, integer_grid
from hwgen.quantize.sequence import Weights, frames_for, round_weights
from hwgen.quantize.trip import trip
from hwgen.quantize.write import to_onnx, with_quantisers

QUANTISERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc", "QuantizeLinear", "DynamicQuantizeLinear"})


@dataclass(frozen=True)
class Quantised:
    """A quantised model.

    Parameters
    ----------
    onnx
        The file, for `frontend.load`.
    layers
        Figures of each layer with weights.
    calibration
        Against the float model on the calibration frames.
    evaluation
        The same on other frames, if some were given.
    factors
        Largest power of two by which channels of a tensor are multiplied in front of its quantiser, by tensor.
    """

    onnx: bytes = field(repr=False)
    layers: tuple[LayerFigures, ...]
    calibration: Agreement
    evaluation: Agreement | None
    factors: Mapping[str, int]

    @property
    def worst(self) -> LayerFigures | None:
        """The layer that costs the output most when it alone is quantised."""
        known = [layer for layer in self.layers if layer.alone_db is not None]
        return min(known, key=lambda layer: layer.alone_db or 0.0) if known else None


def is_quantised(model: SourceModel) -> bool:
    """Tell whether a model holds quantisers."""
    return any(node.op in QUANTISERS for node in model.nodes)


def quantise(
    model: SourceModel,
    feeds: Mapping[str, Array],
    options: Quantize,
    evaluation: Mapping[str, Array] | None = None,
) -> Quantised:
    """Quantise a float model.

    Parameters
    ----------
    model
        From `frontend.load`.
    feeds
        Calibration frames of every model input, ``(frames, *shape[1:])``.
    options
        Bits and methods.
    evaluation
        Other frames to measure the result on.

    Raises
    ------
    UserError
        The model is quantised already, holds no layer with weights, or the options name unknown layers.
    UnsupportedError
        onnxruntime cannot run a node.
    """
    if is_quantised(model):
        text = f"{model.name} must be a float model to be quantised, but it is quantised already."
        raise UserError(text, hint="Build it as it is, without --calib and without quantize in the budget.")
    engine = Engine(model.opset)
    net = prepare(Net.of(model))
    if not net.layers:
        raise UserError(f"{model.name} must hold at least one layer with constant weights to be quantised.")
    bits = layer_bits(net, options)
    if options.equalise:
        net = equalise(net, engine, feeds)
    factors: dict[str, int] = {}
    sites = place(net, bits, options)
    if options.trip:
        net, factors = trip(net, engine, feeds, sites, bits, options)
        sites = place(net, bits, options)
    grids = calibrate(net, engine, feeds, sites, options)
    side_by_side = first_frames(feeds, frames_for(net, count(feeds)))
    weights = round_weights(net, engine, side_by_side, grids, bits, options)
    written = with_quantisers(net, grids, weights, bits, outputs=options.outputs is not None)
    data = to_onnx(written, model)
    return _measured(data, net, engine, (feeds, evaluation), grids, weights, bits, factors)


def _measured(
    data: bytes,
    net: Net,
    engine: Engine,
    frames: tuple[Mapping[str, Array], Mapping[str, Array] | None],
    grids: Mapping[str, Grid],
    weights: Weights,
    bits: Mapping[str, Bits],
    factors: Mapping[str, int],
) -> Quantised:
    feeds, evaluation = frames
    changed = net.with_constants(weights.constants)
    noise = layer_noise(engine, net, changed, grids, feeds)
    figures = layer_figures(net, bits, grids, noise, alone(engine, net, bits, grids, feeds))
    seen = agreement(engine, net, changed, grids, feeds)
    unseen = None if evaluation is None else agreement(engine, net, changed, grids, evaluation)
    return Quantised(data, figures, seen, unseen, dict(factors))


def calibrate(
    net: Net, engine: Engine, feeds: Mapping[str, Array], sites: tuple[Site, ...], options: Quantize
) -> dict[str, Grid]:
    """Return the grid of every tensor that is quantised, from what it is on the calibration frames."""
    stats = {name: Stats(count(feeds)) for site in sites for name in site.tensors}
    for name in net.inputs:
        if name in stats:
            stats[name].add(feeds[name])

    def visit(node: SourceNode, values: Mapping[str, Array]) -> None:
        for name in node.outputs:
            if name in stats:
                stats[name].add(values[name])

    for chunk in chunks(net, feeds):
        engine.walk(net, chunk, visit)
    found: dict[str, Grid] = {}
    for site in sites:
        seen = stats[site.tensors[0]]
        for name in site.tensors[1:]:
            seen = seen.merged(stats[name])
        own = integer_grid(seen, site.bits) if site.exact else None
        chosen = own or grid(seen, site.bits, options.calibration, symmetric=site.symmetric)
        found.update(dict.fromkeys(site.tensors, chosen))
    return _matched(net, found, sites)


def _matched(net: Net, grids: dict[str, Grid], sites: tuple[Site, ...]) -> dict[str, Grid]:
    """Widen the finer operand of a sum, where only joins read it, until the steps' ratio is a power of two.

    It costs less than one bit of the finer operand, and the sum needs shifts instead of products.
    """
    free = {site.tensors[0] for site in sites if len(site.tensors) == 1 and not site.layers and not site.exact}
    for node in net.nodes:
        pair = [name for name in net.activations(node) if name in grids]
        if node.op not in ("Add", "Sub") or len(pair) != 2:
            continue
        fine, coarse = sorted(pair, key=lambda name: grids[name].scale)
        if fine in free:
            ratio = np.floor(np.log2(grids[coarse].scale / grids[fine].scale))
            grids[fine] = grids[fine].widened(grids[coarse].scale / float(np.exp2(ratio)))
    return grids
