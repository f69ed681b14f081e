# SPDX-License-Identifier: Apache-2.0
"""Constant elements around a map or a vector: the hardware of Pad where no window can put them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd, prod

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType
from hwgen.ops.area import Parts, counting, index_bits
from hwgen.ops.folded import FoldedOp
from hwgen.ops.support import divisors, element_type, in_type, int_attr, ints_attr

Triple = tuple[int, int, int]


class Padding(FoldedOp):
    """The input with the integer `value` around it.

    Attribute `pads`: channels before, top, left, channels behind, bottom, right. The output's format is the input's,
    widened when `value` does not fit.
    """

    name = "pad"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the larger tensor's type."""
        x, value = in_type(graph, node), int_attr(node, "value")
        pads = ints_attr(node, "pads")
        shape = (1, *(n + pads[i] + pads[i + 3] for i, n in enumerate(x.shape[1:])))
        fits = value in (-1, 1) if x.bipolar else x.lo <= value <= x.hi
        signed, bits = (x.signed, x.bits) if fits else bits_for(min(x.lo, value), max(x.hi, value))
        return (replace(x, shape=shape, signed=signed, bits=bits),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Pad."""
        (x,) = inputs
        pads = ints_attr(node, "pads")
        around = [(0, 0), *((pads[i], pads[i + 3]) for i in range(x.ndim - 1))]
        return (np.pad(x, around, constant_values=int_attr(node, "value")),)

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return the lanes that divide the channels and what is around them."""
        pads = ints_attr(node, "pads")
        return [Folding(n, n) for n in divisors(gcd(in_type(graph, node).channels, pads[0], pads[3]))]

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return both streams."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        return (StreamType.of(x, folding.simd),), (StreamType.of(y, folding.simd),)

    def _extents(self, graph: Graph, node: Node, lanes: int) -> tuple[Triple, Triple, Triple]:
        """Return rows, columns and folds of the output, the first of each that is inside, and the one behind."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        pads = ints_attr(node, "pads")
        height, width = x.shape[2:] or (1, 1)
        size = (*(y.shape[2:] or (1, 1)), y.channels // lanes)
        first = (pads[1], pads[2], pads[0] // lanes)
        end = (first[0] + height, first[1] + width, first[2] + x.channels // lanes)
        return (size[0], size[1], size[2]), first, end

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read the first word at once and the others when they are due; write in every iteration."""
        size, first, end = self._extents(graph, node, folding.simd)
        words = np.arange(np.prod(size), dtype=np.int64).reshape(size)
        inside = words[tuple(slice(a, b) for a, b in zip(first, end, strict=True))].reshape(-1)
        reads = np.concatenate([np.zeros(1, dtype=np.int64), inside[1:]])
        return Schedule(words.size, (reads,), (words.reshape(-1),))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """Counters of the place, comparisons with the ends of the input, the constant.

        Where the output begins with padding, the first word waits in a register, which is chosen when its turn comes.
        """
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        size, first, end = self._extents(graph, node, choice.folding.simd)
        compared = sum(
            index_bits(n) * ((a > 0) + (b < n) + any(first)) for n, a, b in zip(size, first, end, strict=True)
        )
        kept = float(x.bits * choice.folding.simd if any(first) else 0)
        word = float(y.bits * choice.folding.simd)
        counters = counting(*size, prod(size))
        lut = {"base": 1.0, **counters, "compared": float(compared), "select": kept, "fill": word}
        return Parts(lut, {"base": 1.0, "state": counters["counters"] + kept + word})

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `pad`."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        size, first, end = self._extents(graph, node, choice.folding.simd)
        value = int_attr(node, "value")
        config: dict[str, int | bool | CType] = {"kLanes": choice.folding.simd}
        config.update(zip(("kRows", "kColumns", "kFolds"), size, strict=True))
        config.update(zip(("kFirstRow", "kFirstColumn", "kFirstFold"), first, strict=True))
        config.update(zip(("kEndRow", "kEndColumn", "kEndFold"), end, strict=True))
        config.update({"kValue": (value + 1) // 2 if y.bipolar else value, "kBipolar": x.bipolar})
        config.update({"in_t": element_type(x), "out_t": element_type(y)})
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("pad.hpp", "pad", config, ins, outs))
