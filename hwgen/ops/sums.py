# SPDX-License-Identifier: Apache-2.0
"""Small integer factors for a residual join, proven over all pairs of inputs.

A join ``s0*q0 + s1*q1`` followed by a quantiser needs no exact factors: it is enough that the sums which belong to one
output level stay apart from those of the next. The search starts with one-bit factors and widens them until that
holds for every pair, and until a method exists that maps the sums onto the levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hwgen.graph import Ints
from hwgen.ops.lowering import common
from hwgen.ops.ranges import Range
from hwgen.ops.requant_proof import Levels
from hwgen.ops.steps import Curve, Quantiser, Steps, find_steps
from hwgen.ops.values import Sum

MAX_PAIRS = 1 << 18
MAX_FACTOR_BITS = 30


@dataclass(frozen=True, eq=False)
class Split:
    """Factors of a join, and where its quantiser steps in terms of ``m0*q0 + m1*q1``.

    Parameters
    ----------
    m0, m1
        Integer factors.
    steps, levels
        One row; increasing.
    slope
        Output steps for each unit of the sum.
    pairs
        Number of input pairs that the proof covers.
    """

    m0: int
    m1: int
    steps: Steps
    levels: Levels
    slope: Fraction
    pairs: int


def splits(total: Sum, quantiser: Quantiser, a: Range, b: Range) -> Iterator[Split]:
    """Yield factors that keep all levels apart, small ones first; nothing when there are too many pairs to try."""
    pairs = (a.most - a.least + 1) * (b.most - b.least + 1)
    if pairs > MAX_PAIRS or total.curve.channels > 1 or total.curve.slope[0] == 0 or len(quantiser.scale) > 1:
        return
    sign = 1 if total.curve.slope[0] > 0 else -1
    reals = tuple(sign * s for s in total.slopes)
    unit = common(reals)
    exact = tuple(int(s / unit) for s in reals)
    curve = Curve(
        tuple(sign * s * unit for s in total.curve.slope), total.curve.offset, total.curve.floor, total.curve.ceiling
    )
    outputs = _outputs(curve, quantiser, exact, a, b)
    per_unit = abs(total.curve.slope[0]) / quantiser.scale[0]
    largest = max(abs(s) for s in reals)
    for bits in range(MAX_FACTOR_BITS + 1):
        if max(map(abs, exact)) <= 1 << bits:
            yield _split(exact[0], exact[1], outputs, quantiser, a, b, per_unit * unit) or _impossible()
            return
        m0, m1 = (round(s * (1 << bits) / largest) for s in reals)
        split = _split(m0, m1, outputs, quantiser, a, b, per_unit * largest / (1 << bits))
        if m0 and m1 and split is not None:
            yield split


def _impossible() -> Split:
    raise AssertionError("exact factors must keep the levels apart")


def _outputs(curve: Curve, quantiser: Quantiser, exact: tuple[int, int], a: Range, b: Range) -> Ints:
    """Return the quantiser's output for every pair, ``(a values, b values)``."""
    sums = _sums(exact[0], exact[1], a, b)
    steps = find_steps(curve, quantiser, sums.min(keepdims=True)[0], sums.max(keepdims=True)[0])
    return np.asarray(quantiser.low + quantiser.step * np.searchsorted(steps.at[0], sums, side="right"))


def _sums(m0: int, m1: int, a: Range, b: Range) -> Ints:
    first = np.arange(a.least, a.most + 1, dtype=np.int64) * m0
    second = np.arange(b.least, b.most + 1, dtype=np.int64) * m1
    return first[:, np.newaxis] + second


def _split(m0: int, m1: int, outputs: Ints, quantiser: Quantiser, a: Range, b: Range, slope: Fraction) -> Split | None:
    sums = _sums(m0, m1, a, b)
    low, high = int(sums.min()), int(sums.max())
    count = len(quantiser.bounds)
    rank = ((outputs - quantiser.low) // quantiser.step).reshape(-1)
    least = np.full(count + 1, high + 1, dtype=np.int64)
    most = np.full(count + 1, low - 1, dtype=np.int64)
    np.minimum.at(least, rank, sums.reshape(-1))
    np.maximum.at(most, rank, sums.reshape(-1))
    at = np.minimum.accumulate(least[::-1])[::-1][1:]
    below = np.maximum.accumulate(most)[:-1]
    if (below >= at).any():
        return None
    levels = quantiser.low + quantiser.step * np.arange(1, count + 1, dtype=np.int64)
    bounds = (np.array([low]), np.array([high]))
    steps = Steps(at[np.newaxis], np.zeros(1, dtype=np.bool_), quantiser.low, quantiser.step, *bounds)
    gaps = Levels(levels, at[np.newaxis], below[np.newaxis], (at <= high)[np.newaxis], (below >= low)[np.newaxis])
    return Split(m0, m1, steps, gaps, slope, sums.size)


__all__ = ["Split", "splits"]
