# SPDX-License-Identifier: Apache-2.0
"""The product: of two tensors of one shape, and of a map with a gate; zero points and one-bit factors."""

from __future__ import annotations

from hwgen.graph import Graph
from hwgen.ops.base import hardware_op

from .base import OperatorTests
from .build import GraphBuilder


def product(shape: tuple[int, ...], gate: tuple[int, ...], bits: int, signed: bool, zeros: tuple[int, int]) -> Graph:
    b = GraphBuilder()
    ins = [b.input("a", shape, 4, True), b.input("b", gate, bits, signed)]
    return b.graph([b.node("p", "multiply", ins, {"za": zeros[0], "zb": zeros[1]})])


class TestMultiply(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        return [
            product((4, 3, 2), (4,), 3, False, (0, 0)),
            product((4, 3, 3), (4, 3, 3), 5, True, (-3, 7)),
            product((6, 2, 2), (6, 1, 1), 1, True, (2, 0)),
            product((6,), (6,), 2, False, (0, -1)),
        ]


def test_factors_that_do_not_fit_are_refused() -> None:
    graph = product((4, 3, 3), (3,), 3, False, (0, 0))
    (problem,) = hardware_op(graph.nodes[0]).check(graph, graph.nodes[0])
    assert "or 4 elements, not the shape (1, 3)" in problem.message
