# SPDX-License-Identifier: Apache-2.0
"""One option for every site within the limits and with the least area: exactly, by OR-tools' CP-SAT.

A boolean for every option and one for every pair of lanes at the two ends of an edge, as a flow: the pairs of an edge
that begin with some lanes are as many as the chosen options that write with these lanes, and so for the ends. Along a
chain the linear relaxation of such a flow is integral, so that only the limits leave something to search for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hwgen.graph import Ints
from hwgen.plan.space import Crossing, Space

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver, IntVar, LinearExpr

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
SHARE = 10**8
FF_WEIGHT = 0.25
STREAM = 100
STRETCH = 1000
LARGEST = 10**10
"""More than any design needs of anything; times the largest factor it still is a number of 64 bits."""
SWEEPS = 6
NEVER = SHARE * 10**5


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
        Weighted area of the choice, and what no choice can fall below.
    """

    status: Status
    places: tuple[int, ...] = ()
    area: int = 0
    bound: int = 0


def weights(limits: Ints) -> Ints:
    """Return what a unit of each kind counts in the area: its share of the limit, registers a quarter of theirs.

    A layer whose weights are streamed counts more than any area: as few as possible are.
    """
    shares = np.asarray([1, FF_WEIGHT, 1, 1, 1, 0, STREAM]) * SHARE / np.maximum(limits, 1)
    return np.rint(shares).astype(np.int64)


def descend(space: Space, weight: Ints) -> tuple[int, ...]:
    """Return a good choice by sweeps: every site takes what is cheapest beside what its neighbours took last."""
    area = [pool.cost @ weight for pool in space.pools]
    beside: list[list[tuple[Ints, Ints, int, Ints]]] = [[] for _ in space.pools]
    for crossing in space.crossings:
        source, target = crossing.edge.source, crossing.edge.target
        cost = np.where(crossing.legal, crossing.cost @ weight, NEVER)
        outs, ins = crossing.outs(space.pools[source]), crossing.ins(space.pools[target])
        beside[source].append((outs, ins, target, cost))
        beside[target].append((ins, outs, source, cost.T))
    chosen = [-1] * len(area)
    order = [*range(len(area)), *reversed(range(len(area)))]
    for _ in range(SWEEPS):
        before = list(chosen)
        for index in order:
            total = area[index]
            for mine, theirs, other, cost in beside[index]:
                if chosen[other] >= 0:
                    total = total + cost[mine, theirs[chosen[other]]]
            chosen[index] = int(np.argmin(total))
        if before == chosen:
            break
    return tuple(chosen)


def solve(
    space: Space, limits: Ints, weight: Ints, hint: Sequence[int], effort: float, any_will_do: bool = False
) -> Answer:
    """Choose one option for every site, so that the weighted area is least.

    Parameters
    ----------
    space
        What there is to choose from.
    limits
        In the order of `hwgen.plan.space.KINDS`.
    weight
        See `weights`.
    hint
        A place for every site to begin with.
    effort
        Deterministic seconds that may be spent: the same input ends at the same answer on any machine.
    any_will_do
        Whether to stop at the first choice within the limits.
    """
    if not space.wirable:
        return Answer("infeasible")
    model = _Model(space, weight)
    model.within(limits)
    return model.solve(hint, effort, any_will_do)


def stretch(space: Space, limits: Ints, weight: Ints, hint: Sequence[int], effort: float) -> Answer:
    """Choose one option for every site as `solve` does, with all limits widened by the smallest factor that it takes.

    The area and its bound mean nothing here.
    """
    if not space.wirable:
        return Answer("infeasible")
    model = _Model(space, weight)
    model.stretched(limits)
    return model.solve(hint, effort)


class _Model:
    """The CP-SAT model of a space."""

    def __init__(self, space: Space, weight: Ints) -> None:
        from ortools.sat.python import cp_model

        self.library = cp_model
        self.space = space
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
        for booleans, chosen in zip(self.options, hint, strict=True):
            for place, boolean in enumerate(booleans):
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
