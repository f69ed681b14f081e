# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation: the unit, its distance from float64, and models from ONNX."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.graph import Graph
from hwgen.ops.layernorm import POINT, Numbers

from .base import OperatorTests
from .build import GraphBuilder


class TestLayerNorm(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        cases = (
            ((8, 5, 1), 8, True, 2816, 8),
            ((6, 1, 3), 3, False, 1, 0),
            ((12,), 8, False, 9, 4),
            ((4, 2), 12, True, 7, 14),
        )
        for shape, bits, signed, epsilon, scale_bits in cases:
            b = GraphBuilder()
            attrs = {"epsilon": epsilon, "scale_bits": scale_bits}
            found.append(b.graph([b.node("n", "layernorm", [b.input("x", shape, bits, signed)], attrs)]))
        return found


@pytest.mark.parametrize("channels", [2, 3, 32, 200, 768])
@pytest.mark.parametrize(("lo", "hi"), [(-128, 127), (0, 15)])
def test_close_to_float64(channels: int, lo: int, hi: int) -> None:
    rng = np.random.default_rng(channels)
    reach = rng.integers(lo, hi + 1, (400, 2, 1))
    tokens = rng.integers(reach.min(axis=1), reach.max(axis=1) + 1, (400, channels))
    tokens[0] = lo
    tokens[1, 0] = hi
    tokens[1, 1:] = lo
    numbers = Numbers(channels, lo, hi, 8, 300)
    spread = channels**2 * tokens.var(axis=1, keepdims=True) + 300 / 256
    wanted = (tokens - tokens.mean(axis=1, keepdims=True)) * channels / np.sqrt(spread)
    apart = np.abs(numbers.normalised(tokens) - wanted * (1 << POINT))
    assert apart.max() < 0.5 + 2e-5 * np.sqrt(channels) * (1 << POINT)
