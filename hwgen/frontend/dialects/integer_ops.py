# SPDX-License-Identifier: Apache-2.0
"""Operators that take and give integers (QLinearConv, MatMulInteger ... and those of onnxruntime) in QDQ form.

Products are written over the integers themselves: DequantizeLinear of scale 1 subtracts the zero points, the product is
an exact accumulator, and the real scales are multiplied in behind it, one after the other. Sources: the ONNX operator
specification, and onnxruntime's ContribOperators.md for the domain com.microsoft.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from onnx import TensorProto

from hwgen.frontend.dialects.rules import Rewriter, Rule, as_column, given
from hwgen.graph.source import SourceNode

_WINDOW = frozenset({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"})
_ZERO_FIRST = frozenset({"Add", "Mul", "AveragePool"})


def _integers(w: Rewriter, node: SourceNode, index: int, zero: int, axis: int = 0) -> str:
    """Write an integer input minus its zero point, as reals; the zero point may differ along `axis`."""
    stem = node.inputs[index]
    point = w.array(node, zero, "zero point")
    if point is None:
        return w.op("DequantizeLinear", (stem, w.const(f"{stem}__one", 1)), stem)
    inputs = (stem, w.const(f"{stem}__one", np.ones(point.shape)), node.inputs[zero])
    return w.op("DequantizeLinear", inputs, stem, **({"axis": axis} if point.size > 1 else {}))


def _accumulator(w: Rewriter, node: SourceNode, index: int) -> tuple[str, ...]:
    """Write an int32 bias as reals of the same value; nothing where there is none."""
    if not given(node, index):
        return ()
    stem = node.inputs[index]
    return (w.op("DequantizeLinear", (stem, w.const(f"{stem}__one", 1)), stem),)


def _scaled(w: Rewriter, node: SourceNode, x: str, index: int, what: str, rank: int, axis: int) -> str:
    """Multiply by a scale, which may differ along `axis`."""
    scale = w.array(node, index, what)
    assert scale is not None
    return w.op("Mul", (x, w.const(f"{node.inputs[index]}__factor", as_column(scale, rank, axis))), x)


def _quantised(w: Rewriter, node: SourceNode, x: str, scale: int, *, zero_first: bool = False) -> None:
    """Quantise to the output; the zero point stands behind the scale.

    Parameters
    ----------
    zero_first
        True where halves are rounded to even after the zero point is added; that differs from QuantizeLinear where the
        zero point is odd.
    """
    inputs = [node.inputs[i] for i in (scale, scale + 1) if given(node, i)]
    step = w.array(node, scale, "scale of the output")
    if step is not None and step.dtype != np.float32:
        inputs[0] = w.const(f"{inputs[0]}__real", step)
    point = w.array(node, scale + 1, "zero point")
    if zero_first and point is not None and bool((point % 2).any()):
        moved = w.op("Add", (w.op("Div", (x, inputs[0]), x), w.const(f"{inputs[1]}__real", point)), x)
        inputs = [w.const(f"{inputs[0]}__one", 1), w.const(f"{inputs[1]}__none", 0, point.dtype)]
        x = moved
    w.op("QuantizeLinear", (x, *inputs), x)
    w.finish(node)


def _activation_scale(w: Rewriter, node: SourceNode, index: int) -> None:
    scale = w.array(node, index, "scale")
    if scale is None or scale.size > 1:
        w.refuse(node, f"{node.op} must have one scale for its first input.", "Quantise activations per tensor.")


def _product(w: Rewriter, node: SourceNode, op: str, places: tuple[int, int, int, int], **attrs: Any) -> str:
    """Write the integer product of two inputs; `places` are the inputs and their zero points."""
    first, second, first_zero, second_zero = places
    zero = w.array(node, first_zero, "zero point")
    if zero is not None and zero.size > 1:
        w.refuse(node, f"{node.op} must have one zero point for its first input.", "Quantise activations per tensor.")
    axis = 0 if op == "Conv" or attrs.get("transB") else -1
    left, right = _integers(w, node, first, first_zero), _integers(w, node, second, second_zero, axis)
    bias = attrs.pop("bias", ())
    return w.op(op, (left, right, *bias), node.outputs[0], **attrs)


def _conv(w: Rewriter, node: SourceNode) -> None:
    """QLinearConv: x, scale, zero, w, scale, zero, y scale, y zero, bias."""
    _activation_scale(w, node, 1)
    weight = w.array(node, 3, "weights")
    assert weight is not None
    bias = _accumulator(w, node, 8)
    y = _product(w, node, "Conv", (0, 3, 2, 5), **_window(node), bias=bias)
    y = _scaled(w, node, y, 1, "scale", weight.ndim, 1)
    _quantised(w, node, _scaled(w, node, y, 4, "weight scale", weight.ndim, 1), 6)


def _matmul(w: Rewriter, node: SourceNode) -> None:
    """QLinearMatMul: a, scale, zero, b, scale, zero, y scale, y zero."""
    _activation_scale(w, node, 1)
    y = _product(w, node, "MatMul", (0, 3, 2, 5))
    y = _scaled(w, node, y, 1, "scale", 1, 0)
    _quantised(w, node, _scaled(w, node, y, 4, "scale of the second input", 1, 0), 6)


def _gemm(w: Rewriter, node: SourceNode) -> None:
    """QGemm: a, scale, zero, b, scale, zero, c, y scale, y zero; without a y scale the output is real."""
    _activation_scale(w, node, 1)
    attrs = {key: node.attrs[key] for key in ("transA", "transB") if key in node.attrs}
    y = _product(w, node, "Gemm", (0, 3, 2, 5), **attrs, bias=_accumulator(w, node, 6))
    y = _scaled(w, node, _scaled(w, node, y, 1, "scale", 1, 0), 4, "scale of the second input", 1, 0)
    if node.attrs.get("alpha", 1.0) != 1:
        y = w.op("Mul", (y, w.const(f"{y}__alpha", node.attrs["alpha"])), y)
    if given(node, 7):
        _quantised(w, node, y, 7)
    else:
        w.finish(node)


def _matmul_to_float(w: Rewriter, node: SourceNode) -> None:
    """MatMulIntegerToFloat: a, b, a scale, b scale, a zero, b zero, bias; the output is real."""
    _activation_scale(w, node, 2)
    y = _product(w, node, "MatMul", (0, 1, 4, 5))
    y = _scaled(w, node, _scaled(w, node, y, 2, "scale", 1, 0), 3, "scale of the second input", 1, 0)
    if given(node, 6):
        w.op("Add", (y, node.inputs[6]), y)
    w.finish(node)


def _integer_product(w: Rewriter, node: SourceNode, op: str) -> None:
    """MatMulInteger and ConvInteger: a, b, a zero, b zero; the output is an int32 accumulator."""
    made = _product(w, node, op, (0, 1, 2, 3), **(_window(node) if op == "Conv" else {}))
    w.floats[node.outputs[0]] = made
    w.op("Cast", (made,), made, to=TensorProto.INT32)
    w.finish(node)


def _window(node: SourceNode) -> dict[str, Any]:
    return {key: value for key, value in node.attrs.items() if key in _WINDOW}


def _reals(w: Rewriter, node: SourceNode, first: int) -> str:
    """Dequantise an input whose scale and zero point stand behind it."""
    inputs = [node.inputs[i] for i in range(first, first + 3) if given(node, i)]
    return w.op("DequantizeLinear", inputs, node.inputs[first])


def _around(w: Rewriter, node: SourceNode, op: str, operands: int) -> None:
    """Write ``QuantizeLinear(op(DequantizeLinear(x), ...))``; the output's scale stands behind the operands.

    onnxruntime adds the zero point of a sum, a product or a window's mean before it rounds.
    """
    if node.attrs.get("channels_last", 0):
        w.refuse(node, f"{node.op} must have its channels first, not channels_last = 1.", "Export it as NCHW.")
    attrs = {key: value for key, value in node.attrs.items() if key not in ("channels_last", "opset")}
    inputs = [_reals(w, node, 3 * i) for i in range(operands)]
    _quantised(w, node, w.op(op, inputs, node.outputs[0], **attrs), 3 * operands, zero_first=op in _ZERO_FIRST)


def _softmax(w: Rewriter, node: SourceNode) -> None:
    """QLinearSoftmax; up to opset 12 its axis and all behind it were one."""
    if node.attrs.get("opset", 13) > 12:
        _around(w, node, "Softmax", 1)
        return
    x = _reals(w, node, 0)
    flat = w.op("Flatten", (x,), x, axis=node.attrs.get("axis", 1))
    y = w.op("Softmax", (flat,), x, axis=-1)
    _quantised(w, node, w.op("Reshape", (y, w.op("Shape", (x,), x)), x), 3)


def _concat(w: Rewriter, node: SourceNode) -> None:
    """QLinearConcat: y scale, y zero, then a tensor, its scale and its zero point again and again."""
    inputs = [_reals(w, node, i) for i in range(2, len(node.inputs), 3)]
    _quantised(w, node, w.op("Concat", inputs, node.outputs[0], axis=node.attrs["axis"]), 0)


def _dynamic(w: Rewriter, node: SourceNode) -> None:
    text = f"{node.op} measures a scale at run time; hardware needs a fixed one."
    w.refuse(node, text, "Quantise statically (onnxruntime's quantize_static), or give hwgen the float model.")


RULES: Mapping[str, Rule] = {
    "QLinearConv": _conv,
    "QLinearMatMul": _matmul,
    "MatMulInteger": partial(_integer_product, op="MatMul"),
    "ConvInteger": partial(_integer_product, op="Conv"),
    "DynamicQuantizeLinear": _dynamic,
}
"""Of ONNX itself."""

MICROSOFT: Mapping[str, Rule] = {
    "QGemm": _gemm,
    "QLinearAdd": partial(_around, op="Add", operands=2),
    "QLinearMul": partial(_around, op="Mul", operands=2),
    "QLinearAveragePool": partial(_around, op="AveragePool", operands=1),
    "QLinearGlobalAveragePool": partial(_around, op="GlobalAveragePool", operands=1),
    "QLinearLeakyRelu": partial(_around, op="LeakyRelu", operands=1),
    "QLinearSigmoid": partial(_around, op="Sigmoid", operands=1),
    "QLinearSoftmax": _softmax,
    "QLinearConcat": _concat,
    "MatMulIntegerToFloat": _matmul_to_float,
    "DynamicQuantizeMatMul": _dynamic,
}
"""Of onnxruntime, domain com.microsoft."""

SAME = frozenset({"QuantizeLinear", "DequantizeLinear"})
"""Operators of com.microsoft that mean what ONNX means by the name; they take 4 and 16 bits at any opset."""
