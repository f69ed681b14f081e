# SPDX-License-Identifier: Apache-2.0
"""Quantisers against onnxruntime: rounding modes, saturation, narrow ranges, signs, chains of affine steps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from onnx import TensorProto

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import QONNX, Net, assert_equal, free_run, only, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(3).bit_generator.state


MODES = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "ROUND_TO_ZERO", "HALF_EVEN"]


def _dense(net: Net, x: str, outputs: int = 5, inputs: int = 4) -> str:
    return net.node("MatMul", x, net.weights(RNG.integers(-7, 8, (inputs, outputs))))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("signed", "narrow", "bits"), [(1, 0, 3), (1, 1, 4), (0, 0, 4), (0, 1, 3), (1, 0, 6), (0, 0, 2)]
)
def test_every_rounding_mode(mode, signed, narrow, bits):
    net = Net((1, 4))
    y = net.quant(_dense(net, net.quant("x", 0.5, 5)), 2.0, bits, 0, signed, narrow, mode)
    lowered = assert_equal(net.build(_dense(net, y, 2, 5)), reals((60, 4), step=0.25, reach=80))
    assert all(proof.exact and proof.differing == 0 for proof in lowered.proofs)


@pytest.mark.parametrize("mode", ["ROUND", "FLOOR", "HALF_UP"])
@pytest.mark.parametrize("zero", [3, -2])
def test_the_zero_point_is_added_before_rounding(mode, zero):
    net = Net((1, 4))
    y = net.quant(_dense(net, net.quant("x", 0.5, 5)), 2.0, 4, zero, mode=mode)
    assert_equal(net.build(_dense(net, y, 2, 5)), reals((60, 4), step=0.25, reach=80))


@pytest.mark.parametrize(("dtype", "zero"), [(np.int8, -128), (np.int8, 5), (np.uint8, 0), (np.uint8, 77)])
def test_qdq_rounds_halves_to_even_and_saturates(dtype, zero):
    net = Net((1, 4))
    x = net.qdq("x", 0.5, 3)
    y = net.qdq(net.node("MatMul", x, net.dq_weights(RNG.integers(-9, 9, (4, 5)))), 2.0, zero, dtype)
    lowered = assert_equal(net.build(y), reals((300, 4), step=0.25, reach=200))
    assert lowered.graph.types[lowered.graph.outputs[0]].signed == (dtype is np.int8)


def test_fractional_zero_points_are_refused():
    net = Net((1, 4))
    y = net.quant(_dense(net, net.quant("x")), 1.0, 4, 0.5)
    with pytest.raises(UnsupportedError, match=r"zero point of Quant must be an integer, not 0\.5"):
        lower(net.build(y))


def test_batch_normalisation_with_negative_and_zero_gamma():
    net = Net((1, 4))
    parts = [
        np.array([1.0, -1.0, 0.0, 0.5, -0.25]),
        RNG.integers(-4, 4, 5),
        RNG.integers(-9, 9, 5),
        [4.0, 1, 1, 0.25, 16],
    ]
    y = net.node("BatchNormalization", _dense(net, net.quant("x", 0.5, 5)), *(net.const(p) for p in parts), epsilon=0.0)
    lowered = assert_equal(net.build(_dense(net, net.quant(y, 1.0, 4), 3, 5)), reals((60, 4), step=0.25, reach=80))
    flips = lowered.graph.constant(only(lowered, "thresholds"), "flip")
    assert flips.tolist() == [0, 1, 0, 0, 1]


def test_a_dead_channel_may_be_shifted_and_pooled():
    net = Net((1, 2, 4, 4))
    y = net.node("Conv", net.quant("x", 0.5, 5), net.weights(RNG.integers(-7, 8, (2, 2, 1, 1))))
    parts = [[0.0, 1.0], [3.0, 0.0], [0.0, 2.0], [1.0, 1.0]]
    y = net.node("BatchNormalization", y, *(net.const(p) for p in parts), epsilon=0.0)
    y = net.node("Add", y, net.const(np.array([1.0, 2.0]).reshape(1, 2, 1, 1)))
    y = net.node("MaxPool", y, kernel_shape=(2, 2), strides=(2, 2))
    assert_equal(net.build(net.quant(y, 2.0, 6)), reals((20, 2, 4, 4), step=0.25, reach=80))


def test_decreasing_channels_in_many_levels():
    net = Net((1, 4))
    y = net.node("Mul", _dense(net, net.quant("x", 0.5, 6)), net.const([1.0, -0.75, 0.3, -1.1, 0.0]))
    lowered, ours, theirs = free_run(net.build(net.quant(y, 0.37, 8)), reals((200, 4), step=0.25, reach=80))
    np.testing.assert_allclose(ours, theirs, atol=0.3701)
    assert (np.abs(ours - theirs) > 0.1).mean() < 0.01, "only float32 ties may differ"
    assert "requantise" in ops(lowered)
    assert lowered.graph.constant(only(lowered, "requantise"), "mul").min() < 0


def test_relu_clip_and_affine_steps_fuse_into_one_requantisation():
    net = Net((1, 4))
    y = _dense(net, net.quant("x", 0.5, 5))
    y = net.node("Relu", net.node("Add", y, net.const([1.5, -2.25, 0, 3, 7])))
    y = net.node("Sub", net.node("Mul", y, net.const(0.5)), net.const([1, 2, 3, 4, 5]))
    y = net.node("Clip", net.node("Div", y, net.const(4.0)), net.const(-1.0), net.const(2.5))
    lowered = assert_equal(net.build(_dense(net, net.quant(y, 0.25, 5), 2, 5)), reals((80, 4), step=0.25, reach=80))
    assert ops(lowered) == ["matvec", "thresholds", "matvec"]


@pytest.mark.parametrize("relu_behind", [False, True])
def test_ceilings_that_differ_by_channel_are_limits_of_one_requantisation(relu_behind):
    net = Net((1, 4))
    y = net.node("Clip", _dense(net, net.quant("x", 0.5, 8)), net.const(-9.5), net.const(30.0))
    y = net.node("Mul", y, net.const([1.0, 2.0, 0.5, 1.0, 0.25]))
    y = net.qdq(y, 0.375, -11)
    y = net.node("Relu", y) if relu_behind else y
    lowered = assert_equal(net.build(_dense(net, y, 2, 5)), reals((200, 4), step=0.5, reach=60))
    assert ops(lowered) == ["matvec", "requantise", "matvec"]
    node = only(lowered, "requantise")
    least, most = (lowered.graph.constant(node, role) for role in ("least", "most"))
    assert least.tolist() == ([-11] * 5 if relu_behind else [-36, -62, -24, -36, -17])
    assert most.tolist() == [69, 127, 29, 69, 9]


def test_a_constant_minus_an_activation():
    net = Net((1, 4))
    y = net.node("Neg", net.node("Sub", net.const(3.0), _dense(net, net.quant("x", 0.5, 4))))
    assert_equal(net.build(net.quant(y, 2.0, 4)), reals((40, 4), step=0.25, reach=40))


def test_pow_with_the_exponent_one_costs_nothing():
    net = Net((1, 4))
    assert_equal(net.build(net.node("Pow", _dense(net, net.quant("x")), net.const(1.0))), reals((4, 4)))


def test_requantising_with_the_same_parameters_costs_nothing():
    net = Net((1, 4), TensorProto.INT8)
    y = net.node(
        "MatMul", net.dq(net.q(net.dq("x", 0.5, 3), 0.5, 3), 0.5, 3), net.dq_weights(RNG.integers(-9, 9, (4, 5)))
    )
    lowered = lower(net.build(y))
    assert ops(lowered) == ["matvec"]


def test_another_zero_point_alone_costs_nothing():
    net = Net((1, 4), TensorProto.INT8)
    x = net.dq(net.q(net.dq("x", 0.5, -128), 0.5, 0, np.uint8), 0.5, 0, np.uint8)
    model = net.build(net.node("MatMul", x, net.dq_weights(RNG.integers(-9, 9, (4, 5)))))
    x = RNG.integers(-128, 128, (50, 4)).astype(np.int8)
    lowered, ours, theirs = free_run(model, x)
    np.testing.assert_array_equal(ours, theirs)
    assert ops(lowered) == ["matvec"]


def test_qcdq_clips_inside_the_quantiser_before():
    net = Net((1, 4))
    low, high = net.const(-7, np.int8), net.const(7, np.int8)
    x = net.dq(net.node("Clip", net.q("x", 0.5, 0), low, high), 0.5)
    y = net.q(net.node("MatMul", x, net.dq_weights(RNG.integers(-7, 8, (4, 5)))), 2.5, 0)
    y = net.dq(net.node("Clip", y, low, high), 2.5)
    y = net.node("MatMul", y, net.dq_weights(RNG.integers(-7, 8, (5, 2))))
    lowered = assert_equal(net.build(y), reals((80, 4), step=0.25, reach=60))
    assert ops(lowered) == ["matvec", "requantise", "matvec"] or ops(lowered) == ["matvec", "thresholds", "matvec"]
    assert lowered.graph.types[lowered.graph.inputs[0]].bits == 4
    assert lowered.graph.types[lowered.observations[0].tensor].bits == 4


def test_qcdq_with_flipped_thresholds():
    net = Net((1, 4))
    y = net.node("Mul", _dense(net, net.quant("x", 0.5, 4)), net.const([1, -1, 1, -1, 1]))
    y = net.node("Relu", net.quant(y, 8.0, 4))
    lowered = assert_equal(net.build(_dense(net, y, 2, 5)), reals((80, 4), step=0.25, reach=60))
    assert ops(lowered) == ["matvec", "thresholds", "matvec"]
    assert only(lowered, "thresholds").attrs["y_min"] == 0


def test_a_quantiser_read_twice_keeps_its_range():
    net = Net((1, 4))
    a = net.quant(_dense(net, net.quant("x", 0.5, 5)), 8.0, 4)
    y = net.node("Add", _dense(net, net.node("Relu", a), 3, 5), _dense(net, a, 3, 5))
    assert_equal(net.build(net.quant(y, 16.0, 8)), reals((80, 4), step=0.25, reach=60))


def test_trunc_shifts_an_average():
    net = Net((1, 4))
    y = net.quant(_dense(net, net.quant("x", 0.5, 4)), 1.0, 6)
    y = net.node("Trunc", y, *(net.const(v) for v in (1.0, 0.0, 6.0, 4.0)), domain=QONNX, rounding_mode="FLOOR")
    assert_equal(net.build(_dense(net, y, 2, 5)), reals((80, 4), step=0.25, reach=60))


def test_the_two_bipolar_spellings_agree():
    net = Net((1, 4))
    a = _dense(net, net.quant("x", 0.5, 4))
    y = net.quant(a, 0.5, 1)
    lowered = assert_equal(net.build(_dense(net, y, 2, 5)), reals((80, 4), step=0.25, reach=60))
    assert lowered.graph.types[lowered.observations[0].tensor].bipolar


def test_more_than_sixteen_bits_are_refused():
    net = Net((1, 4))
    with pytest.raises(UnsupportedError, match="bit width of Quant must be at most 16, not 17"):
        lower(net.build(net.quant(_dense(net, net.quant("x")), 1.0, 17)))


def test_sixteen_bits_are_a_multiply_shift():
    net = Net((1, 4))
    y = net.node("Mul", _dense(net, net.quant("x", 0.5, 12)), net.const(0.37))
    lowered = lower(net.build(net.quant(y, 0.61, 16)))
    assert ops(lowered) == ["matvec", "requantise"]


def test_scales_of_activations_must_be_positive():
    net = Net((1, 4), TensorProto.INT8)
    with pytest.raises(UnsupportedError, match="scale of DequantizeLinear must be positive"):
        lower(net.build(net.node("MatMul", net.dq("x", -0.5), net.dq_weights(RNG.integers(-9, 9, (4, 5))))))


def test_uint8_images_enter_as_uint8():
    net = Net((1, 4), TensorProto.UINT8)
    y = net.node("MatMul", net.dq("x", 1 / 255, 0, np.uint8), net.dq_weights(RNG.integers(-9, 9, (4, 5))))
    lowered = lower(net.build(y))
    kind = lowered.graph.types[lowered.graph.inputs[0]]
    assert (kind.signed, kind.bits) == (False, 8)
    assert lowered.inputs[0].onnx == "x"


def test_a_scale_of_many_bits_is_exact():
    """A float32 scale is a rational with 24 bits; the steps lie where no float could put them."""
    net = Net((1, 4), TensorProto.INT8)
    scale_x, scale_w, scale_y = (np.float32(v) for v in (0.0123456, 0.0345678, 0.0567891))
    y = net.q(
        net.node("MatMul", net.dq("x", scale_x, 3), net.dq_weights(RNG.integers(-99, 99, (4, 5)), scale_w)), scale_y, -9
    )
    lowered = lower(net.build(y, types={y: TensorProto.INT8}))
    node = only(lowered, "requantise")
    mul, add = (int(lowered.graph.constant(node, role)[0]) for role in ("mul", "add"))
    ratio = Fraction(float(scale_x)) * Fraction(float(scale_w)) / Fraction(float(scale_y))
    acc = lowered.graph.types[node.inputs[0]]
    for q in range(acc.lo, acc.hi + 1, 7):
        exact = min(max(round(ratio * q) - 9, -128), 127)
        assert min(max((q * mul + add) >> int(node.attrs["shift"]), -128), 127) == exact
