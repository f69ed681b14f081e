# SPDX-License-Identifier: Apache-2.0
"""The sliding window's greedy schedule, simulated exactly and row by row.

In each iteration the kernel emits the next output beat if its input was read in an earlier iteration (padding needs
none), and reads the next input beat if any of the frame is left and its place in the line buffer is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Schedule


@dataclass(frozen=True)
class Geometry:
    """Everything that the schedule depends on.

    Parameters
    ----------
    size, out_size
        (height, width) of the input and of the output.
    folds
        Beats of one pixel.
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
    def rows(self) -> int:
        """Rows that the line buffer holds: a window's, and those that arrive while it is being emitted."""
        return min(self.size[0], self.kernel[0] + self.stride[0])


def needed_beats(g: Geometry, row: int) -> Ints:
    """Return the input beat behind each output beat of an output row, -1 where it is padding."""
    height, width = g.size
    top, left = g.pads[0], g.pads[1]
    ys = row * g.stride[0] - top + np.arange(g.kernel[0])[None, :, None, None]
    xs = (
        np.arange(g.out_size[1])[:, None, None, None] * g.stride[1] - left + np.arange(g.kernel[1])[None, None, :, None]
    )
    folds = np.arange(g.folds)[None, None, None, :]
    beat = (ys * width + xs) * g.folds + folds
    beat = np.where((ys >= 0) & (ys < height) & (xs >= 0) & (xs < width), beat, -1)
    if g.taps_order:
        beat = beat.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(beat, dtype=np.int64).reshape(-1)


@lru_cache(maxsize=256)
def simulate(g: Geometry) -> Schedule:
    """Return the iterations at which the window reads and writes, agreeing with ``hls/include/hwgen/window.hpp``."""
    row_beats = g.size[1] * g.folds
    total = g.size[0] * row_beats
    reads: list[Ints] = []
    writes: list[Ints] = []
    read_count, next_read, next_write = 0, 0, 0
    seen = np.zeros(0, dtype=np.int64)
    for row in range(g.out_size[0]):
        first_kept = max(0, row * g.stride[0] - g.pads[0])
        allowed = min(total, (first_kept + g.rows) * row_beats)
        if allowed > read_count:
            block = next_read + np.arange(allowed - read_count, dtype=np.int64)
            reads.append(block)
            seen = np.concatenate([seen, block])
            read_count, next_read = allowed, int(block[-1]) + 1
        need = needed_beats(g, row)
        ready = np.where(need >= 0, seen[need] + 1, 0)
        position = np.arange(need.size, dtype=np.int64)
        times = position + np.maximum.accumulate(np.maximum(ready - position, next_write))
        writes.append(times)
        next_write = int(times[-1]) + 1
        next_read = max(next_read, next_write)
    if read_count < total:
        reads.append(next_read + np.arange(total - read_count, dtype=np.int64))
    all_reads, all_writes = np.concatenate(reads), np.concatenate(writes)
    iterations = int(max(all_reads[-1], all_writes[-1])) + 1
    return Schedule(iterations, (all_reads,), (all_writes,))
