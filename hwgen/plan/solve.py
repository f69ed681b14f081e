# SPDX-License-Identifier: Apache-2.0
"""One option for every site within the limits and with the least area.

Prices come first (`hwgen.plan.relax`): they find choices, prove what no choice can fall below, and rule out most
options by it. Among those that are left OR-tools' CP-SAT looks for a better choice and for its proof, with a bounded
and repeatable effort: a boolean for every option and one for every pair of lanes at the two ends of an edge, as a flow
(the pairs of an edge that begin with some lanes are as many as the chosen options that write with these lanes, and so
for the ends). Along a chain the linear relaxation of such a flow is integral, so that only the limits leave something
to search for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hwgen.graph import Ints
from hwgen.plan.goal import FILLED, FULLEST, SHARE, STREAM, STREAMS, Goal
from hwgen.plan.relax import FINE, Bound, Relaxation
from hwgen.plan.space import Crossing, Space

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver, IntVar, LinearExpr

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
STRETCH = 1000
LARGEST = 10**10
"""More than any design needs of anything; times the largest factor it still is a number of 64 bits."""


@dataclass(frozen=True)
class Answer:
    """What the solver found.

    Parameters
    ----------
    status
        ``optimal`` and ``infeasible`` are proven; ``feasible`` and ``unknown``: the effort ran out.
    places
        For every site the place of the choice in its pool; empty without a choice.
    area, bound
        Weighted area of the choice (see `Goal`), and what no choice can fall below.
    """

    status: Status
    places: tuple[int, ...] = ()
    area: int = 0
    bound: int = 0


def fitting(relaxed: Relaxation, goal: Goal, effort: float) -> Answer:
    """Look for any choice within the limits.

    Parameters
    ----------
    relaxed
        What there is to choose from, and what is known of it: the choices found are noted in it.
    goal
        With the limits.
    effort
        Deterministic seconds that CP-SAT may spend, none to do without: the same input ends at the same answer on any
        machine.
    """
    places, bound = relaxed.within(goal)
    if places:
        return Answer("feasible", places, int(goal.area(relaxed.space.cost(places))))
    if bound.least > 0:
        return Answer("infeasible")
    if not effort:
        return Answer("unknown")
    return _searched(relaxed, bound, 0, goal, effort, any_will_do=True)


def smallest(relaxed: Relaxation, goal: Goal, effort: float) -> Answer:
    """Look for the choice of least area within the limits, and for the proof that it is (see `fitting`)."""
    first = fitting(relaxed, goal, effort)
    if not first.places:
        return first
    places, bound = relaxed.smallest(goal)
    area = int(goal.area(relaxed.space.cost(places)))
    if bound.least >= area:
        return Answer("optimal", places, area, area)
    found = _searched(relaxed, bound, area, goal, effort)
    places = relaxed.known(goal)
    area = int(goal.area(relaxed.space.cost(places)))
    if found.status in ("optimal", "infeasible"):
        return Answer("optimal", places, area, area)
    return Answer("feasible", places, area, min(area, max(bound.least, found.bound)))


def fewest_streams(relaxed: Relaxation, goal: Goal, effort: float) -> Goal:
    """Return the goal with the weights of at most so many layers streamed as are found to suffice, one at least.

    With that as a limit no price needs to outweigh everything else, and bounds come close to what can be reached. That
    none need be streamed is for the caller to have tried.
    """
    found = fitting(relaxed, goal, effort)
    while found.places:
        count = int(relaxed.space.cost(found.places)[STREAMS])
        goal = goal.streaming(count)
        if count < 2:
            break
        found = fitting(relaxed, goal.streaming(count - 1), effort)
    return goal


def _searched(
    relaxed: Relaxation, bound: Bound, most: int, goal: Goal, effort: float, any_will_do: bool = False
) -> Answer:
    """Search among the options that a choice of at most `most` may have, and note what is found."""
    left = relaxed.space.without(bound.worth(most))
    if not left.wirable:
        return Answer("infeasible")
    model = _Model(left, goal.weight)
    model.within(goal.limits)
    if not any_will_do:
        model.filled()
    answer = model.solve(relaxed.known(goal), effort, any_will_do)
    if not answer.places:
        return answer
    places = tuple(int(pool.index[place]) for pool, place in zip(left.pools, answer.places, strict=True))
    relaxed.note(places)
    return Answer(answer.status, places, int(goal.area(relaxed.space.cost(places))), answer.bound)


def nearest(relaxed: Relaxation, goal: Goal, effort: float) -> tuple[int, ...]:
    """Return the choice found for which all limits must be widened by the least factor, if any can be wired."""
    hint, bound = relaxed.nearest(goal)
    if not hint:
        return ()
    most = int(goal.factor(relaxed.space.cost(hint)) - SHARE) * bound.base // (SHARE * FINE) + SHARE // STRETCH
    left = relaxed.space.without(bound.worth(most))
    model = _Model(left, goal.weight)
    model.stretched(goal.limits)
    answer = model.solve(hint, effort)
    if answer.places:
        relaxed.note([int(pool.index[place]) for pool, place in zip(left.pools, answer.places, strict=True)])
    return relaxed.least_over(goal)


class _Model:
    """The CP-SAT model of a space."""

    def __init__(self, space: Space, weight: Ints) -> None:
        from ortools.sat.python import cp_model

        self.library = cp_model
        self.space = space
        self.weight = weight
        self.model: CpModel = cp_model.CpModel()
        self.options: list[list[IntVar]] = []
        self._variables: list[IntVar] = []
        self._costs: list[Ints] = []
        for index, pool in enumerate(space.pools):
            booleans = [self._boolean(f"x{index}_{place}", cost) for place, cost in enumerate(pool.cost)]
            self.model.add_exactly_one(booleans)
            self.options.append(booleans)
        for number, crossing in enumerate(space.crossings):
            self._cross(f"z{number}", crossing)
        self._kinds = np.stack(self._costs)
        self.area: LinearExpr = self._sum(self._kinds @ weight)
        self.goal: LinearExpr = self.area

    def _sum(self, factors: Ints) -> LinearExpr:
        expression: LinearExpr = self.library.LinearExpr.weighted_sum(self._variables, factors.tolist())
        return expression

    def within(self, limits: Ints) -> None:
        """Keep to the limits."""
        for kind, limit in enumerate(limits.tolist()):
            if self._kinds[:, kind].any():
                self.model.add(self._sum(self._kinds[:, kind]) <= limit)

    def filled(self) -> None:
        """Count the largest share of what fills the device once more."""
        most = self.model.new_int_var(0, SHARE * SHARE, "fullest")
        for kind in range(FILLED):
            if self._kinds[:, kind].any() and self.weight[kind]:
                self.model.add(self._sum(self._kinds[:, kind] * self.weight[kind]) <= most)
        self.goal = self.area + FULLEST * most

    def stretched(self, limits: Ints) -> None:
        """Keep to a multiple of the limits, the smallest there is."""
        factor = self.model.new_int_var(0, STRETCH * 10**5, "factor")
        for kind, limit in enumerate(limits.tolist()):
            if self._kinds[:, kind].any():
                self.model.add(STRETCH * self._sum(self._kinds[:, kind]) <= min(max(limit, 1), LARGEST) * factor)
        self.goal = self.area + factor * SHARE * STREAM

    def _boolean(self, name: str, cost: Ints) -> IntVar:
        variable = self.model.new_bool_var(name)
        self._variables.append(variable)
        self._costs.append(cost)
        return variable

    def _cross(self, name: str, crossing: Crossing) -> None:
        """Add the flow over one edge."""
        edge, legal = crossing.edge, crossing.legal
        pairs = {
            (int(a), int(b)): self._boolean(f"{name}_{a}_{b}", crossing.cost[a, b])
            for a, b in zip(*np.nonzero(legal), strict=True)
        }
        for side, ends, pool in (
            (0, crossing.outs(self.space.pools[edge.source]), self.options[edge.source]),
            (1, crossing.ins(self.space.pools[edge.target]), self.options[edge.target]),
        ):
            for lanes in range(legal.shape[side]):
                flow = [pair for at, pair in pairs.items() if at[side] == lanes]
                self.model.add(sum(flow) == sum(pool[place] for place in np.flatnonzero(ends == lanes)))

    def solve(self, hint: Sequence[int], effort: float, any_will_do: bool = False) -> Answer:
        """Run the solver."""
        for booleans, pool, chosen in zip(self.options, self.space.pools, hint, strict=bool(hint)):
            for boolean, place in zip(booleans, pool.index.tolist(), strict=True):
                self.model.add_hint(boolean, place == chosen)
        self.model.minimize(self.goal)
        solver: CpSolver = self.library.CpSolver()
        parameters = solver.parameters
        parameters.num_workers = 1
        parameters.random_seed = 1
        parameters.linearization_level = 2
        parameters.cp_model_presolve = False
        parameters.max_deterministic_time = effort
        parameters.stop_after_first_solution = any_will_do
        parameters.catch_sigint_signal = False  # the solver would leave the signal without Python's own handler
        status = solver.solve(self.model)
        if status == self.library.INFEASIBLE:
            return Answer("infeasible")
        if status == self.library.UNKNOWN:
            return Answer("unknown")
        places = tuple(next(i for i, x in enumerate(row) if solver.boolean_value(x)) for row in self.options)
        found: Status = "optimal" if status == self.library.OPTIMAL else "feasible"
        area = round(solver.value(self.area))
        return Answer(found, places, area, round(solver.best_objective_bound))
