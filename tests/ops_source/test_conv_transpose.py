# SPDX-License-Identifier: Apache-2.0
"""ConvTranspose against onnxruntime: strides, pads, output padding, groups, one axis, what follows it."""

from __future__ import annotations

import numpy as np
import pytest

from .models import Net, assert_equal, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(17).bit_generator.state


def _ints(*shape: int) -> np.ndarray:
    return RNG.integers(-7, 8, shape)


@pytest.mark.parametrize(
    ("kernel", "strides", "pads", "extra"),
    [
        ((2, 2), (2, 2), (0, 0, 0, 0), (0, 0)),
        ((4, 4), (2, 2), (1, 1, 1, 1), (0, 0)),
        ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
        ((3, 3), (2, 2), (0, 0, 0, 0), (0, 0)),
        ((3, 2), (1, 3), (0, 1, 1, 0), (0, 2)),
        ((1, 1), (2, 2), (0, 0, 0, 0), (1, 0)),
        ((5, 3), (1, 1), (2, 1, 2, 1), (0, 0)),
        ((1, 3), (1, 1), (1, 2, 0, 3), (0, 0)),
        ((2, 3), (4, 3), (1, 0, 0, 2), (3, 1)),
    ],
)
@pytest.mark.parametrize("group", [1, 2, 4])
def test_conv_transpose(kernel, strides, pads, extra, group):
    net = Net((1, 4, 4, 5))
    w = net.weights(_ints(4, 4 // group, *kernel), 0.5)
    attrs = {"strides": strides, "pads": pads, "output_padding": extra, "group": group}
    y = net.node("ConvTranspose", net.qdq("x", 0.25, 9), w, net.const(_ints(4) * 0.25), **attrs)
    lowered = assert_equal(net.build(net.quant(y, 4.0)), reals((3, 4, 4, 5)))
    assert ops(lowered).count("depthwise" if group == 4 else "matvec") == 1


@pytest.mark.parametrize("dilations", [(2, 1), (3, 2)])
def test_dilations(dilations):
    net = Net((1, 2, 4, 3))
    y = net.node(
        "ConvTranspose", net.quant("x", 0.5), net.weights(_ints(2, 3, 2, 3)), dilations=dilations, strides=(2, 2)
    )
    assert_equal(net.build(net.quant(y, 4.0)), reals((3, 2, 4, 3)))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_auto_pad(auto_pad):
    net = Net((1, 2, 4, 3))
    y = net.node(
        "ConvTranspose", net.quant("x", 0.5), net.weights(_ints(2, 3, 4, 3)), auto_pad=auto_pad, strides=(2, 2)
    )
    assert_equal(net.build(net.quant(y, 4.0)), reals((3, 2, 4, 3)))


def test_one_axis_and_a_scale_for_each_output():
    net = Net((1, 3, 6))
    w = net.dq_weights(_ints(3, 4, 4), [0.5, 0.25, 1.0, 2.0], axis=1)
    y = net.node("ConvTranspose", net.quant("x", 0.5), w, net.const(_ints(4)), strides=(2,), pads=(1, 1))
    assert_equal(net.build(net.quant(y, 4.0)), reals((3, 3, 6)))


def test_a_generator():
    net = Net((1, 6))
    y = net.quant(net.node("MatMul", net.quant("x", 0.5), net.weights(_ints(6, 16))), 4.0, 5)
    y = net.node("Reshape", y, net.const([1, 4, 2, 2], np.int64))
    y = net.node("ConvTranspose", y, net.weights(_ints(4, 3, 4, 4)), strides=(2, 2), pads=(1, 1, 1, 1))
    one = np.ones(3, np.float32)
    y = net.node(
        "BatchNormalization", y, *(net.const(v) for v in (one * [1, 2, -1], one, one * 3, one * 4)), epsilon=0.0
    )
    y = net.quant(net.node("Relu", y), 16.0, 4, 0, 0)
    y = net.node("Conv", y, net.weights(_ints(2, 3, 3, 3)), pads=(1, 1, 1, 1))
    lowered = assert_equal(net.build(net.quant(y, 32.0)), reals((4, 6)))
    assert ops(lowered).count("rearrange") == 2


def test_phases_leave_as_they_are_made():
    net = Net((1, 2, 3, 3))
    y = net.node("ConvTranspose", net.quant("x"), net.weights(_ints(2, 2, 2, 2)), strides=(2, 2))
    lowered = assert_equal(net.build(y), reals((3, 2, 3, 3)))
    assert ops(lowered) == ["matvec"] and lowered.outputs[0].layout.perm
