# SPDX-License-Identifier: Apache-2.0
"""QDQ of 4 bits, output types named by an attribute, and fixed-point weights."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto

from .models import Net, assert_as_written, assert_equal, ops, reals

RNG = np.random.default_rng(6)


@pytest.mark.parametrize("opset", [21, 23])
@pytest.mark.parametrize(("kind", "zero"), [(ml_dtypes.int4, 0), (ml_dtypes.int4, -3), (ml_dtypes.uint4, 9)])
def test_activations_and_weights_of_four_bits(kind: Any, zero: int, opset: int) -> None:
    net = Net((1, 6), opset=opset)
    low = 0 if kind == ml_dtypes.uint4 else -8
    x = net.qdq("x", 0.5, zero, kind)
    x = net.node("MatMul", x, net.dq_weights(RNG.integers(low, low + 16, (6, 4)), 1.0, zero, kind))
    y = net.node("MatMul", net.qdq(x, 4.0, zero, kind), net.dq_weights(RNG.integers(-8, 8, (4, 3))))
    x = reals((20, 6))
    lowered = assert_as_written(net, y, x)
    assert ops(lowered)[::2] == ["matvec", "matvec"]
    hidden = lowered.graph.types[lowered.graph.nodes[1].outputs[0]]
    assert (hidden.bits, hidden.signed) == (4, low < 0)
    assert_equal(net.build(y), x)


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16])
def test_the_output_type_may_be_an_attribute(kind: int) -> None:
    net = Net((1, 6), opset=21)
    x = net.node("QuantizeLinear", "x", net.const(0.5), output_dtype=kind)
    x = net.node("DequantizeLinear", x, net.const(0.5))
    assert_as_written(net, net.node("MatMul", x, net.dq_weights(RNG.integers(-8, 8, (6, 4)))), reals((20, 6)))


def test_weights_on_a_power_of_two_grid_are_integers_over_it() -> None:
    net = Net((1, 6))
    weights = RNG.integers(-8, 8, (6, 3))
    weights[0, 0] = 7
    y = net.node("Gemm", net.qdq("x", 0.5, 0), net.const(weights * 0.125), net.const([0.5, 1, 2]))
    lowered = assert_as_written(net, y, reals((20, 6)))
    np.testing.assert_array_equal(lowered.graph.constants["gemm_2_weight"], weights.T)
