# SPDX-License-Identifier: Apache-2.0
"""Functions of one activation against onnxruntime: each in a table, and in thresholds where it may follow a sum."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.frontend.host import observed
from hwgen.frontend.reference import Reference
from hwgen.graph.source import SourceModel
from hwgen.ops.functions import FUNCTIONS
from hwgen.ops.lowered import Lowered
from hwgen.passes import golden
from hwgen.passes.lower import lower

from .models import Net, assert_equal, free_run, ops

POSITIVE = {"Log", "Sqrt"}
UNIT = {"Acos", "Asin", "Atanh"}
OPSETS = {"HardSwish": 14, "Gelu": 20, "Mish": 18, "Swish": 24}
ALPHAS = {"LeakyRelu": 0.25, "Celu": 0.5, "ThresholdedRelu": 0.75, "Elu": 2.0}


def start(net: Net, op: str, bits: int = 8) -> str:
    """Quantise the input to integers whose reals lie in the function's domain."""
    if op in POSITIVE:
        return net.quant("x", 1 / 16, bits, signed=0)
    if op == "Acosh":
        return net.node("Add", net.quant("x", 1 / 16, bits, signed=0), net.const(1.0))
    return net.quant("x", 1 / 128 if op in UNIT else 1 / 16, bits, narrow=int(op == "Atanh"))


def off_by(model: SourceModel, x: np.ndarray) -> tuple[Lowered, int]:
    """Return the lowered model, and how far it is from onnxruntime at any observed tensor, in steps."""
    lowered, reference = lower(model), Reference(model)
    seen = observed(lowered, reference, {model.inputs[0]: x})
    run = golden.run(lowered.graph, {o.tensor: seen[o.tensor] for o in lowered.inputs})
    known = [o.tensor for o in (*lowered.observations, *lowered.outputs)]
    assert known
    return lowered, max(int(np.abs(run[name] - seen[name]).max()) for name in known)


def every(count: int = 256, low: float = -8.0) -> np.ndarray:
    """Return all inputs of an 8-bit quantiser as frames of four."""
    return (low + np.arange(count, dtype=np.float32) / 16).reshape(-1, 4)


@pytest.mark.parametrize("op", sorted(set(FUNCTIONS) - {"Swish"}))
def test_a_function_of_integers_is_a_table(op: str) -> None:
    net = Net((1, 4), opset=OPSETS.get(op, 13))
    attrs = {"alpha": ALPHAS[op]} if op in ALPHAS else {}
    y = net.quant(net.node(op, start(net, op), **attrs), 1 / 16, 8)
    frames = every(low=0.0 if op in POSITIVE | {"Acosh"} else -8.0) / (8 if op in UNIT else 1)
    lowered, off = off_by(net.build(y), frames)
    assert ops(lowered) in (["table"], [])
    assert off <= 1


def dense(net: Net, x: str, outputs: int = 4) -> str:
    """Return a sum of many bits."""
    weights = np.random.default_rng(5).integers(-7, 8, (4, outputs))
    return net.node("MatMul", x, net.weights(weights))


@pytest.mark.parametrize("op", ["Sigmoid", "Tanh", "LeakyRelu", "Elu", "Softplus", "Softsign", "Sign", "Atan"])
def test_a_rising_function_of_a_sum_is_thresholds(op: str) -> None:
    net = Net((1, 4))
    y = net.node("Mul", dense(net, net.quant("x", 1 / 64, 8)), net.const([0.25, -0.5, 1.0, -2.0]))
    lowered, off = off_by(net.build(net.quant(net.node(op, y), 1 / 8, 4)), every() / 4)
    assert ops(lowered) == ["matvec", "thresholds"]
    assert lowered.graph.constant(lowered.graph.nodes[1], "flip").tolist() == [0, 1, 0, 1]
    assert off <= 1 and lowered.proofs[0].detail.endswith("float64")


@pytest.mark.parametrize("slope", [[0.25], [[0.5], [0.0], [0.125], [1.0]]])
def test_prelu_has_a_slope_for_each_channel(slope: list) -> None:
    net = Net((1, 4, 1, 1))
    conv = net.node("Conv", net.quant("x", 1 / 4, 8), net.weights(127 * np.eye(4).reshape(4, 4, 1, 1)))
    y = net.node("PRelu", conv, net.const(np.reshape(slope, (-1, 1, 1))))
    lowered = assert_equal(net.build(net.quant(y, 64.0, 8)), every().reshape(-1, 4, 1, 1) * 4)
    assert ops(lowered)[-1] == "thresholds"


