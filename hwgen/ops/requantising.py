# SPDX-License-Identifier: Apache-2.0
"""Turn a quantiser into hardware: nothing, thresholds, or multiply-add-shift, each proven equal to the quantiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from hwgen.graph import Attr, Ints
from hwgen.graph.naming import identifier
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering, Observation, RequantProof
from hwgen.ops.ranges import Range
from hwgen.ops.requant_proof import Levels, MultiplyShift, find_multiply_shift
from hwgen.ops.steps import Curve, Quantiser, Steps, find_steps
from hwgen.ops.sums import Split, splits
from hwgen.ops.values import Expr, Sum

FEW_LEVELS = 15
MANY_LEVELS = 255


@dataclass(frozen=True, eq=False)
class Unit:
    """A requantisation ready to be emitted."""

    method: Literal["thresholds", "multiply_shift"]
    attrs: Mapping[str, Attr]
    constants: Mapping[str, Ints]
    out: Range
    detail: str


def quantise(ctx: Lowering, node: SourceNode, quantiser: Quantiser, *, integer: bool) -> None:
    """Emit the quantiser `node` of its first input and bind the output.

    Parameters
    ----------
    integer
        True when the ONNX output holds the integers themselves, False when it holds reals.

    Raises
    ------
    UnsupportedError
        Nothing that hwgen has computes the quantiser exactly.
    """
    value = ctx.operand(node, node.inputs[0])
    if isinstance(value, Sum):
        joined = _join(ctx, value, quantiser)
        if joined is not None:
            tensor, unit = joined
            _emit(ctx, node, Expr(tensor, Curve.identity(), value.view), unit, quantiser, integer=integer)
            return
    expr = ctx.expr(node, node.inputs[0])
    known = ctx.ranges[expr.tensor]
    steps = find_steps(expr.curve, quantiser, known.lo, known.hi)
    shift = relabelling(steps)
    if shift is not None:
        _bind(ctx, node, expr, quantiser, shift, integer=integer)
        return
    slopes = _slopes(expr.curve, quantiser)
    chosen = choose(steps, Levels.of(steps), slopes)
    if chosen is None:
        text = f"{node.op} must have at most {MANY_LEVELS + 1} levels here, not {len(quantiser.bounds) + 1}."
        ctx.refuse(node, text, "Quantise to 8 bits, or use one scale for all channels.")
    _emit(ctx, node, expr, chosen, quantiser, integer=integer)


def relabelling(steps: Steps) -> int | None:
    """Return d where the output is ``q + d`` for every q in range, so that no hardware is needed; None elsewhere."""
    if steps.flip.any():
        return None
    first = steps.low + steps.step * (steps.at <= steps.lo[:, np.newaxis]).sum(axis=1)
    last = steps.low + steps.step * (steps.at <= steps.hi[:, np.newaxis]).sum(axis=1)
    shift = int(first[0] - steps.lo[0])
    if (first - steps.lo != shift).any() or (last - steps.hi != shift).any():
        return None
    if steps.step != 1:
        return shift if bool((steps.hi - steps.lo <= 2).all()) and bool((steps.at[:, 0] == steps.hi).all()) else None
    levels = steps.low + 1 + np.arange(steps.at.shape[1], dtype=np.int64)
    inside = (levels > first[:, np.newaxis]) & (levels <= last[:, np.newaxis])
    return shift if bool((steps.at == levels - shift)[inside].all()) else None


def choose(steps: Steps, levels: Levels, slopes: Sequence[Fraction]) -> Unit | None:
    """Choose the cheaper of the methods that equal the quantiser, None when there is none.

    Thresholds serve up to four output bits; beyond, a multiply-shift, or thresholds again where none is exact.
    """
    first, last = _ends(steps)
    low, high = _reachable(steps, first, last)
    keep = np.s_[
        (low - steps.low) // steps.step : max((high - steps.low) // steps.step, (low - steps.low) // steps.step + 1)
    ]
    out = Range(np.minimum(first, last), np.maximum(first, last))
    count = (high - low) // steps.step
    covered = f"{count + 1} levels, {len(steps.lo)} channels, inputs {steps.lo.min()} to {steps.hi.max()}"
    if count > FEW_LEVELS:
        inner = Levels(
            levels.levels[keep], *(a[:, keep] for a in (levels.at, levels.below, levels.reached, levels.missed))
        )
        found = find_multiply_shift(slopes, inner, steps.flip)
        if found is not None:
            return _multiply_shift(found, low, high, out, covered)
    if count > MANY_LEVELS:
        return None
    at = steps.at[:, keep].copy()
    at[steps.flip] = at[steps.flip][:, ::-1]
    flip = steps.flip.astype(np.int64)
    if len(at) > 1 and (at == at[0]).all() and (flip == flip[0]).all():
        at, flip = at[:1], flip[:1]
    attrs: dict[str, Attr] = {"y_min": low, "step": steps.step}
    return Unit("thresholds", attrs, {"thresholds": at, "flip": flip}, out, covered)


def _multiply_shift(found: MultiplyShift, low: int, high: int, out: Range, covered: str) -> Unit:
    mul, add = found.mul, found.add
    if (mul == mul[0]).all() and (add == add[0]).all():
        mul, add = mul[:1], add[:1]
    attrs: dict[str, Attr] = {"shift": found.shift, "lo": low, "hi": high}
    return Unit("multiply_shift", attrs, {"mul": mul, "add": add}, out, f"shift {found.shift}, {covered}")


def _ends(steps: Steps) -> tuple[Ints, Ints]:
    """Return each channel's output at its smallest and at its largest input."""
    ends = []
    for q in (steps.lo, steps.hi):
        reached = (q[:, np.newaxis] >= steps.at) ^ steps.flip[:, np.newaxis]
        ends.append(steps.low + steps.step * reached.sum(axis=1, dtype=np.int64))
    return ends[0], ends[1]


