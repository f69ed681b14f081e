# SPDX-License-Identifier: Apache-2.0
"""A constant for every element."""

from __future__ import annotations

from hwgen.graph import Graph
from hwgen.ops.base import hardware_op

from .base import OperatorTests
from .build import GraphBuilder


class TestAddTable(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for shape, bits, signed, shift in (((6, 4, 1), 8, True, 8), ((4, 2, 3), 5, False, 0), ((3,), 12, True, 4)):
            b = GraphBuilder()
            x = b.input("x", shape, bits, signed)
            pixels = b.types[x].pixels
            table = b.rng.integers(-900, 900, (shape[0], pixels))
            found.append(b.graph([b.node("t", "add_table", [x], {"shift": shift}, {"table": table})]))
        return found


def test_the_table_must_fit() -> None:
    b = GraphBuilder()
    b.node("t", "add_table", [b.input("x", (4, 2, 1), 4)], {"shift": 0}, {"table": [[1, 2, 3]] * 4})
    graph = b.graph(["t_out"])
    (problem,) = hardware_op(graph.nodes[-1]).check(graph, graph.nodes[-1])
    assert "must have the shape (4, 2)" in problem.message
