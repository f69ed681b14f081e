# SPDX-License-Identifier: Apache-2.0
"""The sliding window's schedule, simulated exactly and pixel by pixel.

The rule is that of ``hls/include/hwgen/window.hpp``. Input words are numbered as they arrive, padding included, so that
a tap outside the frame has a number but no word, and frames follow each other: word 0 of a frame has the number behind
the last of the frame before it. `base` is the number of an output pixel's first tap. Every iteration reads the next
word if one waits and fewer than `depth` words from `base` on are held, and writes the next word if that was read in an
earlier iteration or is padding; the first pixel's padding waits for the frame's first word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Schedule
from hwgen.hw.kernel import in_order

SLACK = 1.01
GROWTH = 3
_NEVER = np.int64(1) << 60


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
    def total(self) -> int:
        """Words of an input frame."""
        return self.size[0] * self.size[1] * self.folds

    @property
    def span(self) -> int:
        """Distance from the first to the last tap of a window."""
        return (self.kernel[0] - 1) * self.size[1] * self.folds + self.kernel[1] * self.folds - 1

    @property
    def side_by_side(self) -> bool:
        """Whether the counters' bits side by side are a tap's distance from the first: no pointer of its own."""
        row, step = self.size[1] * self.folds, self.folds if self.taps_order else 1
        inner = self.kernel[1] if self.taps_order else self.kernel[1] * self.folds
        return not row & (row - 1) and not step & (step - 1) and step << (inner - 1).bit_length() <= row


@dataclass(frozen=True)
class _Pixels:
    """Output pixels in order: number of the first tap, of the last tap inside the frame, and all taps' offsets."""

    base: list[int]
    last: list[int]
    rows: Ints
    columns: Ints
    folds: Ints

    @property
    def words(self) -> int:
        """Words of one output pixel."""
        return int(self.rows.size)


@lru_cache(maxsize=64)
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


def bases(g: Geometry) -> Ints:
    """Return the number of every output pixel's first tap."""
    return np.asarray(_pixels(g).base, dtype=np.int64)


def wanted(g: Geometry, pixel: int | Ints) -> Ints:
    """Return the input word that each word of a pixel waits for, -1 for padding, which waits for none."""
    p = _pixels(g)
    ys = pixel // g.out_size[1] * g.stride[0] - g.pads[0] + p.rows
    xs = pixel % g.out_size[1] * g.stride[1] - g.pads[1] + p.columns
    inside = (ys >= 0) & (ys < g.size[0]) & (xs >= 0) & (xs < g.size[1])
    padding = np.where(np.asarray(pixel) == 0, 0, -1)
    return np.asarray(np.where(inside, (ys * g.size[1] + xs) * g.folds + p.folds, padding), dtype=np.int64)


@dataclass(frozen=True)
class _Frame:
    """A frame whose input never waits: its length, when words were read (from the first not read before), writes."""

    length: int
    reads: Ints
    writes: Ints


def _frame(g: Geometry, depth: int, count: int) -> _Frame:
    """Simulate a frame, `count` of whose words have been read before it begins; a negative count: of the last frame."""
    p = _pixels(g)
    starts: list[int] = []
    taken: list[int] = []
    irregular: dict[int, Ints] = {}
    now = 0
    for pixel, (base, last) in enumerate(zip(p.base, p.last, strict=True)):
        length = p.words
        if last >= count:
            needs = wanted(g, pixel)
            irregular[pixel] = in_order(np.where((needs >= 0) & (needs >= count), needs - count + 1, 0))
            length = int(irregular[pixel][-1]) + 1
        reads = max(0, min(length, base + depth - count))
        starts.append(now)
        taken.append(reads)
        now, count = now + length, count + reads
    writes = np.asarray(starts, dtype=np.int64)[:, np.newaxis] + np.arange(p.words, dtype=np.int64)
    for pixel, offsets in irregular.items():
        writes[pixel] = starts[pixel] + offsets
    reads_at = _ranges(np.asarray(starts, dtype=np.int64), np.asarray(taken, dtype=np.int64))
    return _Frame(now, reads_at, writes.reshape(-1))


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """Return the concatenation of ``arange(start, start + count)``."""
    offsets = np.cumsum(counts) - counts
    return np.asarray(np.repeat(starts - offsets, counts) + np.arange(counts.sum()), dtype=np.int64)


@lru_cache(maxsize=512)
def _steady(g: Geometry, depth: int) -> _Frame:
    """Return the frame that repeats itself when the input never waits.

    How many words a frame finds read determines all of it, and more never slow it down: the counts ascend or descend
    to one that stays.
    """
    count = 0
    while True:
        frame = _frame(g, depth, count)
        then = count + frame.reads.size - g.total
        if then == count:
            return frame
        count = then


