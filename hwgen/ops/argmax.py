# SPDX-License-Identifier: Apache-2.0
"""ArgMax over channels: the class index at the end of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType
from hwgen.ops.area import Parts, counting
from hwgen.ops.arithmetic import chosen_index, largest_luts
from hwgen.ops.folded import LaneOp
from hwgen.ops.support import element_type, holding, in_type


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

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """A tree of compare-and-selects over value and place, one more against the best beat before."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        lanes = choice.folding.simd
        beats = x.elements // lanes
        counters = counting(beats)
        again = beats > 1
        lut = {
            "base": 1.0, **counters, "tree": (lanes - 1 + again) * largest_luts(x.bits, family),
            "index": float(chosen_index(lanes)), "best": float(y.bits * (2 + (lanes & (lanes - 1) > 0)) * again),
        }  # fmt: skip
        return Parts(lut, {"base": 1.0, "state": counters["counters"] + y.bits + (x.bits + 2 * y.bits) * again})

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `argmax`; bipolar values compare as their bits."""
        x = in_type(graph, node)
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kBeats": x.elements // choice.folding.simd,
            "in_t": element_type(x),
            "out_t": element_type(graph.types[node.outputs[0]]),
        }
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("argmax.hpp", "argmax", config, ins, outs))
