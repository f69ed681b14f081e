# SPDX-License-Identifier: Apache-2.0
"""Tensors whose elements stand in another order than in ONNX: tokens, maps with their channels last, outputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwgen.graph.layout import IN_ORDER, Layout

from .models import Net, assert_close, assert_equal, ops, reals

RNG = np.random.default_rng(11)
TOKENS = (1, 6, 8)


def _ints(*shape: int) -> np.ndarray:
    return RNG.integers(-7, 8, shape)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(range(4)), st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_a_layout_is_found_and_undone(perm: list[int], shape: list[int]) -> None:
    base = tuple(shape[axis] for axis in perm)
    onnx = np.arange(np.prod(shape)).reshape(shape)
    positions = np.empty(onnx.size, dtype=np.int64)
    positions[onnx.transpose(perm).reshape(-1)] = np.arange(onnx.size)
    layout = Layout.of(positions)
    assert layout is not None
    frames = np.stack([onnx, onnx + 1000])
    inward = layout.inward(frames, (1, *base))
    assert np.array_equal(inward[0], onnx.transpose(perm))
    assert np.array_equal(layout.outward(inward, (1, *shape)), frames)


@pytest.mark.parametrize("positions", [[1, 0, 2], [0, 1, 3, 2], [0, 0, 1, 1], [0, 2, 4, 6], [0, 3, 1, 2, 4, 5]])
def test_what_is_no_permutation_of_axes_has_no_layout(positions: list[int]) -> None:
    assert Layout.of(np.array(positions)) is None


def test_the_identity_is_in_order_whatever_the_shape() -> None:
    assert Layout.of(np.arange(12).reshape(3, 1, 4)) == IN_ORDER


def test_a_product_for_every_token_with_bias_relu_and_residual() -> None:
    net = Net(TOKENS)
    x = net.quant("x", 0.5)
    hidden = net.node("Add", net.node("MatMul", x, net.weights(_ints(8, 12), 0.25)), net.const(_ints(12) * 0.5))
    hidden = net.quant(net.node("Relu", hidden), 2.0, signed=0)
    y = net.quant(net.node("MatMul", hidden, net.weights(_ints(12, 8), 0.25)), 8.0)
    lowered = assert_equal(net.build(net.quant(net.node("Add", x, y), 4.0)), reals((3, *TOKENS[1:])))
    assert lowered.graph.types[lowered.graph.inputs[0]].shape == (1, 8, 6, 1)
    assert [o.layout for o in (*lowered.inputs, *lowered.outputs)] == [Layout((6, 8), (1, 0))] * 2
    assert ops(lowered).count("matvec") == 2 and ops(lowered).count("add") == 1


def test_one_scale_for_each_weight_column() -> None:
    net = Net(TOKENS)
    w = net.weights(_ints(8, 4), 0.25 * 2.0 ** _ints(1, 4) ** 0)
    assert_equal(net.build(net.quant(net.node("MatMul", net.quant("x", 0.5), w), 4.0)), reals((3, *TOKENS[1:])))


def test_tokens_flattened_into_one_vector() -> None:
    net = Net(TOKENS)
    tokens = net.quant(net.node("MatMul", net.quant("x", 0.5), net.weights(_ints(8, 4), 0.25)), 4.0)
    flat = net.node("Flatten", tokens)
    y = net.node("MatMul", flat, net.weights(_ints(24, 5)))
    assert_equal(net.build(net.quant(y, 64.0)), reals((3, *TOKENS[1:])))


def test_a_map_may_leave_with_its_channels_last() -> None:
    net = Net((1, 3, 4, 5))
    y = net.quant(net.node("Conv", net.quant("x", 0.5), net.weights(_ints(2, 3, 1, 1))), 4.0)
    lowered = assert_equal(net.build(net.node("Transpose", y, perm=(0, 2, 3, 1))), reals((3, 3, 4, 5)))
    assert lowered.outputs[0].layout.perm


def test_a_product_with_one_scale_for_each_output_leaves_as_real_numbers() -> None:
    net = Net(TOKENS)
    scale = 0.25 * 2.0 ** RNG.integers(0, 3, (1, 4))
    y = net.node("MatMul", net.quant("x", 0.5), net.weights(_ints(8, 4), scale))
    assert_equal(net.build(net.node("Add", y, net.const([0.3, 0.1, 0.7, 5.0]))), reals((3, *TOKENS[1:])))


@pytest.mark.parametrize("op", ["Add", "Sub"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_constant_for_every_element(op: str, reverse: bool) -> None:
    net = Net(TOKENS)
    x = net.quant("x", 0.5, zero=3)
    positions = net.const(_ints(6, 8) * 0.125)
    y = net.node(op, *((positions, x) if reverse else (x, positions)))
    assert "add_table" in ops(assert_equal(net.build(net.quant(y, 1.0)), reals((30, *TOKENS[1:]))))


def test_positions_on_top_of_a_product_with_one_scale_for_each_column() -> None:
    net = Net(TOKENS)
    product = net.node(
        "MatMul", net.quant("x", 0.5), net.weights(_ints(8, 4), 0.25 * 2.0 ** RNG.integers(0, 3, (1, 4)))
    )
    y = net.node("Add", net.node("Add", product, net.const(_ints(4))), net.const(RNG.normal(size=(1, 6, 4))))
    lowered = assert_close(net.build(net.quant(y, 2.0)), reals((30, *TOKENS[1:])))
    assert any("rounded onto" in note for note in lowered.host)
