# SPDX-License-Identifier: Apache-2.0
"""Whole frames in one beat: all pixels side by side, so that a window is wires and a network takes a frame a cycle.

A beat has the elements in stream order (NHWC): pixel by pixel, channels innermost. For an operator that treats each
element by itself such a frame is one pixel with as many channels as the frame has elements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.graph import Graph, Node
from hwgen.hw import Folding, Schedule, StreamType

WIDEST = 8192
"""Bits of a beat beyond which a whole frame is not offered: registers and routes would grow out of hand."""


def fits(graph: Graph, node: Node) -> bool:
    """Tell whether the frames at every side of a node, some with pixels, may be one beat each."""
    kinds = [graph.types[name] for name in (*node.inputs, *node.outputs)]
    return any(kind.pixels > 1 for kind in kinds) and all(kind.elements * kind.bits <= WIDEST for kind in kinds)


def folding(graph: Graph, node: Node) -> Folding:
    """Return the folding that does a whole frame at once."""
    x, y = graph.types[node.inputs[0]], graph.types[node.outputs[0]]
    return Folding(x.elements // y.pixels, y.elements // y.pixels, y.pixels)


def streams(graph: Graph, node: Node) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
    """Return streams of one beat a frame on every side."""
    ins = tuple(StreamType.of(graph.types[name], graph.types[name].elements) for name in node.inputs)
    outs = tuple(StreamType.of(graph.types[name], graph.types[name].elements) for name in node.outputs)
    return ins, outs


def schedule(node: Node) -> Schedule:
    """Read and write everything in one iteration."""
    once = np.zeros(1, dtype=np.int64)
    return Schedule(1, (once,) * len(node.inputs), (once,) * len(node.outputs))


def as_one_pixel(graph: Graph, node: Node) -> Graph:
    """Return the graph with a node's tensors as one pixel each; constants for each channel repeat for each pixel."""
    x = graph.types[node.inputs[0]]
    types = {name: replace(graph.types[name], shape=(1, graph.types[name].elements)) for name in graph.types}
    constants = dict(graph.constants)
    for role, key in node.constants.items():
        values = graph.constant(node, role)
        if len(values) > 1:
            constants[key] = np.tile(values, (x.pixels, *(1 for _ in values.shape[1:])))
    return replace(graph, types=types, constants=constants)
