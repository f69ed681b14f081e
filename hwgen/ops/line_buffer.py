# SPDX-License-Identifier: Apache-2.0
"""When a process reads and writes that keeps its input in a circular buffer: exactly simulated, group by group.

The rule is that of ``hls/include/hwgen/window.hpp`` and ``rearrange.hpp``. Input words are numbered as they arrive, and
frames follow each other: word 0 of a frame has the number behind the last of the frame before it. Output words come in
groups of one length; `base` is the number of the first word that a group or a later one needs. Every iteration reads
the next word if one waits and fewer than `depth` words from `base` on are held, and writes the next word if the one
that it needs was read in an earlier iteration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Schedule
from hwgen.hw.kernel import in_order

SLACK = 1.01
GROWTH = 3
_NEVER = np.int64(1) << 60


@dataclass(frozen=True)
class Groups:
    """Groups of output words in order: base, the last word needed, and the words of each group."""

    base: list[int]
    last: list[int]
    words: int


class Pattern(ABC):
    """Which input word each output word needs; instances are hashable.

    `full_rate` asks for a buffer that takes in the next frame while this one is written, however long that takes.
    """

    full_rate: ClassVar[bool] = False

    @property
    @abstractmethod
    def total(self) -> int:
        """Words of an input frame."""

    @property
    @abstractmethod
    def span(self) -> int:
        """Greatest distance from a group's base to a word that it needs."""

    @abstractmethod
    def groups(self) -> Groups:
        """Return the groups of a frame."""

    @abstractmethod
    def wanted(self, group: int | Ints) -> Ints:
        """Return the input word that each word of a group waits for, -1 where it waits for none."""


def bases(pattern: Pattern) -> Ints:
    """Return the base of every group."""
    return np.asarray(pattern.groups().base, dtype=np.int64)


@dataclass(frozen=True)
class _Frame:
    """A frame whose input never waits: its length, when words were read (from the first not read before), writes."""

    length: int
    reads: Ints
    writes: Ints


def _frame(g: Pattern, depth: int, count: int) -> _Frame:
    """Simulate a frame, `count` of whose words have been read before it begins; a negative count: of the last frame."""
    p = g.groups()
    starts: list[int] = []
    taken: list[int] = []
    irregular: dict[int, Ints] = {}
    now = 0
    for group, (base, last) in enumerate(zip(p.base, p.last, strict=True)):
        length = p.words
        if last >= count:
            needs = g.wanted(group)
            irregular[group] = in_order(np.where((needs >= 0) & (needs >= count), needs - count + 1, 0))
            length = int(irregular[group][-1]) + 1
        reads = max(0, min(length, base + depth - count))
        starts.append(now)
        taken.append(reads)
        now, count = now + length, count + reads
    writes = np.asarray(starts, dtype=np.int64)[:, np.newaxis] + np.arange(p.words, dtype=np.int64)
    for group, offsets in irregular.items():
        writes[group] = starts[group] + offsets
    reads_at = _ranges(np.asarray(starts, dtype=np.int64), np.asarray(taken, dtype=np.int64))
    return _Frame(now, reads_at, writes.reshape(-1))


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """Return the concatenation of ``arange(start, start + count)``."""
    offsets = np.cumsum(counts) - counts
    return np.asarray(np.repeat(starts - offsets, counts) + np.arange(counts.sum()), dtype=np.int64)


@lru_cache(maxsize=512)
def _steady(g: Pattern, depth: int) -> _Frame:
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


def interval(g: Pattern, depth: int) -> int:
    """Return the iterations from a frame to the next when nothing outside holds the process up."""
    return _steady(g, depth).length


