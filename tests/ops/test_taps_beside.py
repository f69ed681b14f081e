# SPDX-License-Identifier: Apache-2.0
"""Windows with several taps in a word, alone and in a network."""

from __future__ import annotations

from pathlib import Path

from hwgen.config import Budget
from hwgen.graph import Graph
from hwgen.hw import Choice, Folding, Storage, boards
from hwgen.ops import window_rows
from hwgen.ops.base import hardware_op
from hwgen.ops.folded import FoldedOp
from hwgen.plan import make_plan

from . import rtl, test_operators
from .build import GraphBuilder, evaluate, random_inputs
from .csim import alone_differing, differing

FRAMES = 3
BOARD = boards.load("zcu102")
STORAGES: tuple[Storage, ...] = ("lutram", "bram")


def beside(graph: Graph) -> list[Choice]:
    """Return the choices of the last node that take or give several taps of all channels, but no whole frame."""
    op = hardware_op(graph.nodes[-1])
    assert isinstance(op, FoldedOp)
    choices = op.choices(graph, graph.nodes[-1], BOARD)
    calls = [(c, op.kernel(graph, graph.nodes[-1], c).call) for c in choices]
    return [c for c, call in calls if "kBeside" in call.config or call.function == "window_rows"]


def test_words_of_several_taps_equal_golden(tmp_path: Path) -> None:
    wrong, seen = [], 0
    for number, graph in enumerate(test_operators.TestWindow.graphs()):
        found = beside(graph)
        seen += len(found)
        wrong += alone_differing(graph, graph.nodes[-1], found, tmp_path / str(number)) if found else []
    assert wrong == []
    assert seen >= 19


def test_rtl_of_words_of_several_taps_equals_golden() -> None:
    graph = test_operators.TestWindow.graphs()[0]
    assert rtl.differing(graph, graph.nodes[-1], beside(graph)) == []


def test_the_shortest_row_is_longer_than_its_memory_takes() -> None:
    choices = [Choice(Folding(2, 18), storage=storage) for storage in STORAGES]
    for width, function in ((window_rows.SHORTEST - 1, "window"), (window_rows.SHORTEST, "window_rows")):
        b = GraphBuilder()
        graph = b.graph([b.window("w", b.input("x", (2, 5, width), 3, signed=True), 3, 1, 1)])
        op, node = hardware_op(graph.nodes[-1]), graph.nodes[-1]
        assert isinstance(op, FoldedOp)
        assert choices[0].folding in op.foldings(graph, node)
        assert {op.kernel(graph, node, choice).call.function for choice in choices} == {function}
    assert rtl.differing(graph, node, choices) == []


def test_rows_take_less_memory_and_a_pause_for_their_padding() -> None:
    b = GraphBuilder()
    graph = b.graph([b.conv("c", b.input("x", (16, 40, 40), 4), 4)])
    node = graph.nodes[0]
    op = hardware_op(node)
    assert isinstance(op, FoldedOp)
    overlapping, rows = (Choice(Folding(16, 144, overlap=overlap), storage="lutram") for overlap in (True, False))
    assert op.cycles(graph, node, overlapping.folding) == 1600
    assert op.cycles(graph, node, rows.folding) == 1600 + 40 + 1
    assert 8 * op.cost(graph, node, rows, BOARD).lut < op.cost(graph, node, overlapping, BOARD).lut


def test_pixels_of_a_stride_side_by_side_take_a_word_a_window(tmp_path: Path) -> None:
    for number, (width, pads) in enumerate([(12, (0, 0, 1, 1)), (12, (1, 1, 1, 1)), (15, (1, 2, 1, 0))]):
        b = GraphBuilder()
        stride = 3 if width == 15 else 2
        attrs = {"kernel": (3, 4), "stride": (2, stride), "pads": pads, "pad_value": -3, "order": "nhwc"}
        graph = b.graph([b.node("w", "window", [b.input("x", (3, 9, width), 4, signed=True)], attrs)])
        op, node = hardware_op(graph.nodes[-1]), graph.nodes[-1]
        assert isinstance(op, FoldedOp)
        folding = Folding(3 * stride, 36)
        assert folding in op.foldings(graph, node)
        assert op.cycles(graph, node, folding) < op.cycles(graph, node, Folding(3, 36)) / (stride - 0.5)
        assert alone_differing(graph, node, [Choice(folding)], tmp_path / str(number)) == []
        assert number or rtl.differing(graph, node, [Choice(folding)]) == []


def test_groups_leave_one_tap_after_the_other() -> None:
    graph = next(g for g in test_operators.TestWindow.graphs() if "groups" in g.nodes[-1].attrs)
    assert beside(graph) == []


def test_depthwise_of_several_taps_equals_golden(tmp_path: Path) -> None:
    for number, graph in enumerate(test_operators.TestDepthwise.graphs()):
        found = beside(graph)
        assert found
        assert alone_differing(graph, graph.nodes[-1], found, tmp_path / str(number)) == []
        assert rtl.differing(graph, graph.nodes[-1], found[-3:]) == []


def test_pools_of_several_taps_equal_golden(tmp_path: Path) -> None:
    for number, graph in enumerate(g for g in test_operators.TestPool.graphs() if not g.nodes[-1].constants):
        found = beside(graph)
        assert found
        assert alone_differing(graph, graph.nodes[-1], found, tmp_path / str(number)) == []
        assert rtl.differing(graph, graph.nodes[-1], found[-1:]) == []


def test_a_convolution_takes_a_pixel_a_cycle(tmp_path: Path) -> None:
    b = GraphBuilder()
    graph = b.graph([b.conv("c", b.conv("d", b.input("x", (2, 40, 40), 4), 4), 4)])
    plan = make_plan(graph, BOARD, Budget.parse({"board": "zcu102", "target": "max_fps"}))
    assert plan.ii == 40 * 40
    windows = [p for p in plan.processes if p.op == "window"]
    assert [(p.call.config.get("kBeside"), p.folding.overlap) for p in windows] == [(9, True), (9, True)]
    assert differing([(plan, evaluate(graph, random_inputs(graph, FRAMES)))], tmp_path, FRAMES) == []
