# SPDX-License-Identifier: Apache-2.0
"""Recurrences in the pipeline: what iterations hand to each other through a register, a RAM, or by turns at a stream.

Iteration k + 1 is at least II stages behind iteration k. What k writes in stage u, k + 1 may read in stage r if
u - r < II; and k itself must read before it writes, r <= u. Within these bounds each node comes as early as it can.

The accesses of k to one stream are in ascending stages a < ... < z with z - a < II. So k has made its last access
before k + 1 makes its first, whatever waits, and the stream's signals serve one of them at a time.
"""

from __future__ import annotations

from typing import Protocol

from hwgen.hlsc.back.arrival import Arrivals, Source
from hwgen.hlsc.back.netlist import Netlist

_HALVINGS = 12


class Costs(Protocol):
    """What nodes take of a stage, in ns."""

    def delay(self, node: int) -> float:
        """Return the time until a node's result."""

    def setup(self, node: int) -> float:
        """Return what a node of latency 1 needs before the end of its stage."""

    def stall(self, node: int, source: int) -> float:
        """Return what a node needs after one of its operands to hold the pipeline, 0 where it does not."""


class Placement:
    """Stage of every node placed so far, and the time in the stage at which its result is there.

    Parameters
    ----------
    netlist
        The process.
    costs
        Of its nodes.
    arrivals
        Adds them up.
    """

    def __init__(self, netlist: Netlist, costs: Costs, arrivals: Arrivals) -> None:
        self.netlist = netlist
        self.costs = costs
        self.arrivals = arrivals
        self.first: dict[int, int] = {}
        """Nodes that begin their stage, at the time `start`, and the first stage in which they may."""
        self.start = 0.0
        self.stage: dict[int, int] = {}
        self.arrival: dict[int, float] = {}

    def put(self, node: int, period: float, first: int = 0) -> float:
        """Place a node as early as its operands, stage `first` and the period allow; return the time it needs."""
        stage = max([first, self.first.get(node, 0), *(self.stage[n] for n in self.netlist.before.get(node, ()))])
        for piece in self.netlist.operands[node]:
            stage = max(stage, self.stage[piece.node] + self.netlist.latency(piece.node))
        ready, needs = self._try(node, stage)
        if (ready > 0.0 and needs > period) or (node in self.first and ready > self.start):
            stage += 1
            _, needs = self._try(node, stage)
        self.stage[node] = stage
        return needs

    def _try(self, node: int, stage: int) -> tuple[float, float]:
        """Return when the operands are there, and the time that the node needs, in a stage."""
        sources: list[Source] = []
        ready = needs = 0.0
        for piece in self.netlist.operands[node]:
            time = None
            if self.stage[piece.node] + self.netlist.latency(piece.node) == stage:
                time = self.arrival[piece.node]
                ready, needs = max(ready, time), max(needs, time + self.costs.stall(node, piece.node))
            sources.append((piece, time))
        delay, begin = self.costs.delay(node), self.start if node in self.first else 0.0
        if self.netlist.latency(node):
            self.arrival[node] = delay
            return ready, max(needs, max(ready, begin) + self.costs.setup(node))
        self.arrival[node] = max(begin + delay, self.arrivals.arrive(node, delay, sources))
        return ready, max(needs, self.arrival[node])


class Recurrence:
    """A strongly connected component: its nodes, and the pairs of reader and update that close its loops.

    Nodes of one stage (see `Netlist.together`) are in one component.
    """

    def __init__(self, placed: Placement, nodes: list[int]) -> None:
        self.placed = placed
        self.nodes = nodes
        inside = set(nodes)
        self.readers: dict[int, list[int]] = {}
        for node in nodes:
            sink = placed.netlist.sink(node)
            if sink is not None and sink.kind != "write":
                found = placed.netlist.readers("state" if sink.kind == "next" else "ram", sink.name)
                self.readers[node] = [reader for reader in found if reader in inside]
        for accesses in placed.netlist.accesses.values():
            if len(accesses) > 1 and inside.issuperset(accesses):
                self.readers[accesses[-1]] = accesses[:1]
        self.turn = {later: earlier for earlier, later in placed.netlist.turns if earlier in inside and later in inside}
        self.together = [pair for pair in placed.netlist.together if inside.issuperset(pair)]

    def memories(self) -> set[str]:
        """Return the synchronous memories whose answer is needed in the recurrence, as "kind name"."""
        netlist, inside = self.placed.netlist, set(self.nodes)
        slow = [n for n in self.nodes if netlist.latency(n) and not inside.isdisjoint(netlist.consumers[n])]
        values = [netlist.process.values[n] for n in slow]
        return {f"{v.opcode} {v.attr}" for v in values if v.opcode in ("rom", "ram")}

    def fits(self, ii: int, period: float) -> bool:
        """Place the nodes for an II and a period; return False where that is not possible.

        Each round moves readers to the earliest stage that the updates of the round before allow. A loop that can be
        met is met when its longest chain of updates has been followed once, so more rounds mean that it cannot.
        """
        first: dict[int, int] = {}
        for _ in range(len(self.readers) + len(self.together) + len(self.turn) + 2):
            if not self._round(first, period):
                return False
            settled = True
            for update, readers in self.readers.items():
                earliest = self.placed.stage[update] - ii + 1
                for reader in readers:
                    if self.placed.stage[reader] < earliest:
                        first[reader] = earliest
                        settled = False
            for pair in self.together:
                late = max(self.placed.stage[node] for node in pair)
                for node in pair:
                    if self.placed.stage[node] < late:
                        first[node] = late
                        settled = False
            if settled:
                return True
        return False

    def _round(self, first: dict[int, int], period: float) -> bool:
        for node in self.nodes:
            earliest = first.get(node, 0)
            for reader in self.readers.get(node, ()):
                earliest = max(earliest, self.placed.stage[reader])
            if node in self.turn:
                earliest = max(earliest, self.placed.stage[self.turn[node]] + 1)
            if self.placed.put(node, period, earliest) > period:
                return False
        return True

    def squeeze(self, ii: int, period: float) -> float:
        """Place the nodes for an II within the least time that is enough; return that time in ns."""
        low = high = period
        while not self.fits(ii, high):
            low, high = high, 2 * high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self.fits(ii, middle):
                high = middle
            else:
                low = middle
        self.fits(ii, high)
        return max(self._needs())

    def _needs(self) -> list[float]:
        placed = self.placed
        return [placed.arrival[n] for n in self.nodes if not placed.netlist.latency(n)]
