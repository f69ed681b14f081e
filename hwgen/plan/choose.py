# SPDX-License-Identifier: Apache-2.0
"""The choice for a given II: the least area within the limits, and the smallest II that fits, proven where they are.

For an II of T cycles every site may take any option of at most T cycles, and no converter may be slower. A choice by
sweeps answers most questions; where it does not fit, the solver does (`hwgen.plan.solve`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from hwgen.graph import Graph
from hwgen.hw import Board, Resources
from hwgen.plan.sites import Candidate, Edge, Site, Streaming, sites
from hwgen.plan.solve import Answer, descend, solve, weights
from hwgen.plan.space import Ground, Space, counts, resources

EFFORT = 20.0
NO_TRAFFIC_LIMIT = 1 << 50


@dataclass(frozen=True)
class Selection:
    """One candidate for each site, the II they reach, and the estimated total with shallow FIFOs.

    Parameters
    ----------
    ii, chosen, total
        As it says.
    gap
        How much smaller the area might be at most, as a share of it; 0 where it is proven to be the least.
    """

    ii: int
    chosen: tuple[Candidate, ...]
    total: Resources
    gap: float = 0.0


def overflow(total: Resources, limits: Resources) -> list[tuple[str, float, float]]:
    """Return ``(resource, need, limit)`` for every resource beyond its limit."""
    pairs = ((f.name, getattr(total, f.name), getattr(limits, f.name)) for f in fields(Resources))
    return [(name, need, limit) for name, need, limit in pairs if need > limit]


class Chooser:
    """Chooses options for the sites of one graph on one board.

    Parameters
    ----------
    graph, board
        What to choose for.
    limits
        What may be used.
    streaming
        Whose weights may come from memory off the chip.
    aside
        What of it the depth of FIFOs takes, which nobody knows before everything is wired.
    """

    def __init__(
        self, graph: Graph, board: Board, limits: Resources, streaming: Streaming, aside: Resources | None = None
    ) -> None:
        self.graph = graph
        self.limits = limits
        self.aside = aside or Resources()
        self.sites: list[Site] = sites(graph, board, streaming)
        self.ground = Ground(graph, self.sites, board.family)
        self._forget()

    def _forget(self) -> None:
        self._spaces: dict[int, Space] = {}
        self._swept: dict[int, tuple[int, ...]] = {}
        self._answers: dict[int, Answer] = {}

    def set_aside(self, aside: Resources) -> None:
        """Keep more room for FIFOs."""
        self.aside = aside
        self._forget()

    @property
    def edges(self) -> list[Edge]:
        """Connections between sites."""
        return self.ground.edges

    @cached_property
    def fastest(self) -> int:
        """The II that no budget can beat: the best of the slowest site."""
        return max(site.candidates[-1].option.cycles for site in self.sites)

    @cached_property
    def steps(self) -> list[int]:
        """Every II that some option has, descending."""
        return [cycles for cycles in self.all_steps if cycles >= self.fastest]

    @cached_property
    def all_steps(self) -> list[int]:
        """The cycles of every option of every site, descending: below `fastest` they lower the latency alone."""
        return sorted({c.option.cycles for site in self.sites for c in site.candidates}, reverse=True)

    def select(self, target: int) -> Selection | None:
        """Return the least area within the limits whose every site takes at most `target` cycles, or the fewest it can.

        None where there is none, or where none was found (`decided` tells which).
        """
        answer = self._answer(target)
        if not answer.places:
            return None
        return self._selection(target, answer.places, (answer.area - answer.bound) / max(answer.area, 1))

    def smallest(self, target: int) -> Selection:
        """Return a small choice for an II of `target` whatever the limits are."""
        return self._selection(target, self._sweep(target), 1.0)

    def fits(self, target: int) -> bool:
        """Tell whether a choice within the limits is known for an II of `target`."""
        if target not in self._answers and self._swept_fits(target):
            return True
        return bool(self._answer(target).places)

    def decided(self, target: int) -> bool:
        """Tell whether it is proven that nothing fits, or that something does."""
        return self.fits(target) or self._answer(target).status != "unknown"

    def best(self, steps: list[int]) -> int | None:
        """Return the position in `steps` of the smallest target that fits, by bisection; None when none does."""
        low, high = 0, len(steps) - 1
        if self.fits(steps[high]):
            return high
        if not self.fits(steps[low]):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.fits(steps[middle]) else (low, middle)
        return low

    @property
    def _most(self) -> Resources:
        return self.limits - self.aside

    def _space(self, target: int) -> Space:
        if target not in self._spaces:
            limits = [max(target, site.candidates[-1].option.cycles) for site in self.sites]
            self._spaces[target] = self.ground.space(limits, max(target, self.fastest))
        return self._spaces[target]

    def _sweep(self, target: int) -> tuple[int, ...]:
        if target not in self._swept:
            self._swept[target] = descend(self._space(target), weights(counts(self.limits)))
        return self._swept[target]

    def _swept_fits(self, target: int) -> bool:
        cost = self._space(target).cost(self._sweep(target))
        return bool((cost <= counts(self._most, NO_TRAFFIC_LIMIT)).all())

    def _answer(self, target: int) -> Answer:
        if target not in self._answers:
            limits = counts(self._most, NO_TRAFFIC_LIMIT)
            weight = weights(counts(self.limits, NO_TRAFFIC_LIMIT))
            self._answers[target] = solve(self._space(target), limits, weight, self._sweep(target), EFFORT)
        return self._answers[target]

    def _selection(self, target: int, places: tuple[int, ...], gap: float) -> Selection:
        space = self._space(target)
        picked = (pool.index[place] for pool, place in zip(space.pools, places, strict=True))
        chosen = tuple(site.candidates[index] for site, index in zip(self.sites, picked, strict=True))
        return Selection(max(c.option.cycles for c in chosen), chosen, resources(space.cost(places)), gap)
