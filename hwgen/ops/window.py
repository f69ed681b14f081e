# SPDX-License-Identifier: Apache-2.0
"""Sliding window: turns a feature map into the taps of a convolution or pooling window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.hw import Built, CType, Family, Folding, KernelCall, Schedule, StreamType, Unit
from hwgen.ops.area import Parts, counter_bits, ram
from hwgen.ops.folded import LaneOp
from hwgen.ops.line_buffer import best, depth_of
from hwgen.ops.support import in_type, int_attr, ints_attr, str_attr
from hwgen.ops.window_schedule import Geometry


class Window(LaneOp):
    """``(1, C, H, W) -> (1, KH*KW*C, OH, OW)``, output channels ordered (kh, kw, c), c innermost.

    Attributes: `kernel` (KH, KW), `stride` (SH, SW), `pads` (top, left, bottom, right), `pad_value`, and `order`:
    ``nhwc`` streams each window tap by tap with all channels of a tap together, ``taps`` streams for each fold of
    channels all taps of the window. The output's format is the input's, widened when `pad_value` does not fit.
    """

    name = "window"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the type of the taps."""
        x = in_type(graph, node)
        _, c, h, w = x.shape
        (kh, kw), (sh, sw) = ints_attr(node, "kernel"), ints_attr(node, "stride")
        top, left, bottom, right = ints_attr(node, "pads")
        shape = (1, kh * kw * c, (h + top + bottom - kh) // sh + 1, (w + left + right - kw) // sw + 1)
        pad = int_attr(node, "pad_value")
        padded = any((top, left, bottom, right))
        fits = pad in (-1, 1) if x.bipolar else x.lo <= pad <= x.hi
        signed, bits = (x.signed, x.bits) if fits or not padded else bits_for(min(x.lo, pad), max(x.hi, pad))
        return (replace(x, shape=shape, signed=signed, bits=bits, scale=(), zero_point=0),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Gather the taps, one of all windows at a time."""
        (x,) = inputs
        (kh, kw), (sh, sw) = ints_attr(node, "kernel"), ints_attr(node, "stride")
        top, left, bottom, right = ints_attr(node, "pads")
        pad, (oh, ow) = int_attr(node, "pad_value"), graph.types[node.outputs[0]].shape[2:]
        frames, c, h, w = x.shape
        dtype = np.result_type(x, np.min_scalar_type(pad))
        padded = np.full((frames, c, h + top + bottom, w + left + right), pad, dtype)
        padded[:, :, top : top + h, left : left + w] = x
        taps = np.empty((frames, kh, kw, c, oh, ow), dtype)
        for i, j in np.ndindex(kh, kw):
            taps[:, i, j] = padded[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw][:, :, :oh, :ow]
        return (taps.reshape(frames, -1, oh, ow),)

    def geometry(self, graph: Graph, node: Node, lanes: int) -> Geometry:
        """Return the numbers that fix the window's schedule."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        return Geometry(
            x.shape[2:],
            y.shape[2:],
            x.channels // lanes,
            ints_attr(node, "kernel"),
            ints_attr(node, "stride"),
            ints_attr(node, "pads"),
            str_attr(node, "order") == "taps",
        )

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the feature map's stream and the taps' stream in the node's order."""
        kh, kw = ints_attr(node, "kernel")
        y = graph.types[node.outputs[0]]
        taps = StreamType.of(y, folding.simd)
        if str_attr(node, "order") == "taps":
            taps = StreamType.of(y, folding.simd, "taps", kh * kw)
        return (StreamType.of(in_type(graph, node), folding.simd),), (taps,)

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return the iterations from a frame to the next."""
        return best(self.geometry(graph, node, folding.simd)).ii

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read as early as the line buffer allows, write as early as the taps are there."""
        return best(self.geometry(graph, node, folding.simd))

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse paddings as large as the kernel, and windows that begin outside the input."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        kernel, stride, pads = ints_attr(node, "kernel"), ints_attr(node, "stride"), ints_attr(node, "pads")
        if min(y.shape[1:]) < 1:
            return [Problem(f"A window of {kernel} must fit the padded input {x.shape[2:]}.", node.name)]
        last = [(y.shape[2 + axis] - 1) * stride[axis] - pads[axis] for axis in (0, 1)]
        if any(pads[a] >= kernel[a] or last[a] >= x.shape[2 + a] for a in (0, 1)):
            return [Problem(f"The padding {pads} must be less than the kernel {kernel}.", node.name)]
        return []

    def parts(self, graph: Graph, node: Node, unit: Unit, folding: Folding, family: Family) -> Parts:
        """The line buffer, the position's counters, the buffer's pointers, the padding, the word."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        geometry = self.geometry(graph, node, folding.simd)
        words = depth_of(geometry)
        buffer, bram = ram(words, x.bits * folding.simd, family)
        padded = float(any(geometry.pads))
        place = counter_bits(*y.shape[2:], *geometry.kernel, geometry.folds)
        walked = 0.0 if geometry.side_by_side else counter_bits(geometry.span + 1)
        ahead = 2 * counter_bits(words) + 1 + walked
        word = float(y.bits * folding.simd)
        lut = {
            "base": 1.0, "place": place, "ahead": ahead, "padding": padded * (sum(geometry.kernel) + word),
            "ram": buffer, "word": word,
        }  # fmt: skip
        return Parts(lut, {"base": 1.0, "state": place + ahead + word, "block": word if bram else 0.0}, bram)

    def kernel(self, graph: Graph, node: Node, unit: Unit, folding: Folding) -> Built:
        """Return the call of `window`."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        geometry = self.geometry(graph, node, folding.simd)
        (kh, kw), (sh, sw) = geometry.kernel, geometry.stride
        top, left = geometry.pads[:2]
        pad = int_attr(node, "pad_value")
        config: dict[str, int | bool | CType] = {
            "kInBits": x.bits,
            "kBits": y.bits,
            "kSigned": x.signed,
            "kLanes": folding.simd,
            "kChannels": x.channels,
            "kHeight": x.shape[2],
            "kWidth": x.shape[3],
            "kKernelH": kh,
            "kKernelW": kw,
            "kStrideH": sh,
            "kStrideW": sw,
            "kPadTop": top,
            "kPadLeft": left,
            "kOutHeight": y.shape[2],
            "kOutWidth": y.shape[3],
            "kPadValue": (pad + 1) // 2 if y.bipolar else pad,
            "kTapsOrder": geometry.taps_order,
            "kDepth": depth_of(geometry),
        }
        ins, outs = self.streams(graph, node, folding)
        return Built(KernelCall("window.hpp", "window", config, ins, outs))
