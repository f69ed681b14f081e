# SPDX-License-Identifier: Apache-2.0
"""Clock period that a schedule needs: the slowest path of every stage, through operators and through the stall nets.

A stall is decided by the predicates of the accesses in a stage and by the stages behind it, and then enables every
register of the stages that it holds: its path is the predicate's, a tree of LUTs, and a route with many loads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from hwgen.hlsc.back.arrival import Arrivals
from hwgen.hlsc.back.delays import Family
from hwgen.hlsc.back.netlist import Slice
from hwgen.hlsc.back.schedule import Schedule


@dataclass(frozen=True)
class Timing:
    """What a schedule needs.

    Attributes
    ----------
    period
        Least clock period in ns, registers included.
    stage
        The stage with the slowest path.
    stall
        Whether that path is one of the stall nets.
    delays, levels
        By stage: ns between its registers (`period` is the greatest and the registers' own share), and LUT levels on
        its deepest path, an adder counting as one.
    """

    period: float
    stage: int
    stall: bool
    delays: tuple[float, ...]
    levels: tuple[int, ...]

    @property
    def mhz(self) -> float:
        """The clock that the period allows."""
        return 1000.0 / self.period

    def to_json(self) -> dict[str, Any]:
        """Return period_ns, mhz, stage, path ("logic" or "stall") and levels by stage."""
        return {
            "period_ns": round(self.period, 2),
            "mhz": round(self.mhz, 1),
            "stage": self.stage,
            "path": "stall" if self.stall else "logic",
            "levels": list(self.levels),
        }


class _Timer:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.netlist = schedule.netlist
        self.model = schedule.model
        self.work = schedule.scheduler()
        self.paths = Arrivals(schedule.netlist, schedule.model)
        self.ready: dict[int, float] = {}
        self.depth: dict[int, float] = {}
        self.delays = [0.0] * schedule.stages
        self.levels = [0.0] * schedule.stages

    def run(self) -> Timing:
        for node in self.netlist.nodes:
            self._node(node)
        stalls = self._stalls()
        delays = [max(own, stalls.get(stage, 0.0)) for stage, own in enumerate(self.delays)]
        worst = max(range(len(delays)), key=lambda s: delays[s])
        period = delays[worst] + self.model.family.overhead
        stall = stalls.get(worst, 0.0) >= self.delays[worst]
        return Timing(period, worst, stall, tuple(delays), tuple(ceil(n - 1e-9) for n in self.levels))

    def _arrival(self, pieces: tuple[Slice, ...], stage: int, table: Mapping[int, float]) -> float:
        here = (p.node for p in pieces if self.schedule.available(p.node) == stage)
        return max((table[n] for n in here), default=0.0)

    def _node(self, node: int) -> None:
        stage, pieces = self.schedule.stage[node], self.netlist.operands[node]
        ready, depth = (self._arrival(pieces, stage, t) for t in (self.ready, self.depth))
        delay, levels = self.work.delay(node), self.work.levels(node)
        if self.netlist.latency(node):
            self._note(stage, ready + self.work.setup(node), depth)
            self.ready[node], self.depth[node] = delay, 0.0
            stage = min(self.schedule.available(node), self.schedule.stages - 1)
        else:
            here = ((p, self.ready[p.node] if self.schedule.available(p.node) == stage else None) for p in pieces)
            begin = self.work.placed.start if node in self.work.placed.first else 0.0
            self.ready[node] = max(begin + delay, self.paths.arrive(node, delay, here))
            self.depth[node] = min(depth + levels, max(1.0, self.ready[node] / self.model.family.level))
        self._note(stage, self.ready[node], self.depth[node])

    def _note(self, stage: int, delay: float, levels: float) -> None:
        self.delays[stage] = max(self.delays[stage], delay)
        self.levels[stage] = max(self.levels[stage], levels)

    # stalls

    def _stalls(self) -> dict[int, float]:
        """Return the delay of the path through the stall decided in each stage with accesses."""
        accesses: dict[int, list[tuple[int, float]]] = {}
        for node in self.netlist.nodes:
            sink = self.netlist.sink(node)
            if (self.netlist.process.values[node].opcode != "read") if sink is None else (sink.kind != "write"):
                continue
            stage, guard = self.schedule.stage[node], self.netlist.guard(node)
            inputs = 2 + (stage > 0) + bool(guard)
            accesses.setdefault(stage, []).append((inputs, self._arrival(guard, stage, self.ready)))
        enabled = self._enabled(sorted(accesses))
        found: dict[int, float] = {}
        later = 0.0
        for stage in sorted(accesses, reverse=True):
            inputs = sum(count for count, _ in accesses[stage]) + (later > 0)
            ready = max(later, *(arrival for _, arrival in accesses[stage]))
            found[stage] = ready + self.model.stall(inputs, enabled[stage])
            later = ready + self.model.tree(inputs)
        return found

    def _enabled(self, groups: list[int]) -> Counter[int]:
        """Return the register bits that the stall of each stage with accesses holds."""
        bits: Counter[int] = Counter()
        moved = register_bits(self.schedule)
        moved.update({self.schedule.stage[n]: self._state_bits(n) for n in self.netlist.nodes})
        for stage, number in moved.items():
            group = next((g for g in groups if g >= stage), None)
            if group is not None:
                bits[group] += number
        values = self.netlist.process.values
        for node in self.netlist.nodes:
            sink = self.netlist.sink(node)
            if sink is not None and sink.kind == "write":
                bits[self.schedule.stage[node]] += values[sink.args[0]].width
        return bits

    def _state_bits(self, node: int) -> int:
        sink = self.netlist.sink(node)
        return self.netlist.process.values[sink.args[0]].width if sink is not None and sink.kind == "next" else 0


def register_bits(schedule: Schedule) -> Counter[int]:
    """Return the pipeline register bits in front of each stage (whole words)."""
    bits: Counter[int] = Counter()
    for node, final in schedule.last_use.items():
        if schedule.netlist.sink(node) is None:
            width = schedule.netlist.process.values[node].width
            inside = schedule.netlist.latency(node) and schedule.netlist.process.values[node].opcode != "dsp"
            first = schedule.stage[node] if inside else schedule.held(node)
            for stage in range(first + 1, final + 1):
                bits[stage] += width
    return bits


def timing(schedule: Schedule) -> Timing:
    """Return what a schedule needs, recomputed from where its nodes stand now."""
    return _Timer(schedule).run()


def basis(family: Family) -> str:
    """Return a sentence on where the delays of a family come from."""
    if family.placed:
        return "The table was fitted to place-and-route of this family, but this design is estimated, not placed."
    return "The table is an estimate, not placed: no place-and-route of this family has confirmed it."
