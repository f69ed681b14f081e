# SPDX-License-Identifier: Apache-2.0
"""Products of activations: of two tensors, of a map and its gate, and of a tensor with a function of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_built, assert_equal, free_run, only, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(3).bit_generator.state


def conv(net: Net, x: str, inputs: int = 4, outputs: int = 4) -> str:
    return net.node("Conv", x, net.weights(RNG.integers(-7, 8, (outputs, inputs, 1, 1))))


def excited(net: Net, pixels: int) -> str:
    """Return a map of 4 channels times its squeeze-and-excite gate."""
    x = net.quant(conv(net, net.quant("x", 1.0, 5)), 4.0, 6)
    pooled = net.quant(net.node("GlobalAveragePool", x), 1.0 / pixels, 8)
    hidden = net.quant(net.node("Relu", conv(net, pooled, 4, 2)), 1.0, 8, signed=0)
    gate = net.quant(net.node("HardSigmoid", conv(net, hidden, 2, 4), alpha=0.0625, beta=0.5), 1 / 16, 5, signed=0)
    return net.quant(net.node("Mul", x, gate), 2.0, 6)


@pytest.mark.parametrize("zero", [0, 3])
def test_the_product_of_two_tensors(zero):
    net = Net((1, 4, 3, 3))
    a = net.qdq(conv(net, net.quant("x", 1.0, 5)), 4.0, zero)
    b = net.quant(conv(net, a), 8.0, 4)
    lowered = assert_equal(net.build(conv(net, net.quant(net.node("Mul", b, a), 16.0, 6))), reals((9, 4, 3, 3)))
    assert only(lowered, "multiply").attrs == {"za": 0, "zb": zero}


def test_a_transposed_factor_is_put_in_order():
    net = Net((1, 4, 3, 3))
    a = net.quant(conv(net, net.quant("x", 1.0, 5)), 4.0, 4)
    turned = net.node("Transpose", net.quant(conv(net, a), 8.0, 4), perm=(0, 1, 3, 2))
    lowered = assert_equal(net.build(conv(net, net.quant(net.node("Mul", a, turned), 16.0, 6))), reals((9, 4, 3, 3)))
    assert "rearrange" in ops(lowered)


def test_a_gate_multiplies_each_channel_of_its_map(tmp_path: Path):
    net = Net((1, 4, 4, 4))
    y = conv(net, excited(net, 16))
    x = reals((9, 4, 4, 4), step=0.5, reach=40)
    assert_equal(net.build(y), x)
    assert assert_built(net, y, x, tmp_path)["parity"]["max_lsb"] == 0


def test_a_gate_of_another_shape_is_refused():
    net = Net((1, 4, 3, 3))
    a = net.quant(conv(net, net.quant("x", 1.0, 5)), 4.0, 4)
    column = net.node("AveragePool", a, kernel_shape=(1, 3))
    y = net.node("Mul", a, net.quant(column, 1.0, 4), name="gate")
    with pytest.raises(UnsupportedError, match=r"one number for each channel of the other.*gate"):
        lower(net.build(conv(net, y)))


def test_a_tensor_times_a_function_of_itself_is_one_table():
    net = Net((1, 4, 3, 3))
    x = net.quant(conv(net, net.quant("x", 1.0, 5)), 0.5, 8)
    gate = net.quant(net.node("Sigmoid", x), 1 / 256, 8, signed=0)
    lowered = assert_equal(net.build(net.quant(net.node("Mul", x, gate), 0.25, 8)), reals((9, 4, 3, 3)))
    assert ops(lowered).count("table") == 1 and "multiply" not in ops(lowered)


def test_functions_join_before_they_are_quantised():
    """Gelu as exporters write it: x * 0.5 * (1 + erf(x / sqrt(2)))."""
    net = Net((1, 4, 3, 3))
    x = net.quant(conv(net, net.quant("x", 1.0, 5)), 1 / 64, 8)
    erf = net.node("Erf", net.node("Div", x, net.const(np.sqrt(2))))
    y = net.node("Mul", net.node("Mul", x, net.node("Add", erf, net.const(1.0))), net.const(0.5))
    lowered = assert_equal(net.build(net.quant(y, 1 / 32, 8)), reals((9, 4, 3, 3)))
    assert ops(lowered).count("table") == 1


def test_a_quotient_of_activations_is_refused():
    net = Net((1, 4, 3, 3))
    a = net.quant(conv(net, net.quant("x", 1.0, 5)), 4.0, 4)
    y = net.node("Div", a, net.quant(conv(net, a), 4.0, 4), name="ratio")
    with pytest.raises(UnsupportedError, match=r"must not divide one activation by another.*ratio"):
        lower(net.build(conv(net, net.quant(y, 1.0, 4))))


@pytest.mark.parametrize("op", ["Add", "Less"])
def test_functions_of_different_tensors_are_quantised_before_they_meet(op):
    net = Net((1, 4, 3, 3))
    a = net.quant(conv(net, net.quant("x", 1.0, 5)), 4.0, 4)
    b = net.quant(conv(net, a), 4.0, 4)
    y = net.node(op, net.node("Tanh", a), net.node("Tanh", b), name="meeting")
    y = net.node("Cast", y, to=1) if op == "Less" else y
    with pytest.raises(UnsupportedError, match=r"functions of one quantised tensor, not of several.*meeting"):
        lower(net.build(conv(net, net.quant(y, 1.0, 4))))


def test_functions_of_different_tensors_meet_at_the_host():
    net = Net((1, 4, 3, 3))
    a = net.quant(conv(net, net.quant("x", 1.0, 5)), 4.0, 4)
    b = net.quant(conv(net, a), 4.0, 4)
    _, ours, theirs = free_run(net.build(net.node("Mul", net.node("Tanh", a), b)), reals((9, 4, 3, 3)))
    np.testing.assert_array_equal(ours, theirs)


def test_a_join_times_a_function_of_itself_is_a_table_behind_the_adder():
    net = Net((1, 4, 3, 3))
    a = net.quant(conv(net, net.quant("x", 1.0, 5)), 0.5, 6)
    total = net.node("Add", a, net.quant(conv(net, a), 1.0, 6))
    y = net.quant(net.node("Mul", total, net.node("Sigmoid", total)), 0.25, 8)
    assert ops(assert_equal(net.build(y), reals((9, 4, 3, 3))))[-2:] == ["add", "table"]
