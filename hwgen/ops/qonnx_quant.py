# SPDX-License-Identifier: Apache-2.0
"""Quant, IntQuant, BipolarQuant and Trunc: the QONNX dialect."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.errors import Unquantised
from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.constants import aligned, per_channel
from hwgen.ops.lowering import Lowering
from hwgen.ops.requantising import quantise
from hwgen.ops.signature import TEXT, WHOLE, Signature
from hwgen.ops.steps import ROUNDING_MODES, Quantiser, rounding_bounds, uniform
from hwgen.ops.values import Const, Host, HostQuant, QuantConst, fractions

MAX_BITS = 16
ATTRS = {"signed": WHOLE, "narrow": WHOLE, "rounding_mode": TEXT}


class Quant(SourceOp):
    """``scale * (round(clip(x / scale + zero_point)) - zero_point)``; one signed bit is bipolar."""

    onnx = ("Quant", "IntQuant")
    signature = Signature(4, 4, ATTRS)
    host = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Quantise constants now, inputs on the host, activations in hardware."""
        scale, zero, width = (ctx.constant(node, i, w) for i, w in ((1, "scale"), (2, "zero point"), (3, "bit width")))
        assert scale is not None and zero is not None and width is not None
        _check_scale(ctx, node, scale)
        if (zero != np.rint(zero)).any():
            ctx.refuse(node, f"The zero point of {node.op} must be an integer, not {zero.reshape(-1)[0]}.")
        signed, narrow = bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0))
        mode = _mode(ctx, node, "ROUND")
        value = ctx.value(node.inputs[0])
        if isinstance(value, Const):
            shape = value.array.shape
            scale, zero = aligned(ctx, node, scale, shape, "scale"), aligned(ctx, node, zero, shape, "zero point")
            low, high = limits(np.float32(_single(ctx, node, width, "bit width")), signed=signed, narrow=narrow)
            ctx.bind(node.outputs[0], _constant(value.array, scale, zero, low, high, mode, signed and width.max() == 1))
            return
        zero_point, bits = _single(ctx, node, zero, "zero point"), _single(ctx, node, width, "bit width")
        if signed and bits == 1:
            _bipolar(ctx, node, scale, Fraction(zero_point))
            return
        span = [_rounded(v, mode) for v in limits(np.float32(bits), signed=signed, narrow=narrow)]
        whole = int(np.ceil(bits))
        if isinstance(value, Host):
            one = Fraction(_single(ctx, node, scale, "scale"))
            made = HostQuant(node.outputs[0], signed, whole, span[0], span[1], one, int(zero_point))
            ctx.bind(node.outputs[0], made)
            return
        if whole > MAX_BITS:
            ctx.refuse(node, f"The bit width of {node.op} must be at most {MAX_BITS}, not {whole}.", "Use fewer bits.")
        reals = _scales(ctx, node, scale)
        quantiser = uniform(reals, int(zero_point), span[0], span[1], mode, zero_first=True)
        quantise(ctx, node, quantiser, integer=False)


class BipolarQuant(SourceOp):
    """``scale`` where ``x >= 0``, else ``-scale``."""

    onnx = ("BipolarQuant",)
    signature = Signature(2, 2)
    host = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Quantise constants now, inputs on the host, activations in hardware."""
        scale = ctx.constant(node, 1, "scale")
        assert scale is not None
        _check_scale(ctx, node, scale)
        value = ctx.value(node.inputs[0])
        if isinstance(value, Const):
            ints = np.where(value.array >= 0, 1, -1).astype(np.int64)
            ctx.bind(node.outputs[0], QuantConst(ints, fractions(aligned(ctx, node, scale, ints.shape, "scale"))))
            return
        _bipolar(ctx, node, scale, Fraction(0))


class Trunc(SourceOp):
    """Division of a quantised value by a power of two, with a rounding mode, on the same real axis or a new scale."""

    onnx = ("Trunc",)
    signature = Signature(5, 6, ATTRS)
    host = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Lower to a quantiser of its own, or leave it to the host in front of everything else."""
        parameters = [ctx.constant(node, i, "parameter") for i in range(1, len(node.inputs))]
        numbers = [_single(ctx, node, p, "parameters") for p in parameters if p is not None]
        mode = _mode(ctx, node, "FLOOR")
        scale, zero, bits_in = Fraction(numbers[0]), numbers[1], numbers[2]
        if len(numbers) == 4:
            shift, out_scale = round(bits_in - numbers[3]), scale
        else:
            out_scale = Fraction(numbers[3])
            shift = round(float(np.log2(numbers[3] / numbers[0])))
        if zero != 0:
            ctx.refuse(node, f"The zero point of Trunc must be 0, not {zero}.", "Truncate a symmetric tensor.")
        if numbers[-1] > MAX_BITS:
            ctx.refuse(node, f"The output of Trunc must have at most {MAX_BITS} bits, not {numbers[-1]:g}.")
        if shift < 0:
            ctx.refuse(node, "Trunc must not widen its input.", "Its output bit width must not exceed the input's.")
        value = ctx.value(node.inputs[0])
        if isinstance(value, Host):
            ctx.bind(node.outputs[0], Host(node.outputs[0]))
            return
        bounds = None
        if len(numbers) == 5:
            signed, narrow = bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0))
            span = limits(np.float32(numbers[4]), signed=signed, narrow=narrow)
            bounds = (_rounded(span[0], mode), _rounded(span[1], mode))
        quantise(ctx, node, _truncation(ctx, node, scale, out_scale, shift, mode, bounds), integer=False)