@pytest.mark.parametrize("op", ["Min", "Max"])
@pytest.mark.parametrize("bounds", [[1.5], [np.inf, 2.0], [[1.0, -1.0, 0.5, 3.0]]])
def test_min_and_max_with_constants(op: str, bounds: list) -> None:
    net = Net((1, 4))
    sign = 1.0 if op == "Min" else -1.0
    y = net.node(op, *(net.const(np.multiply(sign, b)) for b in bounds), dense(net, net.quant("x", 1 / 64, 8)))
    lowered = assert_equal(net.build(net.quant(y, 1 / 4, 4)), every() / 4)
    assert ops(lowered) == ["matvec", "thresholds"]


def test_the_largest_of_functions_of_one_tensor_is_a_table() -> None:
    net = Net((1, 4))
    x = net.quant("x", 1 / 16, 8)
    y = net.node("Max", net.node("Mul", x, net.const(0.25)), net.node("Neg", x), net.const(0.5))
    assert ops(assert_equal(net.build(net.quant(y, 1 / 16, 8)), every())) == ["table"]


@pytest.mark.parametrize("compare", ["Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"])
def test_where_chooses_by_a_comparison(compare: str) -> None:
    net = Net((1, 4), opset=16)
    x = net.quant("x", 1 / 16, 8)
    large = net.node("Not", net.node("Or", net.node(compare, x, net.const(0.5)), net.node("Less", x, net.const(-4.0))))
    y = net.node("Where", large, net.node("Mul", x, net.const(0.5)), net.const(-1.0))
    assert ops(assert_equal(net.build(net.quant(y, 1 / 16, 8)), every())) == ["table"]


def test_a_comparison_of_a_sum_is_one_threshold() -> None:
    net = Net((1, 4))
    large = net.node("Less", net.const(0.5), dense(net, net.quant("x", 1 / 64, 8)))
    y = net.quant(net.node("Cast", large, to=1), 1.0, 1, signed=0)
    assert ops(assert_equal(net.build(y), every() / 4)) == ["matvec", "thresholds"]


@pytest.mark.parametrize("exponent", [2.0, 0.5, -1.0])
def test_pow_with_a_constant_exponent(exponent: float) -> None:
    net = Net((1, 4))
    x = net.node("Add", net.quant("x", 1 / 16, 8, signed=0), net.const(1 / 16))
    lowered, off = off_by(net.build(net.quant(net.node("Pow", x, net.const(exponent)), 1 / 8, 8)), every(low=0))
    assert ops(lowered) == ["table"] and off <= 1


def test_a_constant_over_an_activation() -> None:
    net = Net((1, 4))
    x = net.node("Add", net.quant("x", 1 / 16, 8, signed=0), net.const(1 / 16))
    lowered, off = off_by(net.build(net.quant(net.node("Div", net.const(3.0), x), 1 / 8, 8)), every(low=0))
    assert ops(lowered) == ["table"] and off <= 1


def test_a_function_at_the_end_is_left_to_the_host() -> None:
    net = Net((1, 4))
    model = net.build(net.node("Sigmoid", dense(net, net.quant("x", 1 / 64, 8))))
    lowered, ours, theirs = free_run(model, every() / 4)
    np.testing.assert_array_equal(ours, theirs)
    assert ops(lowered) == ["matvec"] and any("The host computes" in note for note in lowered.host)


def test_a_function_that_is_not_defined_is_refused() -> None:
    net = Net((1, 4))
    y = net.quant(net.node("Sqrt", net.quant("x", 1 / 16, 8), name="root"), 1 / 16, 8)
    with pytest.raises(UnsupportedError, match=r"output of Sqrt \(root\) must be a number"):
        lower(net.build(y))


def test_a_product_reads_a_quantised_function() -> None:
    net = Net((1, 4))
    y = dense(net, net.node("Tanh", dense(net, net.quant("x", 1 / 64, 8)), name="squash"))
    with pytest.raises(UnsupportedError, match=r"must be quantised after Tanh \(squash\)"):
        lower(net.build(y))


@pytest.mark.parametrize("op", ["Abs", "HardSwish", "Cos"])
def test_a_function_of_a_sum_that_rises_and_falls_is_counted_both_ways(op: str) -> None:
    net = Net((1, 4), opset=14)
    y = net.node("Mul", dense(net, net.quant("x", 1 / 64, 8)), net.const([0.25, -0.5, 1.0, 0.5]))
    lowered, off = off_by(net.build(net.quant(net.node(op, y), 1 / 8, 6)), every() / 4)
    assert ops(lowered) == ["matvec", "thresholds", "thresholds", "add"]
    assert off <= 1 and lowered.proofs[0].node == lowered.graph.nodes[-1].name


def test_a_wide_input_takes_thresholds_where_they_are_cheaper() -> None:
    net = Net((1, 4))
    lowered = assert_equal(net.build(net.quant(net.node("Tanh", net.quant("x", 1 / 256, 12)), 1 / 4, 3)), every() / 4)
    assert ops(lowered) == ["thresholds"]