def interval(g: Geometry, depth: int) -> int:
    """Return the iterations from a frame to the next when nothing outside holds the window up."""
    return _steady(g, depth).length


@dataclass(frozen=True, eq=False)
class WindowSchedule(Schedule):
    """Schedule of a window: `reads` are as late as they may be, the hardware's are as early as it finds words.

    Parameters
    ----------
    geometry, depth
        What it follows from.
    """

    geometry: Geometry | None = None
    depth: int = 0

    def alone(self, arrivals: Sequence[Ints]) -> tuple[tuple[Ints, ...], tuple[Ints, ...]]:
        """Follow the rule for one frame whose words arrive as told."""
        assert self.geometry is not None
        reads, writes = follow(self.geometry, self.depth, arrivals[0])
        return (reads,), (writes,)

    def taken(self, times: Ints, arrivals: Sequence[Ints | None], period: int) -> tuple[Ints, ...]:
        """Return the cycles of the reads: as early as words arrive and the writes make room for them."""
        arrival = arrivals[0]
        if arrival is None:
            return super().taken(times, arrivals, period)
        g = self.geometry
        assert g is not None
        frames = np.arange(-(self.depth // g.total) - 2, 2, dtype=np.int64)[:, np.newaxis]
        base = bases(g)
        done = times[self.writes[0][_pixels(g).words - 1 :: _pixels(g).words]] + 1
        begun = np.concatenate([done[-1:] - period, done[:-1]])
        reached = np.maximum.accumulate((frames * g.total + base).reshape(-1))
        first = np.searchsorted(reached, np.arange(g.total, dtype=np.int64) - self.depth, side="right")
        free = (frames * period + begun).reshape(-1)[first]
        return (np.minimum(in_order(np.maximum(arrival, free)), times[self.reads[0]]),)


def follow(g: Geometry, depth: int, arrival: Ints) -> tuple[Ints, Ints]:
    """Return the cycles of reads and writes of one frame in an idle window whose word i may be read from arrival[i]."""
    p = _pixels(g)
    reads = np.full(g.total, _NEVER, dtype=np.int64)
    writes = np.empty((len(p.base), p.words), dtype=np.int64)
    now, count = 0, 0
    for pixel, base in enumerate(p.base):
        limit = min(g.total, base + depth)
        reads[count:limit] = in_order(np.maximum(arrival[count:limit], now))
        needs = wanted(g, pixel)
        writes[pixel] = in_order(np.where(needs >= 0, np.maximum(reads[needs] + 1, now), now))
        now = int(writes[pixel, -1]) + 1
        count = max(count, int(np.searchsorted(reads[:limit], now)))
        reads[count:] = _NEVER
    reads[count:] = in_order(np.maximum(arrival[count:], now))
    return reads, writes.reshape(-1)


@lru_cache(maxsize=512)
def schedule(g: Geometry, depth: int) -> WindowSchedule:
    """Return the schedule of a window with a buffer of `depth` words that never waits for its input."""
    steady = _steady(g, depth)
    ii, order = steady.length, np.arange(2 * g.total, dtype=np.int64)
    needs = wanted(g, np.arange(len(_pixels(g).base))[:, np.newaxis]).reshape(-1)
    used = needs >= 0
    due = np.full(g.total, _NEVER, dtype=np.int64)
    due[needs[used][::-1]] = steady.writes[used][::-1] - 1
    twice = np.concatenate([due, due + ii]) - order
    reads = (np.minimum.accumulate(twice[::-1])[::-1] + order)[: g.total]
    lead = max(0, -int(reads[0]))
    span = lead + max(ii, int(reads[-1]) + 1)
    return WindowSchedule(span, (reads + lead,), (steady.writes + lead,), ii, g, depth)


@lru_cache(maxsize=512)
def depth_of(g: Geometry) -> int:
    """Return the buffer's words: the least power of two with which the window hardly ever waits for its own buffer.

    It may wait for it as long as a lone frame waits for its first words in a much larger buffer: more memory would
    hardly buy anything.
    """
    least = max(2, 1 << g.span.bit_length())
    largest = least << GROWTH
    goal = max(_frame(g, largest, 0).length, interval(g, largest)) * SLACK
    return next(least << k for k in range(GROWTH + 1) if interval(g, least << k) <= goal)


def best(g: Geometry) -> WindowSchedule:
    """Return the schedule with the buffer of `depth_of`."""
    return schedule(g, depth_of(g))
