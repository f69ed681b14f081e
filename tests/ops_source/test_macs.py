# SPDX-License-Identifier: Apache-2.0
"""Conv, MatMul and Gemm against onnxruntime: strides, pads, groups, zero points, scales, biases, layouts."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_equal, only, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def _ints(shape: tuple[int, ...], low: int = -7, high: int = 8) -> np.ndarray:
    return RNG.integers(low, high, shape)


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 3)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 2)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 1, 0)])
def test_conv(kernel, stride, pads):
    pads = tuple(min(p, k - 1) for p, k in zip(pads, kernel * 2, strict=True))
    net = Net((1, 3, 6, 7))
    w = net.weights(_ints((4, 3, *kernel)), 0.25)
    y = net.node("Conv", net.quant("x", 0.5), w, net.const(_ints((4,)) * 0.125), strides=stride, pads=pads)
    lowered = assert_equal(net.build(net.quant(y, 4.0)), reals((3, 3, 6, 7)))
    trivial = kernel == (1, 1) and stride == (1, 1) and not any(pads)
    assert ("window" in ops(lowered)) != trivial


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_conv_auto_pad(auto_pad):
    net = Net((1, 2, 7, 6))
    y = net.node("Conv", net.quant("x", 0.5), net.weights(_ints((3, 2, 3, 2))), strides=(2, 2), auto_pad=auto_pad)
    assert_equal(net.build(net.quant(y, 8.0)), reals((2, 2, 7, 6)))


@pytest.mark.parametrize("zero", [-128, 3, 0, 127])
@pytest.mark.parametrize("pads", [(1, 1, 1, 1), (0, 0, 0, 0)])
def test_conv_pads_with_the_zero_point(zero, pads):
    net = Net((1, 2, 5, 5))
    x = net.qdq("x", 0.25, zero)
    w = net.dq_weights(_ints((3, 2, 3, 3), -128, 128), [0.5, 0.25, 1.0], axis=0)
    b = net.dq_weights(_ints((3,), -900, 900), [0.125, 0.0625, 0.25], dtype=np.int32, axis=0)
    y = net.qdq(net.node("Conv", x, w, b, pads=pads), 16.0, -5)
    lowered = assert_equal(net.build(y), reals((3, 2, 5, 5)))
    assert only(lowered, "window").attrs["pad_value"] == (zero if any(pads) else 0)
    assert not [note for note in lowered.host if "rounded" in note]


def test_depthwise_with_a_zero_point():
    net = Net((1, 4, 5, 6))
    x = net.qdq("x", 0.25, 17)
    w = net.dq_weights(_ints((4, 1, 3, 3), -128, 128), [0.5, 0.25, 1.0, 2.0], axis=0)
    y = net.qdq(net.node("Conv", x, w, net.const(_ints((4,))), group=4, pads=(1, 1, 0, 0)), 8.0, 3)
    lowered = assert_equal(net.build(y), reals((3, 4, 5, 6)))
    assert ops(lowered)[:2] == ["window", "depthwise"]
    assert only(lowered, "window").attrs["order"] == "taps"


def test_depthwise_one_by_one():
    net = Net((1, 3, 4, 4))
    y = net.node("Conv", net.quant("x", 0.5), net.weights(_ints((3, 1, 1, 1))), group=3)
    assert ops(assert_equal(net.build(net.quant(y, 4.0)), reals((2, 3, 4, 4))))[0] == "depthwise"


def test_non_zero_weight_zero_point_takes_one_more_bit():
    net = Net((1, 6))
    w = net.dq_weights([[0, 255], [200, 3], [7, 9], [1, 2], [255, 0], [90, 4]], 0.5, 100, np.uint8)
    y = net.node("MatMul", net.qdq("x", 0.5, 10, np.uint8), w)
    lowered = assert_equal(net.build(net.qdq(y, 64.0, 0)), reals((8, 6)))
    assert only(lowered, "matvec").attrs["weight_bits"] == 9


@pytest.mark.parametrize("group", [1, 2, 4])
def test_a_weight_zero_point_for_each_output_channel(group):
    net = Net((1, 4, 5, 5))
    w = net.dq_weights(_ints((4, 4 // group, 3, 3), 0, 256), [0.5, 0.25, 1.0, 2.0], [0, 255, 128, 7], np.uint8, axis=0)
    y = net.node("Conv", net.qdq("x", 0.25, 17), w, net.const(_ints((4,))), group=group, pads=(1, 1, 1, 1))
    assert_equal(net.build(net.qdq(y, 64.0, 3)), reals((3, 4, 5, 5)))


def test_a_weight_zero_point_for_each_column_of_gemm():
    net = Net((1, 5))
    w = net.dq_weights(_ints((3, 5), -128, 128), [0.5, 0.25, 1.0], [-128, 127, 5], axis=0)
    y = net.node("Gemm", net.qdq("x", 0.5, 10), w, net.const(_ints((3,))), transB=1)
    assert_equal(net.build(net.qdq(y, 64.0, 0)), reals((8, 5)))


@pytest.mark.parametrize("shape", [(1, 5, 7), (1, 5, 1), (1, 2, 5, 3)])
def test_weights_from_the_left(shape):
    net = Net(shape)
    w = net.dq_weights(_ints((4, 5), -128, 128), 0.5)
    y = net.node("Add", net.node("MatMul", w, net.qdq("x", 0.5, 10)), net.const(_ints((4, 1))))
    lowered = assert_equal(net.build(net.qdq(y, 64.0, 0)), reals((3, *shape[1:])))
    assert ops(lowered).count("matvec") == 1


def test_bipolar_weights_take_one_bit():
    net = Net((1, 9))
    w = net.node("BipolarQuant", net.const(_ints((9, 4), -2, 3)), net.const(0.5), domain="onnx.brevitas")
    lowered = assert_equal(net.build(net.quant(net.node("MatMul", net.quant("x"), w), 4.0)), reals((8, 9)))
    attrs = only(lowered, "matvec").attrs
    assert (attrs["weight_bits"], attrs["weight_signed"]) == (1, True)


def test_bipolar_quant_of_zero_is_plus_one():
    net = Net((1, 3))
    x = net.node("BipolarQuant", "x", net.const(2.0), domain="onnx.brevitas")
    y = net.node(
        "BipolarQuant",
        net.node("MatMul", x, net.weights([[1, 1], [1, -1], [-2, 2]])),
        net.const(1.0),
        domain="onnx.brevitas",
    )
    z = net.node("MatMul", y, net.weights([[1, 2, 3], [3, 1, 0]]))
    frames = np.array(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1])).reshape(3, 27).T.astype(np.float32)
    lowered = assert_equal(net.build(z), frames)
    assert lowered.graph.types[lowered.graph.inputs[0]].bipolar
    kinds = [lowered.graph.types[n.outputs[0]].bipolar for n in lowered.graph.nodes if n.op == "thresholds"]
    assert kinds == [True]


def test_bipolar_padding_is_corrected():
    net = Net((1, 2, 4, 4))
    x = net.node("BipolarQuant", "x", net.const(1.0), domain="onnx.brevitas")
    y = net.node("Conv", x, net.weights(_ints((3, 2, 3, 3))), pads=(1, 1, 1, 1))
    assert_equal(net.build(net.quant(y, 2.0)), reals((4, 2, 4, 4)))


@pytest.mark.parametrize("trans", [0, 1])
def test_gemm_alpha_beta(trans):
    net = Net((1, 5))
    w = _ints((4, 5) if trans else (5, 4))
    y = net.node(
        "Gemm", net.quant("x", 0.5), net.weights(w, 0.25), net.const(_ints((4,))), alpha=0.5, beta=2.0, transB=trans
    )
    lowered = assert_equal(net.build(net.quant(y, 2.0)), reals((8, 5)))
    assert np.any(lowered.graph.constant(only(lowered, "matvec"), "bias"))


def test_integral_bias_is_added_in_the_accumulator_and_an_output():
    net = Net((1, 4))
    y = net.node("Add", net.node("MatMul", net.quant("x"), net.weights(_ints((4, 3)))), net.const([5, -3, 0]))
    lowered = assert_equal(net.build(y), reals((8, 4)))
    assert lowered.graph.constant(only(lowered, "matvec"), "bias").tolist() == [5, -3, 0]
    assert lowered.outputs[0].onnx == "t3"


def test_a_bias_off_the_grid_is_never_lost():
    net = Net((1, 4))
    y = net.node("Add", net.node("MatMul", net.quant("x"), net.weights(_ints((4, 3)))), net.const([0.5, -0.25, 0.75]))
    lowered = assert_equal(net.build(net.quant(y, 0.5)), reals((40, 4), step=0.5, reach=20))
    assert not np.any(lowered.graph.constant(only(lowered, "matvec"), "bias"))


def test_a_conv_bias_off_the_grid_at_the_output_becomes_an_offset():
    net = Net((1, 2, 3, 3))
    y = net.node("Conv", net.quant("x"), net.weights(_ints((2, 2, 1, 1))), net.const([0.5, -0.25]))
    lowered = assert_equal(net.build(y), reals((3, 2, 3, 3)))
    assert lowered.outputs[0].offset == (0.5, -0.25)


def test_a_float32_bias_scale_in_its_last_bit_is_tolerated_and_told():
    scale_x, scale_w = np.float32(0.1), np.float32(0.3)
    net = Net((1, 3), TensorProto.INT8)
    x = net.dq("x", scale_x)
    b = net.dq_weights([9000, -77, 1], np.nextafter(scale_x * scale_w, np.float32(1)), dtype=np.int32)
    y = net.q(net.node("Add", net.node("MatMul", x, net.dq_weights(_ints((3, 3), -128, 128), scale_w)), b), 2.5, 0)
    lowered = lower(net.build(y, types={y: TensorProto.INT8}))
    assert lowered.graph.constant(only(lowered, "matvec"), "bias").tolist() == [9000, -77, 1]
    assert any("rounded onto the accumulator's grid" in note for note in lowered.host)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_flatten_permutes_the_next_weights(layout):
    net = Net((1, 3, 4, 5))
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints((2, 3, 1, 1)))), 4.0)
    if layout == "nhwc":
        y = net.node("Transpose", y, perm=(0, 2, 3, 1))
    y = net.node("Reshape", y, net.const([1, -1], np.int64))
    assert_equal(net.build(net.node("MatMul", y, net.weights(_ints((40, 3))))), reals((3, 3, 4, 5)))


def test_matmul_over_channels_last_is_a_matvec_for_each_pixel():
    net = Net((1, 3, 4, 5))
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints((2, 3, 1, 1)))), 4.0)
    y = net.node("MatMul", net.node("Transpose", y, perm=(0, 2, 3, 1)), net.weights(_ints((2, 3))))
    y = net.node("Transpose", net.quant(y, 8.0), perm=(0, 3, 1, 2))
    lowered = assert_equal(net.build(y), reals((3, 3, 4, 5)))
    assert [n.attrs["per_pixel"] for n in lowered.graph.nodes if n.op == "matvec"] == [True, True]


def test_an_activation_scale_for_each_channel_is_absorbed_by_the_weights():
    net = Net((1, 4, 3, 3))
    scale = np.array([0.5, 1.0, 2.0, 0.25]).reshape(1, 4, 1, 1)
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints((4, 4, 1, 1)))), scale)
    y = net.node("Conv", y, net.weights(_ints((2, 4, 3, 3))), pads=(1, 1, 1, 1))
    assert_equal(net.build(net.quant(y, 16.0)), reals((3, 4, 3, 3)))


def test_an_activation_scale_that_weights_cannot_absorb_is_refused():
    net = Net((1, 4, 3, 3))
    scale = np.array([0.3, 0.7, 1.1, 0.13]).reshape(1, 4, 1, 1)
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints((4, 4, 1, 1)))), scale)
    y = net.node("Conv", y, net.weights(_ints((2, 4, 1, 1))), name="second")
    with pytest.raises(UnsupportedError, match=r"a scale for each channel.*second"):
        lower(net.build(y))


def test_depthwise_takes_any_activation_scale_for_each_channel():
    net = Net((1, 3, 4, 4))
    scale = np.array([0.5, 1.25, 3.0]).reshape(1, 3, 1, 1)
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints((3, 3, 1, 1)))), scale)
    y = net.node("Conv", y, net.weights(_ints((3, 1, 3, 3))), group=3, pads=(1, 1, 1, 1))
    assert_equal(net.build(net.quant(y, 16.0)), reals((3, 3, 4, 4)))


def test_float_weights_are_refused_and_integral_ones_are_not():
    net = Net((1, 3))
    with pytest.raises(UnsupportedError, match="must be quantised, not real numbers"):
        lower(net.build(net.node("MatMul", net.quant("x"), net.const([[0.3], [1], [2]]))))
    net = Net((1, 3))
    assert_equal(net.build(net.node("MatMul", net.quant("x"), net.const([[3], [1], [-2]]))), reals((4, 3)))


def test_padding_needs_an_integral_zero():
    net = Net((1, 2, 4, 4))
    x = net.node("Add", net.quant("x"), net.const(0.5))
    model = net.build(net.node("Conv", x, net.weights(_ints((2, 2, 3, 3))), pads=(1, 1, 1, 1)))
    with pytest.raises(UnsupportedError, match="one integral zero point, because the node pads"):
        lower(model)


def test_an_offset_that_is_no_zero_point_needs_no_padding():
    net = Net((1, 2, 4, 4))
    x = net.node("Add", net.quant("x"), net.const(0.5))
    y = net.node("Conv", x, net.weights(_ints((2, 2, 3, 3))))
    assert_equal(net.build(net.quant(y, 4.0)), reals((3, 2, 4, 4)))


def test_a_relu_between_quantiser_and_conv_is_clipped_in_hardware():
    net = Net((1, 2, 4, 4))
    a = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints((2, 2, 1, 1)))), 4.0)
    y = net.node("Conv", net.node("Relu", a), net.weights(_ints((2, 2, 1, 1))))
    z = net.node("Conv", a, net.weights(_ints((2, 2, 1, 1))))
    model = net.build(net.quant(net.node("Add", y, z), 16.0))
    assert_equal(model, reals((3, 2, 4, 4)))


def test_a_gemm_that_turns_a_transpose_back():
    net = Net((1, 6))
    x = net.node("Transpose", net.quant("x", bits=4), perm=[1, 0])
    weights = net.weights(np.random.default_rng(5).integers(-7, 8, (6, 3)))
    assert ops(assert_equal(net.build(net.node("Gemm", x, weights, transA=1)), reals((8, 6)))) == ["matvec"]
    with pytest.raises(UnsupportedError, match="must hold one frame in each row, not be transposed"):
        lower(net.build(net.node("Gemm", net.quant("x", bits=4), net.weights(np.ones((1, 3))), transA=1)))
