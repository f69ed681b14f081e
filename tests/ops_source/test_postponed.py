# SPDX-License-Identifier: Apache-2.0
"""Joins that wait for the quantiser behind them: constants beside activations, maxima, rows of any scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_built, assert_close, assert_equal, ops, reals

RNG = np.random.default_rng(23)


def layer(net: Net, x: str, scale: float, bits: int = 4) -> str:
    """Return a quantised product of tokens (1, T, 4) and weights."""
    return net.quant(net.node("MatMul", x, net.weights(RNG.integers(-7, 8, (4, 4)))), scale, bits)


def constant(net: Net, shape: tuple[int, ...], step: float = 0.25) -> str:
    return net.const(RNG.integers(-40, 40, shape) * step)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("order", ["ca", "ac", "cac", "acca"])
def test_constants_beside_tokens_before_a_quantiser(axis: int, order: str) -> None:
    net = Net((1, 3, 4))
    x = net.quant("x", bits=4)
    shape = (1, 2, 4) if axis == 1 else (1, 3, 2)
    parts = [constant(net, shape) if kind == "c" else layer(net, x, 2.0) for kind in order]
    y = net.quant(net.node("Concat", *parts, axis=axis), 1.0, 6)
    columns = 4 if axis == 1 else 4 * order.count("a") + 2 * order.count("c")
    y = net.node("MatMul", y, net.weights(RNG.integers(-7, 8, (columns, 3))))
    lowered = assert_equal(net.build(net.quant(y, 4.0, 8)), reals((4, 3, 4)))
    assert "pad" in ops(lowered)


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("same", [True, False])
def test_constants_beside_a_map(axis: int, same: bool) -> None:
    net = Net((1, 2, 4, 3))
    shape = [1, 2, 4, 3]
    shape[axis] = 2
    x = net.node("Conv", net.quant("x", bits=4), net.weights(RNG.integers(-7, 8, (2, 2, 1, 1))))
    beside = net.const(np.full(shape, 3.0)) if same else constant(net, tuple(shape))
    y = net.quant(net.node("Concat", x, beside, axis=axis), 2.0, 6)
    channels = 4 if axis == 1 else 2
    y = net.node("Conv", y, net.weights(RNG.integers(-7, 8, (3, channels, 3, 3))), pads=[1, 1, 1, 1])
    lowered = assert_equal(net.build(net.quant(y, 8.0, 8)), reals((4, 2, 4, 3)))
    assert ("add_table" in ops(lowered)) is not same


def test_constants_beside_a_vector() -> None:
    net = Net((1, 4))
    y = net.node("Concat", constant(net, (1, 3)), layer(net, net.quant("x", bits=4), 2.0), axis=1)
    y = net.node("MatMul", net.quant(y, 0.5, 8), net.weights(RNG.integers(-7, 8, (7, 3))))
    assert_equal(net.build(y), reals((4, 4)))


def test_constants_on_the_grid_need_no_quantiser_behind() -> None:
    net = Net((1, 3, 4))
    parts = [net.weights(RNG.integers(-7, 8, (1, 1, 4)), 2.0), layer(net, net.quant("x", bits=4), 2.0)]
    y = net.node("MatMul", net.node("Concat", *parts, axis=1), net.weights(RNG.integers(-7, 8, (4, 3))))
    assert_equal(net.build(net.quant(y, 8.0, 8)), reals((4, 3, 4)))


def test_rows_of_any_scales_before_a_quantiser() -> None:
    net = Net((1, 2, 4, 3))
    x = net.quant("x", bits=4)
    convs = [net.node("Conv", x, net.weights(RNG.integers(-7, 8, (2, 2, 1, 1)))) for _ in "ab"]
    a, b = (net.quant(conv, scale, 4) for conv, scale in zip(convs, (0.7, 0.3), strict=True))
    y = net.quant(net.node("Relu", net.node("Concat", a, b, axis=2)), 0.25, 5, signed=0)
    y = net.node("Conv", y, net.weights(RNG.integers(-7, 8, (3, 2, 3, 3))))
    lowered = assert_close(net.build(net.quant(y, 8.0, 8)), reals((4, 2, 4, 3)), 0)
    assert ops(lowered).count("concat") == 1


@pytest.mark.parametrize("op", ["Min", "Max"])
@pytest.mark.parametrize("scales", [(1.0, 1.0), (2.0, 0.5), (0.7, 0.3)])
def test_extremes_of_two_tensors_before_a_quantiser(op: str, scales: tuple[float, float]) -> None:
    net = Net((1, 3, 4))
    x = net.quant("x", bits=4)
    a, b = (layer(net, x, scale) for scale in scales)
    y = net.node(op, a, net.const(0.5), b)
    y = net.node("MatMul", net.quant(y, 0.5, 5), net.weights(RNG.integers(-7, 8, (4, 3))))
    assert_close(net.build(net.quant(y, 8.0, 8)), reals((4, 3, 4)), 0)


@pytest.mark.parametrize("op", ["Min", "Max"])
def test_extremes_of_one_grid_need_no_quantiser_behind(op: str) -> None:
    net = Net((1, 4))
    x = net.qdq("x", 1.0, 3)
    a, b = (net.qdq(net.node("MatMul", x, net.dq_weights(RNG.integers(-7, 8, (4, 4)))), 2.0, z) for z in (5, -9))
    y = net.node("MatMul", net.node(op, a, b, layer(net, x, 4.0)), net.dq_weights(RNG.integers(-7, 8, (4, 3))))
    assert_equal(net.build(net.qdq(y, 16.0, 1)), reals((8, 4)))


def test_extremes_of_functions() -> None:
    net = Net((1, 4))
    x = net.quant("x", bits=4)
    a, b = (net.node(op, layer(net, x, 0.25)) for op in ("Sigmoid", "Tanh"))
    y = net.node("MatMul", net.quant(net.node("Max", a, b), 1 / 16, 5), net.weights(RNG.integers(-7, 8, (4, 3))))
    assert_close(net.build(net.quant(y, 0.25, 8)), reals((8, 4)))


def test_what_cannot_wait_is_refused() -> None:
    net = Net((1, 4))
    x = net.quant("x", bits=4)
    y = net.node("Max", layer(net, x, 0.5), net.node("Sigmoid", layer(net, x, 0.25)), name="most")
    y = net.node("MatMul", y, net.weights(RNG.integers(-7, 8, (4, 3))))
    with pytest.raises(UnsupportedError, match="output of Max must be quantised, for an input is a function of S"):
        lower(net.build(net.quant(y, 8.0)))


@pytest.mark.parametrize("mask", [-1e9, -np.inf])
def test_masks_of_attention_are_added(mask: float) -> None:
    net = Net((1, 4, 4))
    scores = layer(net, net.quant("x", bits=4), 0.5, 8)
    triangle = np.triu(np.full((1, 4, 4), mask), 1)
    triangle[np.isnan(triangle)] = 0
    y = net.node("Softmax", net.quant(net.node("Add", scores, net.const(triangle)), 0.25, 8), axis=-1)
    y = net.node("MatMul", net.quant(y, 1 / 256, 8, signed=0), net.weights(RNG.integers(-7, 8, (4, 3))))
    lowered = assert_close(net.build(net.quant(y, 0.25, 8)), reals((4, 4, 4)))
    assert "add_table" in ops(lowered)


@pytest.mark.parametrize("fits", [True, False])
def test_the_largest_probability_is_the_largest_input(fits: bool) -> None:
    net = Net((1, 4))
    y = net.node("MatMul", net.quant("x", bits=4), net.weights(RNG.integers(-1, 2, (4, 5))))
    y = net.node("ArgMax", net.node("Softmax", y if fits else net.node("Relu", y)), axis=1, keepdims=0)
    lowered = assert_equal(net.build(y, types={y: 7}), reals((64, 4)))
    assert ("argmax" in ops(lowered)) is fits


def test_down_to_rtl(tmp_path: Path) -> None:
    """A class token in front of tokens, and the maximum of two branches."""
    net = Net((1, 3, 4))
    x = net.quant("x", bits=4)
    tokens = net.node("Max", layer(net, x, 0.7), layer(net, x, 0.3))
    y = net.quant(net.node("Concat", constant(net, (1, 1, 4)), net.quant(tokens, 0.5, 5), axis=1), 0.5, 5)
    y = net.quant(net.node("MatMul", y, net.weights(RNG.integers(-7, 8, (4, 3)))), 4.0, 8)
    report = assert_built(net, y, reals((3, 3, 4)), tmp_path)
    assert report["parity"]["max_lsb"] == 0


def test_a_map_down_to_rtl(tmp_path: Path) -> None:
    """Constant channels, rows of two scales, a minimum, the class of the largest probability."""
    net = Net((1, 2, 3, 2))
    x = net.quant("x", bits=4)
    convs = [net.node("Conv", x, net.weights(RNG.integers(-7, 8, (2, 2, 1, 1)))) for _ in "abc"]
    a, b, c = (net.quant(conv, scale, 4) for conv, scale in zip(convs, (0.7, 0.3, 0.5), strict=True))
    y = net.quant(net.node("Concat", net.node("Min", a, c), b, axis=2), 0.5, 5)
    y = net.quant(net.node("Concat", y, constant(net, (1, 1, 6, 2)), axis=1), 0.5, 5)
    y = net.node("Gemm", net.node("Flatten", y), net.weights(RNG.integers(-7, 8, (36, 4))))
    y = net.node("ArgMax", net.node("Softmax", y), axis=1)
    report = assert_built(net, y, reals((3, 2, 3, 2)), tmp_path, kind=TensorProto.INT64)
    assert report["parity"]["max_lsb"] == 0
    assert "argmax" in [layer["op"] for layer in report["layers"]]
