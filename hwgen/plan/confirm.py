# SPDX-License-Identifier: Apache-2.0
"""FIFO depths held against the simulator, whatever the design's size: what analysis leaves out is made up for.

The analysis of `hwgen.plan.fifos` gives a process its times, and real ones run ahead of them. A pipeline that has run
into a full FIFO stands still, bubbles and all, and where its producer then waits too, the slowest process may be behind
it. Deeper FIFOs end that. Few designs need any, and those that do need one or two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from hwgen.plan.fifos import SMALL
from hwgen.plan.simulate import Design
from hwgen.plan.timing import SHALLOW, Stage

T = TypeVar("T")

FRAMES = 32
"""Most frames that a design is given to come to repeat itself; most take three or four, and one with FIFOs that go on
filling for longer is taken to keep the pace that it has kept so long."""
DOUBLINGS = 6
"""How often FIFOs are made twice as deep before that is given up."""
PARTS = 16
"""Into how many parts what was added to a depth is divided to find how much of it is needed."""


def confirmed(
    stages: Sequence[Stage], planned: Mapping[str, int], period: int, widths: Mapping[str, int]
) -> tuple[dict[str, int], int]:
    """Return FIFO depths with which the simulated design takes a frame every `period` cycles, and what it takes.

    Parameters
    ----------
    stages
        In topological order.
    planned
        Depths by channel, 0 at ports.
    period
        Cycles from a frame to the next that are planned.
    widths
        Bits of a beat by channel.

    Returns
    -------
    tuple
        `planned` where it is enough, or nothing helps; else with as few channels deeper as it takes, narrow ones before
        wide ones. And the cycles from a frame to the next in the simulation, `period` if they are no more.
    """
    trial = _Trial(stages, planned, period)
    first = trial.interval({})
    if first <= period:
        return dict(planned), period
    more = trial.plenty()
    if more is None:
        return dict(planned), math.ceil(first)
    narrow = sorted(more, key=lambda c: (more[c] * widths[c], c))
    kept = needed(lambda some: trial.enough({c: more[c] for c in some}), [], narrow)
    found = {c: more[c] for c in kept}
    for channel in kept:
        found[channel] = trial.least(found, channel)
    return {**planned, **found}, period


class _Trial:
    """A design, its planned depths, and what it does with some of them replaced."""

    def __init__(self, stages: Sequence[Stage], planned: Mapping[str, int], period: int) -> None:
        self.design, self.planned, self.period = Design(stages), planned, period
        self.blocked: Mapping[str, int] = {}

    def interval(self, deeper: Mapping[str, int]) -> float:
        """Return the cycles from a frame to the next, and remember which channels held their producers up."""
        ran = self.design.run({**self.planned, **deeper}, FRAMES, goal=self.period)
        self.blocked = ran.blocked
        return math.inf if ran.stuck else ran.ii

    def enough(self, deeper: Mapping[str, int]) -> bool:
        """Tell whether the planned frame rate is reached."""
        return self.interval(deeper) <= self.period

    def plenty(self) -> dict[str, int] | None:
        """Return depths that are enough, of all channels that hold anything up; None if there are none."""
        deeper: dict[str, int] = {}
        for doubled in range(1, DOUBLINGS + 1):
            deeper |= {c: self.planned[c] << doubled for c in self.blocked if self.planned[c] >= SHALLOW}
            if self.enough(deeper):
                return deeper
        return None

    def least(self, deeper: Mapping[str, int], channel: str) -> int:
        """Return a depth of one channel that is still enough, by bisection between what is planned and tried.

        Up to `SMALL` words it stays as it is, for fewer would cost the same.
        """
        low, high = max(self.planned[channel], min(SMALL, deeper[channel])), deeper[channel]
        step = max(1, (high - low) // PARTS)
        while high - low > step:
            middle = (low + high) // 2
            if self.enough({**deeper, channel: middle}):
                high = middle
            else:
                low = middle
        return high


def needed(enough: Callable[[Sequence[T]], bool], kept: Sequence[T], doubtful: Sequence[T]) -> list[T]:
    """Return those of the doubtful without which, beside those kept, it is not enough, rather the first ones.

    All of them together are enough (Junker, QuickXplain, AAAI 2004).
    """
    if enough(kept):
        return []
    if len(doubtful) == 1:
        return list(doubtful)
    half = len(doubtful) // 2
    behind = needed(enough, [*kept, *doubtful[:half]], doubtful[half:])
    return needed(enough, [*kept, *behind], doubtful[:half]) + behind
