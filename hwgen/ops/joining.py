# SPDX-License-Identifier: Apache-2.0
"""Joining two integer tensors along channels, rows or columns: the hardware of Concat."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType
from hwgen.ops.area import NOT_COUNTING, Parts, counting
from hwgen.ops.folded import FoldedOp
from hwgen.ops.support import divisors, holding, in_type, int_attr, two_inputs


class Join(FoldedOp):
    """The second input behind the first along `axis`: 1 channels, 2 rows, 3 columns; one type holds both.

    Beats of both inputs take turns, or, where channels are joined, every beat is a pixel and takes one of each.
    """

    name = "concat"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the narrowest type that holds both inputs; two bipolar ones stay bipolar."""
        a, b = in_type(graph, node), in_type(graph, node, 1)
        axis = int_attr(node, "axis")
        shape = tuple(n + b.shape[i] * (i == axis) for i, n in enumerate(a.shape))
        if a.bipolar and b.bipolar:
            return (TensorType(shape, True, 1),)
        return (holding(shape, min(a.lo, b.lo), max(a.hi, b.hi)),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Concatenate."""
        return (np.concatenate(inputs, axis=int_attr(node, "axis")),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse inputs that differ in another axis."""
        axis = int_attr(node, "axis")
        rest = {tuple(n for i, n in enumerate(graph.types[name].shape) if i != axis) for name in node.inputs}
        if len(rest) == 1:
            return []
        shapes = [graph.types[name].shape for name in node.inputs]
        return [Problem(f"The inputs must differ in axis {axis} alone, not have the shapes {shapes}.", node.name)]

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return the lanes that divide the channels of both; both pixels at once where channels are joined."""
        a, b = in_type(graph, node), in_type(graph, node, 1)
        found = [Folding(n, n) for n in divisors(gcd(a.channels, b.channels))]
        if int_attr(node, "axis") == 1:
            found.append(Folding(a.channels + b.channels, a.channels + b.channels))
        return found

    def _whole(self, graph: Graph, node: Node, folding: Folding) -> bool:
        return folding.simd > in_type(graph, node).channels

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the streams of both inputs and of the output."""
        types = [graph.types[name] for name in (*node.inputs, *node.outputs)]
        whole = self._whole(graph, node, folding)
        a, b, y = (StreamType.of(t, t.channels if whole else folding.simd) for t in types)
        return (a, b), (y,)

    def runs(self, graph: Graph, node: Node, folding: Folding) -> tuple[int, int, int]:
        """Return how often the inputs take turns, and the beats of each turn."""
        axis = int_attr(node, "axis")
        a, b = in_type(graph, node), in_type(graph, node, 1)
        if axis == 1:
            return a.pixels, a.channels // folding.simd, b.channels // folding.simd
        outer = prod(a.shape[2:axis])
        return outer, a.elements // folding.simd // outer, b.elements // folding.simd // outer

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read one input or the other in every iteration, or both; write in every iteration."""
        if self._whole(graph, node, folding):
            beats = np.arange(in_type(graph, node).pixels, dtype=np.int64)
            return Schedule(beats.size, (beats, beats), (beats,))
        outer, run_a, run_b = self.runs(graph, node, folding)
        beats = np.arange(outer * (run_a + run_b), dtype=np.int64)
        first = beats % (run_a + run_b) < run_a
        return Schedule(beats.size, (beats[first], beats[~first]), (beats,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """A counter that tells whose turn it is, and a multiplexer; wires where both come at once."""
        word = float(graph.types[node.outputs[0]].bits * choice.folding.pe)
        if self._whole(graph, node, choice.folding):
            kinds = (graph.types[name] for name in node.inputs)
            state = float(sum(kind.bits * kind.channels for kind in kinds))
            return Parts({"base": 1.0, **NOT_COUNTING, "select": 0.0}, {"base": 1.0, "state": state})
        outer, run_a, run_b = self.runs(graph, node, choice.folding)
        counters = counting(run_a + run_b, *((outer * (run_a + run_b),) if outer > 1 else ()))
        return Parts({"base": 1.0, **counters, "select": word}, {"base": 1.0, "state": counters["counters"] + word})

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `concat` or `concat_lanes`."""
        a, b = in_type(graph, node), in_type(graph, node, 1)
        whole = self._whole(graph, node, choice.folding)
        config: dict[str, int | bool | CType] = {}
        if whole:
            config.update({"kLanesA": a.channels, "kLanesB": b.channels, "kBeats": a.pixels})
        else:
            outer, run_a, run_b = self.runs(graph, node, choice.folding)
            config.update({"kLanes": choice.folding.simd, "kOuter": outer, "kRunA": run_a, "kRunB": run_b})
        config.update(two_inputs(graph, node))
        ins, outs = self.streams(graph, node, choice.folding)
        function = "concat_lanes" if whole else "concat"
        return Built(KernelCall(f"{function}.hpp", function, config, ins, outs))
