# SPDX-License-Identifier: Apache-2.0
"""The folding rule: the least area for a given II, and the smallest II whose least area fits the budget.

For an II of T cycles every site takes its cheapest option of at most T cycles, the width converters between unlike
neighbours counted. Lowering T is speeding up the bottleneck: only sites slower than T have to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

from hwgen.graph import Graph
from hwgen.hw import Board, Resources
from hwgen.plan.glue import fifo_cost
from hwgen.plan.sites import Candidate, Edge, Site, conversion, edges, sites

NEVER = float("inf")
SWEEPS = 4


@dataclass(frozen=True)
class Selection:
    """One candidate for each site, the II they reach, and the estimated total."""

    ii: int
    chosen: tuple[Candidate, ...]
    total: Resources


def overflow(total: Resources, limits: Resources) -> list[tuple[str, float, float]]:
    """Return ``(resource, need, limit)`` for every resource beyond its limit."""
    pairs = ((f.name, getattr(total, f.name), getattr(limits, f.name)) for f in fields(Resources))
    return [(name, need, limit) for name, need, limit in pairs if need > limit]


class Chooser:
    """Chooses options for the sites of one graph on one board."""

    def __init__(self, graph: Graph, board: Board, limits: Resources) -> None:
        self.graph = graph
        self.limits = limits
        self.family = board.family
        self.sites: list[Site] = sites(graph, board)
        self.edges: list[Edge] = edges(graph, self.sites)
        self._beside: list[list[tuple[Edge, bool]]] = [[] for _ in self.sites]
        for edge in self.edges:
            self._beside[edge.source].append((edge, True))
            self._beside[edge.target].append((edge, False))
        self._selections: dict[int, Selection] = {}

    @cached_property
    def fastest(self) -> int:
        """The II that no budget can beat: the best of the slowest site."""
        return max(site.candidates[-1].option.cycles for site in self.sites)

    @cached_property
    def slowest(self) -> int:
        """The II of the smallest folding of everything."""
        return max(site.candidates[0].option.cycles for site in self.sites)

    @cached_property
    def steps(self) -> list[int]:
        """Every II that some option has, descending."""
        return [cycles for cycles in self.all_steps if cycles >= self.fastest]

    @cached_property
    def all_steps(self) -> list[int]:
        """The cycles of every option of every site, descending: below `fastest` they lower the latency alone."""
        return sorted({c.option.cycles for site in self.sites for c in site.candidates}, reverse=True)

    def score(self, cost: Resources) -> float:
        """Return the area as a sum of shares of the limits, registers counting a quarter."""
        shares = (
            cost.lut / max(self.limits.lut, 1),
            cost.dsp / max(self.limits.dsp, 1),
            cost.bram36 / max(self.limits.bram36, 1),
            cost.uram / max(self.limits.uram, 1),
            0.25 * cost.ff / max(self.limits.ff, 1),
        )
        return sum(shares)

    def select(self, target: int) -> Selection:
        """Return the least area found whose every site takes at most `target` cycles, or the fewest it can."""
        if target not in self._selections:
            self._selections[target] = self._select(target)
        return self._selections[target]

    def _select(self, target: int) -> Selection:
        limit = max(target, self.fastest)
        pools = [self._pool(site, target) for site in self.sites]
        chosen: list[Candidate | None] = [None] * len(self.sites)
        for index, pool in enumerate(pools):
            chosen[index] = min(pool, key=self._price(index, chosen, limit))
        for _ in range(SWEEPS):
            before = list(chosen)
            for index in (*reversed(range(len(pools))), *range(len(pools))):
                chosen[index] = min(pools[index], key=self._price(index, chosen, limit))
            if before == chosen:
                break
        done = tuple(c for c in chosen if c is not None)
        return Selection(max(c.option.cycles for c in done), done, self.total(done))

    def _pool(self, site: Site, target: int) -> list[Candidate]:
        target = max(target, site.candidates[-1].option.cycles)
        best: dict[tuple[tuple[int, ...], tuple[int, ...]], Candidate] = {}
        for candidate in site.candidates:
            if candidate.option.cycles > target:
                continue
            key = (candidate.inputs, candidate.outputs)
            if key not in best or self.score(candidate.option.cost) < self.score(best[key].option.cost):
                best[key] = candidate
        return list(best.values())

    def _price(self, index: int, chosen: list[Candidate | None], target: int) -> Callable[[Candidate], float]:
        """Return the key of a site's choice: its area and that of its conversions, then its cycles."""

        def price(candidate: Candidate) -> float:
            total = self.score(candidate.option.cost)
            for edge, outgoing in self._beside[index]:
                other = chosen[edge.target if outgoing else edge.source]
                if other is None:
                    continue
                pair = (candidate, other) if outgoing else (other, candidate)
                total += self._edge_score(edge, *pair, target)
            return total

        return price

    def _edge_score(self, edge: Edge, source: Candidate, target: Candidate, ii: int) -> float:
        lanes = source.outputs[edge.source_side], target.inputs[edge.target_side]
        if lanes[0] == lanes[1]:
            return 0.0
        if edge.rigid:
            return 1e6
        cycles, cost = conversion(self.graph.types[edge.tensor], *lanes, self.family)
        return 1e6 if cycles > ii else self.score(cost)

    def total(self, chosen: tuple[Candidate, ...]) -> Resources:
        """Return the cost of a choice with its converters and a shallow FIFO on every edge."""
        total = Resources()
        for candidate in chosen:
            total = total + candidate.option.cost
        for edge in self.edges:
            kind = self.graph.types[edge.tensor]
            lanes = chosen[edge.source].outputs[edge.source_side], chosen[edge.target].inputs[edge.target_side]
            total = total + conversion(kind, *lanes, self.family)[1]
            total = total + fifo_cost(2, kind.bits * lanes[1], self.family)
        return total

    def legal(self, selection: Selection) -> bool:
        """Tell whether rigid edges agree and no converter is slower than the II."""
        pairs = ((e, selection.chosen[e.source], selection.chosen[e.target]) for e in self.edges)
        return all(self._edge_score(e, s, t, selection.ii) < 1e6 for e, s, t in pairs)

    def fits(self, target: int) -> bool:
        """Tell whether the least area at an II of `target` is legal and within the limits."""
        selection = self.select(target)
        return self.legal(selection) and not overflow(selection.total, self.limits)

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
