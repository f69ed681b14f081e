# SPDX-License-Identifier: Apache-2.0
"""The table: shared and by channel, signed, unsigned and one-bit inputs, in LUTs and in block RAM."""

from __future__ import annotations

import numpy as np

from hwgen.graph import Graph
from hwgen.ops.base import hardware_op

from .base import OperatorTests
from .build import GraphBuilder


def table(shape: tuple[int, ...], bits: int, signed: bool, rows: int, reach: int, bipolar: bool = False) -> Graph:
    b = GraphBuilder()
    values = b.rng.choice([-1, 1], (rows, 1 << bits)) if bipolar else b.rng.integers(-reach, reach, (rows, 1 << bits))
    x = b.input("x", shape, bits, signed)
    return b.graph([b.node("t", "table", [x], {"bipolar": bipolar}, {"values": values})])


class TestTable(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        return [
            table((4, 2, 2), 4, True, 1, 100),
            table((6,), 3, False, 6, 2000),
            table((4, 2, 1), 1, True, 4, 9),
            table((4,), 5, True, 1, 0, bipolar=True),
            table((2, 2, 1), 11, True, 2, 120),
        ]


def test_a_wide_input_and_a_wrong_size_are_refused() -> None:
    graph = table((4,), 13, True, 1, 9)
    (problem,) = hardware_op(graph.nodes[0]).check(graph, graph.nodes[0])
    assert "at most 12 bits, not 13" in problem.message
    b = GraphBuilder()
    x = b.input("x", (4,), 3)
    graph = b.graph([b.node("t", "table", [x], {"bipolar": False}, {"values": np.zeros((3, 8))})])
    assert "1 or 4 rows of 8 values" in hardware_op(graph.nodes[0]).check(graph, graph.nodes[0])[0].message
