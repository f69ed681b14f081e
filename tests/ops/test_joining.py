# SPDX-License-Identifier: Apache-2.0
"""Two tensors side by side, along every axis and of different types."""

from __future__ import annotations

from hwgen.graph import Graph

from .base import OperatorTests
from .build import GraphBuilder

CASES = [
    (1, (4, 3, 2), (6, 3, 2), 3, False, 5, True),
    (1, (3, 2, 2), (4, 2, 2), 2, False, 2, False),
    (2, (4, 3, 2), (4, 1, 2), 1, True, 1, True),
    (3, (4, 3, 2), (4, 3, 5), 1, True, 3, False),
    (1, (6,), (10,), 4, True, 4, True),
    (1, (1, 1, 1), (1, 1, 1), 1, True, 2, True),
]


class TestJoin(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for axis, left, right, bits, signed, other_bits, other_signed in CASES:
            b = GraphBuilder()
            ins = [b.input("a", left, bits, signed), b.input("b", right, other_bits, other_signed)]
            found.append(b.graph([b.node("c", "concat", ins, {"axis": axis})]))
        return found
