# SPDX-License-Identifier: Apache-2.0
"""What the solver chooses from: every site's options as whole numbers, and what stands between unlike neighbours.

Costs are exact but for the depth of FIFOs, which is known only when everything is wired: each counts as a shallow one.
Options that another of the same site beats whatever the neighbours are need not be looked at (`thinned`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from hwgen.graph import Graph, Ints, TensorType
from hwgen.hw import Family, Resources, StreamType
from hwgen.ops import fork
from hwgen.plan.glue import fifo_cost
from hwgen.plan.sites import Edge, Site, conversion, edges

KINDS = ("lut", "ff", "dsp", "bram36", "uram", "traffic", "streams")
TRAFFIC = KINDS.index("traffic")
SHALLOW = 2
ILLEGAL = np.int64(1) << 40
Bools = npt.NDArray[np.bool_]


def counts(cost: Resources, traffic: float = 0, streams: int = 0) -> Ints:
    """Return a cost as whole numbers in the order of `KINDS`.

    Block RAMs are in halves, traffic in bytes a frame, streams are layers whose weights come from memory off the chip.
    """
    values = (cost.lut, cost.ff, cost.dsp, 2 * cost.bram36, cost.uram, traffic, streams)
    return np.ceil(np.asarray(values, dtype=np.float64)).astype(np.int64)


def resources(amounts: Ints) -> Resources:
    """Return the resources among whole numbers: the inverse of `counts`."""
    lut, ff, dsp, halves, uram = (int(amount) for amount in amounts[:5])
    return Resources(lut, ff, dsp, halves / 2, uram)


@dataclass(frozen=True)
class Pool:
    """Options of one site that are left to choose from.

    Parameters
    ----------
    index
        Their places among the site's candidates, (options,).
    cost
        (options, kinds), see `counts`.
    inputs, outputs
        Lanes at each side, (options, sides).
    """

    index: Ints
    cost: Ints
    inputs: Ints
    outputs: Ints

    def kept(self, mask: Bools | Ints) -> Pool:
        """Return the pool with the options of a mask or of a list of places alone."""
        return Pool(self.index[mask], self.cost[mask], self.inputs[mask], self.outputs[mask])


@dataclass(frozen=True)
class Crossing:
    """What an edge costs by the lanes at its ends.

    Parameters
    ----------
    edge
        The edge.
    source, target
        The lanes that its ends may have, ascending.
    cost
        (source lanes, target lanes, kinds); `ILLEGAL` where the two must not meet.
    """

    edge: Edge
    source: Ints
    target: Ints
    cost: Ints

    @property
    def legal(self) -> Bools:
        """Whether lanes may meet, (source lanes, target lanes)."""
        return np.asarray(self.cost[:, :, 0] < ILLEGAL)

    def outs(self, pool: Pool) -> Ints:
        """Return the place in `source` of the lanes with which each option of the edge's source writes."""
        return np.searchsorted(self.source, pool.outputs[:, self.edge.source_side])

    def ins(self, pool: Pool) -> Ints:
        """Return the place in `target` of the lanes with which each option of the edge's target reads."""
        return np.searchsorted(self.target, pool.inputs[:, self.edge.target_side])


@dataclass(frozen=True)
class Space:
    """Everything that may be chosen for one II."""

    pools: tuple[Pool, ...]
    crossings: tuple[Crossing, ...]

    @property
    def wirable(self) -> bool:
        """Whether every site has an option left."""
        return all(len(pool.index) for pool in self.pools)

    def without(self, kept: Sequence[Ints]) -> Space:
        """Return the space with the options at these places alone, thinned; the indices of its pools are the places."""
        pools = [replace(pool.kept(places), index=places) for pool, places in zip(self.pools, kept, strict=True)]
        smaller = Space(tuple(pools), ())
        return thinned(replace(smaller, crossings=tuple(narrowed(c, pools) for c in self.crossings)))

    def cost(self, places: Sequence[int]) -> Ints:
        """Return what a choice costs, given the place in its pool for every site."""
        total = np.zeros(len(KINDS), dtype=np.int64)
        for pool, place in zip(self.pools, places, strict=True):
            total = total + pool.cost[place]
        for crossing in self.crossings:
            outs, ins = crossing.outs(self.pools[crossing.edge.source]), crossing.ins(self.pools[crossing.edge.target])
            total = total + crossing.cost[outs[places[crossing.edge.source]], ins[places[crossing.edge.target]]]
        return total


