# SPDX-License-Identifier: Apache-2.0
"""A sequence of addresses as nested counters, or as a table where it has no such form: what `rearrange` reads.

A frame is written into a circular buffer in the order of its stream, and read in another. The addresses of the output
words are ``first + sum(counter * stride)`` over nested counters for transpositions, slices, repetitions, reversals and
every mixture of them; the outer counters that only ever go forward move the buffer's base, so that a permutation within
rows needs a buffer of rows and not of frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from hwgen.graph import Ints
from hwgen.ops.line_buffer import Groups, Pattern
from hwgen.ops.support import divisors

MAX_LEVELS = 6
SMALL = 15


@dataclass(frozen=True)
class Level:
    """One counter: `count` steps, each moving the address by `stride`."""

    count: int
    stride: int


@dataclass(frozen=True)
class Walk(Pattern):
    """Addresses of a frame's output words.

    Parameters
    ----------
    words
        Words of an input frame.
    first
        Base of the first group.
    outer
        Levels that move the base, outermost first.
    inner
        Levels within a group, outermost first; empty where `offsets` has no such form.
    offsets
        Distance from the base of each word of a group.
    """

    words: int
    first: int
    outer: tuple[Level, ...]
    inner: tuple[Level, ...]
    offsets: tuple[int, ...]

    full_rate: ClassVar[bool] = True

    @property
    def total(self) -> int:
        """Words of an input frame."""
        return self.words

    @property
    def span(self) -> int:
        """Greatest offset."""
        return max(self.offsets)

    @property
    def tabled(self) -> bool:
        """Whether the offsets are a table."""
        return not self.inner and len(self.offsets) > 1

    def groups(self) -> Groups:
        """Return the groups, one for each state of the outer counters."""
        base = addresses(self.first, self.outer).tolist()
        return Groups(base, [b + self.span for b in base], len(self.offsets))

    def wanted(self, group: int | Ints) -> Ints:
        """Return the word behind each offset."""
        base = addresses(self.first, self.outer)[group]
        return np.asarray(base + np.asarray(self.offsets, dtype=np.int64), dtype=np.int64)


def addresses(first: int, levels: tuple[Level, ...]) -> Ints:
    """Return the addresses that nested counters walk over."""
    found = np.array([first], dtype=np.int64)
    for level in levels:
        steps = np.arange(level.count, dtype=np.int64) * level.stride
        found = (found[:, np.newaxis] + steps).reshape(-1)
    return found


def levels_of(sequence: Ints) -> tuple[Level, ...] | None:
    """Return the fewest nested counters that walk over `sequence`, outermost first; None where there are none."""
    found: list[Level] = []
    while sequence.size > 1:
        steps = np.diff(sequence)
        breaks = np.flatnonzero(steps != steps[0]) + 1
        fits = [n for n in divisors(sequence.size)[1:] if not (breaks % n).any()]
        if not fits:
            return None
        found.append(Level(fits[-1], int(steps[0])))
        sequence = sequence[:: fits[-1]]
    return tuple(reversed(found))


def moves(levels: tuple[Level, ...]) -> tuple[int, ...]:
    """Return how far the address goes when each level steps and those inside it start again."""
    found = []
    back = 0
    for level in reversed(levels):
        found.append(level.stride - back)
        back += level.stride * (level.count - 1)
    return tuple(reversed(found))


def walk(sequence: Ints, total: int) -> Walk:
    """Return the walk over `sequence`, addresses of a frame of `total` words, with the smallest buffer."""
    levels = levels_of(sequence)
    if levels is None or len(levels) > MAX_LEVELS:
        return _table(sequence, total)
    forward = [k for k in range(len(levels) + 1) if min(moves(levels[:k]), default=0) >= 0]
    found = [_grouped(sequence, total, levels[:k], levels[k:]) for k in forward]
    return min(found, key=lambda w: (max(w.span, SMALL), len(w.outer)))


def _grouped(sequence: Ints, total: int, outer: tuple[Level, ...], inner: tuple[Level, ...]) -> Walk:
    head = sequence[: sequence.size // prod(level.count for level in outer)]
    least = int(head.min())
    return Walk(total, least, outer, inner, tuple((head - least).tolist()))


def _table(sequence: Ints, total: int) -> Walk:
    """Return the walk with the shortest table of offsets."""
    for words in divisors(sequence.size):
        rows = sequence.reshape(-1, words)
        outer = levels_of(rows[:, 0])
        same = bool((rows - rows[:, :1] == rows[0] - rows[0, 0]).all())
        if same and outer is not None and len(outer) < MAX_LEVELS and min(moves(outer), default=0) >= 0:
            return _grouped(sequence, total, outer, ())
    raise AssertionError("a table of the whole frame always serves")
