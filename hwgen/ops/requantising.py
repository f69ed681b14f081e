# SPDX-License-Identifier: Apache-2.0
"""Turn a quantiser into hardware: nothing, thresholds, or multiply-add-shift, each proven equal to the quantiser."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwgen.graph import Attr, Ints, Node
from hwgen.graph.naming import identifier
from hwgen.graph.source import SourceNode
from hwgen.ops.lowered import Observation, RequantProof
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.requant_unit import FEW_LEVELS, MANY_LEVELS, TIES, Unit, choose, relabelling, shift_attrs
from hwgen.ops.rise_and_fall import Difference
from hwgen.ops.steps import Curve, Quantiser, find_steps
from hwgen.ops.sums import MAX_CURVES, all_pairs, by_curve, shifted, splits
from hwgen.ops.tabulated import Relabelled, as_unit
from hwgen.ops.values import Activation, Expr, Mapped, Postponed, Sum

SUFFIX = {"thresholds": "thresholds", "multiply_shift": "requant", "table": "table"}
LIMITS = ("least", "most")
OPERATOR = {"thresholds": "thresholds", "multiply_shift": "requantise", "table": "table"}


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
    value = ctx.value(node.inputs[0])
    if isinstance(value, Postponed) and len(quantiser.scale) == 1:
        found = _quantise_parts(ctx, node, value, quantiser)
    else:
        found = _quantised(ctx, node, ctx.activation(node, node.inputs[0]), quantiser)
    _bind(ctx, node, found, quantiser, integer=integer)


def _quantised(ctx: Lowering, node: SourceNode, value: Activation, quantiser: Quantiser) -> Expr:
    """Emit the quantiser of a value; return its output as ``q + offset``."""
    if isinstance(value, Mapped):
        return _quantise_mapped(ctx, node, value, quantiser)
    if isinstance(value, Sum):
        joined = _join(ctx, value, quantiser)
        if joined is not None:
            tensor, unit = joined
            return _emit(ctx, node, Expr(tensor, Curve.identity(), value.view), unit, quantiser)
    expr = ctx.realise(value) if isinstance(value, Sum) else value
    known = ctx.ranges[expr.tensor]
    steps = find_steps(expr.curve, quantiser, known.lo, known.hi)
    shift = relabelling(steps)
    if shift is not None:
        return replace(expr, curve=_shifted(shift))
    slopes = _slopes(expr.curve, quantiser)
    chosen = choose(steps, slopes)
    if chosen is None:
        text = f"{node.op} must have at most {MANY_LEVELS + 1} levels here, not {len(quantiser.bounds) + 1}."
        ctx.refuse(node, text, "Quantise to 8 bits, or use one scale for all channels.")
    return _emit(ctx, node, expr, chosen, quantiser)


def _quantise_parts(ctx: Lowering, node: SourceNode, value: Postponed, quantiser: Quantiser) -> Expr:
    """Quantise what a join waits for, constants now, and join it."""
    parts = [
        quantiser.outputs(part) if isinstance(part, np.ndarray) else _quantised(ctx, node, part, quantiser)
        for part in value.parts
    ]
    joined = value.join(parts)
    if joined.curve.channels == 1 and joined.curve.affine and joined.curve.slope[0] == 1:
        ctx.describe(joined.tensor, quantiser.real, int(quantiser.zero_point - joined.curve.offset[0]))
    return joined


def _shifted(shift: int) -> Curve:
    return Curve.line((Fraction(1),), (Fraction(shift),))


def _quantise_mapped(ctx: Lowering, node: SourceNode, value: Mapped, quantiser: Quantiser) -> Expr:
    found = as_unit(ctx, node, value, quantiser)
    expr = Expr(value.tensor, Curve.identity(), value.view)
    if isinstance(found, Relabelled):
        return replace(expr, curve=_shifted(found.shift))
    if isinstance(found, Difference):
        tensor = _emit_difference(ctx, node, expr, found)
        ctx.describe(tensor, quantiser.real, quantiser.zero_point)
        return replace(expr, tensor=tensor)
    return _emit(ctx, node, expr, found, quantiser)


def _emit_difference(ctx: Lowering, node: SourceNode, expr: Expr, found: Difference) -> str:
    """Emit two counts and their difference; return the result."""
    maker = ctx.producer(expr.tensor)
    stem = maker.name if maker else expr.tensor
    channels = ctx.type(expr.tensor).channels
    counts = []
    for name, table in (("rises", found.up), ("falls", found.down)):
        constants = {"thresholds": table, "flip": np.zeros(1, dtype=np.int64)}
        attrs: dict[str, Attr] = {"y_min": 0, "step": 1}
        counts.append(ctx.emit("thresholds", f"{stem}_{name}", (expr.tensor,), attrs, constants, (node.name,)))
    out = Range(*(np.ascontiguousarray(np.broadcast_to(v, (channels,))) for v in (found.least, found.most)))
    factors: dict[str, Attr] = {"m0": found.step, "m1": -found.step, "bias": found.low}
    tensor = ctx.emit("add", f"{stem}_level", counts, factors, {}, (node.name,), out)
    made = ctx.producer(tensor)
    assert made is not None
    ctx.proofs.append(RequantProof(made.name, "thresholds", True, 0, found.detail))
    return tensor


def narrow(ctx: Lowering, node: SourceNode, expr: Expr, low: Fraction | None, high: Fraction | None) -> bool:
    """Clip inside the quantiser that makes a node's input, if nothing else reads it; say whether that was possible.

    The clip of a QCDQ model, or a Relu behind a quantiser, then costs nothing.
    """
    maker = ctx.producer(expr.tensor)
    if maker is None or maker.op not in OPERATOR.values() or not ctx.exclusive(expr.tensor):
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
        own = [role for role in LIMITS if role in maker.constants]
        tables = {role: np.clip(ctx.graph().constant(maker, role), least, most) for role in own}
        ctx.replace(maker, {"lo": least, "hi": most}, tables, (node.name,), out)
    elif maker.op == "table":
        values = np.clip(ctx.graph().constant(maker, "values"), least, most)
        ctx.replace(maker, {}, {"values": values}, (node.name,), out)
    else:
        kept = _kept(ctx, maker, least, most)
        ctx.replace(maker, {"y_min": least}, {"thresholds": kept}, (node.name,), out)
    ctx.observe_as(expr.tensor, node.outputs[0])
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


def _slopes(curve: Curve, quantiser: Quantiser) -> list[Fraction]:
    count = max(curve.channels, len(quantiser.scale))
    slope = curve.spread(count).slope
    scale = quantiser.scale * (count // len(quantiser.scale))
    return [a / s for a, s in zip(slope, scale, strict=True)]


def _join(ctx: Lowering, total: Sum, quantiser: Quantiser) -> tuple[str, Unit] | None:
    """Emit the adder of a join and return what follows it; None when only exact factors are possible."""
    joins, curve_of = by_curve(total)
    if len(joins) > MAX_CURVES:
        return None
    ranges = [ctx.ranges[name] for name in total.tensors]
    group = [pairs for join in joins if (pairs := all_pairs(join, quantiser, *ranges)) is not None]
    if len(group) < len(joins):
        return None
    low, high = (np.array([end(pairs.outputs) for pairs in group])[curve_of] for end in (np.min, np.max))
    out = Range(low, high)
    covered = f"{out.most - out.least + 1} levels, {group[0].outputs.size} pairs of inputs"
    if (out.most - out.least) // quantiser.step > FEW_LEVELS:
        found = next(filter(None, (shifted(group, ties) for ties in TIES)), None)
        if found is not None:
            attrs = shift_attrs(found.shift, found.ties, out.least, out.most)
            constants = {"mul": found.mul[curve_of], "add": found.add[curve_of]}
            unit = Unit("multiply_shift", attrs, constants, out, f"shift {found.shift}, {covered}")
            return _adder(ctx, total, found.m0, found.m1), unit
    if len(group) > 1:
        return None
    for split in splits(group[0]):
        chosen = choose(split.steps, ())
        if chosen is not None:
            return _adder(ctx, total, split.m0, split.m1), replace(chosen, detail=covered)
    return None


def _adder(ctx: Lowering, total: Sum, m0: int, m1: int) -> str:
    attrs: dict[str, Attr] = {"m0": m0, "m1": m1, "bias": 0}
    name = identifier(total.source, "add")
    return ctx.emit("add", name, total.tensors, attrs, {}, (total.source,))


def _emit(ctx: Lowering, node: SourceNode, expr: Expr, unit: Unit, quantiser: Quantiser) -> Expr:
    maker = ctx.producer(expr.tensor)
    name = f"{maker.name if maker else expr.tensor}_{SUFFIX[unit.method]}"
    channels = ctx.type(expr.tensor).channels
    out = Range(*(np.ascontiguousarray(np.broadcast_to(v, (channels,))) for v in (unit.out.lo, unit.out.hi)))
    tensor = ctx.emit(OPERATOR[unit.method], name, (expr.tensor,), unit.attrs, unit.constants, (node.name,), out)
    ctx.describe(tensor, quantiser.real, quantiser.zero_point)
    made = ctx.producer(tensor)
    assert made is not None
    ctx.proofs.append(RequantProof(made.name, unit.method, True, 0, unit.detail))
    return Expr(tensor, Curve.identity(), expr.view)


def _bind(ctx: Lowering, node: SourceNode, expr: Expr, quantiser: Quantiser, *, integer: bool) -> None:
    """Bind the output to ``q + shift``, and observe it where q is what the quantiser puts out."""
    shift = expr.curve.offset[0]
    zero = quantiser.zero_point - shift
    if not integer:
        curve = Curve.line(quantiser.real, tuple(-s * zero for s in quantiser.real)).shrink()
        expr = replace(expr, curve=curve)
    ctx.bind(node.outputs[0], expr)
    layout = expr.view.layout
    if shift == 0 and layout is not None:
        scale = tuple(float(s) for s in quantiser.real)
        ctx.observe(Observation(expr.tensor, node.outputs[0], scale, quantiser.zero_point, layout=layout))
