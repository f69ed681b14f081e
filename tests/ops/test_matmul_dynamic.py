# SPDX-License-Identifier: Apache-2.0
"""The product of two activations."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.graph import Graph
from hwgen.ops.base import hardware_op

from .base import OperatorTests
from .build import GraphBuilder, evaluate, random_inputs


def _graph(heads: int, terms: int, outputs: int, tokens: int, transposed: bool, zeros: tuple[int, int]) -> Graph:
    b = GraphBuilder()
    kept = (heads * terms, outputs, 1) if transposed else (heads * outputs, terms, 1)
    ins = [b.input("a", (heads * terms, tokens, 1), 4), b.input("b", kept, 3, signed=True)]
    attrs = {"heads": heads, "transposed": transposed, "zero_a": zeros[0], "zero_b": zeros[1]}
    return b.graph([b.node("m", "matmul_dynamic", ins, attrs)])


class TestMatmulDynamic(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        cases = ((2, 3, 4, 5, (0, 0)), (1, 4, 2, 1, (7, -2)), (3, 1, 2, 3, (20, 0)))
        return [_graph(*case[:4], transposed, case[4]) for case in cases for transposed in (True, False)]


@pytest.mark.parametrize("transposed", [True, False])
def test_equals_a_product_for_each_head(transposed: bool) -> None:
    graph = _graph(2, 3, 4, 5, transposed, (3, -1))
    values = evaluate(graph, random_inputs(graph))
    a, b = values["a"] - 3, values["b"] + 1
    for head in range(2):
        tokens = a[:, 3 * head : 3 * head + 3, :, 0].transpose(0, 2, 1)
        if transposed:
            matrix = b[:, 3 * head : 3 * head + 3, :, 0]
        else:
            matrix = b[:, 4 * head : 4 * head + 4, :, 0].transpose(0, 2, 1)
        got = values["m_out"][:, 4 * head : 4 * head + 4, :, 0].transpose(0, 2, 1)
        assert np.array_equal(got, tokens @ matrix)


def test_heads_must_fit() -> None:
    b = GraphBuilder()
    ins = [b.input("a", (6, 5, 1), 4), b.input("b", (8, 4, 1), 4)]
    b.node("m", "matmul_dynamic", ins, {"heads": 2, "transposed": True, "zero_a": 0, "zero_b": 0})
    graph = b.graph(["m_out"])
    (problem,) = hardware_op(graph.nodes[-1]).check(graph, graph.nodes[-1])
    assert "heads" in problem.message