class Ground:
    """The sites of a graph with what their options cost; `space` narrows it down to one II."""

    def __init__(self, graph: Graph, sites: Sequence[Site], family: Family) -> None:
        self.sites = sites
        self.family = family
        self.edges: list[Edge] = edges(graph, list(sites))
        self.types = {name: replace(kind, scale=(), zero_point=0) for name, kind in graph.types.items()}
        self.cycles = [np.asarray([c.option.cycles for c in site.candidates], dtype=np.int64) for site in sites]
        readers = [edge.tensor for edge in self.edges]
        self.copies = {name: readers.count(name) for name in readers}
        self.pools = [self._pool(site) for site in sites]

    def _pool(self, site: Site) -> Pool:
        cost = np.stack([self._cost(site, place) for place in range(len(site.candidates))])
        inputs = np.asarray([c.inputs for c in site.candidates], dtype=np.int64)
        outputs = np.asarray([c.outputs for c in site.candidates], dtype=np.int64)
        return Pool(np.arange(len(cost)), cost, inputs, outputs)

    def _cost(self, site: Site, place: int) -> Ints:
        """Return what an option costs with the forks behind it."""
        candidate = site.candidates[place]
        total = counts(candidate.option.cost, candidate.option.traffic, candidate.option.traffic > 0)
        for tensor, lanes in zip(site.outputs, candidate.outputs, strict=True):
            copies = self.copies.get(tensor, 0)
            if copies > 1:
                stream = StreamType.of(self.types[tensor], lanes)
                total = total + counts(fork.cost(stream, copies, self.family))
                total = total + (0 if site.is_port else counts(fifo_cost(SHALLOW, stream.width, self.family)))
        return total

    def space(self, limits: Sequence[int], slowest: int, streams: bool) -> Space:
        """Return what may be chosen.

        Parameters
        ----------
        limits
            Most cycles of every site.
        slowest
            Most cycles of a converter.
        streams
            Whether weights may come from memory off the chip where there is another way.
        """
        pools = []
        for pool, cycles, limit in zip(self._unbeaten, self.cycles, limits, strict=True):
            kept = pool.kept(cycles[pool.index] <= limit)
            inside = kept.cost[:, TRAFFIC] == 0
            pools.append(kept.kept(inside) if inside.any() and not streams else kept)
        if not all(len(pool.index) for pool in pools):
            return Space(tuple(pools), ())
        kept_up = (
            replace(crossing, cost=np.where(cycles[:, :, np.newaxis] <= slowest, crossing.cost, ILLEGAL))
            for crossing, cycles in self._crossings
        )
        return Space(tuple(pools), tuple(narrowed(crossing, pools) for crossing in kept_up))

    @cached_property
    def _unbeaten(self) -> list[Pool]:
        """The options that no other of the same lanes beats in cycles and in every resource, fewest cycles first."""
        found = []
        for pool, cycles in zip(self.pools, self.cycles, strict=True):
            ordered = pool.kept(np.argsort(-cycles, kind="stable")[::-1])
            found.append(ordered.kept(_undominated(ordered, cycles[ordered.index])))
        return found

    @cached_property
    def _crossings(self) -> list[tuple[Crossing, Ints]]:
        """What every edge costs for all lanes that there are at its ends, and the cycles of what lies on it."""
        return [self._crossing(edge) for edge in self.edges]

    def _crossing(self, edge: Edge) -> tuple[Crossing, Ints]:
        source = np.unique(self._unbeaten[edge.source].outputs[:, edge.source_side])
        target = np.unique(self._unbeaten[edge.target].inputs[:, edge.target_side])
        cost = np.full((source.size, target.size, len(KINDS)), ILLEGAL, dtype=np.int64)
        cycles = np.zeros((source.size, target.size), dtype=np.int64)
        for i, j in np.ndindex(source.size, target.size):
            if not edge.rigid or source[i] == target[j]:
                cycles[i, j], cost[i, j] = self.between(edge, int(source[i]), int(target[j]))
        return Crossing(edge, source, target, cost), cycles

    def between(self, edge: Edge, source: int, target: int) -> tuple[int, Ints]:
        """Return the cycles and the cost of what lies on an edge by the lanes at its ends, see `crossing_cost`."""
        from_port = self.sites[edge.source].is_port and self.copies[edge.tensor] == 1
        to_port = self.sites[edge.target].is_port
        return crossing_cost(self.types[edge.tensor], source, target, from_port, to_port, self.family)


@lru_cache(maxsize=1 << 18)
def crossing_cost(
    tensor: TensorType, source: int, target: int, from_port: bool, to_port: bool, family: Family
) -> tuple[int, Ints]:
    """Return the cycles of the converters between two ends of a tensor's way, and the cost of them and of the FIFOs.

    Parameters
    ----------
    tensor
        What travels.
    source, target
        Lanes at the ends.
    from_port, to_port
        Whether an end is a port, to which wires lead without a FIFO.
    family
        Of the board.
    """
    cycles, between = conversion(tensor, source, target, family)
    first, last = (counts(fifo_cost(SHALLOW, tensor.bits * lanes, family)) for lanes in (source, target))
    total = counts(between) + last
    if from_port:
        total = total - first
    if to_port and not (from_port and source == target):
        total = total - last
    return cycles, total


