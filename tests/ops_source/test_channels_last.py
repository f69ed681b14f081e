# SPDX-License-Identifier: Apache-2.0
"""A quantised Keras network, channels last from its input to its classifier, down to RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .models import Net, assert_as_written, assert_built, ops

RNG = np.random.default_rng(8)
FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def conv(net: Net, x: str, inputs: int, outputs: int) -> str:
    weights = net.dq_weights(RNG.integers(-7, 8, (outputs, inputs, 3, 3)), 0.25)
    x = net.node("Conv", net.node("Transpose", x, perm=FIRST), weights, pads=[1, 1, 1, 1])
    x = net.node("Add", net.node("Transpose", x, perm=LAST), net.const(RNG.integers(-40, 40, outputs) * 0.125))
    return net.qdq(net.node("Relu", x), 2.0, -128)


def network() -> tuple[Net, str]:
    net = Net((1, 6, 6, 2), opset=13)
    first = conv(net, net.qdq("x", 0.5, 3), 2, 4)
    x = net.qdq(net.node("Add", conv(net, first, 4, 4), first), 4.0, -128)
    x = net.qdq(net.node("ReduceMean", x, axes=[1, 2], keepdims=0), 1.0, -100)
    return net, net.node("MatMul", x, net.dq_weights(RNG.integers(-7, 8, (4, 3)), 0.5))


def test_equals_the_file_as_written() -> None:
    net, y = network()
    frames = (RNG.integers(-128, 128, (12, 6, 6, 2)) * 0.25).astype(np.float32)
    lowered = assert_as_written(net, y, frames)
    assert ops(lowered).count("matvec") == 3 and "transpose" not in ops(lowered)


def test_down_to_rtl(tmp_path: Path) -> None:
    net, y = network()
    frames = (RNG.integers(-128, 128, (3, 6, 6, 2)) * 0.25).astype(np.float32)
    assert assert_built(net, y, frames, tmp_path)["parity"]["max_lsb"] == 0
