# SPDX-License-Identifier: Apache-2.0
"""ArgMax over channels: the class index at the end of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Board, Built, CType, Folding, KernelCall, Resources, Schedule, StreamType, Unit
from hwgen.ops.folded import LaneOp
from hwgen.ops.support import counter_lut, element_type, holding, in_type


class Argmax(LaneOp):
    """``(1, F) -> (1, 1)``, or ``(1, C, 1, 1) -> (1, 1)``: the lowest index that holds the maximum."""

    name = "argmax"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return an unsigned index."""
        return (holding((1, 1), 0, in_type(graph, node).elements - 1),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Find the first maximum."""
        (x,) = inputs
        return (x.reshape(x.shape[0], -1).argmax(axis=1).reshape(-1, 1),)

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a beat in every iteration, write in the last."""
        beats = np.arange(self.cycles(graph, node, folding), dtype=np.int64)
        return Schedule(beats.size, (beats,), (beats[-1:],))

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the values' stream and the one-beat index."""
        return (StreamType.of(in_type(graph, node), folding.simd),), (StreamType.of(graph.types[node.outputs[0]], 1),)

    def cost(self, graph: Graph, node: Node, unit: Unit, folding: Folding, board: Board) -> Resources:
        """A compare-and-select of value and index a lane."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        lut = 20 + folding.simd * (1.5 * x.bits + y.bits) + counter_lut(x.elements // folding.simd)
        return Resources(round(lut), round(25 + folding.simd * (x.bits + y.bits) + 2 * (x.bits + y.bits)), 0, 0)

    def kernel(self, graph: Graph, node: Node, unit: Unit, folding: Folding) -> Built:
        """Return the call of `argmax`; bipolar values compare as their bits."""
        x = in_type(graph, node)
        config: dict[str, int | bool | CType] = {
            "kLanes": folding.simd,
            "kBeats": x.elements // folding.simd,
            "in_t": element_type(x),
            "out_t": element_type(graph.types[node.outputs[0]]),
        }
        ins, outs = self.streams(graph, node, folding)
        return Built(KernelCall("argmax.hpp", "argmax", config, ins, outs))
