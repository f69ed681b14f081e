# SPDX-License-Identifier: Apache-2.0
"""Constant elements around maps and vectors."""

from __future__ import annotations

from hwgen.graph import Graph

from .base import OperatorTests
from .build import GraphBuilder

CASES = [
    ((4, 3, 2), (0, 1, 2, 0, 0, 1), 3, True, 0),
    ((4, 2, 3), (2, 0, 0, 4, 0, 0), 3, False, -2),
    ((3, 2, 2), (0, 0, 0, 0, 2, 0), 1, True, 0),
    ((2, 1, 1), (1, 1, 1, 0, 1, 1), 1, True, 1),
    ((6,), (3, 0, 0, 3, 0, 0), 4, True, 100),
]


class TestPadding(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for shape, pads, bits, signed, value in CASES:
            b = GraphBuilder()
            x = b.input("x", shape, bits, signed)
            found.append(b.graph([b.node("p", "pad", [x], {"pads": pads, "value": value})]))
        return found
