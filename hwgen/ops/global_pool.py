# SPDX-License-Identifier: Apache-2.0
"""Global pooling: the maximum or the sum of each channel over the whole feature map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule
from hwgen.ops.area import Parts, counting
from hwgen.ops.arithmetic import renewed_luts, restarted
from hwgen.ops.folded import LaneOp, no_bipolar
from hwgen.ops.support import element_type, holding, in_type, str_attr


class GlobalPool(LaneOp):
    """``(1, C, H, W) -> (1, C, 1, 1)``: `mode` ``max`` or ``sum`` over all pixels."""

    name = "global_pool"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the input's format for a maximum, the sum's otherwise."""
        x = in_type(graph, node)
        shape = (1, x.channels, *(1 for _ in x.shape[2:]))
        if str_attr(node, "mode") == "max":
            return (replace(x, shape=shape, scale=(), zero_point=0),)
        return (holding(shape, x.pixels * x.lo, x.pixels * x.hi),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Reduce the pixels."""
        (x,) = inputs
        axes = tuple(range(2, x.ndim))
        if str_attr(node, "mode") == "max":
            return (np.asarray(x.max(axis=axes, keepdims=True)),)
        return (np.asarray(x.sum(axis=axes, keepdims=True, dtype=np.int64)),)

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a beat in every iteration, write during the last pixel."""
        beats = np.arange(self.cycles(graph, node, folding), dtype=np.int64)
        folds = in_type(graph, node).channels // folding.simd
        return Schedule(beats.size, (beats,), (beats[-folds:],))

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse sums of bipolar values."""
        return [] if str_attr(node, "mode") == "max" else no_bipolar(graph, node)

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One adder or compare a lane, and a register for every channel."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        lanes, folds = choice.folding.simd, x.channels // choice.folding.simd
        counters = counting(folds, x.pixels, x.pixels * folds)
        sums = float(lanes * y.bits)
        largest = str_attr(node, "mode") == "max"
        lut = {
            "base": 1.0, **counters, "renewed": lanes * renewed_luts(x.bits, family) * largest,
            "summed": sums * (not largest), "restart": restarted(sums, x.pixels, family) * (not largest),
        }  # fmt: skip
        return Parts(lut, {"base": 1.0, "state": counters["counters"] + y.channels * y.bits + sums})

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `global_pool`."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kChannels": x.channels,
            "kPixels": x.pixels,
            "kMax": str_attr(node, "mode") == "max",
            "in_t": element_type(x),
            "out_t": element_type(y),
        }
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("global_pool.hpp", "global_pool", config, ins, outs))
