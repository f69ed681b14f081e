# SPDX-License-Identifier: Apache-2.0
"""Convolutions and pools of every geometry against onnxruntime: groups, dilations, one axis, pads, ceil_mode."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_equal, only, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(13).bit_generator.state


def _ints(*shape: int, low: int = -7, high: int = 8) -> np.ndarray:
    return RNG.integers(low, high, shape)


@pytest.mark.parametrize(("group", "outputs"), [(2, 2), (2, 6), (3, 6), (6, 6), (6, 12), (1, 5)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 2)])
def test_groups(group, outputs, kernel):
    net = Net((1, 6, 5, 6))
    w = net.weights(_ints(outputs, 6 // group, *kernel), 0.5)
    y = net.node("Conv", net.quant("x", 0.5), w, net.const(_ints(outputs) * 0.25), group=group, dilations=(1, 2))
    lowered = assert_equal(net.build(net.quant(y, 4.0)), reals((3, 6, 5, 6)))
    unit = only(lowered, "depthwise" if group == 6 else "matvec")
    assert lowered.graph.constant(unit, "weight").shape == (outputs, 6 // group * kernel[0] * kernel[1])
    assert unit.attrs.get("groups", 1) == (group if group in (2, 3) else 1)


def test_groups_with_zero_points_and_a_scale_for_each_input_channel():
    net = Net((1, 4, 5, 5))
    scale = np.array([0.5, 1.0, 2.0, 0.25]).reshape(1, 4, 1, 1)
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints(4, 4, 1, 1))), scale)
    y = net.node("Conv", y, net.weights(_ints(6, 2, 3, 3)), group=2, pads=(1, 1, 1, 1))
    assert_equal(net.build(net.quant(y, 16.0)), reals((3, 4, 5, 5)))


@pytest.mark.parametrize("group", [1, 2, 4])
def test_groups_pad_with_the_zero_point(group):
    net = Net((1, 4, 5, 5))
    w = net.dq_weights(_ints(8, 4 // group, 3, 3, low=-128, high=128), [2.0**-k for k in range(8)], axis=0)
    y = net.node("Conv", net.qdq("x", 0.25, 17), w, group=group, pads=(1, 0, 1, 2), strides=(2, 1))
    assert_equal(net.build(net.qdq(y, 16.0, 5)), reals((3, 4, 5, 5)))


@pytest.mark.parametrize("dilations", [(2, 2), (3, 1), (1, 2)])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (2, 1, 1, 0)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_dilations(dilations, pads, strides):
    net = Net((1, 2, 8, 9))
    w = net.weights(_ints(3, 2, 3, 2), 0.25)
    y = net.node("Conv", net.quant("x", 0.5), w, dilations=dilations, pads=pads, strides=strides)
    lowered = assert_equal(net.build(net.quant(y, 4.0)), reals((3, 2, 8, 9)))
    assert only(lowered, "window").attrs["dilation"] == dilations


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1)])
def test_dilated_pools(op, pads):
    net = Net((1, 3, 8, 7), opset=19)
    y = net.node(op, net.qdq("x", 0.5, 9), kernel_shape=(2, 3), dilations=(3, 2), pads=pads, strides=(1, 2))
    y = y if op == "MaxPool" else net.qdq(y, 1.0, 3)
    assert_equal(net.build(y), reals((3, 3, 8, 7)))


@pytest.mark.parametrize("pads", [(3, 3, 3, 3), (4, 0, 5, 1), (0, 6, 0, 6)])
@pytest.mark.parametrize("strides", [(1, 1), (3, 2)])
@pytest.mark.parametrize("group", [1, 2])
def test_padding_may_be_larger_than_the_kernel(pads, strides, group):
    net = Net((1, 2, 3, 4))
    y = net.node(
        "Conv", net.qdq("x", 0.5, -7), net.weights(_ints(2, 2 // group, 2, 3)), pads=pads, strides=strides, group=group
    )
    assert_equal(net.build(net.quant(y, 4.0)), reals((3, 2, 3, 4)))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 4), (4, 2)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 3)])
def test_even_kernels_and_strides_beyond_them(auto_pad, kernel, strides):
    net = Net((1, 2, 8, 6))
    x = net.qdq("x", 0.5, 3)
    a = net.node("Conv", x, net.weights(_ints(2, 2, *kernel)), auto_pad=auto_pad, strides=strides)
    assert_equal(net.build(net.quant(a, 4.0)), reals((3, 2, 8, 6)))
    if any(s > k for s, k in zip(strides, kernel, strict=True)) and "SAME" in auto_pad:
        return  # onnxruntime has no such pools
    net = Net((1, 2, 8, 6))
    y = net.node("MaxPool", net.qdq("x", 0.5, 3), kernel_shape=kernel, auto_pad=auto_pad, strides=strides)
    assert_equal(net.build(y), reals((3, 2, 8, 6)))


def test_a_kernel_larger_than_the_map():
    net = Net((1, 2, 3, 3))
    y = net.node("Conv", net.quant("x"), net.weights(_ints(2, 2, 5, 5)), pads=(2, 2, 2, 2))
    assert_equal(net.build(net.quant(y, 4.0)), reals((3, 2, 3, 3)))


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 0, 1)])
@pytest.mark.parametrize(
    ("kernel", "strides"), [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 4), (2, 3)), ((2, 2), (1, 1))]
)
def test_ceil_mode(op, include, pads, kernel, strides):
    net = Net((1, 2, 8, 7), opset=19)
    attrs = {"count_include_pad": include} if op == "AveragePool" else {}
    x = net.qdq("x", 0.5, 11)
    y = net.node(op, x, kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=1, **attrs)
    model = net.build(net.qdq(y, 0.5, -3))
    beyond = [
        -(-(size + before + after - k) // s) * s >= size + before
        for size, before, after, k, s in zip((8, 7), pads[:2], pads[2:], kernel, strides, strict=True)
    ]
    if any(beyond):
        with pytest.raises(UnsupportedError, match="windows that begin in the padding"):
            lower(model)
    else:
        assert_equal(model, reals((3, 2, 8, 7)))


# One spatial axis ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 3])
def test_one_dimensional_convolution(group, dilation):
    net = Net((1, 4, 12))
    w = net.weights(_ints(8, 4 // group, 3), 0.5)
    attrs = {"group": group, "dilations": (dilation,), "pads": (dilation, 0), "strides": (2,)}
    y = net.node("Conv", net.quant("x", 0.5), w, net.const(_ints(8) * 0.25), **attrs)
    lowered = assert_equal(net.build(net.quant(y, 4.0)), reals((3, 4, 12)))
    assert lowered.graph.types[lowered.graph.inputs[0]].shape == (1, 4, 1, 12)


def test_one_dimensional_network():
    net = Net((1, 3, 16))
    y = net.node("Conv", net.quant("x", 0.5), net.weights(_ints(4, 3, 5), 0.25), auto_pad="SAME_UPPER")
    one = np.ones(4, np.float32)
    y = net.node("BatchNormalization", y, *(net.const(v) for v in (one * 2, one * 0.5, one * 3, one * 4)), epsilon=0.0)
    y = net.quant(net.node("Relu", y), 2.0, 6, 0, 0)
    y = net.node("MaxPool", y, kernel_shape=(2,), strides=(2,))
    z = net.quant(net.node("Conv", y, net.weights(_ints(4, 4, 3)), pads=(1, 1)), 16.0, 6)
    y = net.quant(net.node("Add", y, z), 16.0, 6)
    y = net.quant(net.node("AveragePool", y, kernel_shape=(2,), strides=(2,)), 16.0, 6)
    y = net.quant(net.node("GlobalAveragePool", y), 8.0, 6)
    lowered = assert_equal(
        net.build(net.node("MatMul", net.node("Flatten", y), net.weights(_ints(4, 3)))), reals((3, 3, 16))
    )
    assert ops(lowered).count("window") == 4


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"])
def test_one_dimensional_pools_of_a_port(op):
    net = Net((1, 3, 9))
    attrs = {} if op.startswith("Global") else {"kernel_shape": (3,), "pads": (1, 1), "strides": (2,)}
    y = net.node(op, net.qdq("x", 0.5, 9), **attrs)
    assert_equal(net.build(net.qdq(y, 1.0, 3)), reals((3, 3, 9)))


def test_a_map_may_be_convolved_as_a_row():
    net = Net((1, 2, 4, 4))
    y = net.quant(net.node("Conv", net.quant("x"), net.weights(_ints(3, 2, 1, 1))), 4.0)
    y = net.node("Reshape", y, net.const([1, 3, 16], np.int64))
    y = net.node("Conv", y, net.weights(_ints(2, 3, 3)), pads=(1, 1))
    lowered = assert_equal(net.build(net.quant(y, 16.0)), reals((3, 2, 4, 4)))
    assert only(lowered, "window").attrs["size"] == (1, 16)


def test_three_spatial_axes_are_refused():
    net = Net((1, 2, 3, 4, 4))
    y = net.node("Conv", net.quant("x"), net.weights(_ints(2, 2, 1, 3, 3)), name="volume")
    with pytest.raises(UnsupportedError, match=r"one or two spatial axes|two to four axes") as caught:
        lower(net.build(y))
    assert caught.value.problems[0].node == "volume" and caught.value.problems[0].hint


# Reductions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [(2, 3), (-1, -2), (2,), (3,), (1,), (1, 2, 3)])
@pytest.mark.parametrize("opset", [13, 18])
def test_reductions(op, keepdims, axes, opset):
    net = Net((1, 4, 3, 4), opset=opset)
    x = net.qdq("x", 0.5, 9)
    if opset == 18 or op == "ReduceSum":
        y = net.node(op, x, net.const(axes, np.int64), keepdims=keepdims)
    else:
        y = net.node(op, x, axes=axes, keepdims=keepdims)
    assert_equal(net.build(net.qdq(y, 1.0, -3)), reals((3, 4, 3, 4)))


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax"])
def test_reductions_of_maps_with_their_channels_last(op):
    net = Net((1, 4, 3, 4))
    x = net.node("Transpose", net.quant("x", 0.5), perm=(0, 2, 3, 1))
    y = net.node(op, x, axes=(1, 2), keepdims=0)
    assert_equal(net.build(net.quant(y, 0.5)), reals((3, 4, 3, 4)))


def test_a_mean_of_tokens():
    net = Net((1, 6, 8))
    tokens = net.quant(net.node("MatMul", net.quant("x", 0.5), net.weights(_ints(8, 4), 0.25)), 4.0)
    y = net.node("ReduceMean", tokens, axes=(1,), keepdims=0)
    lowered = assert_equal(net.build(net.quant(y, 2.0)), reals((3, 6, 8)))
    assert "global_pool" in ops(lowered)


def test_a_reduction_of_the_batch_is_refused():
    net = Net((1, 4, 3, 4))
    with pytest.raises(UnsupportedError, match="must not hold the batch"):
        lower(net.build(net.node("ReduceSum", net.quant("x"), net.const((0, 1), np.int64))))


def test_channels_and_rows_together_are_refused():
    net = Net((1, 4, 3, 4))
    with pytest.raises(UnsupportedError, match="must be channels, pixels, one spatial axis or everything"):
        lower(net.build(net.node("ReduceMax", net.quant("x"), axes=(1, 2))))
