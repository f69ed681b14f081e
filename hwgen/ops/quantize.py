# SPDX-License-Identifier: Apache-2.0
"""QuantizeLinear and DequantizeLinear: the QDQ dialect."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.graph.source import SourceNode
from hwgen.ops.base import SourceOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.requantising import quantise
from hwgen.ops.signature import HINT, WHOLE, Signature
from hwgen.ops.steps import uniform
from hwgen.ops.values import Broken, Const, Expr, Fractions, Host, HostQuant, Mapped, QuantConst, Sum, fractions

ATTRS = {"axis": WHOLE, "block_size": WHOLE, "output_dtype": WHOLE, "saturate": WHOLE}


class QuantizeLinear(SourceOp):
    """``saturate(round(x / scale) + zero_point)``, halves to even."""

    onnx = ("QuantizeLinear",)
    signature = Signature(2, 3, {**ATTRS, "precision": WHOLE})
    host = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Quantise constants now, inputs on the host, activations in hardware."""
        scale, zero, signed, bits = _parameters(ctx, node)
        value = ctx.value(node.inputs[0])
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        if isinstance(value, Const):
            q = np.rint(value.array / _along(scale, node, value.array.ndim)) + _along(zero, node, value.array.ndim)
            ctx.bind(node.outputs[0], Const(np.clip(q, low, high).astype(np.int64)))
            return
        zero_point = _one_zero(ctx, node, zero)
        if isinstance(value, Host):
            one = _one_scale(ctx, node, scale)
            made = HostQuant(node.outputs[0], signed, bits, low, high, one, zero_point, real=False)
            ctx.bind(node.outputs[0], made)
            return
        if scale.size > 1 and node.attrs.get("axis", 1) % len(ctx.model.shapes[node.inputs[0]]) != 1:
            ctx.refuse(node, f"The axis of {node.op} must be 1 for activations.", "Use one scale for all channels.")
        reals = tuple(fractions(scale.reshape(-1)).tolist())
        quantise(ctx, node, uniform(reals, zero_point, low, high, "ROUND", zero_first=False), integer=True)


