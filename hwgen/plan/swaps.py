# SPDX-License-Identifier: Apache-2.0
"""Choices made better by steps: one site at a time takes another option, its neighbours staying as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.plan.space import ILLEGAL, Space

MOST = 400
"""Swaps; each of them makes the choice better."""


class Swaps:
    """The swaps that a space allows.

    Parameters
    ----------
    space
        Wirable.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._first = np.cumsum([0, *(len(pool.index) for pool in space.pools)])
        self._beside: list[list[tuple[Ints, Ints, int, Ints]]] = [[] for _ in space.pools]
        for crossing in space.crossings:
            source, target = crossing.edge.source, crossing.edge.target
            outs, ins = crossing.outs(space.pools[source]), crossing.ins(space.pools[target])
            self._beside[source].append((outs, ins, target, crossing.cost))
            self._beside[target].append((ins, outs, source, crossing.cost.transpose(1, 0, 2)))

    def better(self, places: Sequence[int], badness: Callable[[Ints], Ints]) -> tuple[int, ...]:
        """Return the choice from which no single swap leads to a better one.

        Parameters
        ----------
        places
            Where to begin: a choice that can be wired.
        badness
            Of costs, (options, kinds); whole numbers, less is better.
        """
        chosen, total = list(places), self.space.cost(places)
        now = int(badness(total[np.newaxis])[0])
        change = np.concatenate([self._changes(site, chosen) for site in range(len(chosen))])
        for _ in range(MOST):
            bad = np.where(change[:, 0] < ILLEGAL // 2, badness(total + change), now)
            best = int(bad.argmin())
            if bad[best] >= now:
                break
            now, total = int(bad[best]), total + change[best]
            site = int(np.searchsorted(self._first, best, side="right")) - 1
            chosen[site] = best - int(self._first[site])
            for near in {site, *(other for _, _, other, _ in self._beside[site])}:
                change[self._first[near] : self._first[near + 1]] = self._changes(near, chosen)
        return tuple(chosen)

    def _changes(self, site: int, chosen: Sequence[int]) -> Ints:
        """Return what each option of a site costs more than the chosen one, (options, kinds)."""
        cost = self.space.pools[site].cost
        total = cost - cost[chosen[site]]
        for mine, theirs, other, between in self._beside[site]:
            near = between[:, theirs[chosen[other]]]
            total = total + (near - near[mine[chosen[site]]])[mine]
        return np.asarray(total, dtype=np.int64)
