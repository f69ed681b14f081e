# SPDX-License-Identifier: Apache-2.0
"""Products of two activations against onnxruntime, as attention makes them; and models down to RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from .models import Net, assert_built, assert_equal, only, ops, reals

RNG = np.random.default_rng(3)
HEADS, TOKENS, WIDTH = 2, 4, 6


def _weights(net: Net, size: int = HEADS * WIDTH) -> str:
    return net.weights(RNG.integers(-7, 8, (size, size)), 0.25)


def _heads(net: Net, x: str, perm: tuple[int, ...], tokens: int = TOKENS, width: int = WIDTH) -> str:
    shape = net.const([1, tokens, HEADS, width], np.int64)
    return net.node("Transpose", net.node("Reshape", x, shape), perm=perm)


def _scores(net: Net, zero: int = 0, tokens: int = TOKENS, width: int = WIDTH) -> tuple[str, str]:
    x = net.quant("x", 0.5)
    query, key, value = (
        net.quant(net.node("MatMul", x, _weights(net, HEADS * width)), 4.0, zero=zero * i) for i in range(3)
    )
    queries, keys = (_heads(net, t, p, tokens, width) for t, p in ((query, (0, 2, 1, 3)), (key, (0, 2, 3, 1))))
    scores = net.node("Mul", net.node("MatMul", queries, keys), net.const(0.5))
    return net.quant(scores, 64.0), _heads(net, value, (0, 2, 1, 3), tokens, width)


def _merged(net: Net, x: str, tokens: int = TOKENS, width: int = WIDTH) -> str:
    shape = net.const([1, tokens, HEADS * width], np.int64)
    return net.node("Reshape", net.node("Transpose", x, perm=(0, 2, 1, 3)), shape)


def _all_three(net: Net, perm: tuple[int, ...]) -> str:
    """Return queries, keys and values of one product, with their axes in this order."""
    weights = net.weights(RNG.integers(-7, 8, (HEADS * WIDTH, 3 * HEADS * WIDTH)), 0.25)
    product = net.quant(net.node("MatMul", net.quant("x", 0.5), weights), 4.0)
    shape = net.const([1, TOKENS, 3, HEADS, WIDTH], np.int64)
    return net.node("Transpose", net.node("Reshape", product, shape), perm=perm)


@pytest.mark.parametrize("zero", [0, 9])
def test_queries_times_keys(zero: int) -> None:
    net = Net((1, TOKENS, HEADS * WIDTH))
    lowered = assert_equal(net.build(_scores(net, zero)[0]), reals((3, TOKENS, HEADS * WIDTH)))
    product = only(lowered, "matmul_dynamic")
    assert product.attrs == {"heads": HEADS, "transposed": True, "zero_a": 0, "zero_b": zero}


def test_weights_times_values_merged_and_projected() -> None:
    net = Net((1, TOKENS, HEADS * WIDTH))
    scores, values = _scores(net, 3)
    merged = net.quant(_merged(net, net.node("MatMul", scores, values)), 1024.0)
    y = net.quant(net.node("MatMul", merged, _weights(net)), 4096.0)
    lowered = assert_equal(net.build(y), reals((3, TOKENS, HEADS * WIDTH)))
    assert [n.attrs["transposed"] for n in lowered.graph.nodes if n.op == "matmul_dynamic"] == [True, False]


def test_one_head() -> None:
    net = Net((1, TOKENS, 6))
    x = net.quant("x", 0.5)
    y = net.quant(net.node("MatMul", x, net.weights(RNG.integers(-7, 8, (6, 6)))), 16.0)
    gram = net.node("MatMul", x, net.node("Transpose", y, perm=(0, 2, 1)))
    assert ops(assert_equal(net.build(net.quant(gram, 64.0)), reals((3, TOKENS, 6))))[-2] == "matmul_dynamic"


@pytest.mark.parametrize("first", [True, False])
def test_heads_in_another_order_are_moved(first: bool) -> None:
    net = Net((1, TOKENS, HEADS * WIDTH))
    y = net.quant(net.node("MatMul", net.quant("x", 0.5), _weights(net)), 4.0)
    shape = net.const([1, TOKENS, WIDTH, HEADS], np.int64)
    split = net.node("Reshape", y, shape)
    odd = net.node("Transpose", split, perm=(0, 3, 1, 2) if first else (0, 3, 2, 1))
    other = _heads(net, y, (0, 2, 3, 1) if first else (0, 2, 1, 3))
    product = net.node("MatMul", *((odd, other) if first else (other, odd)))
    assert "rearrange" in ops(assert_equal(net.build(net.quant(product, 64.0)), reals((3, TOKENS, HEADS * WIDTH))))


def test_one_product_for_queries_keys_and_values() -> None:
    net = Net((1, TOKENS, HEADS * WIDTH))
    split = _all_three(net, (0, 2, 3, 1, 4))
    query, key = (net.node("Gather", split, net.const(i, np.int64), axis=1) for i in (0, 1))
    scores = net.node("MatMul", query, net.node("Transpose", key, perm=(0, 1, 3, 2)))
    assert_equal(net.build(net.quant(scores, 64.0)), reals((3, TOKENS, HEADS * WIDTH)))


@pytest.mark.parametrize("split", [False, True])
def test_queries_keys_and_values_in_front_of_the_batch(split: bool) -> None:
    net = Net((1, TOKENS, HEADS * WIDTH))
    apart = _all_three(net, (2, 0, 3, 1, 4))
    if split:
        net.nodes.append(helper.make_node("Split", [apart], ["q1", "k1", "v1"], "split", axis=0))
        query, key, _ = (net.node("Squeeze", name, net.const([0], np.int64)) for name in ("q1", "k1", "v1"))
    else:
        query, key = (net.node("Gather", apart, net.const(i, np.int64), axis=0) for i in (0, 1))
    scores = net.node("MatMul", query, net.node("Transpose", key, perm=(0, 1, 3, 2)))
    assert_equal(net.build(net.quant(scores, 64.0)), reals((3, TOKENS, HEADS * WIDTH)))


@pytest.mark.parametrize("target", ["max_fps", "{fps: 100}"])
def test_attention_down_to_rtl(tmp_path: Path, target: str) -> None:
    tokens, width = 2, 2
    net = Net((1, tokens, HEADS * width))
    scores, values = _scores(net, 3, tokens, width)
    weights = net.quant(net.node("Softmax", net.node("Mul", scores, net.const(0.0078125)), axis=-1), 1 / 255, signed=0)
    y = net.quant(_merged(net, net.node("MatMul", weights, values), tokens, width), 4.0)
    report = assert_built(net, y, reals((3, tokens, HEADS * width)), tmp_path, target)
    kinds = [layer["op"] for layer in report["layers"]]
    assert kinds.count("matmul_dynamic") == 2 and "softmax" in kinds
    assert report["parity"]["max_lsb"] <= 1
