# SPDX-License-Identifier: Apache-2.0
"""Window pooling: the maximum or the sum of each channel's taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType
from hwgen.ops import whole
from hwgen.ops.area import Parts, counting, rom, shift_adders, together
from hwgen.ops.arithmetic import ADDERS_IN_A_STAGE, chained_sums, largest_luts, renewed_luts, restarted, stages
from hwgen.ops.folded import LaneOp, no_bipolar, write_every
from hwgen.ops.support import (
    RomSet,
    element_type,
    holding,
    in_type,
    int_attr,
    product_range,
    str_attr,
    type_of,
)
from hwgen.ops.window_rows import foldable


class Pool(LaneOp):
    """``(1, T*C, OH, OW) -> (1, C, OH, OW)``: `mode` ``max`` or ``sum`` over the T `taps` of each channel.

    The optional constant `multiplier` (OH*OW,) multiplies a sum by an integer that depends on the position: an average
    that does not count padding has another divisor at the border.
    """

    name = "pool"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the input's format for a maximum, the sum's otherwise."""
        x = in_type(graph, node)
        taps = int_attr(node, "taps")
        shape = (1, x.channels // taps, *x.shape[2:])
        if str_attr(node, "mode") == "max":
            return (replace(x, shape=shape, scale=(), zero_point=0),)
        lo, hi = taps * x.lo, taps * x.hi
        if "multiplier" in node.constants:
            lo, hi = product_range(lo, hi, graph.constant(node, "multiplier"))
        return (holding(shape, lo, hi),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Reduce the taps."""
        (x,) = inputs
        taps = int_attr(node, "taps")
        by_tap = x.reshape(x.shape[0], taps, x.shape[1] // taps, *x.shape[2:])
        if str_attr(node, "mode") == "max":
            return (np.asarray(by_tap.max(axis=1)),)
        total = np.asarray(by_tap.sum(axis=1, dtype=np.int64))
        if "multiplier" in node.constants:
            total = total * graph.constant(node, "multiplier").reshape(x.shape[2:])
        return (total,)

    def lane_channels(self, graph: Graph, node: Node) -> int:
        """Return the channels of the output."""
        return graph.types[node.outputs[0]].channels

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return each divisor of the channels, all taps of so many, and the whole frame where it is small enough."""
        found = super().foldings(graph, node)
        if "multiplier" not in node.constants:
            taps, bits, channels = int_attr(node, "taps"), in_type(graph, node).bits, self.lane_channels(graph, node)
            together = [
                n for n in (*foldable(channels, taps, bits, whole.WIDEST), channels) if taps * n * bits <= whole.WIDEST
            ]
            found += [Folding(taps * n, n) for n in together if taps > 1]
        return [*found, whole.folding(graph, node)] if self._may_be_whole(graph, node) else found

    @staticmethod
    def _beside(folding: Folding) -> int:
        """Return the taps of a word."""
        return folding.simd // folding.pe

    @staticmethod
    def _may_be_whole(graph: Graph, node: Node) -> bool:
        return "multiplier" not in node.constants and int_attr(node, "taps") > 1 and whole.fits(graph, node)

    def _is_whole(self, graph: Graph, node: Node, folding: Folding) -> bool:
        return self._may_be_whole(graph, node) and folding == whole.folding(graph, node)

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the taps' stream and the result's stream."""
        if self._is_whole(graph, node, folding):
            return whole.streams(graph, node)
        taps, beside = int_attr(node, "taps"), self._beside(folding)
        words = StreamType.of(in_type(graph, node), folding.simd)
        if beside == 1 or folding.pe < self.lane_channels(graph, node):
            words = replace(words, order="taps", taps=taps, beside=beside)
        return (words,), (StreamType.of(graph.types[node.outputs[0]], folding.pe),)

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return one iteration for each tap of each fold, one for a whole frame."""
        return self.schedule(graph, node, folding).ii

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a tap in every iteration, write after the last tap of each fold."""
        if self._is_whole(graph, node, folding):
            return whole.schedule(node)
        beats = in_type(graph, node).elements // folding.simd
        writes = write_every(beats, int_attr(node, "taps") // self._beside(folding))
        return Schedule(beats, (np.arange(beats, dtype=np.int64),), (writes,))

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse sums of bipolar values."""
        return [] if str_attr(node, "mode") == "max" else no_bipolar(graph, node)

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """One compare-and-select or adder a lane, its register, the counters, the optional multiplier."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        if self._is_whole(graph, node, choice.folding):
            return self._at_once(y.elements, graph, node, family)
        if self._beside(choice.folding) > 1:
            return self._at_once(choice.folding.pe, graph, node, family)
        taps, lanes = int_attr(node, "taps"), choice.folding.simd
        folds, scaled = y.channels // lanes, "multiplier" in node.constants
        largest = str_attr(node, "mode") == "max"
        factor = type_of(graph.constant(node, "multiplier")).bits if scaled else 0
        table, bram = rom(y.pixels if scaled else 1, factor, family)
        sums = float(lanes * (x.bits if largest else x.bits + (taps - 1).bit_length()))
        counters = counting(taps, taps * folds * y.pixels, *((folds, y.pixels) if scaled else ()))
        product = sums * factor if y.pixels > 1 else 0.0
        shared = shift_adders(graph.constant(node, "multiplier")) if scaled and y.pixels == 1 else 0
        lut = {
            "base": 1.0, **counters, "products": product, "shift_adds": shared * sums,
            "summed": 0.0 if largest else sums, "largest": 0.0, **chained_sums(1, 0),
            "renewed": lanes * renewed_luts(x.bits, family) if largest else 0.0,
            "restart": 0.0 if largest else restarted(sums, taps, family),
        }  # fmt: skip
        ff = {"base": 1.0, "state": counters["counters"] + sums + lanes * y.bits}
        return Parts(together(lut, table), ff, bram)

    @staticmethod
    def _at_once(results: int, graph: Graph, node: Node, family: Family) -> Parts:
        """All taps of each result of a word, one after the other; a long row of comparisons is cut by registers."""
        x, y, taps = in_type(graph, node), graph.types[node.outputs[0]], int_attr(node, "taps")
        if str_attr(node, "mode") == "max":
            chained = {"largest": (taps - 1) * largest_luts(x.bits, family)}
            waiting = sum(taps - cut * ADDERS_IN_A_STAGE[family] for cut in range(1, stages(taps - 1, family)))
        else:
            chained, waiting = chained_sums(taps, x.bits), 0
        lut = {"base": 1.0, **{part: results * amount for part, amount in chained.items()}}
        return Parts(lut, {"base": 1.0, "state": float(results * (y.bits + waiting * x.bits))})

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `pool`."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        frame = self._is_whole(graph, node, choice.folding)
        config: dict[str, int | bool | CType] = {
            "kLanes": y.channels if frame else choice.folding.pe,
            "kChannels": y.channels,
            "kTaps": int_attr(node, "taps"),
            "kPixels": y.pixels,
            "kMax": str_attr(node, "mode") == "max",
            "kMultiplier": "multiplier" in node.constants,
            "in_t": element_type(x),
            "out_t": element_type(y),
        }
        if not frame and self._beside(choice.folding) > 1:
            config["kBeside"] = int_attr(node, "taps")
        roms = RomSet(node.name)
        if "multiplier" in node.constants:
            multiplier = graph.constant(node, "multiplier")
            roms.add("multiplier", type_of(multiplier), multiplier.reshape(-1, 1))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(
            KernelCall("pool.hpp", "pool_frame" if frame else "pool", config, ins, outs, roms.roms), roms.arrays
        )
