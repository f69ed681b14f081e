# SPDX-License-Identifier: Apache-2.0
"""What the solver makes small: the area as one number, by the limits that it must keep to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.graph import Ints
from hwgen.plan.space import KINDS

SHARE = 10**8
FF_WEIGHT = 0.25
STREAM = 100
FULLEST = 1
"""How often the largest of the shares counts once more: a device that is full of one thing is hard to route."""
FILLED = KINDS.index("uram") + 1
"""The kinds before this one fill the device."""
STREAMS = KINDS.index("streams")


def weights(limits: Ints) -> Ints:
    """Return what a unit of each kind counts in the area: its share of the limit, registers a quarter of theirs.

    A layer whose weights are streamed counts more than any area: as few as possible are.
    """
    shares = np.asarray([1, FF_WEIGHT, 1, 1, 1, 0, STREAM]) * SHARE / np.maximum(limits, 1)
    return np.rint(shares).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Goal:
    """The least area within limits.

    Parameters
    ----------
    limits
        The most of each kind, in the order of `hwgen.plan.space.KINDS`.
    weight
        See `weights`.
    """

    limits: Ints
    weight: Ints

    def area(self, cost: Ints) -> Ints:
        """Return the weighted sum of costs, (..., kinds), the largest summand of what fills a device counted again."""
        return np.asarray(cost @ self.weight + FULLEST * (cost * self.weight)[..., :FILLED].max(axis=-1))

    def streaming(self, most: int) -> Goal:
        """Return the goal with the weights of at most so many layers streamed, which then count nothing."""
        limits, weight = self.limits.copy(), self.weight.copy()
        limits[STREAMS], weight[STREAMS] = most, 0
        return Goal(limits, weight)

    def over(self, cost: Ints) -> Ints:
        """Return by how much costs, (..., kinds), exceed the limits: the sum of their shares of them."""
        share = np.rint(SHARE / np.maximum(self.limits, 1)).astype(np.int64)
        return np.asarray((np.maximum(cost - self.limits, 0) * share).sum(axis=-1))

    def factor(self, cost: Ints) -> Ints:
        """Return by what factor, times `SHARE`, the limits must be widened at least for costs, (..., kinds)."""
        return np.asarray((-(-cost * SHARE // np.maximum(self.limits, 1))).max(axis=-1))
