# SPDX-License-Identifier: Apache-2.0
"""Units that multiply: the plan counts exactly the multiplier blocks that the compiler makes."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest

from hwgen.graph import Graph, Node, TensorType
from hwgen.hlsc import Target, compile_process
from hwgen.hw import Choice, Folding, boards
from hwgen.ops.base import hardware_op
from hwgen.ops.folded import FoldedOp
from hwgen.render import render

from .csim import alone

# bits and sign of the input, bits of the weights, columns, rows, SIMD, PE
SHAPES = [
    (8, False, 8, 32, 32, 4, 4),
    (8, True, 8, 32, 32, 2, 8),
    (4, False, 4, 32, 32, 4, 8),
    (4, True, 4, 36, 24, 3, 6),
    (6, True, 5, 27, 15, 3, 5),
    (8, True, 8, 32, 16, 4, 1),
    (3, False, 8, 16, 16, 2, 4),
]


def matvec(shape: tuple[int, bool, int, int, int, int, int], pruned: bool) -> tuple[Graph, Node, Choice]:
    """Return a graph of one unit with bell-shaped weights; `pruned` ones have constant columns and even rows."""
    bits, signed, weight_bits, columns, rows, simd, pe = shape
    rng = np.random.default_rng(columns + rows)
    top = 1 << (weight_bits - 1)
    weight = np.clip(np.rint(rng.normal(0, top / 3, (rows, columns))), -top, top - 1).astype(np.int64)
    if pruned:
        weight[:, 1::simd] = 0
        weight[:, 2::simd] = 3
        weight[::pe] &= ~1
    attrs = {"per_pixel": True, "weight_bits": weight_bits, "weight_signed": True}
    node = Node("m", "matvec", ("x",), ("y",), attrs, {"weight": "w", "bias": "b"}, ())
    types = {"x": TensorType((1, columns, 2, 2), signed, bits)}
    arrays = {"w": weight, "b": rng.integers(-99, 99, rows)}
    (types["y"],) = hardware_op(node).infer(Graph("g", ("x",), (), (node,), types, arrays), node)
    return Graph("g", ("x",), ("y",), (node,), types, arrays), node, Choice(Folding(simd, pe), "dsp", "lut")


def blocks_made(graph: Graph, node: Node, choice: Choice, board: str) -> int:
    """Compile a unit alone and return the multiplier blocks in its RTL."""
    target = boards.load(board)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render(alone("unit", hardware_op(node).kernel(graph, node, choice)), folder)
        source = folder / "hls/src/unit.cpp"
        made = compile_process(source, "unit", [folder / "hls/include"], Target(target.family, target.clock_mhz))
    return len(re.findall(r"^ *hwgen_mul #", made.rtl, re.MULTILINE))


@pytest.mark.parametrize("board", ["zcu102", "pynq-z2", "ulx3s"])
@pytest.mark.parametrize(("shape", "pruned"), [*((s, False) for s in SHAPES), (SHAPES[0], True), (SHAPES[3], True)])
def test_the_blocks_planned_are_the_blocks_made(
    shape: tuple[int, bool, int, int, int, int, int], pruned: bool, board: str
) -> None:
    graph, node, choice = matvec(shape, pruned)
    op = hardware_op(node)
    assert isinstance(op, FoldedOp)
    assert choice in op.choices(graph, node, boards.load(board))
    assert op.cost(graph, node, choice, boards.load(board)).dsp == blocks_made(graph, node, choice, board)
