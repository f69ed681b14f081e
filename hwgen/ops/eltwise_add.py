# SPDX-License-Identifier: Apache-2.0
"""Element-wise addition of two tensors, each with an integer factor: residual joins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, KernelCall
from hwgen.ops.area import LUT_INPUTS, Parts
from hwgen.ops.arithmetic import makes_heap, shifted_rows
from hwgen.ops.constant_sums import dot_luts
from hwgen.ops.folded import ElementOp, same_shapes
from hwgen.ops.support import holding, in_type, int_attr, two_inputs


class Add(ElementOp):
    """``acc = m0 * a + m1 * b + bias`` with integer attributes `m0`, `m1`, `bias`; both inputs have the same shape."""

    name = "add"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the narrowest type that holds every sum."""
        lo = hi = int_attr(node, "bias")
        for index, factor in enumerate(("m0", "m1")):
            x, m = in_type(graph, node, index), int_attr(node, factor)
            lo, hi = lo + min(m * x.lo, m * x.hi), hi + max(m * x.lo, m * x.hi)
        return (holding(in_type(graph, node).shape, lo, hi),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Add."""
        a, b = inputs
        return (int_attr(node, "m0") * a + int_attr(node, "m1") * b + int_attr(node, "bias"),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse inputs of different shapes."""
        return same_shapes(graph, node)

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """Multiplications by constants as rows of shifted words, or with the bias bit by bit, and the sum.

        Inputs that fit one LUT make every bit of the sum directly, and few of its bits differ.
        """
        y, lanes, bias = graph.types[node.outputs[0]], choice.folding.simd, int_attr(node, "bias")
        factors, bits = [int_attr(node, name) for name in ("m0", "m1")], [graph.types[x].bits for x in node.inputs]
        direct = sum(bits) <= LUT_INPUTS[family] and any(abs(factor).bit_count() > 1 for factor in factors)
        heaped = not direct and bias != 0 and makes_heap(factors, bits, family)
        heap = dot_luts(np.array([factors], dtype=np.int64), max(bits)) if heaped else 0.0
        alone = 0 if bias else max((factor & -factor).bit_length() - 1 for factor in factors)
        chained = not heaped and not direct
        rows, added = shifted_rows(factors, bits), float(lanes * max(1, y.bits - alone))
        lut = {
            "base": 1.0, "heaps": lanes * heap, "shift_adds": lanes * rows if chained else 0.0,
            "direct": float(lanes * min(y.bits, sum(bits) + 2)) if direct else 0.0,
            "added": added if chained and not rows else 0.0, "merged": added if chained and rows else 0.0,
            "bias": float(lanes * y.bits) if bias and chained else 0.0,
        }  # fmt: skip
        return Parts(lut, {"base": 1.0, "state": lanes * y.bits})

    def kernel_of(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `add`."""
        y = graph.types[node.outputs[0]]
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kBeats": y.elements // choice.folding.simd,
            "kM0": int_attr(node, "m0"),
            "kM1": int_attr(node, "m1"),
            "kBias": int_attr(node, "bias"),
            **two_inputs(graph, node),
        }
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("add.hpp", "add", config, ins, outs))