def limits(width: Any, *, signed: bool, narrow: bool) -> tuple[Any, Any]:
    """Return QONNX's smallest and largest integer for a bit width, which may be fractional."""
    if signed:
        half = np.exp2(width - 1)
        return (-half + 1 if narrow else -half), half - 1
    return 0 * width, np.exp2(width) - (2 if narrow else 1)


def _truncation(
    ctx: Lowering,
    node: SourceNode,
    scale: Fraction,
    out_scale: Fraction,
    shift: int,
    mode: str,
    bounds: tuple[int, int] | None,
) -> Quantiser:
    """Return ``round_mode(round_half_even(x / scale) / 2**shift)`` as a quantiser over x."""
    if bounds is None:
        expr = ctx.expr(node, node.inputs[0])
        known = ctx.ranges[expr.tensor]
        ends = [expr.curve.value(q, 0) / scale / (1 << shift) for q in (known.least, known.most)]
        bounds = (int(np.floor(float(min(ends)))) - 1, int(np.ceil(float(max(ends)))) + 1)
    if bounds[1] - bounds[0] > 1 << (MAX_BITS + 1):
        ctx.refuse(node, f"The input of Trunc must have at most {MAX_BITS} bits.", "Quantise it first.", Unquantised)
    levels = np.arange(bounds[0] + 1, bounds[1] + 1, dtype=np.int64)
    twice, strict = rounding_bounds(levels, mode)
    halves = twice * (1 << shift)
    whole = np.where(strict, halves // 2 + 1, -(-halves // 2))
    inner, inner_strict = rounding_bounds(whole, "ROUND")
    return Quantiser((scale,), 0, bounds[0], 1, inner, inner_strict, (out_scale,))


def _bipolar(ctx: Lowering, node: SourceNode, scale: npt.NDArray[Any], zero: Fraction) -> None:
    if zero != 0:
        ctx.refuse(node, f"The zero point of a bipolar {node.op} must be 0, not {zero}.")
    if isinstance(ctx.value(node.inputs[0]), Host):
        made = HostQuant(node.outputs[0], True, 1, -1, 1, Fraction(_single(ctx, node, scale, "scale")), 0)
        ctx.bind(node.outputs[0], made)
        return
    bound, strict = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.bool_)
    quantise(ctx, node, Quantiser(_scales(ctx, node, scale), 0, -1, 2, bound, strict), integer=False)


def _scales(ctx: Lowering, node: SourceNode, scale: npt.NDArray[Any]) -> tuple[Fraction, ...]:
    """Return the scale of an activation: one, or one for each channel."""
    if scale.size == 1:
        return (Fraction(scale.reshape(-1)[0].item()),)
    return per_channel(ctx, node, ctx.activation(node, node.inputs[0]), fractions(scale))


def _constant(
    array: npt.NDArray[Any],
    scale: npt.NDArray[Any],
    zero: npt.NDArray[Any],
    low: npt.NDArray[Any],
    high: npt.NDArray[Any],
    mode: str,
    bipolar: bool,
) -> QuantConst:
    """Quantise a constant in float32, as the model itself would."""
    q = array.astype(np.float32) / scale.astype(np.float32) + zero.astype(np.float32)
    if bipolar:
        ints: Ints = np.where(q >= 0, 1, -1).astype(np.int64)
    else:
        ints = _round(np.clip(q, low, high), mode).astype(np.int64)
    return QuantConst(ints - zero.astype(np.int64), fractions(scale))


def _round(values: npt.NDArray[Any], mode: str) -> npt.NDArray[Any]:
    size, half = np.abs(values), np.float32(0.5)
    if mode in ("FLOOR", "CEIL"):
        return np.asarray(np.floor(values) if mode == "FLOOR" else np.ceil(values))
    if mode in ("DOWN", "ROUND_TO_ZERO"):
        return np.asarray(np.trunc(values))
    rounded = {"UP": np.ceil(size), "HALF_UP": np.floor(size + half), "HALF_DOWN": np.ceil(size - half)}
    return np.asarray(np.sign(values) * rounded[mode] if mode in rounded else np.rint(values))


def _rounded(value: Any, mode: str) -> int:
    return int(_round(np.asarray(value), mode))


def _mode(ctx: Lowering, node: SourceNode, default: str) -> str:
    mode = str(node.attrs.get("rounding_mode", default)).upper()
    if mode not in ROUNDING_MODES:
        ctx.refuse(node, f"The rounding mode of {node.op} must be one of {', '.join(ROUNDING_MODES)}, not {mode}.")
    return mode


def _check_scale(ctx: Lowering, node: SourceNode, scale: npt.NDArray[Any]) -> None:
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        ctx.refuse(node, f"The scale of {node.op} must be positive and finite.")


def _single(ctx: Lowering, node: SourceNode, array: npt.NDArray[Any], what: str) -> float:
    values = set(array.reshape(-1).tolist())
    if len(values) != 1:
        ctx.refuse(node, f"The {what} of {node.op} must be one number for an activation.", "Use one for all channels.")
    return float(values.pop())
