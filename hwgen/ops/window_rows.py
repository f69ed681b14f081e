# SPDX-License-Identifier: Apache-2.0
"""A window with all taps in a word (``hls/include/hwgen/window_rows.hpp``): when it works, what it is made of.

One memory holds the words of the last rows, one row less than the kernel has, where a circular buffer needs a copy for
each tap. In exchange a frame ends with as many empty iterations as its padding below and to the right. A row's windows
must leave before the next row's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Choice, Family, Schedule
from hwgen.ops.area import Parts, counting, ram, ultra_rams
from hwgen.ops.support import divisors

SHORTEST = 4
"""Pixels of the shortest row: its memory is read and written at one address, and must be through with it by then."""


@dataclass(frozen=True)
class Rows:
    """The numbers that fix the schedule.

    Parameters
    ----------
    size, out_size
        Height and width of the input in words of all channels, and of the output.
    kernel, stride
        (vertical, horizontal), in rows and words.
    pads
        Top, left, bottom, right; words at the left.
    folds
        Words of a pixel.
    """

    size: tuple[int, ...]
    out_size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    folds: int

    @property
    def legal(self) -> bool:
        """Whether a row's windows leave before the next row's, and rows are long enough."""
        leaves = (self.out_size[1] - 1) * self.stride[1] < self.size[1] * self.stride[0]
        return leaves and self.size[1] >= SHORTEST

    def together(self, pixels: int) -> Rows:
        """Return the same with so many pixels in a word: as many as the windows are apart."""
        (height, width), (top, left, bottom, right) = self.size, self.pads
        before = -(-left // pixels)
        across = (self.kernel[1] - 1 - left + before * pixels) // pixels + 1
        stride = (self.stride[0], self.stride[1] // pixels)
        pads = (top, before, bottom, right)
        return Rows((height, width // pixels), self.out_size, (self.kernel[0], across), stride, pads, self.folds)

    @property
    def row(self) -> int:
        """Words of a row."""
        return self.size[1] * self.folds

    @property
    def writes(self) -> Ints:
        """Iteration in which each word leaves."""
        down, across = (
            self.kernel[a] - 1 - self.pads[a] + np.arange(self.out_size[a]) * self.stride[a] for a in (0, 1)
        )
        pixels = (down[:, np.newaxis] * self.size[1] + across).reshape(-1, 1)
        return np.asarray((pixels * self.folds + np.arange(self.folds)).reshape(-1), dtype=np.int64)


@lru_cache(maxsize=512)
def schedule(rows: Rows) -> Schedule:
    """Read a word in every iteration while there are any, write as soon as a window's last place is there."""
    reads, writes = np.arange(rows.size[0] * rows.row, dtype=np.int64), rows.writes
    return Schedule(max(reads.size, int(writes[-1]) + 1), (reads,), (writes,))


def foldable(channels: int, taps: int, bits: int, widest: int) -> list[int]:
    """Return the lanes, fewer than all channels, with which words hold all taps of some channels.

    Lanes whose words could be taken for those of one tap and more channels are left out.
    """
    found = (n for n in divisors(channels)[:-1] if n * taps * bits <= widest)
    return [n for n in found if channels % (n * taps)]


def parts(rows: Rows, bits: int, choice: Choice, word: int, family: Family) -> Parts:
    """Return the memories, the counters, what tells padding, and what padding clears by LUTs.

    Registers have a reset for that, which a word out of a memory has not.

    Parameters
    ----------
    bits
        Of an input word.
    word
        Of an output word.
    """
    (height, width), taps = rows.kernel, prod(rows.kernel)
    lines, bram = ram(rows.row, (height - 1) * bits, family, choice.storage) if height > 1 else (0.0, 0.0)
    uram = ultra_rams(rows.row, (height - 1) * bits) if height > 1 and choice.storage == "uram" else 0
    history = (width - 1) * height * bits
    behind = ram(rows.folds, history, family, "lutram")[0] if rows.folds > 1 and history else 0.0
    edges = float(height + width) if any(rows.pads) else 0.0
    iterations = schedule(rows).iterations
    place = counting(rows.row, rows.folds, rows.size[1], *rows.stride, *rows.out_size, iterations)
    kept = history if rows.folds == 1 else 0
    lut = {
        "base": 1.0, "place": place["counters"], "wraps": place["wraps"], "padding": edges + taps if edges else 0.0,
        "ram": lines + behind, "edge": float(word) if edges and rows.folds > 1 else 0.0,
    }  # fmt: skip
    return Parts(lut, {"base": 1.0, "state": place["counters"] + word + kept}, bram, 0, uram)
