# SPDX-License-Identifier: Apache-2.0
"""Softmax inside a network against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from .models import Array, Net, assert_close, assert_equal, ops, reals

RNG = np.random.default_rng(6)


def _end(net: Net, x: str, rows: int = 8) -> str:
    weights = net.weights(RNG.integers(-7, 8, (rows, 4)), 0.25)
    return net.quant(net.node("MatMul", net.quant(x, 1 / 255, signed=0), weights), 0.5)


def _frames(*shape: int, step: float) -> Array:
    spread = RNG.uniform(0, 128 * step, (shape[0], *[1] * (len(shape) - 1)))
    return (RNG.uniform(-1, 1, shape) * spread).astype(np.float32)


@pytest.mark.parametrize(("step", "zero", "bits"), [(0.05, 0, 8), (0.5, 7, 6), (0.003, -20, 8), (0.01, 0, 10)])
def test_within_one_step_of_onnxruntime(step: float, zero: int, bits: int) -> None:
    net = Net((1, 6, 8))
    y = net.node("Softmax", net.quant("x", step, bits, zero=zero), axis=-1)
    lowered = assert_close(net.build(_end(net, y)), _frames(300, 6, 8, step=step))
    (proof,) = [p for p in lowered.proofs if p.method == "interpolated"]
    assert not proof.exact and "float64" in proof.detail


def test_the_channels_of_a_map() -> None:
    net = Net((1, 8, 3, 4))
    y = net.quant(net.node("Softmax", net.quant("x", 0.1), axis=1), 1 / 255, signed=0)
    conv = net.node("Conv", y, net.weights(RNG.integers(-7, 8, (2, 8, 1, 1)), 0.25))
    assert "softmax" in ops(assert_close(net.build(net.quant(conv, 0.25)), _frames(50, 8, 3, 4, step=0.1)))


def test_one_vector() -> None:
    net = Net((1, 8))
    assert_close(net.build(_end(net, net.node("Softmax", net.quant("x", 0.1)))), _frames(50, 8, step=0.1))


def test_the_host_computes_one_at_the_end() -> None:
    net = Net((1, 6, 8))
    y = net.quant(net.node("MatMul", net.quant("x", 0.5), net.weights(RNG.integers(-7, 8, (8, 8)))), 4.0)
    assert "softmax" not in ops(assert_equal(net.build(net.node("Softmax", y)), reals((3, 6, 8))))


def test_pixels_of_a_map_are_moved() -> None:
    net = Net((1, 8, 3, 4))
    y = net.node("Softmax", net.quant("x", 0.1), axis=2)
    conv = net.node("Conv", net.quant(y, 1 / 255, signed=0), net.weights(RNG.integers(-7, 8, (2, 8, 1, 1)), 0.25))
    assert "rearrange" in ops(assert_close(net.build(net.quant(conv, 0.25)), _frames(50, 8, 3, 4, step=0.1)))
