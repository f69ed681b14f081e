# SPDX-License-Identifier: Apache-2.0
"""Late placement: move nodes towards their uses where that saves pipeline registers, without another stage.

Loads that are not tied to their RAM's store move as late as they can: the fewer stages before the store, the less is
forwarded.
"""

from __future__ import annotations

from collections import Counter

from hwgen.hlsc.back.bitsum import is_part
from hwgen.hlsc.back.netlist import Slice
from hwgen.hlsc.back.schedule import Schedule


class _Placer:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.netlist = schedule.netlist
        self.delays = schedule.scheduler()
        self.shared = {n for unit in schedule.units for n in unit.nodes}
        self.period = schedule.model.period
        self.stage = dict(schedule.stage)
        self.tail: dict[int, float] = {}
        self.stores = {load: store for store, loads in self.netlist.before.items() for load in loads}
        self.uses: dict[Slice, Counter[int]] = {}
        for node in self.netlist.nodes:
            for piece in self.netlist.operands[node]:
                self.uses.setdefault(piece, Counter())[self.stage[node]] += 1

    def run(self) -> Schedule:
        for node in reversed(self.netlist.nodes):
            if node not in self.schedule.fixed:
                self._move(node)
            self.tail[node] = self._tail(node, self.stage[node])
        return self.schedule.with_stages(self.stage)

    def _tail(self, node: int, stage: int) -> float:
        """Return the time from a node's operands to the end of its stage's last path through it."""
        if self.netlist.latency(node):
            return self.delays.setup(node)
        tail = self.delays.delay(node) + self._after(node, stage)
        return max(tail, self.period - self.delays.placed.start) if node in self.shared else tail

    def _after(self, node: int, stage: int) -> float:
        """Return the time from a node's result to the end of the last path on from it in a stage."""
        following = [c for c in self.netlist.consumers[node] if self.stage[c] == stage and c in self.tail]
        return max((max(self.tail[c], self.delays.stall(c, node)) for c in following), default=0.0)

    def _fits(self, node: int, stage: int) -> bool:
        if self.netlist.latency(node):
            available = stage + self.netlist.latency(node)
            return self.delays.delay(node) + self._after(node, available) <= self.period
        return self._tail(node, stage) <= self.period

    def _move(self, node: int) -> None:
        consumers = self.netlist.consumers[node]
        if not consumers:
            return
        first, latency = self.schedule.stage[node], self.netlist.latency(node)
        last = min(self.stage[c] for c in consumers) - latency
        store = self.stores.get(node)
        if store is not None:
            last = min(last, self.stage[store])
        best, least = first, self._cost(node, first)
        if node in self.delays.absorbed:
            best, last = max(first, last), first
        for stage in range(first + 1, last + 1):
            if self._fits(node, stage):
                cost = self._cost(node, stage)
                if cost < least or store is not None:
                    best, least = stage, cost
        if best != first:
            for piece in self.netlist.operands[node]:
                counts = self.uses[piece]
                counts[first] -= 1
                counts[best] += 1
            self.stage[node] = best

    def _cost(self, node: int, stage: int) -> int:
        """Return the register bits that depend on where this node is, were it in `stage`.

        A table that an adder's LUTs compute is best where the adder is, whatever the registers.
        """
        if is_part(self.netlist.process.values[node]):
            return -stage
        bits = 0
        available = stage + self.netlist.latency(node)
        for consumer in self.netlist.consumers[node]:
            bits = max(bits, self.stage[consumer] - available)
        bits *= self.netlist.process.values[node].width
        own = self.schedule.stage[node] if self.stage[node] == self.schedule.stage[node] else self.stage[node]
        for piece in self.netlist.operands[node]:
            counts = self.uses[piece]
            others = [s for s, n in counts.items() if n - (s == own) > 0]
            there = max(others, default=self.stage[piece.node])
            if self.schedule.ii > 1:
                there = max(there, self.schedule.held(piece.node) if piece.node in self.schedule.fixed else 0)
            bits += piece.width * max(0, stage - there)
        return bits


def place_late(schedule: Schedule) -> Schedule:
    """Return the schedule with nodes moved later where that needs fewer register bits; the latency stays."""
    return _Placer(schedule).run()
