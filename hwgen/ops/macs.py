# SPDX-License-Identifier: Apache-2.0
"""What convolutions and matrix products share: integer inputs and weights, biases on the accumulator's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hwgen.errors import Unquantised
from hwgen.graph import Attr, Ints, bits_for
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.ranges import Range
from hwgen.ops.steps import Curve, common
from hwgen.ops.values import Const, Expr, Fractions, QuantConst, View

MAX_WEIGHT_BITS = 16
MAX_BIAS = 1 << 40
GRID = Fraction(1, 1 << 10)
GRID_RELATIVE = Fraction(1, 1 << 20)


def linear(ctx: Lowering, node: SourceNode, name: str) -> Expr:
    """Return an activation whose real value is one unclipped line of q; a clip in between is emitted."""
    return settled(ctx, node, ctx.expr(node, name), name)


def settled(ctx: Lowering, node: SourceNode, expr: Expr, name: str) -> Expr:
    """Return an activation, the input `name` of a node, as `linear` does."""
    curve = expr.curve
    if any(s == 0 for s in curve.slope):
        ctx.refuse(node, f"The input {name} must not be constant, but a scale of 0 makes it so.")
    if curve.affine:
        return expr
    known = ctx.ranges[expr.tensor]
    limits = [_limits(curve, c) for c in range(curve.channels)]
    if any(q is not None and q.denominator != 1 for pair in limits for q in pair):
        text = f"The input {name} of {node.op} must be quantised after Relu or Clip."
        hint = "Insert a quantiser (Quant or QuantizeLinear) after the activation function."
        ctx.refuse(node, text, hint, Unquantised)
    low = max((int(a) for a, _ in limits if a is not None), default=known.least)
    high = min((int(b) for _, b in limits if b is not None), default=known.most)
    if len(set(limits)) > 1:
        text = f"The input {name} of {node.op} must be clipped at one value for all channels."
        ctx.refuse(node, text, "Quantise it.")
    line = expr.through(curve.without_clip())
    if low <= known.least and known.most <= high:
        return line
    least, most = (min(max(q, low), high) for q in (known.least, known.most))
    attrs: dict[str, Attr] = {"shift": 0, "lo": least, "hi": most}
    one = np.ones(1, dtype=np.int64)
    out = Range(np.clip(known.lo, low, high), np.clip(known.hi, low, high))
    maker = ctx.producer(expr.tensor)
    clip = f"{maker.name if maker else expr.tensor}_clip"
    tensor = ctx.emit("requantise", clip, (expr.tensor,), attrs, {"mul": one, "add": 0 * one}, (node.name,), out)
    kind = ctx.type(expr.tensor)
    ctx.describe(tensor, kind.scale, kind.zero_point)
    return replace(line, tensor=tensor, anchor=None)


def _limits(curve: Curve, channel: int) -> tuple[Fraction | None, Fraction | None]:
    """Return the smallest and largest q that the clip of one channel lets through."""
    slope, offset = curve.slope[channel], curve.offset[channel]
    ends = [None if b is None else (b - offset) / slope for b in (curve.floor[channel], curve.ceiling[channel])]
    return (ends[0], ends[1]) if slope > 0 else (ends[1], ends[0])


def weights(ctx: Lowering, node: SourceNode, name: str) -> QuantConst:
    """Return quantised weights; float weights pass when all of them are multiples of a power of two of 16 bits.

    Raises
    ------
    UnsupportedError
        The weights are computed, or real numbers.
    """
    value = ctx.value(name)
    if isinstance(value, Const):
        value = _fixed_point(value)
    if isinstance(value, QuantConst):
        return value
    if isinstance(value, Const):
        hint = "Quantise them (Quant, BipolarQuant or DequantizeLinear)."
        ctx.refuse(node, f"The weights {name} of {node.op} must be quantised, not real numbers.", hint, Unquantised)
    ctx.refuse(node, f"The second input {name} of {node.op} must be constant weights, not an activation.")


def _fixed_point(value: Const) -> Const | QuantConst:
    """Return numbers that are integers, or integers of few bits over a power of two, as what they are."""
    reals = value.array.astype(np.float64)
    for shift in range(MAX_WEIGHT_BITS):
        steps = reals * (1 << shift)
        if np.abs(steps).max(initial=0) >= 1 << (MAX_WEIGHT_BITS - 1) and shift:
            break
        if bool((steps == np.round(steps)).all()):
            scale = np.full((1,) * reals.ndim, Fraction(1, 1 << shift), dtype=object)
            return QuantConst(steps.astype(np.int64), scale)
    return value


def combine(
    ctx: Lowering, node: SourceNode, ints: Ints, scale: Fractions, slopes: Sequence[Fraction]
) -> tuple[Ints, tuple[Fraction, ...]]:
    """Return integer weights and the real value of one accumulator step in each row.

    Parameters
    ----------
    ints
        ``(OC, K)``.
    scale
        Object array of Fractions, ``(OC or 1, K or 1)``.
    slopes
        Real value of one step of the input: one entry, or one for each of the K inputs. Scales that differ between
        inputs are absorbed by the weights where their ratios are small integers.
    """
    if scale.shape[1] == 1 and len(slopes) == 1:
        unit = tuple(s * slopes[0] for s in scale[:, 0])
        return ints, unit if len(set(unit)) > 1 else unit[:1]
    inputs = np.empty((1, len(slopes)), dtype=object)
    inputs[0, :] = slopes
    full = np.broadcast_to(scale * inputs, (scale.shape[0], ints.shape[1]))
    units = [common(row.tolist()) for row in full]
    factors = np.array([[abs(int(v / u)) for v in row] for row, u in zip(full, units, strict=True)], dtype=object)
    signs = np.array([[1 if v > 0 else -1 for v in row] for row in full], dtype=object)
    wide = ints.astype(object) * factors * signs
    if max(bits_for(min(0, wide.min()), max(0, wide.max()))[1], 0) > MAX_WEIGHT_BITS:
        text = f"The input of {node.op} has a scale for each channel, which its weights cannot absorb in integers."
        ctx.refuse(node, text, "Use one activation scale for all channels, or ratios that are powers of two.")
    return wide.astype(np.int64), tuple(units) if len(set(units)) > 1 else tuple(units[:1])


def offsets(ints: Ints, curve: Curve, times: int, groups: int = 1) -> list[Fraction]:
    """Return what the offsets of the inputs add to each row of ``(OC, K)`` weights, in accumulator steps.

    Parameters
    ----------
    curve
        The inputs' line: one entry, or one for each channel.
    times
        How often the channels repeat along K.
    groups
        Parts of the channels, each of which has rows of its own.
    """
    steps = [o / s for o, s in zip(curve.offset, curve.slope, strict=True)]
    if len(steps) == 1:
        return [int(total) * steps[0] for total in ints.sum(axis=1)]
    by_channel = ints.reshape(len(ints), times, -1).sum(axis=1)
    rows, depth = len(ints) // groups, by_channel.shape[1]
    return [
        sum((w * s for w, s in zip(row, steps[i // rows * depth :], strict=False)), Fraction(0))
        for i, row in enumerate(by_channel.tolist())
    ]


def moved(ctx: Lowering, node: SourceNode, expr: Expr, zero: int) -> Expr:
    """Return an activation with `zero` subtracted from its integers."""
    if zero == 0:
        return expr
    known, one = ctx.ranges[expr.tensor], np.ones(1, dtype=np.int64)
    out = Range(known.lo - zero, known.hi - zero)
    attrs: dict[str, Attr] = {"shift": 0, "lo": out.least, "hi": out.most}
    constants = {"mul": one, "add": -zero * one}
    tensor = ctx.emit("requantise", f"{ctx.stem(node)}_zero", (expr.tensor,), attrs, constants, (node.name,), out)
    offset = tuple(o + s * zero for s, o in zip(expr.curve.slope, expr.curve.offset, strict=True))
    return replace(expr, tensor=tensor, curve=Curve.line(expr.curve.slope, offset), anchor=None)


def weight_format(weight: Ints) -> dict[str, Attr]:
    """Return the attributes `weight_bits` and `weight_signed` of the narrowest format; -1 and +1 take one bit."""
    if bool((np.abs(weight) == 1).all()):
        return {"weight_bits": 1, "weight_signed": True}
    signed, bits = bits_for(int(weight.min()), int(weight.max()))
    return {"weight_bits": bits, "weight_signed": signed}


@dataclass(frozen=True, eq=False)
class Mac:
    """A multiply-accumulate to be emitted.

    Parameters
    ----------
    op, attrs, tensor
        Hardware operator, its own attributes, its input.
    weight
        Integers as the operator wants them; every row makes one output channel.
    unit
        Real value of one accumulator step: one entry or one for each row.
    constant
        Accumulator steps that input offsets add in each row: minus the zero point times the weights.
    bias
        Real bias of each row, or None.
    """

    op: str
    attrs: Mapping[str, Attr]
    tensor: str
    weight: Ints
    unit: tuple[Fraction, ...]
    constant: Sequence[Fraction]
    bias: Sequence[Fraction] | None


def emit(ctx: Lowering, node: SourceNode, mac: Mac) -> Expr:
    """Emit the operator; what of its bias lies on the accumulator's grid is added there, the rest stays exact."""
    rows = len(mac.weight)
    units = mac.unit * (rows // len(mac.unit))
    constant = list(mac.constant)
    bias = list(mac.bias) if mac.bias is not None else [Fraction(0)] * rows
    steps = [b / u for b, u in zip(bias, units, strict=True)]
    whole = on_grid(ctx, node, steps)
    start = whole if whole is not None else np.zeros(rows, dtype=np.int64)
    rest = [Fraction(0)] * rows if whole is not None else list(bias)
    if all(c.denominator == 1 and abs(c) < MAX_BIAS for c in constant):
        start = start + np.array([int(c) for c in constant], dtype=np.int64)
    else:
        rest = [r + c * u for r, c, u in zip(rest, constant, units, strict=True)]
    attrs = {**mac.attrs, **weight_format(mac.weight)}
    tensor = ctx.emit(mac.op, ctx.stem(node), (mac.tensor,), attrs, {"weight": mac.weight, "bias": start}, (node.name,))
    curve = Curve.line(mac.unit, tuple(rest) if any(rest) else (Fraction(0),)).shrink()
    return Expr(tensor, curve, View(ctx.type(tensor).shape))


def on_grid(ctx: Lowering, node: SourceNode, steps: Sequence[Fraction]) -> Ints | None:
    """Return the integers next to `steps` when all of them are as close as float32 scales can tell, else None.

    A bias of a QDQ model has its own float32 scale, whose last bit may differ from the product of the input's and the
    weights' scales; the difference is noted.
    """
    nearest = [round(s) for s in steps]
    gaps = [abs(s - n) for s, n in zip(steps, nearest, strict=True)]
    if any(g > min(max(GRID, abs(n) * GRID_RELATIVE), Fraction(1, 4)) for g, n in zip(gaps, nearest, strict=True)):
        return None
    if any(abs(n) >= MAX_BIAS for n in nearest):
        return None
    if any(gaps):
        ctx.notes.append(
            f"The bias of {ctx.stem(node)} is rounded onto the accumulator's grid, by {float(max(gaps)):.1g} of a step."
        )
    return np.array(nearest, dtype=np.int64)


def fold_bias(ctx: Lowering, node: SourceNode, expr: Expr, offsets: Sequence[Fraction]) -> bool:
    """Add `offsets` inside the multiply-accumulate that makes `expr` when they lie on its grid; say whether it did."""
    maker = ctx.producer(expr.tensor)
    if maker is None or "bias" not in maker.constants or not ctx.exclusive(expr.tensor):
        return False
    if not expr.curve.affine or any(s == 0 for s in expr.curve.slope):
        return False
    graph = ctx.graph()
    old = graph.constant(maker, "bias")
    slopes = expr.curve.slope * (len(old) // expr.curve.channels)
    if not all(slopes):
        return False
    steps = [o / s for o, s in zip(list(offsets) * (len(old) // len(offsets)), slopes, strict=True)]
    whole = on_grid(ctx, node, steps)
    if whole is None:
        return False
    ctx.replace(maker, {}, {"bias": old + whole}, (node.name,))
    return True
