# SPDX-License-Identifier: Apache-2.0
"""Drop what no output depends on."""

from __future__ import annotations

from dataclasses import replace

from hwgen.graph import Graph, Node


def drop_dead(graph: Graph) -> Graph:
    """Return the graph without nodes, tensors, constants and inputs that no output needs."""
    wanted = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    nodes = tuple(reversed(kept))
    keys = {key for node in nodes for key in node.constants.values()}
    return replace(
        graph,
        nodes=nodes,
        inputs=tuple(name for name in graph.inputs if name in wanted),
        types={name: kind for name, kind in graph.types.items() if name in wanted},
        constants={key: value for key, value in graph.constants.items() if key in keys},
    )
