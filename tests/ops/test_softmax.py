# SPDX-License-Identifier: Apache-2.0
"""Softmax: the unit, and its distance from float64."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.graph import Graph
from hwgen.ops.softmax import POINT, exponentials, probabilities

from .base import OperatorTests
from .build import GraphBuilder


class TestSoftmax(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        cases = (((12, 3, 1), 4, 8, 0.1), ((6,), 6, 5, 1.0), ((4, 2, 2), 1, 3, 0.5), ((8, 2), 8, 8, 0.001))
        for index, (shape, length, bits, step) in enumerate(cases):
            b = GraphBuilder()
            constants = {"exp": exponentials(step, length, (1 << bits) - 1)}
            x = b.input("x", shape, bits, signed=index % 2 == 0)
            found.append(b.graph([b.node("s", "softmax", [x], {"length": length}, constants)]))
        return found


@pytest.mark.parametrize("length", [1, 2, 7, 64, 197, 1024])
@pytest.mark.parametrize("step", [1e-4, 0.02, 0.1, 1.5, 40.0])
def test_close_to_float64(length: int, step: float) -> None:
    rng = np.random.default_rng(length)
    least = rng.integers(-128, 128, (200, 1))
    groups = rng.integers(least, 128, (200, length))
    groups[0] = 127
    groups[1] = -128
    groups[2, 1:] = -128
    powers = np.exp(step * (groups - groups.max(axis=1, keepdims=True)))
    wanted = powers / powers.sum(axis=1, keepdims=True)
    apart = np.abs(probabilities(groups, exponentials(step, length, 255)) / (1 << POINT) - wanted)
    assert apart.max() < 3e-4
    assert (apart * 255 < 0.1).all()
