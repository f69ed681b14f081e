# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from hwgen.config import Budget
from hwgen.graph import Graph
from hwgen.hw import boards
from hwgen.ops import whole
from hwgen.plan import make_plan

from .build import GraphBuilder, evaluate, random_inputs
from .csim import differing

FRAMES = 3
BUDGET = {"board": "u280", "ports": {"bits": 2048}, "target": "max_fps"}


def network() -> Graph:
    """Return a convolution, pooling and a dense layer over frames of 5 x 5 pixels."""
    b = GraphBuilder()
    hidden = b.conv("c", b.input("x", (2, 5, 5), 3), 4)
    taps = b.window("w", hidden, kernel=2, stride=2, pad=0, order="taps")
    pooled = b.node("p", "pool", [taps], {"taps": 4, "mode": "max"})
    return b.graph([b.matvec("m", pooled, 3)])


def test_a_small_network_takes_a_frame_a_cycle(tmp_path: Path) -> None:
    graph = network()
    plan = make_plan(graph, boards.load("u280"), Budget.parse(BUDGET))
    assert plan.ii == 1
    assert {p.call.function for p in plan.processes} >= {"window_frame", "pool_frame"}
    assert differing([(plan, evaluate(graph, random_inputs(graph, FRAMES)))], tmp_path, FRAMES) == []


def test_a_large_frame_is_not_one_beat() -> None:
    b = GraphBuilder()
    graph = b.graph([b.window("w", b.input("x", (16, 32, 32), 8))])
    assert not whole.fits(graph, graph.nodes[0])


def test_a_pixel_is_no_frame() -> None:
    b = GraphBuilder()
    graph = b.graph([b.thresholds("t", b.input("x", (16,), 8))])
    assert not whole.fits(graph, graph.nodes[0])
