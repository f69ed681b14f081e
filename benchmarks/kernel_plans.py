# SPDX-License-Identifier: Apache-2.0
"""Points taken from plans of real networks: the formats, sizes and foldings that the planner really picks.

    python benchmarks/kernel_plans.py MODEL.onnx ... [--board zcu102 ...]     rewrite benchmarks/data/kernel_plans.json

What is kept of a process is its settings, and of its constants their shape and range: the values are drawn anew, so
that the committed table can be made again without the networks. A process larger than `MOST` LUTs stands with
a folding below that, or the smallest that there is.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hwgen.config import load_budget
from hwgen.errors import HwgenError
from hwgen.frontend import load
from hwgen.graph import Attr, Graph, Ints, Node, TensorType
from hwgen.hw import Board, Choice, Folding, boards
from hwgen.ops.base import hardware_op
from hwgen.ops.folded import FoldedOp
from hwgen.passes.lower import lower
from hwgen.plan import Plan, make_plan
from hwgen.plan.glue import FIFO

LIST = Path(__file__).parent / "data" / "kernel_plans.json"
MOST = 800.0
MOST_WEIGHTS = 9000
"""Synthesis takes minutes to read larger tables into block RAMs."""
EACH = {"matvec": 30, "depthwise": 12, "window": 14, "requantise": 14, "thresholds": 8, "width": 8, FIFO: 10}
FEW = 4
KEPT_AS_THEY_ARE = ("matvec", "depthwise", "window", "requantise", "thresholds", "pool", "global_pool", "add", "argmax")
Spec = dict[str, Any]


@cache
def specs() -> Mapping[str, list[Spec]]:
    """Return the settings of the points by kernel."""
    found: dict[str, list[Spec]] = json.loads(LIST.read_text(encoding="utf-8")) if LIST.is_file() else {}
    return found


def constants_of(name: str, spec: Spec) -> dict[str, Ints]:
    """Return constants of the shapes and ranges that a point has, the same ones every time."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return {role: _drawn(rng, role, *said, spec["attrs"]) for role, said in spec["constants"].items()}


def _drawn(
    rng: np.random.Generator, role: str, shape: list[int], low: int, high: int, attrs: Mapping[str, Any]
) -> Ints:
    if role == "weight" and attrs["weight_bits"] == 1:
        return rng.choice(np.array([-1, 1], dtype=np.int64), shape)
    if role == "weight":
        bell = rng.normal(0, max(-low, high) / 3, shape)
        return np.clip(np.rint(bell), low, high).astype(np.int64)
    values = rng.integers(low, high + 1, shape, dtype=np.int64)
    return np.sort(values, axis=1) if role == "thresholds" else values


def graph_of(name: str, spec: Spec) -> tuple[Graph, Node, Choice]:
    """Return a graph of one node that a point stands for, and its choice."""
    attrs: dict[str, Attr] = {k: tuple(v) if isinstance(v, list) else v for k, v in spec["attrs"].items()}
    arrays = constants_of(name, spec)
    inputs = tuple(f"x{i}" for i in range(len(spec["inputs"])))
    roles = {role: f"{name}_{role}" for role in arrays}
    node = Node(name, spec["op"], inputs, ("y",), attrs, roles, ())
    types = {
        x: TensorType(tuple(shape), signed, bits)
        for x, (shape, signed, bits) in zip(inputs, spec["inputs"], strict=True)
    }
    keyed = {roles[role]: value for role, value in arrays.items()}
    (types["y"],) = hardware_op(node).infer(Graph(name, inputs, (), (node,), types, keyed), node)
    graph = Graph(name, inputs, ("y",), (node,), types, keyed)
    return graph, node, Choice(Folding(*spec["folding"]), spec["unit"], spec["storage"])


def _described(graph: Graph, node: Node, choice: Choice, board: Board) -> Spec:
    kernel = hardware_op(node)
    assert isinstance(kernel, FoldedOp)
    if kernel.cost(graph, node, choice, board).lut > MOST:
        same = [c for c in kernel.choices(graph, node, board) if (c.unit, c.storage) == (choice.unit, choice.storage)]
        priced = [(kernel.cost(graph, node, c, board).lut, c) for c in same]
        fits = [pair for pair in priced if MOST / 3 <= pair[0] <= MOST] or [min(priced, key=lambda pair: pair[0])]
        choice = fits[zlib.crc32(node.name.encode()) % len(fits)][1]
    constants = {role: graph.constant(node, role) for role in node.constants}
    folding = choice.folding
    return {
        "op": node.op,
        "inputs": [[list(t.shape), t.signed, t.bits] for t in (graph.types[name] for name in node.inputs)],
        "folding": [folding.simd, folding.pe, folding.pixels],
        "unit": choice.unit,
        "storage": choice.storage,
        "attrs": {k: list(v) if isinstance(v, tuple) else v for k, v in node.attrs.items()},
        "constants": {r: [list(v.shape), int(v.min()), int(v.max())] for r, v in constants.items()},
    }


def _small(graph: Graph, node: Node) -> bool:
    return all(graph.constant(node, role).size <= MOST_WEIGHTS for role in node.constants)


def of_plan(plan: Plan, graph: Graph) -> list[tuple[str, Spec]]:
    """Return the settings of everything in a plan that a point can stand for, with the kernel."""
    nodes = {node.name: node for node in graph.nodes}
    found: list[tuple[str, Spec]] = []
    for process in plan.processes:
        node = nodes.get(process.layer)
        if process.op == "width":
            found.append(("width", dict(process.call.config)))
        elif node is not None and process.op == node.op and process.op in KEPT_AS_THEY_ARE and _small(graph, node):
            found.append((process.op, _described(graph, node, process.choice, plan.board)))
    return found + [(FIFO, {"depth": c.depth, "bits": c.type.width}) for c in plan.channels if c.depth]


def spread(found: list[Spec], count: int) -> list[Spec]:
    """Return `count` settings that differ in more than the ranges of constants, evenly from all in a fixed order."""

    def settings(spec: Spec) -> str:
        shapes = {role: said[0] for role, said in spec.get("constants", {}).items()}
        return json.dumps({**spec, "constants": shapes}, sort_keys=True)

    differing = {settings(spec): spec for spec in found}
    ordered = sorted(differing, key=lambda text: zlib.crc32(text.encode()))
    return [differing[text] for text in ordered[:count]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--board", action="append")
    options = parser.parse_args()
    found: dict[str, list[Spec]] = {}
    for model in options.models:
        graph = lower(load(model)).graph
        for board in options.board or ("zcu102", "ulx3s"):
            try:
                plan = make_plan(graph, boards.load(board), load_budget(None, board=board))
            except HwgenError as error:
                print(f"{model} on {board}: {error}", file=sys.stderr)
                continue
            for kernel, spec in of_plan(plan, graph):
                found.setdefault(kernel, []).append(spec)
    picked = {kernel: spread(found[kernel], EACH.get(kernel, FEW)) for kernel in sorted(found)}
    lines = [f' "{kernel}": [\n  ' + ",\n  ".join(map(json.dumps, each)) + "\n ]" for kernel, each in picked.items()]
    LIST.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print({kernel: len(each) for kernel, each in picked.items()}, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