def _undominated(pool: Pool, cycles: Ints) -> Bools:
    """Tell which options no other of the same lanes beats in cycles and every resource; the first of equals stays."""
    keep = np.ones(len(pool.index), dtype=np.bool_)
    needs = np.hstack([pool.cost, cycles[:, np.newaxis]])
    by_lanes: dict[tuple[int, ...], list[int]] = {}
    for place, lanes in enumerate(np.hstack([pool.inputs, pool.outputs]).tolist()):
        by_lanes.setdefault(tuple(lanes), []).append(place)
    for places in by_lanes.values():
        if len(places) > 1:
            own = needs[places]
            keep[places] = ~_beaten(kind[:, np.newaxis] - kind for kind in own.T)
    return keep


def _beaten(excess: Iterable[Ints]) -> Bools:
    """Tell which options another beats, where ``excess[i, j]`` is what i costs more than j at most, for each kind."""
    better = np.logical_and.reduce([kind <= 0 for kind in excess])
    np.fill_diagonal(better, False)
    first = np.tri(len(better), k=-1, dtype=np.bool_).T
    return np.asarray((better & (~better.T | first)).any(axis=0))


def thinned(space: Space) -> Space:
    """Return the space without options that cannot be wired, or that others beat whatever their neighbours choose."""
    stale = set(range(len(space.pools)))
    while stale:
        pools = list(space.pools)
        for index in sorted(stale):
            beside = [(c, c.edge.source == index) for c in space.crossings if index in (c.edge.source, c.edge.target)]
            pools[index] = pools[index].kept(_wirable(pools[index], beside))
            if not len(pools[index].index):
                return Space(tuple(pools), ())
            pools[index] = pools[index].kept(~_beaten(_excess(pools[index], beside)))
        smaller = Space(tuple(pools), tuple(narrowed(c, pools) for c in space.crossings))
        stale = _before_fewer_lanes(space, smaller)
        space = smaller
    return space


def _before_fewer_lanes(space: Space, smaller: Space) -> set[int]:
    """Return the sites across whose edges there are fewer lanes than before: only they may lose options by it."""
    found = set()
    for crossing, left in zip(space.crossings, smaller.crossings, strict=True):
        if left.source.size < crossing.source.size:
            found.add(crossing.edge.target)
        if left.target.size < crossing.target.size:
            found.add(crossing.edge.source)
    return found


def _wirable(pool: Pool, beside: list[tuple[Crossing, bool]]) -> Bools:
    """Tell which options find a neighbour that they may meet at every side."""
    found = np.ones(len(pool.index), dtype=np.bool_)
    for crossing, outgoing in beside:
        meets = np.asarray(crossing.legal.any(axis=1 if outgoing else 0))
        found &= meets[crossing.outs(pool) if outgoing else crossing.ins(pool)]
    return found


def _excess(pool: Pool, beside: list[tuple[Crossing, bool]]) -> Iterator[Ints]:
    """Yield for each kind how much option i costs more than option j at most, whatever the neighbours are: (i, j)."""
    worst = [(_worst(c, outgoing), c.outs(pool) if outgoing else c.ins(pool)) for c, outgoing in beside]
    for kind, cost in enumerate(pool.cost.T):
        excess = cost[:, np.newaxis] - cost
        for lanes, at in worst:
            excess += lanes[:, :, kind][at[:, np.newaxis], at]
        yield excess


def _worst(crossing: Crossing, outgoing: bool) -> Ints:
    """Return how much lanes a at this end cost more than lanes b at most, whatever the other end: (a, b, kinds)."""
    cost = crossing.cost if outgoing else crossing.cost.transpose(1, 0, 2)
    more = cost[:, np.newaxis] - cost[np.newaxis]
    never = np.broadcast_to(cost[np.newaxis] >= ILLEGAL, more.shape)
    return np.asarray(np.where(never, -ILLEGAL, more).max(axis=2), dtype=np.int64)


def narrowed(crossing: Crossing, pools: Sequence[Pool]) -> Crossing:
    """Return a crossing for the lanes that its pools still have."""
    edge = crossing.edge
    source = np.unique(pools[edge.source].outputs[:, edge.source_side])
    target = np.unique(pools[edge.target].inputs[:, edge.target_side])
    rows, columns = np.searchsorted(crossing.source, source), np.searchsorted(crossing.target, target)
    return Crossing(edge, source, target, crossing.cost[np.ix_(rows, columns)])
