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

    def groups(self) -> Groups:
        """Return the output pixels."""
        p = _pixels(self)
        return Groups(p.base, p.last, int(p.rows.size))

    def wanted(self, group: int | Ints) -> Ints:
        """Return the input word that each word of an output pixel waits for, -1 for padding, which waits for none."""
        p = _pixels(self)
        ys = group // self.out_size[1] * self.stride[0] - self.pads[0] + p.rows
        xs = group % self.out_size[1] * self.stride[1] - self.pads[1] + p.columns
        inside = (ys >= 0) & (ys < self.size[0]) & (xs >= 0) & (xs < self.size[1])
        padding = np.where(np.asarray(group) == 0, 0, -1)
        return np.asarray(np.where(inside, (ys * self.size[1] + xs) * self.folds + p.folds, padding), dtype=np.int64)


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
