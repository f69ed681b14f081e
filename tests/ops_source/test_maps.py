# SPDX-License-Identifier: Apache-2.0
"""Pools, residual joins, layouts, and the two ends of a model, against onnxruntime."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from onnx import TensorProto

from hwgen.errors import UnsupportedError
from hwgen.hw import StreamType
from hwgen.passes.lower import lower

from .models import Net, assert_equal, free_run, only, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(11).bit_generator.state


def _conv(net: Net, x: str, inputs: int = 2, outputs: int = 2, size: int = 1) -> str:
    return net.node("Conv", x, net.weights(RNG.integers(-7, 8, (outputs, inputs, size, size))))


@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_max_pool_pads_with_its_minimum(pads, strides):
    net = Net((1, 2, 6, 6))
    y = net.node(
        "MaxPool", net.qdq(_conv(net, net.quant("x")), 4.0, 100), kernel_shape=(3, 3), pads=pads, strides=strides
    )
    lowered = assert_equal(net.build(y), reals((3, 2, 6, 6)) - 30)
    kind = lowered.graph.types[only(lowered, "window").inputs[0]]
    assert only(lowered, "window").attrs["pad_value"] == kind.lo


def test_max_pool_of_accumulators_commutes_with_relu_and_the_quantiser():
    net = Net((1, 2, 6, 6))
    y = net.node("Relu", net.node("MaxPool", _conv(net, net.quant("x")), kernel_shape=(2, 2), strides=(2, 2)))
    lowered = assert_equal(net.build(net.quant(y, 8.0, 4, 0, 0)), reals((3, 2, 6, 6)))
    assert ops(lowered) == ["matvec", "window", "pool", "thresholds"]


@pytest.mark.parametrize("op", ["MaxPool", "ReduceMax", "GlobalMaxPool"])
def test_the_maximum_of_a_decreasing_function_is_that_of_the_integers_turned_over(op):
    net = Net((1, 2, 6, 6))
    attrs = {"MaxPool": {"kernel_shape": (2, 2)}, "ReduceMax": {"axes": (2, 3)}}.get(op, {})
    lowered = assert_equal(
        net.build(net.node(op, net.node("Neg", _conv(net, net.quant("x"))), **attrs)), reals((3, 2, 6, 6))
    )
    assert ops(lowered)[:2] == ["matvec", "requantise"]


def test_global_max_pool():
    net = Net((1, 2, 6, 5))
    lowered = assert_equal(net.build(net.node("GlobalMaxPool", _conv(net, net.quant("x")))), reals((3, 2, 6, 5)))
    assert ops(lowered) == ["matvec", "global_pool"]


@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_ceil_mode_where_windows_fill_the_map(ceil_mode):
    net = Net((1, 2, 6, 6))
    y = net.node("MaxPool", net.quant("x"), kernel_shape=(2, 2), strides=(2, 2), ceil_mode=ceil_mode)
    assert_equal(net.build(y), reals((2, 2, 6, 6)))


@pytest.mark.parametrize("count_include_pad", [0, 1])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 1, 0)])
def test_average_pool_puts_the_divisor_into_the_requantisation(count_include_pad, pads):
    net = Net((1, 2, 5, 6))
    x = net.qdq(_conv(net, net.quant("x")), 4.0, 20)
    y = net.node("AveragePool", x, kernel_shape=(2, 2), pads=pads, count_include_pad=count_include_pad, strides=(1, 1))
    lowered = assert_equal(net.build(net.qdq(y, 3.0, -7)), reals((3, 2, 5, 6)))
    pool = only(lowered, "pool")
    assert ("multiplier" in pool.constants) == (any(pads) and not count_include_pad)
    assert sum(op in ("requantise", "thresholds") for op in ops(lowered)) == 2


@pytest.mark.parametrize("op", ["GlobalAveragePool", "ReduceMean", "AveragePool"])
def test_mean_over_the_whole_map(op):
    net = Net((1, 2, 5, 6))
    attrs = {"ReduceMean": {"axes": (2, 3), "keepdims": 0}, "AveragePool": {"kernel_shape": (5, 6)}}.get(op, {})
    y = net.node(op, net.qdq(_conv(net, net.quant("x")), 4.0, 20), **attrs)
    y = net.node("Flatten", net.qdq(y, 2.0, 5))
    lowered = assert_equal(net.build(net.node("MatMul", y, net.weights([[1, 2], [3, 4]]))), reals((3, 2, 5, 6)))
    assert "global_pool" in ops(lowered)


def _residual(net: Net, scales: tuple[float, float, float], zeros: tuple[int, int, int], op: str = "Add") -> str:
    a = net.qdq(_conv(net, net.quant("x")), scales[0], zeros[0])
    b = net.qdq(_conv(net, a), scales[1], zeros[1])
    return net.qdq(net.node(op, a, b), scales[2], zeros[2])


@pytest.mark.parametrize("op", ["Add", "Sub"])
@pytest.mark.parametrize("scales", [(0.5, 0.5, 1.0), (0.5, 2.0, 1.0), (4.0, 1.0, 2.0)])
def test_residual_join(op, scales):
    net = Net((1, 2, 4, 4))
    lowered = assert_equal(net.build(_residual(net, scales, (3, -100, 7), op)), reals((4, 2, 4, 4)))
    assert ops(lowered).count("add") == 1 and lowered.graph.nodes[-1].op == "requantise"


def test_a_join_of_equal_scales_adds_without_factors():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 8.0, 4)
    y = net.quant(net.node("Add", a, net.quant(_conv(net, a), 8.0, 4)), 8.0, 4)
    lowered = assert_equal(net.build(y), reals((4, 2, 4, 4)))
    attrs = only(lowered, "add").attrs
    assert (attrs["m0"], attrs["m1"], attrs["bias"]) == (1, 1, 0)


def test_a_join_is_proven_over_all_pairs():
    net = Net((1, 2, 4, 4))
    scales = (0.03939355, 0.10419496, 0.05094567)
    lowered = lower(net.build(_residual(net, scales, (-128, 4, -128))))
    join, unit = only(lowered, "add"), lowered.graph.nodes[-1]
    q = np.arange(-128, 128)
    s0, s1, s2 = (float(np.float32(s)) for s in scales)
    exact = np.clip(np.rint(((q[:, None] + 128) * s0 + (q - 4) * s1) / s2) - 128, -128, 127)
    acc = q[:, None] * int(join.attrs["m0"]) + q * int(join.attrs["m1"])
    add = lowered.graph.constant(unit, "add")[0]
    assert unit.op == "requantise" and lowered.graph.constant(unit, "mul").tolist() == [1]
    np.testing.assert_array_equal(np.clip((acc + add) >> int(unit.attrs["shift"]), -128, 127), exact)
    assert "65536 pairs" in lowered.proofs[-1].detail


@pytest.mark.parametrize("steps", [(1.0, 2.0), (3.0, 2.0)])
def test_channels_of_a_join_that_are_scaled_apart_share_its_factors(steps):
    net = Net((1, 2, 4, 4))
    scales = (0.03939355, 0.05419496, 0.07094567)
    a = net.qdq(_conv(net, net.quant("x")), scales[0], -3)
    b = net.qdq(_conv(net, a), scales[1], 4)
    y = net.node("Mul", net.node("Add", a, b), net.const(np.array(steps).reshape(1, 2, 1, 1)))
    lowered = lower(net.build(net.qdq(y, scales[2], 9)))
    join, unit = only(lowered, "add"), lowered.graph.nodes[-1]
    q, real = np.arange(-128, 128), [Fraction(float(np.float32(s))) for s in scales]
    factors = np.array([[int(join.attrs["m0"])], [int(join.attrs["m1"])]])
    assert unit.op == "requantise" and np.abs(factors).max() < 1 << 26
    for channel, step in enumerate(map(Fraction, steps)):
        exact = [[step * ((p + 3) * real[0] + (v - 4) * real[1]) / real[2] for v in q.tolist()] for p in (-128, 5, 127)]
        want = [[min(max(round(value) + 9, -128), 127) for value in row] for row in exact]
        mul, add = (int(lowered.graph.constant(unit, role)[channel]) for role in ("mul", "add"))
        acc = np.array([[-128], [5], [127]]) * factors[0] + q * factors[1]
        np.testing.assert_array_equal(np.clip((acc * mul + add) >> int(unit.attrs["shift"]), -128, 127), want)


def test_a_join_at_the_output_is_exact():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 0.75, 8)
    y = net.node("Add", a, net.quant(_conv(net, a), 2.0, 8))
    lowered = assert_equal(net.build(y), reals((4, 2, 4, 4)))
    attrs = only(lowered, "add").attrs
    assert (attrs["m0"], attrs["m1"]) == (3, 8)


def test_three_terms():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 4.0, 4)
    b, c = net.quant(_conv(net, a), 2.0, 4), net.quant(_conv(net, a), 1.0, 4)
    y = net.node("Add", net.node("Add", a, b), c)
    assert_equal(net.build(net.quant(y, 4.0, 6)), reals((4, 2, 4, 4)))


def test_a_tensor_added_to_itself_is_no_hardware():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 4.0, 4)
    lowered = assert_equal(net.build(_conv(net, net.node("Add", a, a))), reals((4, 2, 4, 4)))
    assert "add" not in ops(lowered)


def test_broadcasting_an_activation_is_refused():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 4.0, 4)
    y = net.node("Add", a, net.quant(net.node("GlobalAveragePool", a), 1.0, 4), name="join")
    with pytest.raises(UnsupportedError, match=r"must have the same shape.*join"):
        lower(net.build(y))


@pytest.mark.parametrize("perm", [(0, 1, 3, 2), (0, 2, 1, 3), (0, 3, 2, 1)])
def test_a_transpose_in_the_middle_is_hardware(perm):
    net = Net((1, 4, 4, 4))
    a = net.node("Transpose", net.quant(_conv(net, net.quant("x"), 4, 4), 4.0, 4), perm=perm)
    lowered = assert_equal(net.build(_conv(net, a, 4)), reals((4, 4, 4, 4)))
    assert ops(lowered) == ["matvec", "thresholds", "rearrange", "matvec"]


def test_a_vector_becomes_a_map():
    net = Net((1, 12))
    a = net.quant(net.node("MatMul", net.quant("x"), net.weights(RNG.integers(-7, 8, (12, 24)))), 4.0, 4)
    a = net.node("Reshape", a, net.const([1, 2, 4, 3], np.int64))
    lowered = assert_equal(net.build(_conv(net, a, size=3)), reals((4, 12)))
    assert ops(lowered).count("rearrange") == 1


def test_terms_in_different_orders_are_added():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 4.0, 4)
    b = net.node("Transpose", a, perm=(0, 1, 3, 2))
    lowered = assert_equal(net.build(net.quant(net.node("Add", a, b), 8.0, 4)), reals((4, 2, 4, 4)))
    assert ops(lowered).count("rearrange") == 1


def test_a_channels_last_input_is_turned_by_the_host():
    net = Net((1, 5, 4, 2))
    x = net.node("Transpose", "x", perm=(0, 3, 1, 2))
    lowered = assert_equal(net.build(_conv(net, net.quant(x))), reals((3, 5, 4, 2)))
    assert lowered.graph.types[lowered.graph.inputs[0]].shape == (1, 2, 5, 4)
    assert any("The host computes" in note for note in lowered.host)


def test_streams_carry_channels_innermost():
    net = Net((1, 2, 4, 4))
    lowered = lower(net.build(_conv(net, net.quant("x"))))
    stream = StreamType.of(lowered.graph.types[lowered.graph.inputs[0]], 2)
    assert (stream.lanes, stream.beats, stream.order) == (2, 16, "nhwc")


@pytest.mark.parametrize("keepdims", [0, 1])
def test_argmax_takes_the_lowest_index(keepdims):
    net = Net((1, 3))
    y = net.node("ArgMax", net.node("MatMul", net.quant("x"), net.weights(np.eye(3))), axis=1, keepdims=keepdims)
    model = net.build(y, types={y: TensorProto.INT64})
    x = np.array([[1, 1, 0], [0, 2, 2], [3, 3, 3], [0, 0, 1]], np.float32)
    lowered, ours, theirs = free_run(model, x)
    np.testing.assert_array_equal(ours, theirs)
    assert ours.reshape(-1).tolist() == [0, 1, 0, 2]
    assert ops(lowered) == ["matvec", "argmax"]


def test_argmax_over_scales_of_their_own_belongs_to_the_host():
    net = Net((1, 3))
    w = net.weights(np.eye(3), np.array([0.5, 1.0, 2.0]))
    y = net.node("ArgMax", net.node("MatMul", net.quant("x"), w), axis=1)
    model = net.build(y, types={y: TensorProto.INT64})
    lowered, ours, theirs = free_run(model, reals((20, 3)))
    np.testing.assert_array_equal(ours, theirs)
    assert ops(lowered) == ["matvec"]


def test_softmax_belongs_to_the_host_and_hides_no_logits():
    net = Net((1, 3), TensorProto.INT8)
    y = net.dq(net.q(net.node("MatMul", net.dq("x", 0.5), net.dq_weights(np.eye(3) * 3)), 0.25, 5), 0.25, 5)
    z = net.q(net.node("Softmax", y), 1 / 256, -128)
    model = net.build(z, types={z: TensorProto.INT8})
    lowered, ours, theirs = free_run(model, RNG.integers(-128, 128, (30, 3)).astype(np.int8))
    np.testing.assert_array_equal(ours, theirs)
    assert lowered.outputs[0].onnx == y
    assert any(f"The host computes {z} from {y}" in note for note in lowered.host)


def test_log_softmax_in_the_middle_is_refused():
    net = Net((1, 3))
    y = net.node("LogSoftmax", net.node("MatMul", net.quant("x"), net.weights(np.eye(3))), name="soft")
    with pytest.raises(UnsupportedError, match="MatMul must not follow soft, which only the host can compute"):
        lower(net.build(net.node("MatMul", net.quant(y, 0.125), net.weights(np.eye(3)))))


def test_a_final_affine_belongs_to_the_host():
    net = Net((1, 3))
    y = net.node(
        "Mul",
        net.node("Sub", net.node("MatMul", net.quant("x"), net.weights(np.eye(3))), net.const(0.3)),
        net.const(1.7),
    )
    lowered, ours, theirs = free_run(net.build(y), reals((20, 3)))
    np.testing.assert_array_equal(ours, theirs)
    assert lowered.outputs[0].onnx == "t2"


def test_two_outputs_and_a_fork():
    net = Net((1, 2, 4, 4))
    a = net.quant(_conv(net, net.quant("x")), 4.0, 4)
    b, c = _conv(net, a), net.node("Flatten", net.node("GlobalAveragePool", a))
    lowered = lower(net.build(b, c))
    assert len(lowered.graph.outputs) == 2 and [o.onnx for o in lowered.outputs] == [b, c]


def test_rows_of_a_last_softmax_belong_to_the_host():
    net = Net((1, 2, 3, 2))
    x = net.node("Transpose", net.quant(_conv(net, net.quant("x")), 4.0, 4), perm=(0, 2, 3, 1))
    rows = net.node("Flatten", net.node("Reshape", x, net.const([1, -1, 2], np.int64)), axis=2)
    y = net.node("Reshape", net.node("Softmax", rows, axis=1), net.const([1, -1, 2], np.int64))
    lowered = assert_equal(net.build(y), reals((3, 2, 3, 2)))
    assert ops(lowered) == ["matvec", "thresholds"]
