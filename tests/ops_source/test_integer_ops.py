# SPDX-License-Identifier: Apache-2.0
"""QLinear and Integer operators equal onnxruntime's own on the file as it was written; zero points of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from hwgen.errors import UnsupportedError

from .models import Array, Net, assert_as_written, assert_built, free_run, ops

RNG = np.random.default_rng(11)
MICROSOFT = "com.microsoft"
KINDS = {np.uint8: (TensorProto.UINT8, 0, 255), np.int8: (TensorProto.INT8, -128, 127)}


def integers(shape: tuple[int, ...], dtype: Any, reach: int = 128) -> Array:
    _, low, high = KINDS[dtype]
    return RNG.integers(max(low, -reach), min(high, reach) + 1, shape).astype(dtype)


def quantised(net: Net, values: Array, scale: Any, zero: Any) -> tuple[str, str, str]:
    """Return an integer constant, its scale and its zero point."""
    points = np.broadcast_to(np.asarray(zero, values.dtype), np.shape(scale))
    return net.const(values, values.dtype), net.const(scale), net.const(points, values.dtype)


def point(net: Net, scale: float, zero: int, dtype: Any = np.uint8) -> tuple[str, str]:
    return net.const(scale), net.const(zero, dtype)


def frames(shape: tuple[int, ...], dtype: Any = np.uint8) -> Array:
    return integers((16, *shape), dtype, 255)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("scale", "zero"), [(0.125, 0), (0.125, 3), ([0.125, 0.25, 0.5], 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_qlinear_conv(dtype: Any, scale: Any, zero: Any, bias: bool) -> None:
    kind, _, _ = KINDS[dtype]
    net = Net((1, 2, 5, 5), kind)
    weights = quantised(net, integers((3, 2, 3, 3), dtype), scale, zero)
    rest = (net.const([1000, -2000, 70000], np.int32),) if bias else ()
    inputs = ("x", *point(net, 0.5, 7, dtype), *weights, *point(net, 64, 5, dtype), *rest)
    y = net.node("QLinearConv", *inputs, pads=[1, 1, 1, 1], strides=[2, 2])
    assert_as_written(net, y, frames((2, 5, 5), dtype), kind)


def test_qlinear_conv_with_a_zero_point_for_each_channel() -> None:
    """onnxruntime refuses these; the expected integers are written out here."""
    net = Net((1, 2, 3, 3), TensorProto.UINT8)
    raw, zeros = integers((3, 2, 1, 1), np.uint8, 255), np.array([1, 128, 200])
    weights = (net.const(raw, np.uint8), net.const([0.5, 0.5, 0.5]), net.const(zeros, np.uint8))
    y = net.node("QLinearConv", "x", *point(net, 1, 9), *weights, *point(net, 256, 100))
    x = frames((2, 3, 3))
    total = np.einsum("oc,nchw->nohw", raw[:, :, 0, 0] - zeros[:, None], x.astype(int) - 9)
    _, ours, theirs = free_run(net.build(y, types={y: TensorProto.UINT8}), x)
    np.testing.assert_array_equal(ours, np.clip(np.rint(total / 512) + 100, 0, 255))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("scale", "zero"), [(0.25, 0), (0.25, 17), ([0.25, 0.5, 1, 2], [0, 3, 200, 255])])
def test_qlinear_matmul(scale: Any, zero: Any) -> None:
    net = Net((1, 6), TensorProto.UINT8)
    weights = quantised(net, integers((6, 4), np.uint8, 255), scale, zero)
    y = net.node("QLinearMatMul", "x", *point(net, 0.5, 100), *weights, *point(net, 128, 128))
    assert_as_written(net, y, frames((6,)), TensorProto.UINT8)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("real", [True, False])
def test_qgemm(transposed: int, real: bool) -> None:
    net = Net((1, 6), TensorProto.UINT8)
    weights = quantised(net, integers((4, 6) if transposed else (6, 4), np.int8), [0.25, 0.5, 1, 2], 0)
    end = () if real else point(net, 64, 128)
    inputs = ("x", *point(net, 0.5, 100), *weights, net.const([900, -5000, 3, 0], np.int32), *end)
    y = net.node("QGemm", *inputs, domain=MICROSOFT, alpha=0.5, transB=transposed)
    assert_as_written(net, y, frames((6,)), TensorProto.FLOAT if real else TensorProto.UINT8)


@pytest.mark.parametrize("zeros", [(), (7,), (7, [1, 2, 3, 4]), (7, 99)])
@pytest.mark.parametrize("scaled", [True, False])
def test_matmul_integer(zeros: tuple[Any, ...], scaled: bool) -> None:
    net = Net((1, 6), TensorProto.UINT8)
    points = [net.const(zero, np.uint8) for zero in zeros]
    y = net.node("MatMulInteger", "x", net.const(integers((6, 4), np.uint8, 255), np.uint8), *points)
    kind = TensorProto.INT32
    if scaled:
        y, kind = net.node("Cast", y, to=TensorProto.FLOAT), TensorProto.FLOAT
        y = net.node("Add", net.node("Mul", y, net.const([0.5, 0.25, 2, 1])), net.const([1, 2, 3, 4.25]))
    lowered = assert_as_written(net, y, frames((6,)), kind)
    assert ops(lowered) == ["matvec"]


def test_conv_integer_between_quantisers() -> None:
    """As dynamic quantisation would write it, were its scales constants."""
    net = Net((1, 2, 6, 6))
    x = net.q("x", 0.5, 30, np.uint8)
    weights = net.const(integers((3, 2, 3, 3), np.uint8, 255), np.uint8)
    y = net.node("ConvInteger", x, weights, net.const(30, np.uint8), net.const(120, np.uint8), pads=[1, 1, 1, 1])
    y = net.node("Mul", net.node("Cast", y, to=TensorProto.FLOAT), net.const(0.5 * 0.125))
    y = net.node("Relu", net.node("Add", y, net.const(np.array([1, -2, 0.5]).reshape(1, 3, 1, 1))))
    y = net.q(y, 16, 0, np.uint8)
    lowered = assert_as_written(net, y, RNG.integers(-70, 450, (8, 2, 6, 6)).astype(np.float32) / 4, TensorProto.UINT8)
    assert ops(lowered) == ["window", "matvec", "requantise"]


def test_an_accumulator_that_is_dequantised() -> None:
    net = Net((1, 6), TensorProto.UINT8)
    y = net.node("MatMulInteger", "x", net.const(integers((6, 4), np.int8), np.int8))
    y = net.node("DequantizeLinear", y, net.const(0.125))
    assert_as_written(net, net.q(y, 32, 3, np.int8), frames((6,)), TensorProto.INT8)


@pytest.mark.parametrize("zero", [4, 5])
@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_two_operands_of_onnxruntime(op: str, zero: int) -> None:
    """The zero point of the output is added before halves are rounded to even."""
    net = Net((1, 6), TensorProto.UINT8)
    second = quantised(net, integers((1,), np.uint8), 0.25, 3)
    if op == "QLinearAdd":
        eye = quantised(net, np.eye(6, dtype=np.int8), 1, 0)
        second = (net.node("QLinearMatMul", "x", *point(net, 1, 0), *eye, *point(net, 2, 1)), *point(net, 0.5, 1))
    y = net.node(op, "x", *point(net, 0.25, 10), *second, *point(net, 1, zero), domain=MICROSOFT)
    assert_as_written(net, y, frames((6,)), TensorProto.UINT8)


@pytest.mark.parametrize("zero", [4, 5])
@pytest.mark.parametrize("op", ["QLinearGlobalAveragePool", "QLinearAveragePool"])
def test_pools_of_onnxruntime(op: str, zero: int) -> None:
    net = Net((1, 3, 4, 4), TensorProto.UINT8)
    attrs = {"kernel_shape": [2, 2], "strides": [2, 2]} if op == "QLinearAveragePool" else {"channels_last": 0}
    y = net.node(op, "x", *point(net, 0.25, 10), *point(net, 0.5, zero), domain=MICROSOFT, **attrs)
    assert_as_written(net, y, frames((3, 4, 4)), TensorProto.UINT8)


def identity(net: Net, size: int, scale: float, zero: int) -> tuple[str, str, str]:
    """Return the frames requantised in hardware, with their scale and zero point."""
    eye = quantised(net, np.eye(size, dtype=np.int8), 1, 0)
    y = net.node("QLinearMatMul", "x", *point(net, 1, 100), *eye, *point(net, scale, zero))
    return (y, *point(net, scale, zero))


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("QLinearLeakyRelu", {"alpha": 0.25}),
        ("QLinearSigmoid", {}),
        ("QLinearSoftmax", {"axis": -1, "opset": 13}),
        ("QLinearSoftmax", {"axis": 1, "opset": 11}),
    ],
)
def test_functions_of_onnxruntime(op: str, attrs: dict[str, Any]) -> None:
    """Another requantisation follows, so that none of them is left to the host."""
    net = Net((1, 6), TensorProto.UINT8)
    out = (2, 60) if op == "QLinearLeakyRelu" else (1 / 256, 0)
    y = net.node(
        op,
        *identity(net, 6, 1 / 16 if op == "QLinearSoftmax" else 1, 100),
        *point(net, *out),
        domain=MICROSOFT,
        **attrs,
    )
    weights = quantised(net, np.eye(6, dtype=np.int8), 1, 0)
    y = net.node("QLinearMatMul", y, *point(net, *out), *weights, *point(net, *out))
    lowered = assert_as_written(net, y, frames((6,)), TensorProto.UINT8, most=int(op != "QLinearLeakyRelu"))
    assert ops(lowered).count("matvec") == 2


@pytest.mark.parametrize("scales", [(1, 1), (1, 2)])
def test_concat_of_onnxruntime(scales: tuple[float, float]) -> None:
    net = Net((1, 6), TensorProto.UINT8)
    parts = [identity(net, 6, scale, 90) for scale in scales]
    y = net.node("QLinearConcat", *point(net, 2, 7), *parts[0], *parts[1], domain=MICROSOFT, axis=1)
    assert_as_written(net, y, frames((6,)), TensorProto.UINT8)


@pytest.mark.parametrize("zeros", [(), (7,), (7, 99), (7, [1, 2, 3, 4])])
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_that_comes_out_real(zeros: tuple[Any, ...], bias: bool) -> None:
    net = Net((1, 6), TensorProto.UINT8)
    points = [net.const(zero, np.uint8) for zero in zeros]
    rest = (*points, *[""] * (2 - len(points)), net.const([1, -2, 0.5, 4])) if bias else points
    scales = net.const(0.5), net.const([0.25, 0.5, 1, 2])
    weights = net.const(integers((6, 4), np.uint8, 255), np.uint8)
    y = net.node("MatMulIntegerToFloat", "x", weights, *scales, *rest, domain=MICROSOFT)
    assert ops(assert_as_written(net, y, frames((6,)))) == ["matvec"]


def test_quantisers_of_onnxruntime_have_16_bits_at_any_opset() -> None:
    net = Net((1, 6), opset=17)
    x = net.node("QuantizeLinear", "x", *point(net, 0.5, 1000, np.uint16), domain=MICROSOFT)
    x = net.node("DequantizeLinear", x, *point(net, 0.5, 1000, np.uint16), domain=MICROSOFT)
    y = net.node("MatMul", x, net.dq_weights(integers((6, 4), np.int8)))
    y = net.node("QuantizeLinear", y, *point(net, 64, 7, np.int16), domain=MICROSOFT)
    assert_as_written(net, y, RNG.integers(-4000, 4000, (8, 6)).astype(np.float32) / 4, TensorProto.INT16)


def test_every_finding_is_told() -> None:
    net = Net((1, 6))
    q, scale, zero = (f"dynamic_{name}" for name in "qsz")
    net.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", ["x"], [q, scale, zero], name="measure"))
    y = net.node("MatMulInteger", q, net.const(integers((6, 4), np.int8), np.int8), zero, name="product")
    with pytest.raises(UnsupportedError) as caught:
        net.build(y)
    text = str(caught.value)
    assert "DynamicQuantizeLinear measures a scale at run time; hardware needs a fixed one (node measure)." in text
    assert "or give hwgen the float model." in text
    assert "The zero point of MatMulInteger must be a constant, not computed (node product)." in text


def test_down_to_rtl(tmp_path: Path) -> None:
    """A network of integer operators, with weight zero points for a tensor and for each channel."""
    net = Net((1, 2, 4, 4), TensorProto.UINT8)
    weights = quantised(net, integers((4, 2, 3, 3), np.uint8, 255), [0.25, 0.5, 1, 0.25], [0, 128, 255, 77])
    bias = net.const([100, -200, 300, -400], np.int32)
    y = net.node("QLinearConv", "x", *point(net, 0.5, 7), *weights, *point(net, 256, 130), bias, pads=[1, 1, 1, 1])
    y = net.node("QLinearGlobalAveragePool", y, *point(net, 256, 130), *point(net, 128, 131), domain=MICROSOFT)
    y = net.node("Flatten", y)
    y = net.node(
        "QLinearMatMul",
        y,
        *point(net, 128, 131),
        *quantised(net, integers((4, 3), np.uint8), 1, 9),
        *point(net, 4096, 99),
    )
    report = assert_built(net, y, frames((2, 4, 4)), tmp_path, kind=TensorProto.UINT8)
    assert report["parity"]["max_lsb"] == 0
