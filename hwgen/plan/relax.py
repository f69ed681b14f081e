# SPDX-License-Identifier: Apache-2.0
"""Limits as prices: what no choice can fall below, and choices that are close to it (Lagrangian relaxation).

Without the limits the cheapest choice is found at once, whatever the prices of resources are (`hwgen.plan.eliminate`).
What it costs at these prices no choice within the limits can fall below, so each try of prices proves a bound; and the
choices found on the way are candidates. The next prices are those that make the least of the choices seen so far as
dear as can be (Kelley's cutting planes), halfway from the best so far (Ben-Ameur and Neto, Networks 49, 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwgen.graph import Ints
from hwgen.plan.eliminate import Elimination, Floats, Sums
from hwgen.plan.goal import FILLED, FULLEST, SHARE, Goal
from hwgen.plan.space import Space
from hwgen.plan.swaps import Swaps

FINE = 16
"""Prices are so much finer than weights."""
ROUNDS = 60
CLOSE = 1e-4
DEAREST = 64.0
"""Most that the whole of a limit is priced at, in shares."""
MENDED = 6
NEVER = 1 << 60
"""The bound where no choice can be wired."""


@dataclass(frozen=True, eq=False)
class Bound:
    """What some prices prove.

    Parameters
    ----------
    least
        Nothing is less than this.
    base
        What prices times limits come to: the sums less this are the bound.
    sums
        The sums at the prices.
    """

    least: int
    base: int
    sums: Sums

    def worth(self, most: int) -> list[Ints]:
        """Return for every site the places of the options that a choice of at most `most` may have."""
        return [np.flatnonzero(through <= most * FINE + self.base) for through in self.sums.through()]


class Relaxation:
    """A space, the choices of it that were looked at, and what prices prove of it.

    Parameters
    ----------
    space
        Wirable.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._made = Elimination(space)
        self._swaps = Swaps(space)
        self._active = np.flatnonzero(np.any([p.cost.any(axis=0) for p in space.pools], axis=0))
        for crossing in space.crossings:
            self._active = np.union1d(self._active, np.flatnonzero(crossing.cost[crossing.legal].any(axis=0)))
        self._seen: dict[tuple[int, ...], Ints] = {}

    def within(self, goal: Goal) -> tuple[tuple[int, ...], Bound]:
        """Look for any choice within the limits.

        Returns
        -------
        tuple[tuple[int, ...], Bound]
            The choice, or nothing; and the bound: where it is above 0, there is none.
        """
        bound = self._tight(goal, lambda least: least > 0 or bool(self.known(goal)))
        if bound.least <= 0 and not self.known(goal):
            self._mend(lambda cost: goal.over(cost) * SHARE + cost @ goal.weight)
        return self.known(goal), bound

    def nearest(self, goal: Goal) -> tuple[tuple[int, ...], Bound]:
        """Look for the choice for which all limits must be widened by the least factor; nothing where none is wirable.

        The bound is that of `within`, a limit of 0 being 1.
        """
        goal = replace(goal, limits=np.maximum(goal.limits, 1))
        bound = self._tight(goal, lambda least: False)
        if self._seen:
            self._mend(_beyond(goal))
        return self.least_over(goal), bound

    def least_over(self, goal: Goal) -> tuple[int, ...]:
        """Return the choice among those looked at for which the limits must be widened by the least factor."""
        beyond = _beyond(goal)
        return min(((int(beyond(cost)), at) for at, cost in self._seen.items()), default=(0, ()))[1]

    def _tight(self, goal: Goal, enough: Callable[[int], bool]) -> Bound:
        """Return the highest bound found on what exceeds the limits, prices adding up to one."""
        kinds, limits = self._active, goal.limits[self._active]
        master = _Master(np.ones(kinds.size), kinds.size, 1.0)

        def seen(cost: Ints) -> None:
            master.cut(-1.0, cost[kinds] / np.maximum(limits, 0.5))

        def tried(x: Floats) -> Bound:
            prices = np.zeros(goal.limits.size, dtype=np.int64)
            prices[kinds] = np.rint(x * SHARE * FINE / np.maximum(limits, 1)).astype(np.int64)
            return self._bound(prices, int(prices @ goal.limits))

        return self._ascend(master, seen, tried, np.full(kinds.size, 1 / max(1, kinds.size)), enough)

    def smallest(self, goal: Goal) -> tuple[tuple[int, ...], Bound]:
        """Look for the least area within the limits, and return the best choice known and the bound."""
        kinds = self._active
        limits, count = goal.limits[kinds], int((kinds < FILLED).sum())
        master = _Master(np.full(count + kinds.size, DEAREST), count, FULLEST)

        def seen(cost: Ints) -> None:
            shares = cost * goal.weight / SHARE
            beyond = cost[kinds] / np.maximum(limits, 1) - np.minimum(limits, 1)
            master.cut(float(shares.sum()), np.concatenate([shares[kinds[:count]], beyond]))

        def tried(x: Floats) -> Bound:
            prices = goal.weight * FINE
            dear = np.zeros_like(prices)
            dear[kinds] = np.rint(x[count:] * SHARE * FINE / np.maximum(limits, 1)).astype(np.int64)
            again = np.floor(x[:count] * prices[kinds[:count]]).astype(np.int64)
            prices[kinds[:count]] += again
            return self._bound(prices + dear, int(dear @ goal.limits))

        bound = self._ascend(master, seen, tried, np.zeros(count + kinds.size), lambda least: False)
        self._mend(lambda cost: goal.over(cost) * SHARE + goal.area(cost))
        return self.known(goal), bound

    def known(self, goal: Goal) -> tuple[int, ...]:
        """Return the choice of least area within the limits among those looked at, nothing where there is none."""
        within = [(int(goal.area(cost)), at) for at, cost in self._seen.items() if (cost <= goal.limits).all()]
        return min(within, default=(0, ()))[1]

    def note(self, places: Sequence[int]) -> None:
        """Add a choice to those looked at."""
        self._seen[tuple(places)] = self.space.cost(places)

    def _bound(self, prices: Ints, base: int) -> Bound:
        sums = self._made.priced(prices)
        if not np.isfinite(sums.least):
            return Bound(NEVER, base, sums)
        self.note(sums.choice())
        return Bound(-int((base - sums.least) // FINE), base, sums)

    def _ascend(
        self,
        master: _Master,
        seen: Callable[[Ints], None],
        tried: Callable[[Floats], Bound],
        start: Floats,
        enough: Callable[[int], bool],
    ) -> Bound:
        """Return the highest bound found."""
        for cost in self._seen.values():
            seen(cost)
        told = len(self._seen)
        x, best = start, tried(start)
        for _ in range(ROUNDS):
            if best.least == NEVER or enough(best.least):
                break
            for cost in list(self._seen.values())[told:]:
                seen(cost)
            told = len(self._seen)
            highest, there = master.best()
            if highest * SHARE - best.least <= CLOSE * SHARE:
                break
            middle = (x + there) / 2
            bound = tried(middle)
            if bound.least > best.least:
                x, best = middle, bound
        return best

    def _mend(self, badness: Callable[[Ints], Ints]) -> None:
        """Make the best choices looked at better by swaps."""
        costs = np.stack(list(self._seen.values()))
        order = np.argsort(badness(costs), kind="stable")[:MENDED]
        choices = list(self._seen)
        for place in order.tolist():
            self.note(self._swaps.better(choices[place], badness))


def _beyond(goal: Goal) -> Callable[[Ints], Ints]:
    """Return what says how bad costs are: by the factor that the limits must be widened by, then by the area."""
    return lambda cost: goal.factor(cost) * SHARE // 1000 + cost @ goal.weight


class _Master:
    """The prices at which the dearest that the choices so far allow is reached: a linear program of a few variables."""

    def __init__(self, most: Floats, count: int, together: float) -> None:
        from ortools.linear_solver import pywraplp

        self._solver = pywraplp.Solver.CreateSolver("GLOP")
        self._x = [self._solver.NumVar(0.0, float(high), "") for high in most]
        self._top = self._solver.NumVar(-self._solver.infinity(), self._solver.infinity(), "")
        self._solver.Add(sum(self._x[:count], 0 * self._top) <= together)
        self._solver.Maximize(self._top)

    def cut(self, constant: float, slopes: Floats) -> None:
        """No choice's cost is above the bound: note that of a choice, ``constant + slopes @ prices``."""
        row = self._solver.Constraint(-self._solver.infinity(), constant)
        row.SetCoefficient(self._top, 1.0)
        for x, slope in zip(self._x, slopes.tolist(), strict=True):
            row.SetCoefficient(x, -slope)

    def best(self) -> tuple[float, Floats]:
        """Return what can be reached at most, and with what prices."""
        self._solver.Solve()
        return self._top.solution_value(), np.array([x.solution_value() for x in self._x])
