# SPDX-License-Identifier: Apache-2.0
"""Sliding window: turns a feature map into the taps of a convolution or pooling window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.hw import Board, Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType
from hwgen.ops import whole, window_rows
from hwgen.ops.area import Parts, counter_bits, counting, index_bits, ram, ram_storages, ultra_rams
from hwgen.ops.folded import LaneOp
from hwgen.ops.line_buffer import best, depth_of
from hwgen.ops.support import in_type, int_attr, ints_attr, kept_in, str_attr
from hwgen.ops.window_rows import Rows
from hwgen.ops.window_schedule import Geometry


@dataclass(frozen=True)
class Settings:
    """The attributes of a window, those written out that may be left out."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @classmethod
    def of(cls, graph: Graph, node: Node) -> Settings:
        """Return the settings of a node."""
        size = ints_attr(node, "size") if "size" in node.attrs else in_type(graph, node).shape[2:]
        dilation = ints_attr(node, "dilation") if "dilation" in node.attrs else (1, 1)
        groups = int_attr(node, "groups") if "groups" in node.attrs else 1
        kernel, stride, pads = (ints_attr(node, name) for name in ("kernel", "stride", "pads"))
        return cls(size, kernel, stride, pads, dilation, groups)

    def rows(self, folds: int, together: int) -> Rows | None:
        """Return what fixes the schedule with all taps in a word behind a memory of rows; None where that cannot be.

        Parameters
        ----------
        folds
            Input words of a pixel.
        together
            Pixels of an input word: one, or as many as windows are apart.
        """
        if prod(self.kernel) == 1 or self.dilation != (1, 1) or self.groups > 1:
            return None
        if together > 1 and (together != self.stride[1] or self.size[1] % together or folds > 1):
            return None
        rows = Rows(self.size, self.out_size, self.kernel, self.stride, self.pads, folds)
        rows = rows if together == 1 else rows.together(together)
        return rows if rows.legal else None

    @property
    def reach(self) -> tuple[int, ...]:
        """Height and width of a window."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def out_size(self) -> tuple[int, ...]:
        """Height and width of the output."""
        room = (self.size[i] + self.pads[i] + self.pads[i + 2] - self.reach[i] for i in (0, 1))
        return tuple(r // s + 1 for r, s in zip(room, self.stride, strict=True))


class Window(LaneOp):
    """``(1, C, H, W) -> (1, KH*KW*C, OH, OW)``, output channels ordered (kh, kw, c), c innermost.

    Attributes: `kernel` (KH, KW), `stride` (SH, SW), `pads` (top, left, bottom, right), `pad_value`, and `order`:
    ``nhwc`` streams each window tap by tap with all channels of a tap together, ``taps`` streams for each fold of
    channels all taps of the window. The output's format is the input's, widened when `pad_value` does not fit.

    Where they are not 1: `dilation` (DH, DW), and `groups` (G, order ``nhwc`` only), which orders the output channels
    (g, kh, kw, c) with C / G channels in a group. `size` (H, W) where the pixels are to be seen as a map of another
    height and width.
    """

    name = "window"
    narrow = True

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the type of the taps."""
        x, settings = in_type(graph, node), Settings.of(graph, node)
        shape = (1, prod(settings.kernel) * x.channels, *settings.out_size)
        padded = any(settings.pads)
        pad = int_attr(node, "pad_value")
        fits = pad in (-1, 1) if x.bipolar else x.lo <= pad <= x.hi
        signed, bits = (x.signed, x.bits) if fits or not padded else bits_for(min(x.lo, pad), max(x.hi, pad))
        return (replace(x, shape=shape, signed=signed, bits=bits, scale=(), zero_point=0),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Gather the taps, one of all windows at a time."""
        (x,) = inputs
        settings = Settings.of(graph, node)
        (kh, kw), (sh, sw), (dh, dw) = settings.kernel, settings.stride, settings.dilation
        top, left, bottom, right = settings.pads
        pad, (oh, ow), (h, w) = int_attr(node, "pad_value"), settings.out_size, settings.size
        frames, c, groups = len(x), x.shape[1], settings.groups
        dtype = np.result_type(x, np.min_scalar_type(pad))
        padded = np.full((frames, c, h + top + bottom, w + left + right), pad, dtype)
        padded[:, :, top : top + h, left : left + w] = x.reshape(frames, c, h, w)
        by_group = padded.reshape(frames, groups, c // groups, *padded.shape[2:])
        taps = np.empty((frames, groups, kh, kw, c // groups, oh, ow), dtype)
        for i, j in np.ndindex(kh, kw):
            tap = by_group[:, :, :, i * dh :: sh, j * dw :: sw]
            taps[:, :, i, j] = tap[:, :, :, :oh, :ow]
        return (taps.reshape(frames, -1, oh, ow),)

    def lane_channels(self, graph: Graph, node: Node) -> int:
        """Return the channels of a group."""
        return in_type(graph, node).channels // Settings.of(graph, node).groups

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return each divisor of the channels, several taps a beat, and the whole frame where it is small enough."""
        frame = [whole.folding(graph, node)] if self._may_be_whole(graph, node) else []
        return super().foldings(graph, node) + self._side_by_side(graph, node) + frame

    @staticmethod
    def _side_by_side(graph: Graph, node: Node) -> list[Folding]:
        """Return the foldings with all channels of a kernel row's taps in a beat, of all taps, or some channels of all.

        Some channels are for those who read the taps of a channel together: those of order ``taps``.
        """
        settings, y = Settings.of(graph, node), graph.types[node.outputs[0]]
        channels, every = in_type(graph, node).channels, prod(settings.kernel)
        if settings.groups > 1:
            return []
        taps = [n for n in {settings.kernel[1], every} - {1} if n * channels * y.bits <= whole.WIDEST]
        found = [Folding(channels, n * channels) for n in sorted(taps)]
        if settings.rows(1, 1) is None:
            return found
        some = window_rows.foldable(channels, every, y.bits, whole.WIDEST) if str_attr(node, "order") == "taps" else []
        if every in taps:
            found.append(Folding(channels, every * channels, overlap=True))
            together = settings.stride[1]
            if together > 1 and settings.rows(1, together) is not None:
                found.append(Folding(together * channels, every * channels))
        return [Folding(lanes, every * lanes) for lanes in some] + found

    @staticmethod
    def _rows(graph: Graph, node: Node, folding: Folding) -> Rows | None:
        """Return what fixes the schedule where all taps of some channels leave in a word; None elsewhere."""
        settings, channels = Settings.of(graph, node), in_type(graph, node).channels
        lanes, together = min(folding.simd, channels), max(1, folding.simd // channels)
        if folding.pe != prod(settings.kernel) * lanes or folding.pixels > 1 or folding.overlap:
            return None
        return settings.rows(channels // lanes, together)

    @staticmethod
    def _may_be_whole(graph: Graph, node: Node) -> bool:
        """Tell whether a frame is small enough, and whoever reads taps in an order of their own takes it whole too."""
        readers = graph.consumers[node.outputs[0]]
        taken = bool(readers) and all(r.op == "pool" and "multiplier" not in r.constants for r in readers)
        return whole.fits(graph, node) and (str_attr(node, "order") != "taps" or taken)

    def _is_whole(self, graph: Graph, node: Node, folding: Folding) -> bool:
        return self._may_be_whole(graph, node) and folding == whole.folding(graph, node)

    def geometry(self, graph: Graph, node: Node, folding: Folding) -> Geometry:
        """Return the numbers that fix the window's schedule."""
        settings = Settings.of(graph, node)
        return Geometry(
            settings.size,
            settings.out_size,
            in_type(graph, node).channels // folding.simd,
            settings.kernel,
            settings.stride,
            settings.pads,
            str_attr(node, "order") == "taps",
            settings.dilation,
            settings.groups,
            folding.pe // folding.simd,
        )

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the feature map's stream and the taps' stream in the node's order."""
        if self._is_whole(graph, node, folding):
            return whole.streams(graph, node)
        x, y, every = in_type(graph, node), graph.types[node.outputs[0]], prod(ints_attr(node, "kernel"))
        taps = StreamType.of(y, folding.pe)
        if str_attr(node, "order") == "taps" and folding.pe == folding.simd:
            taps = replace(taps, order="taps", taps=every)
        elif folding.simd < min(folding.pe, x.channels):
            taps = replace(taps, order="taps", taps=every, beside=every)
        return (StreamType.of(x, folding.simd),), (taps,)

    def choices(self, graph: Graph, node: Node, board: Board) -> list[Choice]:
        """Return every folding with the storages that suit its line buffer; a whole frame needs none."""
        frame = whole.folding(graph, node)
        found = [
            Choice(folding, "none", storage)
            for folding in super().foldings(graph, node) + self._side_by_side(graph, node)
            for storage in ram_storages(*self._memory(graph, node, folding), board)
        ]
        return [*found, Choice(frame)] if self._may_be_whole(graph, node) else found

    def _memory(self, graph: Graph, node: Node, folding: Folding) -> tuple[int, int]:
        """Return the words and the bits of a word of the memory that keeps lines."""
        rows, bits = self._rows(graph, node, folding), in_type(graph, node).bits * folding.simd
        if rows is None:
            return depth_of(self.geometry(graph, node, folding)), bits
        return rows.row, (rows.kernel[0] - 1) * bits

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return the iterations from a frame to the next."""
        return self.schedule(graph, node, folding).ii

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read as early as the line buffer allows, write as early as the taps are there."""
        if self._is_whole(graph, node, folding):
            return whole.schedule(node)
        rows = self._rows(graph, node, folding)
        return best(self.geometry(graph, node, folding)) if rows is None else window_rows.schedule(rows)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse paddings as large as the window, and windows that begin outside the input."""
        settings = Settings.of(graph, node)
        size, reach, pads = settings.size, settings.reach, settings.pads
        if min(settings.out_size) < 1:
            return [Problem(f"A window of {reach} must fit the padded input {size}.", node.name)]
        last = [(settings.out_size[a] - 1) * settings.stride[a] - pads[a] for a in (0, 1)]
        if any(pads[a] >= reach[a] or last[a] >= size[a] for a in (0, 1)):
            return [Problem(f"The padding {pads} must be less than the window {reach}.", node.name)]
        return []

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """The line buffer, the position's counters, the buffer's pointers, what tells padding, the word.

        Each of several taps in a word has a line buffer of its own and looks ahead by itself. The padding itself is a
        reset of the output's register.
        """
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        if self._is_whole(graph, node, choice.folding):
            return Parts({"base": 1.0, "held": 4.0}, {"base": 1.0, "state": float(y.elements * y.bits)})
        rows = self._rows(graph, node, choice.folding)
        if rows is not None:
            return window_rows.parts(rows, x.bits * choice.folding.simd, choice, y.bits * choice.folding.pe, family)
        geometry, beside = self.geometry(graph, node, choice.folding), choice.folding.pe // choice.folding.simd
        words = depth_of(geometry)
        buffer, bram = ram(words, x.bits * choice.folding.simd, family, choice.storage)
        uram = ultra_rams(words, x.bits * choice.folding.simd) if choice.storage == "uram" else 0
        padding = sum(geometry.kernel) + counter_bits(*geometry.out_size) if any(geometry.pads) else 0.0
        place = counting(*geometry.places, *geometry.beats, geometry.folds)
        walks = not geometry.side_by_side and not 1 < beside == prod(geometry.kernel)
        walked = index_bits(geometry.span + 1) if walks else 0
        held, moves_on = index_bits(words) + 2, max(0, index_bits(words) - geometry.still)
        word = float(y.bits * choice.folding.pe)
        lut = {
            "base": 1.0, "place": place["counters"], "wraps": place["wraps"], "held": float(beside * held),
            "moved": float(beside * moves_on), "walked": float(beside * walked), "padding": beside * padding,
            "ram": beside * buffer, "word": word, "edge": 0.0,
        }  # fmt: skip
        state = place["counters"] + held + moves_on + walked + word
        ff = {"base": 1.0, "state": state, "block": word if bram or uram else 0.0}
        return Parts(lut, ff, beside * bram, 0, beside * uram)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `window`, of `window_rows` where all taps of some channels leave in a word."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        frame = self._is_whole(graph, node, choice.folding)
        lanes = x.channels // Settings.of(graph, node).groups if frame else min(choice.folding.simd, x.channels)
        geometry = self.geometry(graph, node, Folding(lanes, lanes if frame else choice.folding.pe))
        (kh, kw), (sh, sw), (dh, dw) = geometry.kernel, geometry.stride, geometry.dilation
        top, left = geometry.pads[:2]
        pad = int_attr(node, "pad_value")
        config: dict[str, int | bool | CType] = {
            "kInBits": x.bits,
            "kBits": y.bits,
            "kSigned": x.signed,
            "kLanes": lanes,
            "kChannels": x.channels,
            "kHeight": geometry.size[0],
            "kWidth": geometry.size[1],
            "kKernelH": kh,
            "kKernelW": kw,
            "kStrideH": sh,
            "kStrideW": sw,
            "kPadTop": top,
            "kPadLeft": left,
            "kOutHeight": geometry.out_size[0],
            "kOutWidth": geometry.out_size[1],
            "kPadValue": (pad + 1) // 2 if y.bipolar else pad,
        }
        ins, outs = self.streams(graph, node, choice.folding)
        if self._rows(graph, node, choice.folding) is not None:
            config |= {"kTogether": choice.folding.simd // lanes} if choice.folding.simd > lanes else {}
            return Built(KernelCall("window_rows.hpp", "window_rows", config | kept_in(choice), ins, outs))
        config |= {"kTapsOrder": geometry.taps_order, "kDepth": 2 if frame else depth_of(geometry)}
        if (dh, dw) != (1, 1):
            config |= {"kDilationH": dh, "kDilationW": dw}
        if geometry.beside > 1:
            config["kBeside"] = geometry.beside
        config |= kept_in(choice)
        if geometry.channel_groups > 1:
            config["kGroups"] = geometry.channel_groups
        return Built(KernelCall("window.hpp", "window_frame" if frame else "window", config, ins, outs))
