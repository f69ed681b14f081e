# SPDX-License-Identifier: Apache-2.0
"""The sliding window's greedy schedule, simulated exactly and pixel by pixel.

The rule is that of ``hls/include/hwgen/window.hpp``. Input words are numbered as they arrive, padding included, so that
a tap outside the frame has a number but no word; `base` is the number of an output pixel's first tap. Every iteration
reads the next word while fewer than `depth` words from `base` on are held (always once the last word is written), and
writes the next word if it is padding or was read in an earlier iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Schedule

SLACK = 1.01
GROWTH = 3


@dataclass(frozen=True)
class Geometry:
    """Everything that the schedule depends on.

    Parameters
    ----------
    size, out_size
        (height, width) of the input and of the output.
    folds
        Words of one pixel.
    kernel, stride
        (vertical, horizontal).
    pads
        Top, left, bottom, right.
    taps_order
        Emit for each fold of channels all taps, instead of for each tap all folds.
    """

    size: tuple[int, ...]
    out_size: tuple[int, ...]
    folds: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    taps_order: bool

    @property
    def span(self) -> int:
        """Distance from the first to the last tap of a window."""
        return (self.kernel[0] - 1) * self.size[1] * self.folds + self.kernel[1] * self.folds - 1


@dataclass(frozen=True)
class _Pixels:
    """Output pixels in order: number of the first tap, of the last tap inside the frame, and all taps' offsets."""

    base: list[int]
    last: list[int]
    rows: Ints
    columns: Ints
    folds: Ints


def _pixels(g: Geometry) -> _Pixels:
    height, width = g.size
    top = np.arange(g.out_size[0])[:, np.newaxis] * g.stride[0] - g.pads[0]
    left = np.arange(g.out_size[1])[np.newaxis, :] * g.stride[1] - g.pads[1]
    bottom, right = np.minimum(top + g.kernel[0], height) - 1, np.minimum(left + g.kernel[1], width) - 1
    rows, columns, folds = np.meshgrid(*map(np.arange, (*g.kernel, g.folds)), indexing="ij")
    if g.taps_order:
        rows, columns, folds = (a.transpose(2, 0, 1) for a in (rows, columns, folds))
    return _Pixels(
        ((top * width + left) * g.folds).reshape(-1).tolist(),
        ((bottom * width + right + 1) * g.folds - 1).reshape(-1).tolist(),
        rows.reshape(-1),
        columns.reshape(-1),
        folds.reshape(-1),
    )


def _waiting(g: Geometry, p: _Pixels, pixel: int, count: int) -> Ints:
    """Return for each word of a pixel that starts after `count` reads how many iterations it has to wait."""
    height, width = g.size
    ys = pixel // g.out_size[1] * g.stride[0] - g.pads[0] + p.rows
    xs = pixel % g.out_size[1] * g.stride[1] - g.pads[1] + p.columns
    number = (ys * width + xs) * g.folds + p.folds
    inside = (ys >= 0) & (ys < height) & (xs >= 0) & (xs < width)
    ready = np.where(inside & (number >= count), number - count + 1, 0)
    order = np.arange(ready.size, dtype=np.int64)
    return np.asarray(order + np.maximum.accumulate(ready - order), dtype=np.int64)


@lru_cache(maxsize=512)
def simulate(g: Geometry, depth: int) -> Schedule:
    """Return the iterations at which a window with a buffer of `depth` words reads and writes."""
    total, words = g.size[0] * g.size[1] * g.folds, g.kernel[0] * g.kernel[1] * g.folds
    p = _pixels(g)
    starts: list[int] = []
    taken: list[int] = []
    irregular: dict[int, Ints] = {}
    now, count = 0, 0
    for pixel, (base, last) in enumerate(zip(p.base, p.last, strict=True)):
        length = words
        if last >= count:
            irregular[pixel] = _waiting(g, p, pixel, count)
            length = int(irregular[pixel][-1]) + 1
        reads = max(0, min(length, total - count, base + depth - count))
        starts.append(now)
        taken.append(reads)
        now, count = now + length, count + reads
    if count < total:
        starts.append(now)
        taken.append(total - count)
    writes = np.asarray(starts[: len(p.base)], dtype=np.int64)[:, np.newaxis] + np.arange(words, dtype=np.int64)
    for pixel, offsets in irregular.items():
        writes[pixel] = starts[pixel] + offsets
    reads_at = _ranges(np.asarray(starts, dtype=np.int64), np.asarray(taken, dtype=np.int64))
    return Schedule(now + total - count, (reads_at,), (writes.reshape(-1),))


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """Return the concatenation of ``arange(start, start + count)``."""
    offsets = np.cumsum(counts) - counts
    return np.asarray(np.repeat(starts - offsets, counts) + np.arange(counts.sum()), dtype=np.int64)


@lru_cache(maxsize=512)
def depth_of(g: Geometry) -> int:
    """Return the buffer's words: the least power of two with which the window hardly ever waits for its own buffer."""
    least = max(2, 1 << g.span.bit_length())
    goal = simulate(g, least << GROWTH).iterations * SLACK
    return next(least << k for k in range(GROWTH + 1) if simulate(g, least << k).iterations <= goal)


def best(g: Geometry) -> Schedule:
    """Return the schedule with the buffer of `depth_of`."""
    return simulate(g, depth_of(g))
