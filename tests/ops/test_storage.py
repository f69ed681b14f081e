# SPDX-License-Identifier: Apache-2.0
"""Where weights and lines live: Yosys finds the memories that the plan counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.graph import Graph
from hwgen.hlsc import Target, compile_process
from hwgen.hw import Choice, Folding, boards
from hwgen.ops.base import hardware_op
from hwgen.ops.folded import FoldedOp
from hwgen.render import render
from hwgen.resources import data_folder
from hwgen.synth import count

from . import rtl
from .build import GraphBuilder
from .csim import alone


def matvec() -> Graph:
    b = GraphBuilder(seed=64)
    return b.graph([b.matvec("m", b.input("x", (64, 2, 1), 8), 64, 8, per_pixel=True)])


def window(channels: int, order: str) -> Graph:
    b = GraphBuilder()
    return b.graph([b.window("w", b.input("x", (channels, 28, 28), 8), order=order)])


def bits() -> Graph:
    b = GraphBuilder()
    return b.graph([b.matvec("m", b.input("x", (64,), 2, signed=True), 64, 1)])


CASES = [
    (bits(), Choice(Folding(8, 8), "lut_generic", "bram"), "zcu102"),
    (matvec(), Choice(Folding(4, 2), "dsp", "bram"), "zcu102"),
    (window(16, "nhwc"), Choice(Folding(8, 8), "none", "lutram"), "zcu102"),
    (window(64, "nhwc"), Choice(Folding(8, 8), "none", "uram"), "kv260"),
    (window(64, "taps"), Choice(Folding(16, 16), "none", "bram"), "ulx3s"),
]


@pytest.mark.parametrize(("graph", "choice", "board"), CASES, ids=lambda case: getattr(case, "storage", None))
def test_the_memories_planned_are_the_memories_made(graph: Graph, choice: Choice, board: str, tmp_path: Path) -> None:
    node, target = graph.nodes[-1], boards.load(board)
    op = hardware_op(node)
    render(alone("unit", op.kernel(graph, node, choice)), tmp_path)
    source, include = tmp_path / "hls/src/unit.cpp", tmp_path / "hls/include"
    made = compile_process(source, "unit", [include], Target(target.family, target.clock_mhz))
    (tmp_path / "unit.sv").write_text(made.rtl)
    files = [data_folder("hls") / "rtl/hwgen_mul.sv"] if choice.unit == "dsp" else []
    found = count([*files, tmp_path / "unit.sv"], "unit", target.family)
    cost = op.cost(graph, node, choice, target)
    assert (found.resources.dsp, found.resources.bram36, found.resources.uram) == (cost.dsp, cost.bram36, cost.uram)
    assert found.lut_ram > 0 or choice.storage != "lutram"


def test_short_tables_of_bits_may_live_in_block_ram() -> None:
    b = GraphBuilder()
    graph = b.graph([b.matvec("m", b.input("x", (16,), 2, signed=True), 8, 1)])
    node, choice = graph.nodes[-1], Choice(Folding(2, 1), "lut_generic", "bram")
    op = hardware_op(node)
    assert isinstance(op, FoldedOp)
    assert choice in op.choices(graph, node, boards.load("zcu102"))
    assert rtl.differing(graph, node, [choice]) == []
