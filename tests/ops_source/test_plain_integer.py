# SPDX-License-Identifier: Apache-2.0
"""Models whose quantisers are written out as Floor, Round or Ceil with bounds; integers in float tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.graph.source import SourceModel
from hwgen.passes.lower import lower

from .models import Net, assert_equal, only, ops

RNG = np.random.default_rng(5)
WEIGHTS = RNG.integers(-7, 8, (6, 4))
FRAMES = RNG.integers(-8, 8, (40, 6)).astype(np.float32)


def product(net: Net) -> str:
    return net.node("Gemm", "x", net.const(WEIGHTS), net.const(RNG.integers(-20, 20, 4)))


def finished(net: Net, x: str) -> SourceModel:
    y = net.node("MatMul", x, net.const(RNG.integers(-3, 4, (4, 3))))
    return net.build(y, input_types={"x": "int4"})


def clipped(net: Net, x: str, low: float, high: float) -> str:
    return net.node("Clip", x, net.const(low), net.const(high))


@pytest.mark.parametrize("rounding", ["Floor", "Round", "Ceil"])
@pytest.mark.parametrize(("low", "high"), [(0, 15), (-8, 7), (-7, 7), (0, 5), (-3, 9), (0, 1), (-1, 0), (-128, 127)])
def test_a_rounding_with_bounds_is_a_quantiser(rounding: str, low: int, high: int) -> None:
    net = Net((1, 6))
    x = net.node(rounding, net.node("Mul", product(net), net.const(0.125)))
    model = finished(net, clipped(net, x, low, high))
    assert "Quant" in [node.op for node in model.nodes]
    lowered = assert_equal(model, FRAMES)
    assert len(ops(lowered)) == 3
    kind = lowered.graph.types[lowered.observations[0].tensor]
    assert kind.signed == (low < 0) and kind.bits <= 8


def test_bounds_in_several_nodes() -> None:
    net = Net((1, 6))
    x = net.node("Floor", net.node("Div", product(net), net.const(4)))
    x = net.node("Min", net.node("Relu", x), net.const(7))
    model = finished(net, x)
    assert [node.op for node in model.nodes] == ["Gemm", "Div", "Quant", "MatMul"]
    assert_equal(model, FRAMES)


def test_bounds_before_the_rounding() -> None:
    net = Net((1, 6))
    x = clipped(net, net.node("Mul", product(net), net.const(0.25)), -2.5, 3.0)
    model = finished(net, net.node("Round", x))
    assert "Round" in [node.op for node in model.nodes]
    assert only(assert_equal(model, FRAMES), "thresholds").attrs["y_min"] == -2


def test_a_rounding_without_bounds_keeps_every_level() -> None:
    net = Net((1, 6))
    model = finished(net, net.node("Floor", net.node("Mul", product(net), net.const(0.0625))))
    assert_equal(model, FRAMES)


def test_a_fake_quantiser_with_scales_around_it() -> None:
    """As quantisation-aware training writes it: divide, round, clip, multiply; the weights too."""
    net = Net((1, 6))
    codes = clipped(net, net.node("Round", net.node("Div", net.const(WEIGHTS * 0.25 + 0.06), net.const(0.25))), -7, 7)
    weights = net.node("Mul", codes, net.const(0.25))
    x = net.node("Div", net.node("MatMul", "x", weights), net.const(0.5))
    x = net.node("Mul", clipped(net, net.node("Round", x), 0, 15), net.const(0.5))
    lowered = assert_equal(finished(net, x), FRAMES)
    assert ops(lowered) == ["matvec", "thresholds", "matvec"]
    np.testing.assert_array_equal(lowered.graph.constants["matmul_4_weight"], WEIGHTS.T)


def test_fractional_bounds_are_no_quantiser() -> None:
    net = Net((1, 6))
    model = finished(net, clipped(net, net.node("Floor", product(net)), -2.5, 3.0))
    assert "Quant" not in [node.op for node in model.nodes]


def test_an_undeclared_input_is_refused_with_the_option_that_declares_it() -> None:
    net = Net((1, 6))
    model = net.build(product(net))
    with pytest.raises(UnsupportedError) as caught:
        lower(model)
    text = "Insert a quantiser before it, or declare the integers that it holds: --input-type x=int8."
    assert text in str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_an_input_of_integer_type_may_be_declared_narrower(dtype: Any) -> None:
    net = Net((1, 6), {np.uint8: 2, np.int32: 6}[dtype])
    x = net.node("MatMul", net.node("DequantizeLinear", "x", net.const(1.0)), net.const(WEIGHTS))
    lowered = assert_equal(net.build(x, input_types={"x": "uint4"}), np.abs(FRAMES).astype(dtype))
    assert lowered.graph.types["x"].bits == 4
