# SPDX-License-Identifier: Apache-2.0
"""Pad, against onnxruntime: into windows, by itself, every mode, negative pads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_built, assert_equal, only, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(23).bit_generator.state


def _pad(net: Net, x: str, pads: list[int], value: float = 0.0, mode: str = "constant") -> str:
    return net.node("Pad", x, net.const(pads, np.int64), *([net.const(value)] if value else []), mode=mode)


def _conv(net: Net, x: str, size: int = 1, inputs: int = 2, **attrs) -> str:
    return net.node("Conv", x, net.weights(RNG.integers(-7, 8, (2, inputs, size, size))), **attrs)


@pytest.mark.parametrize("own", [(0, 0, 0, 0), (1, 0, 0, 1)])
def test_a_window_takes_the_pads_in(own):
    net = Net((1, 2, 4, 5))
    y = _pad(net, net.qdq("x", 0.5, 3), [0, 0, 1, 0, 0, 0, 2, 1])
    lowered = assert_equal(net.build(_conv(net, y, 3, pads=own)), reals((3, 2, 4, 5)))
    assert ops(lowered) == ["window", "matvec"]
    window = only(lowered, "window")
    assert window.attrs["pad_value"] == 3
    assert window.attrs["pads"] == tuple(a + b for a, b in zip((1, 0, 2, 1), own, strict=True))


@pytest.mark.parametrize("pads", [[0, 0, 3, 0, 0, 0, 0, 4], [0, 1, 0, 0, 0, 2, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1]])
def test_pads_that_no_window_takes_are_a_kernel(pads):
    net = Net((1, 2, 4, 5))
    y = _pad(net, net.qdq("x", 0.5, 3), pads)
    lowered = assert_equal(net.build(_conv(net, y, inputs=2 + pads[1] + pads[5])), reals((3, 2, 4, 5)))
    assert ops(lowered) == ["pad", "matvec"]


def test_another_value_than_the_windows_stays_a_kernel():
    net = Net((1, 2, 4, 5))
    y = _pad(net, net.quant("x"), [0, 0, 1, 1, 0, 0, 1, 1], 2.0)
    lowered = assert_equal(net.build(_conv(net, y, 3, pads=(1, 1, 1, 1))), reals((3, 2, 4, 5)))
    assert ops(lowered) == ["pad", "window", "matvec"]


@pytest.mark.parametrize("mode", ["reflect", "edge", "constant"])
@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 1, 0], [0, 0, -1, 2, 0, 0, -1, -2]])
def test_every_mode(mode, pads):
    net = Net((1, 2, 4, 5))
    y = _pad(net, net.quant(_conv(net, net.quant("x")), 4.0, 4), pads, mode=mode)
    assert_equal(net.build(_conv(net, net.node("Mul", y, net.const(2.0)))), reals((3, 2, 4, 5)))


def test_a_shortcut_with_more_channels():
    net = Net((1, 2, 4, 4))
    x = net.quant(_conv(net, net.quant("x")), 4.0, 4)
    short = net.node("Slice", x, *(net.const(v, np.int64) for v in ([0, 0], [4, 4], [2, 3], [2, 2])))
    short = _pad(net, short, [0, 1, 0, 0, 0, 1, 0, 0])
    w = net.weights(RNG.integers(-7, 8, (4, 2, 1, 1)))
    y = net.node("Add", net.quant(net.node("Conv", x, w, strides=(2, 2)), 4.0, 4), short)
    assert_equal(net.build(net.quant(net.node("Relu", y), 4.0, 4, signed=0)), reals((3, 2, 4, 4)))


def test_clipped_branches_are_clipped_before():
    net = Net((1, 2, 4, 4))
    y = _pad(net, net.node("Relu", net.quant("x")), [0, 0, 1, 1, 0, 0, 1, 1])
    assert_equal(net.build(net.quant(y, 2.0, 4)), reals((3, 2, 4, 4)))


def test_one_bit_and_zeros_between():
    net = Net((1, 2, 4, 4))
    y = _pad(net, net.node("BipolarQuant", "x", net.const(1.0), domain="qonnx.custom_op.general"), [0, 0, 1, 1] * 2)
    assert_equal(net.build(_conv(net, y)), reals((3, 2, 4, 4)))


def test_a_value_off_the_grid_is_refused():
    net = Net((1, 2, 4, 4))
    y = net.node("Pad", net.quant("x"), net.const([0, 0, 1, 1] * 2, np.int64), net.const(0.3), name="frame")
    with pytest.raises(UnsupportedError, match=r"value 0.3 of Pad must be one integer.*frame"):
        lower(net.build(_conv(net, y)))


def test_three_witnesses_agree(tmp_path: Path):
    net = Net((1, 2, 4, 3))
    y = net.quant(_conv(net, net.quant("x", bits=4)), 4.0, 4)
    y = _pad(net, y, [0, 1, 2, 1, 0, 1, 0, 3])
    y = net.quant(_conv(net, y, inputs=4), 8.0, 4)
    report = assert_built(net, y, reals((4, 2, 4, 3)), tmp_path)
    assert report["parity"]["max_lsb"] == 0 and "pad" in [layer["op"] for layer in report["layers"]]
