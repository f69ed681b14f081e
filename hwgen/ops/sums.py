# SPDX-License-Identifier: Apache-2.0
"""Small integer factors for a residual join, proven over all pairs of inputs.

A join ``s0*q0 + s1*q1`` followed by a quantiser needs no exact factors: it is enough that the sums which belong to one
output level stay apart from those of the next. With many levels the quantiser's own scale goes into the factors, so
that a shift is all that is left; with few levels thresholds follow, and the factors can be smaller still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from hwgen.graph import Ints
from hwgen.ops.ranges import Range
from hwgen.ops.requant_proof import excess
from hwgen.ops.steps import Curve, Quantiser, Steps, common, find_steps
from hwgen.ops.values import Sum

MAX_PAIRS = 1 << 18
MAX_FACTOR_BITS = 30
MAX_CURVES, MAX_MULTIPLE = 8, 1 << 8
"""Different curves that the channels of a join may have, and how much steeper one may be than what divides them all."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """A join and its quantiser, with the exact output for every pair of inputs.

    Parameters
    ----------
    total, quantiser
        What is computed.
    sign
        -1 where the curve after the sum decreases; the factors then change sign.
    exact
        Integer factors that are exact.
    a, b
        int64: values of the two inputs.
    outputs
        int64 ``(len(a), len(b))``: what the quantiser gives.
    """

    total: Sum
    quantiser: Quantiser
    sign: int
    exact: tuple[int, int]
    a: Ints
    b: Ints
    outputs: Ints

    def sums(self, m0: int, m1: int) -> Ints:
        """Return ``m0*q0 + m1*q1`` for every pair."""
        return self.a[:, np.newaxis] * m0 + self.b * m1


@dataclass(frozen=True, eq=False)
class Shifted:
    """``((m0*q0 + m1*q1)*mul + add) >> shift`` equals the quantiser but for the clip; `ties` as in `MultiplyShift`.

    mul and add are int64, one entry for each curve.
    """

    m0: int
    m1: int
    mul: Ints
    add: Ints
    shift: int
    ties: int


@dataclass(frozen=True, eq=False)
class Split:
    """``m0*q0 + m1*q1`` keeps the levels apart; `steps` has one increasing row."""

    m0: int
    m1: int
    steps: Steps


def all_pairs(total: Sum, quantiser: Quantiser, a: Range, b: Range) -> Pairs | None:
    """Tabulate a join; None when there are too many pairs, or the channels differ."""
    count = (a.most - a.least + 1) * (b.most - b.least + 1)
    if count > MAX_PAIRS or total.curve.channels > 1 or total.curve.slope[0] == 0 or len(quantiser.scale) > 1:
        return None
    sign = 1 if total.curve.slope[0] > 0 else -1
    unit = common(total.slopes)
    exact = (int(sign * total.slopes[0] / unit), int(sign * total.slopes[1] / unit))
    slope = tuple(abs(s) * unit for s in total.curve.slope)
    curve = Curve(slope, total.curve.offset, total.curve.floor, total.curve.ceiling)
    values = [np.arange(r.least, r.most + 1, dtype=np.int64) for r in (a, b)]
    if max(map(abs, exact)) >= 1 << 44:
        return None
    sums = values[0][:, np.newaxis] * exact[0] + values[1] * exact[1]
    steps = find_steps(curve, quantiser, np.array([sums.min()]), np.array([sums.max()]))
    outputs = quantiser.low + quantiser.step * np.searchsorted(steps.at[0], sums, side="right")
    return Pairs(total, quantiser, sign, exact, values[0], values[1], np.asarray(outputs, dtype=np.int64))


def by_curve(total: Sum) -> tuple[list[Sum], Ints]:
    """Return the join once for each different curve that its channels have, and int64 ``(C,)``: the curve of each."""
    curve = total.curve
    rows = list(zip(curve.slope, curve.offset, curve.floor, curve.ceiling, strict=True))
    number = {row: index for index, row in enumerate(dict.fromkeys(rows))}
    joins = [total.through(Curve((slope,), (offset,), (low,), (high,))) for slope, offset, low, high in number]
    return joins, np.array([number[row] for row in rows], dtype=np.int64)


def shifted(group: Sequence[Pairs], ties: int = 0) -> Shifted | None:
    """Return the factors with the smallest shift that are equal for every pair, None when there are none.

    Parameters
    ----------
    group
        One join of two tensors under one curve, or under several with the same quantiser; slopes of one sign.
    """
    first, unit = group[0], common([pairs.total.curve.slope[0] for pairs in group])
    multiples = [abs(pairs.total.curve.slope[0]) / unit for pairs in group]
    if len({pairs.sign for pairs in group}) > 1 or max(multiples) > MAX_MULTIPLE:
        return None
    mul = np.array([int(multiple) for multiple in multiples], dtype=np.int64)
    low = min(int(pairs.outputs.min()) for pairs in group)
    high = max(int(pairs.outputs.max()) for pairs in group)
    wanted = [first.sign * s * unit / first.quantiser.scale[0] for s in first.total.slopes]
    for shift in range(1 if ties else 0, MAX_FACTOR_BITS + 1):
        nearest = [round(w * (1 << shift)) for w in wanted]
        other = [n + (1 if w * (1 << shift) > n else -1) for n, w in zip(nearest, wanted, strict=True)]
        for m0, m1 in product(*zip(nearest, other, strict=True)):
            add = _addends(group, m0, m1, mul, shift, ties, low, high) if m0 and m1 else None
            if add is not None:
                return Shifted(m0, m1, mul, add, shift, ties)
    return None


def _addends(
    group: Sequence[Pairs], m0: int, m1: int, mul: Ints, shift: int, ties: int, low: int, high: int
) -> Ints | None:
    """Return an addend for each curve with which a shift and a clip to ``[low, high]`` give the outputs, or None."""
    addends = []
    for pairs, multiple in zip(group, mul.tolist(), strict=True):
        least = (pairs.outputs << shift) - pairs.sums(m0, m1) * multiple
        start, stop = excess(pairs.outputs, ties), excess(pairs.outputs + 1, ties)
        smallest = (least + start)[pairs.outputs > low].max(initial=-(1 << 60))
        greatest = (least + stop)[pairs.outputs < high].min(initial=1 << 60) + (1 << shift) - 1
        if smallest > greatest:
            return None
        addends.append(_roundest(int(smallest), int(greatest)))
    return np.array(addends, dtype=np.int64)


def splits(pairs: Pairs) -> Iterator[Split]:
    """Yield factors that keep all levels apart, small ones first; the exact ones end it."""
    largest = max(map(abs, pairs.exact))
    for bits in range(largest.bit_length() + 1):
        m0, m1 = pairs.exact
        if largest > 1 << bits:
            m0, m1 = round(m0 * (1 << bits) / largest), round(m1 * (1 << bits) / largest)
        steps = _steps(pairs, pairs.sums(m0, m1)) if m0 and m1 else None
        if steps is not None:
            yield Split(m0, m1, steps)
        if (m0, m1) == pairs.exact:
            return


def _steps(pairs: Pairs, sums: Ints) -> Steps | None:
    """Return where the levels begin among the sums, None when two levels overlap."""
    quantiser = pairs.quantiser
    low, high, count = int(sums.min()), int(sums.max()), len(quantiser.bounds)
    rank = ((pairs.outputs - quantiser.low) // quantiser.step).reshape(-1)
    least = np.full(count + 1, high + 1, dtype=np.int64)
    most = np.full(count + 1, low - 1, dtype=np.int64)
    np.minimum.at(least, rank, sums.reshape(-1))
    np.maximum.at(most, rank, sums.reshape(-1))
    at = np.minimum.accumulate(least[::-1])[::-1][1:]
    below = np.maximum.accumulate(most)[:-1]
    if (below >= at).any():
        return None
    never = np.zeros(1, dtype=np.bool_)
    return Steps(at[np.newaxis], never, quantiser.low, quantiser.step, np.array([low]), np.array([high]))


def _roundest(smallest: int, greatest: int) -> int:
    """Return the number in ``[smallest, greatest]`` with the most trailing zeros: the cheapest addend."""
    for shift in range(62, -1, -1):
        value = -(-smallest >> shift) << shift
        if smallest <= value <= greatest:
            return value
    return smallest
