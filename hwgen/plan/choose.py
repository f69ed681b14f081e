# SPDX-License-Identifier: Apache-2.0
"""The choice for a given II: the least area within the limits, and the smallest II that fits, proven where they are.

For an II of T cycles every site may take any option of at most T cycles, and no converter may be slower. Weights stay
on the chip where a choice with all of them there is found, else those of as few layers as possible are streamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import floor

from hwgen.config import LayerChoice
from hwgen.graph import Graph
from hwgen.hw import Board, Resources
from hwgen.plan.goal import Goal, weights
from hwgen.plan.overrides import restricted
from hwgen.plan.relax import Relaxation
from hwgen.plan.sites import Candidate, Edge, Site, Streaming, sites
from hwgen.plan.solve import Answer, fewest_streams, fitting, nearest, smallest
from hwgen.plan.space import Ground, counts, resources

EFFORT = 6.0
ADVICE_EFFORT = 1.5


@dataclass(frozen=True)
class Selection:
    """One candidate for each site, the II they reach, and the estimated total with shallow FIFOs.

    Parameters
    ----------
    target
        The II that it was chosen for.
    ii, chosen, total
        As it says.
    gap
        How much smaller the area might be at most, as a share of it; 0 where it is proven to be the least.
    """

    target: int
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
        Bytes a cycle from memory off the chip, for weights.
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
        self._aside: dict[int, Resources] = {}
        nodes = frozenset(node.name for node in graph.nodes) if bandwidth else frozenset()
        self.sites: list[Site] = restricted(sites(graph, board, Streaming(nodes, bandwidth)), choices or {})
        self.ground = Ground(graph, self.sites, board.family)
        self._relaxed: dict[tuple[int, bool], Relaxation | None] = {}
        self._fitting: dict[tuple[int, bool, bool], Answer] = {}
        self._smallest: dict[tuple[int, bool], Answer] = {}

    @cached_property
    def can_stream(self) -> bool:
        """Whether some layer's weights could come from memory off the chip."""
        return any(candidate.option.traffic for site in self.sites for candidate in site.candidates)

    def aside(self, target: int) -> Resources:
        """Return the room kept for FIFOs in choices for an II of `target`."""
        return self._aside.get(target, Resources())

    def set_aside(self, target: int, aside: Resources) -> None:
        """Keep room for FIFOs in choices for an II of `target`; those for others stay as they are."""
        self._aside[target] = aside
        for streams in (False, True):
            self._smallest.pop((target, streams), None)
            for searched in (False, True):
                self._fitting.pop((target, streams, searched), None)

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
        for streams in self._ways:
            if self._fits(target, streams, EFFORT):
                return self._selection(target, streams, self._least(target, streams))
        return None

    def nearest(self, target: int) -> Selection | None:
        """Return the choice for an II of `target` found to exceed the limits by the least factor, None without one."""
        relaxed = self._relaxation(target, self.can_stream)
        places = nearest(relaxed, self._goal(target), ADVICE_EFFORT) if relaxed else ()
        if not places:
            return None
        return self._selection(target, self.can_stream, Answer("feasible", places, 1))

    def fits(self, target: int) -> bool:
        """Tell whether a choice within the limits is known for an II of `target`."""
        return self._fits(target, self.can_stream, EFFORT)

    def ruled_out(self, target: int) -> bool:
        """Tell whether it is proven that no choice for an II of `target` is within the limits."""
        return self._known(target, self.can_stream, EFFORT).status == "infeasible"

    def best(self, steps: list[int]) -> int | None:
        """Return the position in `steps` of the smallest target found to fit; None when none does.

        By bisection, twice: prices alone tell nearly all that fit from those that do not, and what they leave open is
        searched then.
        """
        low, high = -1, len(steps)
        for effort in (0.0, EFFORT):
            high = len(steps)
            while high - low > 1:
                middle = (low + high) // 2 if low >= 0 or high < len(steps) else len(steps) - 1
                if self._fits(steps[middle], self.can_stream, effort):
                    low = middle
                else:
                    high = middle
        return None if low < 0 else low

    @property
    def _ways(self) -> tuple[bool, ...]:
        """Whether weights may be streamed: better not."""
        return (False, True) if self.can_stream else (False,)

    def _goal(self, target: int) -> Goal:
        """Return the limits of a choice for an II of `target`, and what its area is."""
        most = counts(self.limits - self.aside(target), floor(self.bandwidth * target), len(self.sites))
        return Goal(most, weights(counts(self.limits, streams=1)))

    def _relaxation(self, target: int, streams: bool) -> Relaxation | None:
        """Return what there is to choose from, None where a site has no option that is fast enough."""
        key = target, streams
        if key not in self._relaxed:
            limits = [max(target, site.candidates[-1].option.cycles) for site in self.sites]
            space = self.ground.space(limits, max(target, self.fastest), streams)
            self._relaxed[key] = Relaxation(space) if space.wirable else None
        return self._relaxed[key]

    def _fits(self, target: int, streams: bool, effort: float) -> bool:
        return bool(self._known(target, streams, effort).places)

    def _known(self, target: int, streams: bool, effort: float) -> Answer:
        """Return any choice within the limits, or why there is none; without effort it may be left open."""
        key = target, streams, effort > 0
        if key not in self._fitting:
            known = self._known(target, streams, 0.0) if effort else None
            relaxed = self._relaxation(target, streams)
            if known is not None and known.status != "unknown":
                self._fitting[key] = known
            else:
                self._fitting[key] = fitting(relaxed, self._goal(target), effort) if relaxed else Answer("infeasible")
        return self._fitting[key]

    def _least(self, target: int, streams: bool) -> Answer:
        """Return the best choice within the limits, where one is known."""
        key, relaxed = (target, streams), self._relaxation(target, streams)
        if key not in self._smallest:
            assert relaxed is not None
            goal = self._goal(target)
            if streams:
                goal = fewest_streams(relaxed, goal, EFFORT)
            self._smallest[key] = smallest(relaxed, goal, EFFORT)
        return self._smallest[key]

    def _selection(self, target: int, streams: bool, answer: Answer) -> Selection:
        relaxed = self._relaxation(target, streams)
        assert relaxed is not None
        space = relaxed.space
        picked = (pool.index[place] for pool, place in zip(space.pools, answer.places, strict=True))
        chosen = tuple(site.candidates[index] for site, index in zip(self.sites, picked, strict=True))
        gap = (answer.area - answer.bound) / max(answer.area, 1)
        ii = max(c.option.cycles for c in chosen)
        return Selection(target, ii, chosen, resources(space.cost(answer.places)), gap)
