# SPDX-License-Identifier: Apache-2.0
"""A small network of every less usual convolution and pool, from ONNX to RTL, in both dialects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .models import Net, assert_built

RNG = np.random.default_rng(5)


def _ints(*shape: int) -> np.ndarray:
    return RNG.integers(-7, 8, shape)


def _network(dialect: str) -> Net:
    net = Net((1, 2, 6))

    def quantised(x: str, scale: float) -> str:
        return net.quant(x, scale, 4) if dialect == "qonnx" else net.qdq(x, scale, 3)

    def weights(*shape: int) -> str:
        return net.weights(_ints(*shape)) if dialect == "qonnx" else net.dq_weights(_ints(*shape))

    x = quantised("x", 0.5)
    x = quantised(net.node("ConvTranspose", x, weights(2, 4, 2), strides=(2,)), 8.0)
    x = quantised(net.node("Conv", x, weights(4, 2, 3), group=2, dilations=(3,), pads=(3, 2)), 32.0)
    x = quantised(net.node("Conv", x, weights(8, 1, 2), group=4, strides=(2,), pads=(2, 2)), 128.0)
    x = net.node("MaxPool", x, kernel_shape=(2,), dilations=(2,), strides=(2,), ceil_mode=1)
    net.node("ReduceMin", x, axes=(2,), keepdims=0)
    return net


@pytest.mark.parametrize("dialect", ["qonnx", "qdq"])
def test_three_witnesses_agree(dialect: str, tmp_path: Path) -> None:
    net = _network(dialect)
    x = RNG.integers(-30, 30, (4, 2, 6)).astype(np.float32) * 0.25
    report = assert_built(net, f"t{len(net.nodes) - 1}", x, tmp_path)
    made = [layer["op"] for layer in report["layers"]]
    assert {"window", "matvec", "depthwise", "pool", "rearrange", "global_pool"} <= set(made)
    assert report["parity"]["max_lsb"] == 0
