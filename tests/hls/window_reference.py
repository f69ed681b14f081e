# SPDX-License-Identifier: Apache-2.0
"""Shapes of windows, and the window's rule written down once more as plainly as possible."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.ops.window_schedule import Geometry


@dataclass(frozen=True)
class Shape:
    """Geometry of a window; `folds` words make one pixel."""

    height: int
    width: int
    folds: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    taps_order: bool
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    beside: int = 1

    @property
    def reach(self) -> tuple[int, int]:
        """Height and width of a window."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of the output."""
        (kh, kw), (sh, sw), (top, left, bottom, right) = self.reach, self.stride, self.pads
        return (self.height + top + bottom - kh) // sh + 1, (self.width + left + right - kw) // sw + 1

    @property
    def least_depth(self) -> int:
        """Smallest power of two that the line buffer may have."""
        return max(2, 1 << self.geometry.span.bit_length())

    @property
    def geometry(self) -> Geometry:
        """The same, as operators see it."""
        size = (self.height, self.width)
        settings = self.kernel, self.stride, self.pads, self.taps_order, self.dilation, self.groups, self.beside
        return Geometry(size, self.out, self.folds, *settings)


def rule(g: Geometry, depth: int, arrivals: list[int], frames: int) -> tuple[list[int], list[int]]:
    """Apply the rule of window.hpp one iteration after the other; word i of all frames arrives at arrivals[i]."""
    height, width = g.size
    taps = [(y, x, f) for y in range(g.kernel[0]) for x in range(g.kernel[1]) for f in range(g.folds)]
    group = 1 if g.taps_order else g.folds // g.channel_groups
    taps.sort(key=lambda t: (t[2] // group, t[0], t[1], t[2]))
    taps = [(y * g.dilation[0], x * g.dilation[1], f) for y, x, f in taps]
    wanted: list[tuple[int, int]] = []
    for frame in range(frames):
        for row in range(g.out_size[0]):
            for column in range(g.out_size[1]):
                y0, x0 = row * g.stride[0] - g.pads[0], column * g.stride[1] - g.pads[1]
                for y, x, f in taps:
                    inside = 0 <= y0 + y < height and 0 <= x0 + x < width
                    word = ((y0 + y) * width + x0 + x) * g.folds + f
                    need = word if inside else 0 if (row, column) == (0, 0) else -1 - frame * g.total
                    wanted.append((frame * g.total + (y0 * width + x0) * g.folds, frame * g.total + need))
    words = [wanted[i : i + g.beside] for i in range(0, len(wanted), g.beside)]
    wanted = [(word[0][0], max(need for _, need in word)) for word in words]
    behind = frames * g.total - (g.pads[0] * width + g.pads[1]) * g.folds
    reads: list[int] = []
    writes: list[int] = []
    now = 0
    while len(reads) < min(len(arrivals), frames * g.total) or len(writes) < len(wanted):
        base, need = wanted[len(writes)] if len(writes) < len(wanted) else (behind, 0)
        can_write = len(writes) < len(wanted) and need < len(reads)
        if len(reads) < len(arrivals) and arrivals[len(reads)] <= now and len(reads) - base < depth:
            reads.append(now)
        writes += [now] * can_write
        now += 1
        assert now < 10**6, "the window is stuck"
    return reads, writes
