# SPDX-License-Identifier: Apache-2.0
"""Turn a quantiser into hardware: nothing, thresholds, or multiply-add-shift, each proven equal to the quantiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from hwgen.graph import Attr, Ints, Node
from hwgen.graph.naming import identifier
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering, Observation, RequantProof
from hwgen.ops.ranges import Range
from hwgen.ops.requant_proof import Levels, MultiplyShift, find_multiply_shift
from hwgen.ops.steps import Curve, Quantiser, Steps, find_steps
from hwgen.ops.sums import all_pairs, shifted, splits
from hwgen.ops.values import Expr, Sum

FEW_LEVELS = 15
MANY_LEVELS = 255
TIES = (0, 1, 2)


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
    chosen = choose(steps, slopes)
    if chosen is None:
        text = f"{node.op} must have at most {MANY_LEVELS + 1} levels here, not {len(quantiser.bounds) + 1}."
        ctx.refuse(node, text, "Quantise to 8 bits, or use one scale for all channels.")
    _emit(ctx, node, expr, chosen, quantiser, integer=integer)


def narrow(ctx: Lowering, node: SourceNode, expr: Expr, low: Fraction | None, high: Fraction | None) -> bool:
    """Clip inside the quantiser that makes `expr`, if nothing else reads it; say whether that was possible.

    The clip of a QCDQ model, or a Relu behind a quantiser, then costs nothing.
    """
    maker = ctx.producer(expr.tensor)
    if maker is None or maker.op not in ("requantise", "thresholds") or not ctx.exclusive(expr.tensor):
        return False
    curve = expr.curve
    if curve.channels > 1 or not curve.affine or curve.slope[0] <= 0:
        return False
    known = ctx.ranges[expr.tensor]
    limits = [None if b is None else (b - curve.offset[0]) / curve.slope[0] for b in (low, high)]
    if any(q is not None and q.denominator != 1 for q in limits) or ctx.type(expr.tensor).bipolar:
        return False
    least = max(known.least, known.least if limits[0] is None else int(limits[0]))
    most = min(known.most, known.most if limits[1] is None else int(limits[1]))
    if least >= most:
        return False
    out = Range(np.clip(known.lo, least, most), np.clip(known.hi, least, most))
    if maker.op == "requantise":
        ctx.replace(maker, {"lo": least, "hi": most}, {}, (node.name,), out)
    else:
        kept = _kept(ctx, maker, least, most)
        ctx.replace(maker, {"y_min": least}, {"thresholds": kept}, (node.name,), out)
    ctx.observe_as(expr.tensor, node.inputs[0], node.outputs[0])
    return True


def _kept(ctx: Lowering, maker: Node, least: int, most: int) -> Ints:
    """Return the thresholds of the levels from `least` to `most`; flipped rows hold the highest level first."""
    graph = ctx.graph()
    table, flip = graph.constant(maker, "thresholds"), graph.constant(maker, "flip")
    y_min, count = maker.attrs["y_min"], table.shape[1]
    assert isinstance(y_min, int)
    start, stop = least - y_min, most - y_min
    flipped = np.broadcast_to(flip, (len(table),))[:, np.newaxis] == 1
    return np.where(flipped, table[:, count - stop : count - start], table[:, start:stop])


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


def choose(steps: Steps, slopes: Sequence[Fraction]) -> Unit | None:
    """Choose the cheaper of the methods that equal the quantiser, None when there is none.

    Thresholds serve up to four output bits; beyond, a multiply-shift, or thresholds again where none is exact.

    Parameters
    ----------
    slopes
        Output steps for each unit of the input, one for each row of `steps`; empty to ask for thresholds.
    """
    first, last = _ends(steps)
    low, high = _reachable(steps, first, last)
    start = (low - steps.low) // steps.step
    steps = replace(steps, low=low, at=steps.at[:, start : max((high - steps.low) // steps.step, start + 1)])
    if not steps.at.shape[1]:
        steps = replace(steps, at=np.where(steps.flip, steps.lo, steps.hi + 1)[:, np.newaxis])
    out = Range(np.minimum(first, last), np.maximum(first, last))
    count = (high - low) // steps.step
    covered = f"{count + 1} levels, {len(steps.lo)} channels, inputs {steps.lo.min()} to {steps.hi.max()}"
    if count > FEW_LEVELS and slopes:
        rows = Levels.of(steps)
        for ties in TIES:
            found = find_multiply_shift(slopes, rows, steps.flip, ties=ties)
            if found is not None:
                return _multiply_shift(found, low, high, out, covered)
    if count > MANY_LEVELS:
        return None
    at = steps.at.copy()
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
    attrs = _shift_attrs(found.shift, found.ties, low, high)
    return Unit("multiply_shift", attrs, {"mul": mul, "add": add}, out, f"shift {found.shift}, {covered}")


def _shift_attrs(shift: int, ties: int, low: int, high: int) -> dict[str, Attr]:
    attrs: dict[str, Attr] = {"shift": shift, "lo": low, "hi": high}
    return {**attrs, "ties": ties} if ties else attrs


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
    """Emit the adder of a join and return what follows it; None when only exact factors are possible."""
    pairs = all_pairs(total, quantiser, *(ctx.ranges[name] for name in total.tensors))
    if pairs is None:
        return None
    low, high = int(pairs.outputs.min()), int(pairs.outputs.max())
    out = Range(np.array([low]), np.array([high]))
    covered = f"{high - low + 1} levels, {pairs.outputs.size} pairs of inputs"
    if (high - low) // quantiser.step > FEW_LEVELS:
        found = next(filter(None, (shifted(pairs, ties) for ties in TIES)), None)
        if found is not None:
            one = np.ones(1, dtype=np.int64)
            attrs = _shift_attrs(found.shift, found.ties, low, high)
            constants = {"mul": one, "add": one * found.add}
            unit = Unit("multiply_shift", attrs, constants, out, f"shift {found.shift}, {covered}")
            return _adder(ctx, total, found.m0, found.m1), unit
    for split in splits(pairs):
        chosen = choose(split.steps, ())
        if chosen is not None:
            return _adder(ctx, total, split.m0, split.m1), replace(chosen, detail=covered)
    return None


def _adder(ctx: Lowering, total: Sum, m0: int, m1: int) -> str:
    attrs: dict[str, Attr] = {"m0": m0, "m1": m1, "bias": 0}
    name = identifier(total.source, "add")
    return ctx.emit("add", name, total.tensors, attrs, {}, (total.source,))


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
    layout = expr.view.layout
    if shift == 0 and layout is not None:
        scale = tuple(float(s) for s in quantiser.real)
        ctx.observe(Observation(expr.tensor, node.outputs[0], scale, zero, layout=layout))