@dataclass(frozen=True, eq=False)
class BufferSchedule(Schedule):
    """Schedule of such a process: `reads` are as late as they may be, the hardware's are as early as it finds words.

    Parameters
    ----------
    pattern, depth
        What it follows from.
    lead
        Iterations before those of a frame in its steady state, in which its first words are read.
    """

    pattern: Pattern | None = None
    depth: int = 0
    lead: int = 0

    def alone(self, arrivals: Sequence[Ints]) -> tuple[tuple[Ints, ...], tuple[Ints, ...]]:
        """Follow the rule for one frame whose words arrive as told."""
        assert self.pattern is not None
        reads, writes = follow(self.pattern, self.depth, arrivals[0])
        return (reads,), (writes,)

    def taken(self, times: Ints, arrivals: Sequence[Ints | None], period: int) -> tuple[Ints, ...]:
        """Return the cycles of the reads: as early as words arrive and the writes make room for them, one an iteration.

        The hardware's pipeline is free to read in other cycles only while it has nothing to write that must wait: where
        it has run ahead of the schedule it stands still and moves on by an iteration with each word that is taken.
        """
        arrival = arrivals[0]
        if arrival is None:
            return super().taken(times, arrivals, period)
        g = self.pattern
        assert g is not None
        frames = np.arange(-(self.depth // g.total) - 2, 2, dtype=np.int64)[:, np.newaxis]
        base = bases(g)
        done = times[self.writes[0][g.groups().words - 1 :: g.groups().words]] + 1
        begun = np.concatenate([done[-1:] - period, done[:-1]])
        reached = np.maximum.accumulate((frames * g.total + base).reshape(-1))
        first = np.searchsorted(reached, np.arange(g.total, dtype=np.int64) - self.depth, side="right")
        free = (frames * period + begun).reshape(-1)[first]
        late = times[self.reads[0]]
        early = np.minimum(in_order(np.maximum(arrival, free)), late)
        return (np.minimum(self._starts(times, period, early), late),)

    def _starts(self, times: Ints, period: int, bound: Ints) -> Ints:
        """Return when the earliest iterations start, one for each word in order, that do not before `bound`."""
        frame = times[self.lead : self.lead + self.ii]
        first, last = (int(at - frame[0]) // period for at in (bound.min(), bound.max()))
        starts = (np.arange(first - 1, last + 3, dtype=np.int64)[:, np.newaxis] * period + frame).reshape(-1)
        return starts[np.minimum(in_order(np.searchsorted(starts, bound)), starts.size - 1)]


def follow(g: Pattern, depth: int, arrival: Ints) -> tuple[Ints, Ints]:
    """Return when an idle process reads and writes the words of one frame, if word i may be read from arrival[i]."""
    p = g.groups()
    reads = np.full(g.total, _NEVER, dtype=np.int64)
    writes = np.empty((len(p.base), p.words), dtype=np.int64)
    now, count = 0, 0
    for group, base in enumerate(p.base):
        limit = min(g.total, base + depth)
        reads[count:limit] = in_order(np.maximum(arrival[count:limit], now))
        needs = g.wanted(group)
        writes[group] = in_order(np.where(needs >= 0, np.maximum(reads[needs] + 1, now), now))
        now = int(writes[group, -1]) + 1
        count = max(count, int(np.searchsorted(reads[:limit], now)))
        reads[count:] = _NEVER
    reads[count:] = in_order(np.maximum(arrival[count:], now))
    return reads, writes.reshape(-1)


@lru_cache(maxsize=512)
def schedule(g: Pattern, depth: int) -> BufferSchedule:
    """Return the schedule of a process with a buffer of `depth` words that never waits for its input."""
    steady = _steady(g, depth)
    ii, order = steady.length, np.arange(2 * g.total, dtype=np.int64)
    needs = g.wanted(np.arange(len(g.groups().base))[:, np.newaxis]).reshape(-1)
    used = needs >= 0
    due = np.full(g.total, _NEVER, dtype=np.int64)
    due[needs[used][::-1]] = steady.writes[used][::-1] - 1
    twice = np.concatenate([due, due + ii]) - order
    reads = (np.minimum.accumulate(twice[::-1])[::-1] + order)[: g.total]
    lead = max(0, -int(reads[0]))
    span = lead + max(ii, int(reads[-1]) + 1)
    return BufferSchedule(span, (reads + lead,), (steady.writes + lead,), ii, g, depth, lead)


@lru_cache(maxsize=512)
def depth_of(g: Pattern) -> int:
    """Return the buffer's words: the least power of two with which hardly any time is spent on waiting for the buffer.

    A pattern that need not be at full rate may wait for it as long as a lone frame waits for its first words in a much
    larger buffer: more memory would hardly buy anything.
    """
    least = max(2, 1 << g.span.bit_length())
    largest = least << GROWTH
    goal = interval(g, largest)
    if not g.full_rate:
        goal = max(goal, _frame(g, largest, 0).length)
    goal = int(goal * SLACK)
    return next(least << k for k in range(GROWTH + 1) if interval(g, least << k) <= goal)


def best(g: Pattern) -> BufferSchedule:
    """Return the schedule with the buffer of `depth_of`."""
    return schedule(g, depth_of(g))
