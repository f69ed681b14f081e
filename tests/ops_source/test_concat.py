# SPDX-License-Identifier: Apache-2.0
"""Concat, against onnxruntime: every axis, any scales, vectors, tokens and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_built, assert_equal, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(19).bit_generator.state


def _conv(net: Net, x: str, inputs: int = 2, outputs: int = 2) -> str:
    return net.node("Conv", x, net.weights(RNG.integers(-7, 8, (outputs, inputs, 1, 1))))


def _branches(net: Net, *scales: float) -> list[str]:
    """Return branches of 2, 3, 4 .. channels with scales and widths of their own."""
    x = net.quant("x", bits=4)
    return [net.quant(_conv(net, x, 2, 2 + i), s, 4 + i, signed=i % 2) for i, s in enumerate(scales)]


@pytest.mark.parametrize("scales", [(4.0, 4.0), (1.0, 8.0), (2.0, 0.5, 16.0, 4.0)])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_channels_with_any_scales_before_a_quantiser(scales, bits):
    net = Net((1, 2, 4, 3))
    y = net.node("Relu", net.node("Concat", *_branches(net, *scales), axis=1))
    lowered = assert_equal(net.build(net.quant(y, 2.0, bits)), reals((3, 2, 4, 3)))
    assert ops(lowered).count("concat") == len(scales) - 1
    assert "rearrange" not in ops(lowered)


def test_zero_points_and_scales_of_qdq_branches():
    net = Net((1, 2, 4, 3))
    x = net.qdq("x", 0.5, 3)
    a, b = net.qdq(_conv(net, x), 2.0, -100), net.qdq(_conv(net, x), 4.0, 17)
    y = net.qdq(net.node("Concat", a, b, axis=-3), 4.0, 5)
    assert_equal(net.build(_conv(net, y, 4)), reals((3, 2, 4, 3)))


def test_accumulators_are_joined_before_they_are_requantised():
    net = Net((1, 2, 4, 3))
    x = net.quant("x", bits=4)
    y = net.node("Concat", _conv(net, x), _conv(net, x, 2, 4), axis=1)
    lowered = assert_equal(net.build(net.quant(y, 4.0, 4)), reals((3, 2, 4, 3)))
    assert ops(lowered) == ["matvec", "matvec", "concat", "thresholds"]


def test_weights_take_up_scales_that_are_powers_of_two():
    net = Net((1, 2, 4, 3))
    a, b = _branches(net, 2.0, 8.0)
    assert_equal(net.build(_conv(net, net.node("Concat", a, b, axis=1), 5)), reals((3, 2, 4, 3)))


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("scales", [(4.0, 4.0), (4.0, 1.0)])
def test_rows_and_columns(axis, scales):
    net = Net((1, 2, 4, 3))
    x = net.quant("x", bits=4)
    a, b = (net.quant(_conv(net, x), s, 4) for s in scales)
    y = net.node("Concat", a, net.node("Slice", b, *(net.const([v], np.int64) for v in (1, 3, axis))), axis=axis)
    lowered = assert_equal(net.build(_conv(net, y)), reals((3, 2, 4, 3)))
    assert ops(lowered).count("requantise") == (scales[0] != scales[1])


def test_rows_of_scales_without_a_common_grid_are_refused():
    net = Net((1, 2, 4, 3))
    x = net.quant("x", bits=4)
    a, b = (net.quant(_conv(net, x), s, 4) for s in (0.1, 0.03))
    y = net.node("Concat", a, b, axis=2, name="join")
    with pytest.raises(UnsupportedError, match=r"must have one scale where rows or columns are joined.*join"):
        lower(net.build(_conv(net, y)))


def test_at_the_end_the_host_joins_what_hardware_cannot():
    net = Net((1, 2, 4, 3))
    x = net.quant("x", bits=4)
    a, b = (net.quant(_conv(net, x), s, 4) for s in (0.1, 0.03))
    lowered = assert_equal(net.build(net.node("Concat", a, b, axis=2)), reals((3, 2, 4, 3)))
    assert len(lowered.outputs) == 2 and "concat" not in ops(lowered)


def test_vectors_are_joined_as_they_stream():
    net = Net((1, 2, 3, 2))
    a = net.quant(_conv(net, net.quant("x", bits=4)), 4.0, 4)
    flat = net.node("Flatten", a)
    b = net.quant(net.node("MatMul", flat, net.weights(RNG.integers(-7, 8, (12, 5)))), 16.0, 4)
    y = net.node("MatMul", net.node("Concat", flat, b, axis=1), net.weights(RNG.integers(-7, 8, (17, 4))))
    assert_equal(net.build(y), reals((3, 2, 3, 2)))


@pytest.mark.parametrize("axis", [1, 2])
def test_heads_of_a_detector_become_rows(axis):
    net = Net((1, 2, 4, 3))
    x = net.quant("x", bits=4)
    heads = []
    for outputs in (4, 8):
        a = net.node("Transpose", net.quant(_conv(net, x, 2, outputs), 4.0, 4), perm=(0, 2, 3, 1))
        heads.append(net.node("Reshape", a, net.const([1, -1, 4] if axis == 1 else [1, 12, -1], np.int64)))
    lowered = assert_equal(net.build(net.node("Concat", *heads, axis=axis)), reals((3, 2, 4, 3)))
    assert lowered.graph.types[lowered.graph.outputs[0]].channels == (4 if axis == 1 else 12)


def test_the_same_tensor_twice():
    net = Net((1, 2, 4, 3))
    a = net.quant(_conv(net, net.quant("x", bits=4)), 4.0, 4)
    assert_equal(net.build(_conv(net, net.node("Concat", a, a, axis=1), 4)), reals((3, 2, 4, 3)))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("target", ["max_fps", "{fps: 1000}"])
def test_three_witnesses_agree(axis, target, tmp_path: Path):
    net = Net((1, 2, 5, 4))
    x = net.quant("x", bits=4)
    a = net.quant(_conv(net, x, 2, 4), 4.0, 4)
    b = net.quant(net.node("Conv", a, net.weights(RNG.integers(-3, 4, (4, 4, 3, 3))), pads=(1, 1, 1, 1)), 4.0, 4)
    y = net.node("Concat", b, a, axis=axis)
    y = net.quant(_conv(net, y, 8 if axis == 1 else 4), 8.0, 4)
    report = assert_built(net, y, reals((4, 2, 5, 4)), tmp_path, target)
    assert report["parity"]["max_lsb"] == 0
