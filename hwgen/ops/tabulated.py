# SPDX-License-Identifier: Apache-2.0
"""A quantiser of any function of an integer tensor: as a table where the integers are few, else as thresholds.

Values are float64, while the model's own are float32: where a value lies within rounding of a quantiser's step, hwgen
may differ by one step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.requant_unit import MANY_LEVELS, Unit, choose
from hwgen.ops.rise_and_fall import Difference, difference
from hwgen.ops.steps import Quantiser, Steps
from hwgen.ops.table import MAX_INPUT_BITS, integers
from hwgen.ops.values import Mapped, Reals, column

ACCURACY = "values in float64"


@dataclass(frozen=True)
class Relabelled:
    """The quantiser's output is ``q + shift``: no hardware."""

    shift: int


def as_unit(ctx: Lowering, node: SourceNode, value: Mapped, quantiser: Quantiser) -> Unit | Difference | Relabelled:
    """Return what computes the quantiser `node` of a function.

    Raises
    ------
    UnsupportedError
        The function is not defined everywhere, or the quantiser has too many levels.
    """
    known = ctx.ranges[value.tensor]
    if ctx.type(value.tensor).bits <= MAX_INPUT_BITS:
        return _table(ctx, node, value, quantiser)
    if not value.direction.all():
        return _difference(ctx, node, value, quantiser)
    steps = find_steps(value, quantiser, known.lo, known.hi)
    if steps is None:
        _undefined(ctx, node, value)
    unit = choose(steps, ())
    if unit is None:
        _many_levels(ctx, node, value, len(quantiser.bounds) + 1)
    return replace(unit, detail=f"{unit.detail}, {ACCURACY}")


def outputs(values: Reals, quantiser: Quantiser) -> Ints:
    """Return what the quantiser gives for real values ``(C or 1, N)``."""
    doubled = 2 * values / column(quantiser.scale)
    return np.asarray(quantiser.low + quantiser.step * np.searchsorted(_edges(quantiser), doubled, side="right"))


def find_steps(value: Mapped, quantiser: Quantiser, lo: Ints, hi: Ints) -> Steps | None:
    """Return the steps of a quantised monotone function for integers in ``[lo, hi]``, by bisection.

    None where the function is not defined at one of the ends.
    """
    shared = len(value.values(lo[:1, np.newaxis])) == len(quantiser.scale) == 1
    if shared:
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    if np.isnan(value.values(np.stack([lo, hi], axis=1))).any():
        return None
    flip = np.broadcast_to(value.direction < 0, lo.shape)
    edges, scale = _edges(quantiser), column(quantiser.scale)
    low = np.tile(lo[:, np.newaxis], (1, len(edges)))
    high = np.tile(hi[:, np.newaxis] + 1, (1, len(edges)))
    while (low < high).any():
        middle = (low + high) // 2
        beyond = (2 * value.values(middle) / scale >= edges) ^ flip[:, np.newaxis]
        within = low < high
        high = np.where(within & beyond, middle, high)
        low = np.where(within & ~beyond, middle + 1, low)
    return Steps(low, np.array(flip), quantiser.low, quantiser.step, lo, hi)


def _edges(quantiser: Quantiser) -> Reals:
    """Return the bounds as numbers that twice the scaled value must reach."""
    bounds = quantiser.bounds.astype(np.float64)
    return np.where(quantiser.strict, np.nextafter(bounds, np.inf), bounds)


def _table(ctx: Lowering, node: SourceNode, value: Mapped, quantiser: Quantiser) -> Unit | Relabelled:
    known, kind = ctx.ranges[value.tensor], ctx.type(value.tensor)
    q = np.clip(integers(kind), known.lo[:, np.newaxis], known.hi[:, np.newaxis])
    reals = np.broadcast_to(value.values(q), q.shape)
    if np.isnan(reals).any():
        _undefined(ctx, node, value)
    rows = outputs(reals, quantiser)
    apart = rows - q
    if quantiser.step == 1 and not kind.bipolar and (apart == apart[0, 0]).all():
        return Relabelled(int(apart[0, 0]))
    out = Range(rows.min(axis=1), rows.max(axis=1))
    if (rows == rows[0]).all():
        rows = rows[:1]
    if quantiser.step == 1 and value.direction.all() and _costly(rows, kind.bits):
        steps = find_steps(value, quantiser, known.lo, known.hi)
        unit = None if steps is None else choose(steps, ())
        if unit is not None:
            return replace(unit, detail=f"{unit.detail}, {ACCURACY}")
    inputs = f"inputs {known.least} to {known.most}"
    detail = f"{out.most - out.least + 1} levels, {len(rows)} channels, {inputs}, {ACCURACY}"
    return Unit("table", {"bipolar": quantiser.step == 2}, {"values": rows}, out, detail)


def _costly(rows: Ints, bits: int) -> bool:
    """Tell whether the bits of a table are more than the comparisons of thresholds and their table."""
    levels = int(rows.max() - rows.min())
    channels = len(rows) if len(rows) > 1 else 0
    compared = levels * bits * (1 / 2 + channels / 64)
    return compared < rows.size * (levels + 1).bit_length() / 64


def _difference(ctx: Lowering, node: SourceNode, value: Mapped, quantiser: Quantiser) -> Difference:
    known = ctx.ranges[value.tensor]
    rows = max(len(value.values(known.lo[:1, np.newaxis])), len(quantiser.scale))
    if np.isnan(value.values(np.stack([known.lo, known.hi], axis=1))).any():
        _undefined(ctx, node, value)
    found = difference(lambda q: outputs(value.values(q), quantiser), known.least, known.most, rows, quantiser.step)
    if found is None:
        text = f"The input of {value.source} must have at most {MAX_INPUT_BITS} bits, for its output rises and falls."
        ctx.refuse(node, text, f"Insert a quantiser (Quant or QuantizeLinear) before {value.source}.")
    if max(found.up.shape[1], found.down.shape[1]) > MANY_LEVELS:
        _many_levels(ctx, node, value, len(quantiser.bounds) + 1)
    return replace(found, detail=f"{found.detail}, {ACCURACY}")


def _many_levels(ctx: Lowering, node: SourceNode, value: Mapped, levels: int) -> NoReturn:
    text = f"{node.op} must have at most {MANY_LEVELS + 1} levels here, not {levels}."
    ctx.refuse(node, text, f"Quantise to 8 bits, or quantise the input of {value.source} too.")


def _undefined(ctx: Lowering, node: SourceNode, value: Mapped) -> NoReturn:
    text = f"The output of {value.source} must be a number for every input that it can have."
    ctx.refuse(node, text, "Clip its input to where the function is defined.")
