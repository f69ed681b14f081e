# SPDX-License-Identifier: Apache-2.0
"""The choice for a given II: the least area within the limits, and the smallest II that fits, proven where they are.

For an II of T cycles every site may take any option of at most T cycles, and no converter may be slower. A choice by
sweeps answers most questions; where it does not fit, the solver does (`hwgen.plan.solve`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import floor

from hwgen.config import LayerChoice
from hwgen.graph import Graph, Ints
from hwgen.hw import Board, Resources
from hwgen.plan.overrides import restricted
from hwgen.plan.sites import Candidate, Edge, Site, Streaming, sites
from hwgen.plan.solve import Answer, descend, solve, stretch, weights
from hwgen.plan.space import Ground, Space, counts, resources

EFFORT = 6.0
ADVICE_EFFORT = 1.5


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
    bandwidth
        Bytes a cycle from memory off the chip, for weights where `streams` is set.
    choices
        What the user has chosen, by node.
    """

    def __init__(
        self,
        graph: Graph,
        board: Board,
        limits: Resources,
        bandwidth: float = 0.0,
        choices: Mapping[str, LayerChoice] | None = None,
    ) -> None:
        self.graph = graph
        self.limits = limits
        self.bandwidth = bandwidth
        self.aside = Resources()
        self.streams = False
        nodes = frozenset(node.name for node in graph.nodes) if bandwidth else frozenset()
        self.sites: list[Site] = restricted(sites(graph, board, Streaming(nodes, bandwidth)), choices or {})
        self.ground = Ground(graph, self.sites, board.family)
        self._forget()

    @cached_property
    def can_stream(self) -> bool:
        """Whether some layer's weights could come from memory off the chip."""
        return any(candidate.option.traffic for site in self.sites for candidate in site.candidates)

    def stream(self, allowed: bool) -> None:
        """Let weights come from memory off the chip, of as few layers as it takes, or not."""
        self.streams, self.aside = allowed, Resources()
        self._forget()

    def _forget(self) -> None:
        self._spaces: dict[int, Space] = {}
        self._swept: dict[int, tuple[int, ...]] = {}
        self._answers: dict[int, Answer] = {}
        self._found: dict[int, Answer] = {}

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

        None where there is none, or where none was found.
        """
        answer = self._answer(target)
        if not answer.places:
            return None
        return self._selection(target, answer.places, (answer.area - answer.bound) / max(answer.area, 1))

    def nearest(self, target: int) -> Selection | None:
        """Return the choice for an II of `target` found to exceed the limits by the least factor, None without one."""
        space, limits = self._space(target), self._most(target)
        answer = stretch(space, limits, self._weights, self._sweep(target), ADVICE_EFFORT)
        return self._selection(target, answer.places, 1.0) if answer.places else None

    def fits(self, target: int) -> bool:
        """Tell whether a choice within the limits is known for an II of `target`."""
        if target not in self._answers and self._space(target).wirable and self._swept_fits(target):
            return True
        return bool(self._known(target).places)

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

    @cached_property
    def _weights(self) -> Ints:
        return weights(counts(self.limits, streams=1))

    def _most(self, target: int) -> Ints:
        """Return the limits of a choice for an II of `target`, in the order of `hwgen.plan.space.KINDS`."""
        return counts(self.limits - self.aside, floor(self.bandwidth * target), len(self.sites))

    def _space(self, target: int) -> Space:
        if target not in self._spaces:
            limits = [max(target, site.candidates[-1].option.cycles) for site in self.sites]
            self._spaces[target] = self.ground.space(limits, max(target, self.fastest), self.streams)
        return self._spaces[target]

    def _sweep(self, target: int) -> tuple[int, ...]:
        if not self._space(target).wirable:
            return ()
        if target not in self._swept:
            self._swept[target] = descend(self._space(target), self._weights)
        return self._swept[target]

    def _swept_fits(self, target: int) -> bool:
        cost = self._space(target).cost(self._sweep(target))
        return bool((cost <= self._most(target)).all())

    def _known(self, target: int) -> Answer:
        """Return any choice within the limits, or why there is none."""
        if target not in self._answers and target not in self._found:
            self._found[target] = self._solved(target, self._sweep(target), True)
        return self._answers[target] if target in self._answers else self._found[target]

    def _answer(self, target: int) -> Answer:
        """Return the best choice within the limits, or why there is none."""
        if target not in self._answers:
            known = self._found.get(target)
            if known is not None and not known.places:
                return known
            best = self._solved(target, known.places if known else self._sweep(target), False)
            self._answers[target] = known if known and not best.places else best
        return self._answers[target]

    def _solved(self, target: int, hint: tuple[int, ...], any_will_do: bool) -> Answer:
        return solve(self._space(target), self._most(target), self._weights, hint, EFFORT, any_will_do)

    def _selection(self, target: int, places: tuple[int, ...], gap: float) -> Selection:
        space = self._space(target)
        picked = (pool.index[place] for pool, place in zip(space.pools, places, strict=True))
        chosen = tuple(site.candidates[index] for site, index in zip(self.sites, picked, strict=True))
        return Selection(max(c.option.cycles for c in chosen), chosen, resources(space.cost(places)), gap)