def _reachable(steps: Steps, first: Ints, last: Ints) -> tuple[int, int]:
    if steps.step != 1:
        return steps.low, steps.low + steps.step * steps.at.shape[1]
    return int(min(first.min(), last.min())), int(max(first.max(), last.max()))


def _slopes(curve: Curve, quantiser: Quantiser) -> list[Fraction]:
    count = max(curve.channels, len(quantiser.scale))
    slope = curve.spread(count).slope
    scale = quantiser.scale * (count // len(quantiser.scale))
    return [a / s for a, s in zip(slope, scale, strict=True)]


def _join(ctx: Lowering, total: Sum, quantiser: Quantiser) -> tuple[str, Unit] | None:
    """Emit the adder of a join with the smallest factors that a requantisation can follow."""
    ranges = [ctx.ranges[name] for name in total.tensors]
    for split in splits(total, quantiser, *ranges):
        unit = choose(split.steps, split.levels, [split.slope])
        if unit is not None:
            return _adder(ctx, total, split), replace(unit, detail=f"{unit.detail}, {split.pairs} pairs")
    return None


def _adder(ctx: Lowering, total: Sum, split: Split) -> str:
    attrs: dict[str, Attr] = {"m0": split.m0, "m1": split.m1, "bias": 0}
    return ctx.emit("add", identifier(total.source, "add"), total.tensors, attrs, {}, (total.source,))


def _emit(ctx: Lowering, node: SourceNode, expr: Expr, unit: Unit, quantiser: Quantiser, *, integer: bool) -> None:
    maker = ctx.producer(expr.tensor)
    name = f"{maker.name if maker else expr.tensor}_{'thresholds' if unit.method == 'thresholds' else 'requant'}"
    op = "thresholds" if unit.method == "thresholds" else "requantise"
    channels = ctx.type(expr.tensor).channels
    out = Range(*(np.ascontiguousarray(np.broadcast_to(v, (channels,))) for v in (unit.out.lo, unit.out.hi)))
    tensor = ctx.emit(op, name, (expr.tensor,), unit.attrs, unit.constants, (node.name,), out)
    ctx.describe(tensor, quantiser.real, quantiser.zero_point)
    made = ctx.producer(tensor)
    assert made is not None
    ctx.proofs.append(RequantProof(made.name, unit.method, True, 0, unit.detail))
    _bind(ctx, node, replace(expr, tensor=tensor, anchor=None), quantiser, 0, integer=integer)


def _bind(ctx: Lowering, node: SourceNode, expr: Expr, quantiser: Quantiser, shift: int, *, integer: bool) -> None:
    """Bind the output to ``q + shift``, and observe it where q is what the quantiser puts out."""
    zero = quantiser.zero_point - shift
    if integer:
        curve = Curve.line((Fraction(1),), (Fraction(shift),))
    else:
        curve = Curve.line(quantiser.real, tuple(-s * zero for s in quantiser.real)).shrink()
    ctx.bind(node.outputs[0], replace(expr, curve=curve))
    if shift == 0 and expr.view.in_order and expr.tensor not in ctx.inputs:
        scale = tuple(float(s) for s in quantiser.real)
        ctx.observations.append(Observation(expr.tensor, node.outputs[0], scale, zero))
