# SPDX-License-Identifier: Apache-2.0
"""LayerNormalization against onnxruntime: scales, zero points, epsilon, layouts; and one model down to RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_built, assert_close, assert_equal, ops, reals

RNG = np.random.default_rng(5)
GAMMA, BETA = RNG.uniform(0.3, 2, 8), RNG.uniform(-1, 1, 8)


def _normalised(net: Net, x: str, epsilon: float = 1e-5, axis: int = -1, bias: bool = True) -> str:
    inputs = [x, net.const(GAMMA), *([net.const(BETA)] if bias else [])]
    return net.node("LayerNormalization", *inputs, epsilon=epsilon, axis=axis)


def _end(net: Net, x: str) -> str:
    return net.quant(net.node("MatMul", net.quant(x, 0.03125), net.weights(RNG.integers(-7, 8, (8, 4)))), 0.5)


@pytest.mark.parametrize(
    ("zero", "scale", "epsilon"), [(0, 0.05, 1e-5), (20, 0.003, 1e-5), (-7, 4.0, 1e-12), (0, 1e-4, 0.1)]
)
def test_within_one_step_of_onnxruntime(zero: int, scale: float, epsilon: float) -> None:
    net = Net((1, 6, 8), opset=17)
    model = net.build(_end(net, _normalised(net, net.quant("x", scale, zero=zero), epsilon, bias=zero == 0)))
    spread = RNG.uniform(0, 100 * scale, (200, 6, 1))
    lowered = assert_close(
        model, (RNG.normal(size=(200, 6, 8)) * spread + RNG.normal(size=(200, 1, 1)) * scale).astype(np.float32)
    )
    (proof,) = [p for p in lowered.proofs if p.method == "interpolated"]
    assert not proof.exact and "float64" in proof.detail


def test_a_sum_and_a_map_with_its_channels_last() -> None:
    net = Net((1, 8, 3, 4), opset=17)
    x = net.quant("x", 0.5)
    total = net.quant(net.node("Add", x, net.quant(net.node("Relu", x), 0.5)), 1.0)
    y = _normalised(net, net.node("Transpose", total, perm=(0, 2, 3, 1)), axis=3)
    assert_close(net.build(_end(net, y)), reals((50, 8, 3, 4)))


def test_the_pixels_of_a_map() -> None:
    net = Net((1, 3, 4, 8), opset=17)
    assert "rearrange" in ops(
        assert_close(net.build(_end(net, _normalised(net, net.quant("x", 0.5)))), reals((50, 3, 4, 8)))
    )


def test_one_vector() -> None:
    net = Net((1, 8), opset=17)
    assert_close(net.build(_end(net, _normalised(net, net.quant("x", 0.5)))), reals((50, 8)))


def test_the_host_computes_one_at_the_end() -> None:
    net = Net((1, 6, 8), opset=17)
    y = net.quant(net.node("MatMul", net.quant("x", 0.5), net.weights(RNG.integers(-7, 8, (8, 8)))), 4.0)
    assert "layernorm" not in ops(assert_equal(net.build(_normalised(net, y)), reals((3, 6, 8))))


def test_other_axes_are_refused() -> None:
    net = Net((1, 6, 8), opset=17)
    gamma = net.const(np.ones((6, 8)))
    y = net.node("LayerNormalization", net.quant("x", 0.5), gamma, axis=1)
    with pytest.raises(UnsupportedError, match="must be over the last axis"):
        lower(net.build(_end(net, y)))


def test_down_to_rtl(tmp_path: Path) -> None:
    net = Net((1, 5, 8), opset=17)
    y = _end(net, _normalised(net, net.quant("x", 0.05)))
    x = RNG.normal(size=(3, 5, 8)).astype(np.float32)
    report = assert_built(net, y, x, tmp_path)
    assert "layernorm" in [layer["op"] for layer in report["layers"]]
    assert report["parity"]["max_lsb"] <= 1


@pytest.mark.parametrize("opset", [13, 17, 18])
@pytest.mark.parametrize("reciprocal", [False, True])
def test_one_that_is_written_out(opset: int, reciprocal: bool) -> None:
    net = Net((1, 6, 8), opset=opset)

    def mean(x: str) -> str:
        if opset < 18:
            return net.node("ReduceMean", x, axes=[-1])
        return net.node("ReduceMean", x, net.const([-1], np.int64))

    x = net.quant("x", 0.05)
    centred = net.node("Sub", x, mean(x))
    square = net.node("Mul", centred, centred) if reciprocal else net.node("Pow", centred, net.const(2.0))
    root = net.node("Sqrt", net.node("Add", mean(square), net.const(1e-5)))
    inverse = net.node("Reciprocal", root)
    y = net.node("Mul", inverse, centred) if reciprocal else net.node("Div", centred, root)
    y = net.node("Add", net.node("Mul", y, net.const(GAMMA)), net.const(BETA))
    model = net.build(_end(net, y))
    assert [n.op for n in model.nodes].count("LayerNormalization") == 1 and model.opset == max(opset, 17)
    assert ops(assert_close(model, RNG.normal(size=(50, 6, 8)).astype(np.float32)))[0] == "layernorm"
