# SPDX-License-Identifier: Apache-2.0
"""Find a multiplier, an addend and a shift that equal a quantiser for every input, by proof and not by sampling.

An output level k is reached for q >= at and not for q <= below. Because ``(q*mul + add) >> shift`` is monotone, it
equals the quantiser everywhere if it does so at these two integers of each level: two inequalities on `add`. Where all
of them leave an integer, that integer is the proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints
from hwgen.ops.steps import Steps

MAX_SHIFT = 40
_SAFE = 1 << 61


@dataclass(frozen=True, eq=False)
class Levels:
    """Constraints of an increasing quantiser, for each channel and level.

    Parameters
    ----------
    levels
        int64 ``(T,)``: the outputs k.
    at
        int64 ``(C, T)``: smallest input that reaches k.
    below
        int64 ``(C, T)``: largest input that does not.
    reached, missed
        bool ``(C, T)``: whether such an input exists in the range.
    """

    levels: Ints
    at: Ints
    below: Ints
    reached: npt.NDArray[np.bool_]
    missed: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, steps: Steps) -> Levels:
        """Return the constraints of `steps`; flipped channels are mirrored (their input is -q)."""
        flip = steps.flip[:, None]
        at = np.where(flip, 1 - steps.at, steps.at)
        lo = np.where(flip, -steps.hi[:, None], steps.lo[:, None])
        hi = np.where(flip, -steps.lo[:, None], steps.hi[:, None])
        count = steps.at.shape[1]
        levels = steps.low + steps.step * np.arange(1, count + 1, dtype=np.int64)
        return cls(levels, at, at - 1, at <= hi, at > lo)

    def within(self, least: Ints, most: Ints) -> Levels:
        """Return the constraints that are left where each channel is clipped to its ``[least, most]``, (C,) each."""
        inside = (self.levels > least[:, None]) & (self.levels <= most[:, None])
        return replace(self, reached=self.reached & inside, missed=self.missed & inside)


@dataclass(frozen=True, eq=False)
class MultiplyShift:
    """``y = clip((q*mul + add) >> shift, low, high)``; mul and add are int64 ``(C,)``.

    `ties` 1 or 2 lowers results without a fraction by one where they are odd (1) or even (2).
    """

    mul: Ints
    add: Ints
    shift: int
    ties: int = 0


def find_multiply_shift(
    slopes: Sequence[Fraction],
    levels: Levels,
    flip: npt.NDArray[np.bool_],
    max_shift: int = MAX_SHIFT,
    ties: int = 0,
) -> MultiplyShift | None:
    """Return the multiply-shift with the smallest shift that is proven equal, or None.

    Parameters
    ----------
    slopes
        Output steps for each unit of q, one for each channel; their sign is ignored.
    levels
        The constraints.
    flip
        bool ``(C,)``: channels whose input was mirrored; their multiplier comes out negative.
    ties
        As in `MultiplyShift`.
    """
    sizes = [abs(s) for s in slopes]
    suspect = 0
    for shift in range(1 if ties else 0, max_shift + 1):
        if not _fit(sizes, levels, shift, slice(suspect, suspect + 1), ties).found.all():
            continue
        fit = _fit(sizes, levels, shift, slice(None), ties)
        if fit.found.all():
            return MultiplyShift(np.where(flip, -fit.mul, fit.mul), fit.add, shift, ties)
        suspect = int(np.flatnonzero(~fit.found)[0])
    return None


@dataclass(frozen=True, eq=False)
class _Fit:
    """Multipliers and addends of some channels, and where there are any."""

    mul: Ints
    add: Ints
    found: npt.NDArray[np.bool_]


def _fit(sizes: list[Fraction], levels: Levels, shift: int, rows: slice, ties: int) -> _Fit:
    """Try the two multipliers nearest to the slope in each of the channels `rows`."""
    exact = [size * (1 << shift) for size in sizes[rows]]
    floors = [int(size) for size in exact]
    nearest = [f + (2 * (size - f) > 1) for f, size in zip(floors, exact, strict=True)]
    others = [2 * f + 1 - n for f, n in zip(floors, nearest, strict=True)]
    count = len(exact)
    fit = _Fit(np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_))
    for candidates in (nearest, others):
        low, high = _interval(levels, candidates, shift, rows, ties)
        for i in np.flatnonzero(~fit.found & (low <= high)):
            middle = (int(low[i]) + int(high[i])) // 2
            if abs(middle) < _SAFE and candidates[i] < _SAFE:
                fit.mul[i], fit.add[i], fit.found[i] = candidates[i], middle, True
        if fit.found.all():
            break
    return fit


def excess(levels: Ints, ties: int) -> Ints:
    """Return 1 for the levels that an exact tie does not reach, else 0."""
    return np.asarray(levels % 2 == ties % 2, dtype=np.int64) if ties else np.zeros_like(levels)


def _interval(
    levels: Levels, mul: Sequence[int], shift: int, rows: slice, ties: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the smallest and the largest addend that the constraints of each channel allow."""
    at, below = levels.at[rows], levels.below[rows]
    largest = max(int(np.abs(at).max(initial=0)), int(np.abs(below).max(initial=0)), 1)
    target_size = max(int(np.abs(levels.levels).max(initial=0)), 1) << shift
    kind: Any = np.int64 if largest * max(*mul, 1) + target_size < _SAFE else object
    factor = np.array(mul, dtype=kind)[:, None]
    target = levels.levels.astype(kind) * (1 << shift) + excess(levels.levels, ties)
    far = max(_SAFE, 4 * (largest * max(*mul, 1) + target_size)) if kind is object else _SAFE
    low = np.where(levels.reached[rows], target - at.astype(kind) * factor, -far)
    high = np.where(levels.missed[rows], target - 1 - below.astype(kind) * factor, far)
    smallest, greatest = low.max(axis=1), high.min(axis=1)
    open_below, open_above = smallest == -far, greatest == far
    smallest[open_below & open_above] = greatest[open_below & open_above] = 0
    return np.where(open_below, greatest, smallest), np.where(open_above, smallest, greatest)
