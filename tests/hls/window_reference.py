# SPDX-License-Identifier: Apache-2.0
"""The window's rule, written down once more as plainly as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


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

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of the output."""
        (kh, kw), (sh, sw), (top, left, bottom, right) = self.kernel, self.stride, self.pads
        return (self.height + top + bottom - kh) // sh + 1, (self.width + left + right - kw) // sw + 1

    @property
    def least_depth(self) -> int:
        """Smallest power of two that the line buffer may have."""
        span = ((self.kernel[0] - 1) * self.width + self.kernel[1]) * self.folds
        return max(2, 1 << (span - 1).bit_length())

    def words(self) -> Iterator[tuple[int, int, bool, bool]]:
        """Yield for each output word: first tap's number, own number, is it padding, does it end a pixel."""
        (kh, kw), (oh, ow) = self.kernel, self.out
        taps = [(y, x, c) for y in range(kh) for x in range(kw) for c in range(self.folds)]
        if self.taps_order:
            taps.sort(key=lambda tap: tap[2])
        for row in range(oh):
            for column in range(ow):
                top, left = row * self.stride[0] - self.pads[0], column * self.stride[1] - self.pads[1]
                base = (top * self.width + left) * self.folds
                for number, (y, x, c) in enumerate(taps):
                    inside = 0 <= top + y < self.height and 0 <= left + x < self.width
                    need = ((top + y) * self.width + left + x) * self.folds + c
                    yield base, need, not inside, number == len(taps) - 1


def simulate(shape: Shape, depth: int) -> tuple[int, list[int], list[int]]:
    """Return (iterations, iteration of each read, iteration of each write) by applying the rule again and again."""
    total = shape.height * shape.width * shape.folds
    words = list(shape.words())
    reads: list[int] = []
    writes: list[int] = []
    iteration = 0
    while len(reads) < total or len(writes) < len(words):
        count = len(reads)
        finished = len(writes) == len(words)
        base, need, padding, _ = words[-1] if finished else words[len(writes)]
        if not finished and (padding or need < count):
            writes.append(iteration)
        if count < total and (finished or count - base < depth):
            reads.append(iteration)
        iteration += 1
        assert iteration < 100 * (total + len(words)), "the window waits for ever"
    return iteration, reads, writes
