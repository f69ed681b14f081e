# SPDX-License-Identifier: Apache-2.0
"""What a sliding window needs: the geometry of its taps over a circular buffer (see `hwgen.ops.line_buffer`).

Padding is numbered like words, so that a tap outside the frame has a number but no word, and frames follow each other.
The base of an output pixel is the number of its first tap; the first pixel's padding waits for the frame's first word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hwgen.graph import Ints
from hwgen.ops.line_buffer import Groups, Pattern


@dataclass(frozen=True)
class Geometry(Pattern):
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
    dilation
        Rows and columns from one tap to the next.
    channel_groups
        Groups of channels that leave one after the other, each in the order of a window of its own.
    beside
        Taps of an output word: one, or with words of all channels as many as whole rows of the kernel have.
    """

    size: tuple[int, ...]
    out_size: tuple[int, ...]
    folds: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, ...]
    taps_order: bool
    dilation: tuple[int, ...] = (1, 1)
    channel_groups: int = 1
    beside: int = 1

    @property
    def total(self) -> int:
        """Words of an input frame."""
        return self.size[0] * self.size[1] * self.folds

    @property
    def span(self) -> int:
        """Distance from the first to the last tap of a window."""
        rows, columns = ((k - 1) * d for k, d in zip(self.kernel, self.dilation, strict=True))
        return (rows * self.size[1] + columns + 1) * self.folds - 1

    @property
    def tap(self) -> int:
        """Words of a tap that leave one after the other."""
        return 1 if self.taps_order else self.folds // self.channel_groups

    @property
    def beats(self) -> tuple[int, int]:
        """Rows and columns of the kernel that leave one after the other."""
        rows, columns = self.kernel
        return (rows * columns // self.beside, 1) if self.beside > 1 else (rows, columns)

    @property
    def gapless(self) -> bool:
        """Whether the taps of a kernel row follow each other in the buffer without a gap."""
        return self.tap == self.folds and self.dilation[1] == 1

    @property
    def side_by_side(self) -> bool:
        """Whether the counters' bits side by side are a tap's distance from the first: no pointer of its own."""
        row = self.dilation[0] * self.size[1] * self.folds
        step = 1 if self.gapless else self.dilation[1] * self.folds
        inner = self.kernel[1] * self.folds if self.gapless else self.kernel[1]
        inner = inner if self.beside == 1 else 1
        narrow = self.gapless or self.tap == 1
        return narrow and not row & (row - 1) and not step & (step - 1) and step << (inner - 1).bit_length() <= row

    @property
    def steps(self) -> tuple[int, int, int]:
        """How far the base goes to the next column, to the next row, to the next frame."""
        line = self.size[1] * self.folds
        column = self.stride[1] * self.folds
        along = (self.out_size[1] - 1) * column
        down = (self.out_size[0] - 1) * self.stride[0] * line
        return column, self.stride[0] * line - along, self.total - down - along

    @property
    def still(self) -> int:
        """Lowest bits of the base that never change: all of its steps end in as many zeros."""
        column, row, frame = self.steps
        either = column | row | frame
        return (either & -either).bit_length() - 1

    @property
    def places(self) -> tuple[int, ...]:
        """Counters of the output's rows and columns: those that padding or a step of another size asks for."""
        column, row, frame = self.steps
        rows, columns = self.out_size
        if any(self.pads) or frame != row:
            return rows, columns
        return (columns,) if row != column else ()

    def groups(self) -> Groups:
        """Return the output pixels."""
        p = _pixels(self)
        return Groups(p.base, p.last, int(p.rows.size) // self.beside)

    def wanted(self, group: int | Ints) -> Ints:
        """Return the input word that each word of an output pixel waits for, -1 for padding, which waits for none.

        A word of several taps waits for the last of them.
        """
        p = _pixels(self)
        ys = group // self.out_size[1] * self.stride[0] - self.pads[0] + p.rows * self.dilation[0]
        xs = group % self.out_size[1] * self.stride[1] - self.pads[1] + p.columns * self.dilation[1]
        inside = (ys >= 0) & (ys < self.size[0]) & (xs >= 0) & (xs < self.size[1])
        padding = np.where(np.asarray(group) == 0, 0, -1)
        taps = np.where(inside, (ys * self.size[1] + xs) * self.folds + p.folds, padding)
        return np.asarray(taps.reshape(*taps.shape[:-1], -1, self.beside).max(axis=-1), dtype=np.int64)


@dataclass(frozen=True)
class _Pixels:
    """Output pixels in order: number of the first tap, of the last tap inside the frame, and all taps' offsets."""

    base: list[int]
    last: list[int]
    rows: Ints
    columns: Ints
    folds: Ints


@lru_cache(maxsize=64)
def _pixels(g: Geometry) -> _Pixels:
    width = g.size[1]
    top = np.arange(g.out_size[0])[:, np.newaxis] * g.stride[0] - g.pads[0]
    left = np.arange(g.out_size[1])[np.newaxis, :] * g.stride[1] - g.pads[1]
    bottom, right = _last_inside(g, 0)[:, np.newaxis], _last_inside(g, 1)[np.newaxis, :]
    last = np.where((bottom < 0) | (right < 0), -1, (bottom * width + right + 1) * g.folds - 1).reshape(-1)
    last[0] = max(last[0], 0)
    order = (g.folds // g.tap, *g.kernel, g.tap)
    groups, rows, columns, units = np.meshgrid(*map(np.arange, order), indexing="ij")
    return _Pixels(
        ((top * width + left) * g.folds).reshape(-1).tolist(),
        last.tolist(),
        rows.reshape(-1),
        columns.reshape(-1),
        (groups * g.tap + units).reshape(-1),
    )


def _last_inside(g: Geometry, axis: int) -> Ints:
    """Return the last row or column inside the frame of every output row or column, -1 where all of it is padding."""
    starts = np.arange(g.out_size[axis]) * g.stride[axis] - g.pads[axis]
    taps = starts[:, np.newaxis] + np.arange(g.kernel[axis]) * g.dilation[axis]
    inside = (taps >= 0) & (taps < g.size[axis])
    return np.asarray(np.where(inside, taps, -1).max(axis=1), dtype=np.int64)
