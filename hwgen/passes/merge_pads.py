# SPDX-License-Identifier: Apache-2.0
"""Pads that a window can put in itself."""

from __future__ import annotations

from dataclasses import replace

from hwgen.graph import Graph, Node
from hwgen.ops.base import hardware_op


def merge_pads(graph: Graph) -> Graph:
    """Return a graph whose windows pad instead of a `pad` before them, where value and extents allow it.

    The `pad` node stays for whoever else reads it; `drop_dead` removes it if nobody does.
    """
    nodes = tuple(_merged(graph, node) for node in graph.nodes)
    return graph if nodes == graph.nodes else graph.with_nodes(nodes)


def _merged(graph: Graph, node: Node) -> Node:
    maker = graph.producer.get(node.inputs[0]) if node.op == "window" else None
    if maker is None or maker.op != "pad" or "size" in node.attrs:
        return node
    around, own = maker.attrs["pads"], node.attrs["pads"]
    assert isinstance(around, tuple) and isinstance(own, tuple)
    before, top, left, behind, bottom, right = around
    if before or behind or (any(own) and node.attrs["pad_value"] != maker.attrs["value"]):
        return node
    pads = tuple(a + b for a, b in zip((top, left, bottom, right), own, strict=True))
    merged = replace(
        node,
        inputs=maker.inputs,
        attrs={**node.attrs, "pads": pads, "pad_value": maker.attrs["value"]},
        source=(*maker.source, *node.source),
    )
    op = hardware_op(merged)
    same = op.infer(graph, merged) == tuple(graph.types[name] for name in node.outputs)
    return merged if same and not op.check(graph, merged) else node
