# SPDX-License-Identifier: Apache-2.0
"""Names that the languages of hwgen reserve never reach them."""

from __future__ import annotations

import re

import pytest
from ops.build import GraphBuilder

from hwgen.config import Budget
from hwgen.graph.naming import RESERVED, identifier
from hwgen.hlsc.back.identifiers import KEYWORDS
from hwgen.hw import boards
from hwgen.plan import make_plan

AWKWARD = [
    "join", "class", "logic", "real", "endmodule", "always_ff", "do", "int", "longint", "static_cast", "errno", "main",
    "fork", "assert", "ap_uint", "hwgen_fifo", "hwgen_bench_0", "s_axis_0", "m_axis_1", "Conv::Relu", "3x3", "x__y", "",
]  # fmt: skip


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_names_become_legal(text: str) -> None:
    name = identifier(text)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert name not in RESERVED and not name.endswith("__")
    assert identifier(name, limit=len(name)) == name


def test_the_compilers_keywords_are_reserved() -> None:
    assert KEYWORDS <= RESERVED


def test_names_made_by_the_plan_are_legal_too() -> None:
    b = GraphBuilder(identifier("module"))
    x = b.input(identifier("wire"), (6, 4, 4), 4)
    split = b.thresholds(identifier("class"), x)
    left = b.matvec(identifier("join"), split, 6, per_pixel=True)
    right = b.matvec(identifier("s_axis_0"), split, 6, per_pixel=True)
    graph = b.graph([b.node(identifier("logic"), "add", [left, right], {"m0": 1, "m1": 1, "bias": 0})])
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", "limits": {"lut": 3000}}))
    names = [*(p.name for p in plan.processes), *(c.name for c in plan.channels), plan.name]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name) and name not in RESERVED and "__" not in name
