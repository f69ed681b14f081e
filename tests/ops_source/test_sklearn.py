# SPDX-License-Identifier: Apache-2.0
"""Quantised classifiers as skl2onnx writes them: the product in hardware, probabilities and labels behind it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from .models import Net, assert_as_written, free_run, ops, reals

RNG = np.random.default_rng(4)
ML = "ai.onnx.ml"


def scores(net: Net, classes: int) -> str:
    return net.node("MatMul", net.qdq("x", 0.5, 0), net.dq_weights(RNG.integers(-8, 8, (6, classes))))


def label(net: Net, probabilities: str, classes: list[int]) -> str:
    index = net.node("ArgMax", probabilities, axis=1, keepdims=1)
    y = net.node("ArrayFeatureExtractor", net.const(classes, np.int32), index, domain=ML)
    y = net.node("Reshape", net.node("Cast", y, to=TensorProto.FLOAT), net.const([-1], np.int64))
    return net.node("Cast", y, to=TensorProto.INT64)


@pytest.mark.parametrize("classes", [[0, 1, 2], [7, 3, 5]])
def test_multilayer_perceptron(classes: list[int]) -> None:
    net = Net((1, 6))
    y = label(net, net.node("Softmax", scores(net, 3), axis=1), classes)
    assert ops(assert_as_written(net, y, reals((20, 6)), TensorProto.INT64)) == ["matvec", "argmax"]


@pytest.mark.parametrize("classes", [[0, 1], [4, 2]])
def test_two_classes_from_one_probability(classes: list[int]) -> None:
    net = Net((1, 6))
    p = net.node("Sigmoid", scores(net, 1))
    both = net.node("Concat", net.node("Sub", net.const([[1.0]]), p), p, axis=1)
    assert ops(assert_as_written(net, label(net, both, classes), reals((20, 6)), TensorProto.INT64)) == ["matvec"]


def test_labels_of_an_argmax_in_hardware() -> None:
    net = Net((1, 6))
    index = net.node("ArgMax", scores(net, 3), axis=1, keepdims=0)
    y = net.node("Gather", net.const([7, 3, 5], np.int64), index, axis=0)
    assert ops(assert_as_written(net, y, reals((20, 6)), TensorProto.INT64)) == ["matvec", "argmax"]


def test_one_against_the_rest() -> None:
    net = Net((1, 6))
    y = net.node("Normalizer", net.node("Sigmoid", scores(net, 3)), domain=ML, norm="L1")
    lowered, ours, theirs = free_run(net.build(y), reals((20, 6)))
    assert ops(lowered) == ["matvec"]
    np.testing.assert_array_equal(ours, theirs)