class DequantizeLinear(SourceOp):
    """``scale * (q - zero_point)``."""

    onnx = ("DequantizeLinear",)
    signature = Signature(2, 3, ATTRS)
    host = True

    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Say what the integers mean; no hardware."""
        scale, zero, _, _ = _parameters(ctx, node)
        name = node.inputs[0]
        value = ctx.value(name)
        if isinstance(value, Const):
            ndim = value.array.ndim
            if not _is_integer(value.array.dtype):
                ctx.refuse(node, f"The constant of {node.op} must hold integers, not {value.array.dtype}.")
            ints = value.array.astype(np.int64) - _along(zero, node, ndim).astype(np.int64)
            ctx.bind(node.outputs[0], QuantConst(ints, _objects_along(scale, node, ndim)))
        elif isinstance(value, Host | HostQuant):
            ctx.bind(node.outputs[0], self._on_host(ctx, node, value, scale, zero))
        elif isinstance(value, Expr | Sum | Mapped):
            zero_point, reals = _one_zero(ctx, node, zero), tuple(fractions(scale.reshape(-1)).tolist())
            ctx.bind(node.outputs[0], value.scaled(reals, tuple(-s * zero_point for s in reals)))
        else:
            ctx.bind(node.outputs[0], Broken())

    def _on_host(
        self,
        ctx: Lowering,
        node: SourceNode,
        value: Host | HostQuant,
        scale: npt.NDArray[Any],
        zero: npt.NDArray[Any],
    ) -> HostQuant:
        reals, zero_point = _one_scale(ctx, node, scale), _one_zero(ctx, node, zero)
        if isinstance(value, HostQuant):
            if value.real:
                ctx.refuse(node, "The input of DequantizeLinear must be integers, not real numbers.")
            return HostQuant(value.onnx, value.signed, value.bits, value.lo, value.hi, reals, zero_point)
        dtype = ctx.model.dtypes.get(value.onnx, np.dtype(np.int8))
        if dtype.kind not in "iu" or dtype.itemsize > 2:
            ctx.refuse(node, f"The model input {value.onnx} must hold integers of 8 or 16 bits, not {dtype}.")
        signed, bits = dtype.kind == "i", 8 * dtype.itemsize
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        return HostQuant(value.onnx, signed, bits, low, high, reals, zero_point)


def _parameters(ctx: Lowering, node: SourceNode) -> tuple[npt.NDArray[Any], npt.NDArray[Any], bool, int]:
    """Return scale, zero point, and the integer format."""
    scale = ctx.constant(node, 1, "scale")
    assert scale is not None
    if node.attrs.get("block_size", 0):
        ctx.refuse(node, f"{node.op} must not be blocked.", "Use one scale, or one for each channel.")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        ctx.refuse(node, f"The scale of {node.op} must be positive and finite.")
    zero = ctx.constant(node, 2, "zero point")
    for what, array in (("scale", scale), ("zero point", zero)):
        if array is not None and array.size != 1:
            _check_axis(ctx, node, array.shape, what)
    if zero is None:
        zero = np.zeros((), dtype=np.uint8)
    elif not _is_integer(zero.dtype):
        ctx.refuse(node, f"The zero point of {node.op} must be an integer, not {zero.dtype}.")
    signed, bits = _format(zero.dtype)
    return scale, zero, signed, bits


def _check_axis(ctx: Lowering, node: SourceNode, found: tuple[int, ...], what: str) -> None:
    """Refuse parameters that are neither one number nor one for each element of the axis."""
    shape, axis = ctx.model.shapes[node.inputs[0]], int(node.attrs.get("axis", 1))
    if not -len(shape) <= axis < len(shape) or found != (shape[axis],):
        text = f"The {what} of {node.op} must be one number, or one for each element of axis {axis} of {shape}"
        ctx.refuse(node, f"{text}, not have the shape {found}.", HINT)


def _is_integer(dtype: np.dtype[Any]) -> bool:
    """Tell whether a type is one of integers; those of 2 and 4 bits, which NumPy does not know, by their name."""
    return dtype.kind in "iu" or dtype.name.lstrip("u") in ("int2", "int4")


def _format(dtype: np.dtype[Any]) -> tuple[bool, int]:
    """Return (signed, bits) of a zero point's type; 4-bit types carry their width in their name."""
    name = dtype.name
    signed = not name.startswith("u")
    digits = "".join(ch for ch in name if ch.isdigit())
    return signed, int(digits) if digits else 8 * dtype.itemsize


def _one_zero(ctx: Lowering, node: SourceNode, zero: npt.NDArray[Any]) -> int:
    values = set(zero.reshape(-1).tolist())
    if len(values) != 1:
        ctx.refuse(node, f"{node.op} must have one zero point for all channels of an activation.")
    return int(values.pop())


def _one_scale(ctx: Lowering, node: SourceNode, scale: npt.NDArray[Any]) -> Fraction:
    values = set(scale.reshape(-1).tolist())
    if len(values) != 1:
        ctx.refuse(node, f"{node.op} must have one scale for all channels of a model input.")
    return Fraction(values.pop())


def _along(array: npt.NDArray[Any], node: SourceNode, ndim: int) -> npt.NDArray[Any]:
    """Shape a per-tensor or per-axis parameter so that it broadcasts."""
    if array.size == 1:
        return array.reshape((1,) * ndim)
    axis = int(node.attrs.get("axis", 1)) % ndim
    return array.reshape((1,) * axis + (-1,) + (1,) * (ndim - axis - 1))


def _objects_along(scale: npt.NDArray[Any], node: SourceNode, ndim: int) -> Fractions:
    return fractions(_along(scale, node, ndim))
