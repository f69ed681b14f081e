# SPDX-License-Identifier: Apache-2.0
"""Schedule: the pipeline stage of every node, as soon as operands and the clock period allow.

Iterations are at least II stages apart. Strongly connected components (state recurrences, a RAM's loads and its store)
span at most II stages, so that an iteration sees exactly what the earlier ones wrote; at II=1 that is one stage each.
So do the accesses of an iteration to one stream, each in a stage of its own.
A component slower than the clock is reported, and still correct.
A RAM with forwarding, or one that the source calls free of conflicts, has its store in a stage after its loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

from hwgen.hlsc import ir
from hwgen.hlsc.back.absorb import LUT_INPUTS, Cone
from hwgen.hlsc.back.arrival import Arrivals
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.netlist import Netlist
from hwgen.hlsc.back.recurrence import Placement, Recurrence
from hwgen.hlsc.back.share import Unit, may_share, overhead, start, unit, wanted
from hwgen.hlsc.back.storage import IN_LUTS, Kept
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.ir import SLOWEST

_STALL_INPUTS = 4


class Impossible(HlsError):
    """The refusal of a recurrence that takes more clocks than the II has, by the registers or the accesses inside.

    Attributes
    ----------
    needed
        The II that it would fit.
    """

    needed = SLOWEST


@dataclass(frozen=True)
class Slow:
    """A recurrence, or an operator alone, that does not fit the period.

    Attributes
    ----------
    nodes
        Its nodes in topological order.
    delay
        The period that it would fit at this II, in ns of logic.
    needed
        The smallest II at which it fits; None where none does, because one operator alone is too slow.
    """

    nodes: tuple[int, ...]
    delay: float
    needed: int | None


@dataclass(frozen=True)
class Schedule:
    """Stage of every node (where it consumes its operands) and time in the stage (ns) at which its result is there.

    Attributes
    ----------
    ii
        Least distance of two iterations, in stages.
    stages
        Number of pipeline stages, at least `ii`; the output registers come after the last one.
    stage, arrival
        By node. A node of latency n has its result at `stage + n`.
    fixed
        Nodes that may not be moved to another stage alone: components of several nodes, reads and sinks.
    slow
        Recurrences and operators slower than the clock.
    units
        Multipliers that several multiplications share.
    """

    netlist: Netlist
    model: DelayModel
    ii: int
    stages: int
    stage: Mapping[int, int]
    arrival: Mapping[int, float]
    fixed: frozenset[int]
    slow: tuple[Slow, ...]
    units: tuple[Unit, ...] = ()

    def scheduler(self) -> Scheduler:
        """Return a scheduler with the delays of this schedule, in which nothing is placed yet."""
        return Scheduler(self.netlist, self.model, self.ii, {n: 0 for u in self.units for n in u.nodes})

    def available(self, node: int) -> int:
        """Return the stage in which a node's result first exists."""
        return self.stage[node] + self.netlist.latency(node)

    def held(self, node: int) -> int:
        """Return the last stage in which a node's result is where it came to be: a state stays until its update."""
        updates = self._updates.get(node)
        return max(self.stage[u] for u in updates) if updates else self.available(node)

    @cached_property
    def last_use(self) -> dict[int, int]:
        """Return by node the last stage in which its result is there or used."""
        last = {n: self.available(n) for n in self.netlist.nodes}
        for node, slices in self.netlist.operands.items():
            stage = self.stage[node]
            for piece in slices:
                if stage > last[piece.node]:
                    last[piece.node] = stage
        return last

    @property
    def absorbing(self) -> Mapping[int, Cone]:
        """Return by adder the logic that its LUTs compute."""
        return self.netlist.cones if self.model.family.inputs >= LUT_INPUTS else {}

    @cached_property
    def _updates(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for node in self.netlist.nodes:
            sink = self.netlist.sink(node)
            if sink is not None and sink.kind == "next":
                for reader in self.netlist.readers("state", sink.name):
                    found.setdefault(reader, []).append(node)
        return found

    def with_stages(self, stage: Mapping[int, int]) -> Schedule:
        """Return the schedule with other stages."""
        return replace(self, stage=stage)


class Scheduler:
    """One pass over the components in topological order."""

    def __init__(
        self, netlist: Netlist, model: DelayModel, ii: int = 1, shared: Mapping[int, int] | None = None
    ) -> None:
        self.netlist = netlist
        self.model = model
        self.ii = ii
        self.depths = {f"rom {r.name}": len(r.words) for r in netlist.process.roms}
        self.depths |= {f"ram {r.name}": r.depth for r in netlist.process.rams}
        self.absorbed = self._absorbed()
        self.placed = Placement(netlist, self, Arrivals(netlist, model))
        self.placed.first |= shared or {}
        self.placed.start = start(model.family.level)
        self.slow: list[Slow] = []
        self.late: set[str] = set()
        """Synchronous RAMs whose extra stage keeps a recurrence from fitting."""

    def _absorbed(self) -> frozenset[int]:
        """Return the nodes that adders' LUTs compute, all of which late placement brings into their adder's stage.

        In a recurrence over several stages nodes stay where they are.
        """
        if self.model.family.inputs < LUT_INPUTS:
            return frozenset()
        found = self.netlist.absorbed
        if self.ii == 1 or not found:
            return found
        return found.difference(*(c for c in self.netlist.components(tied=True) if len(c) > 1))

    def delay(self, node: int) -> float:
        """Return a node's delay; for a synchronous memory or a multiplier with registers that of its output."""
        values = self.netlist.process.values
        if node >= len(values) or node in self.absorbed:
            return 0.0
        value = values[node]
        if value.opcode == "dsp" and self.netlist.latency(node):
            return self.model.family.dsp_out
        kept = self.netlist.kept(node)
        if kept.latency:
            return self.model.memory_out(kept.style, kept.latency)
        delay = self.model.operator(values, value, self.depths.get(f"{value.opcode} {value.attr}", 0))
        return delay + overhead(self.model.family.level) if node in self.placed.first else delay

    def levels(self, node: int) -> float:
        """Return a node's LUT levels; a synchronous memory has none."""
        values = self.netlist.process.values
        if node >= len(values) or self.netlist.latency(node) or node in self.absorbed:
            return 0.0
        value = values[node]
        return self.model.levels(values, value, self.depths.get(f"{value.opcode} {value.attr}", 0))

    def setup(self, node: int) -> float:
        """Return what a node takes of the period beyond a register's set-up."""
        latency = self.netlist.latency(node)
        if latency and self.netlist.process.values[node].opcode == "dsp":
            return self.model.family.dsp if latency == 1 else self.model.family.dsp_setup
        kept = self.netlist.kept(node)
        if not kept.latency:
            return 0.0
        value = self.netlist.process.values[node]
        depth = self.depths[f"{value.opcode} {value.attr}"]
        return self.model.table(depth) if kept.style == "distributed" else self.model.family.bram_setup

    def stall(self, node: int, source: int) -> float:
        """Return the way from the predicate of an access, if `source` is in it, to the registers that a wait holds."""
        return self._stall if source in self._predicates.get(node, ()) else 0.0

    @cached_property
    def _stall(self) -> float:
        process = self.netlist.process
        held = sum(s.width for s in process.states) + sum(s.width for s in process.streams)
        return self.model.stall(_STALL_INPUTS, held)

    @cached_property
    def _predicates(self) -> dict[int, frozenset[int]]:
        """Return the nodes in the predicate of each access that has one."""
        return {n: frozenset(p.node for p in pieces) for n in self.netlist.nodes if (pieces := self.netlist.guard(n))}

    def run(self) -> Schedule:
        """Place everything."""
        fixed: set[int] = set()
        for component in self.netlist.components(tied=True):
            if len(component) > 1:
                self._recurrence(component)
                fixed.update(component)
            else:
                self._single(component[0])
        process, placed = self.netlist.process, self.placed
        self._write_last()
        fixed.update(n for n in self.netlist.nodes if self.netlist.sink(n) is not None)
        fixed.update(n for n in self.netlist.nodes if n not in fixed and process.values[n].opcode in ("read", "state"))
        fixed.update(placed.first)
        stages = max(self.ii, 1 + max(placed.stage.values(), default=0))
        slow = tuple(self.slow)
        return Schedule(self.netlist, self.model, self.ii, stages, placed.stage, placed.arrival, frozenset(fixed), slow)

    def _write_last(self) -> None:
        """Move writes behind the last read: an iteration that waits for a word must not have written any."""
        process, stage = self.netlist.process, self.placed.stage
        last = max((stage[v.id] for v in process.values if v.opcode == "read"), default=0)
        for stream in {w.stream: None for w in process.writes}:
            writes = self.netlist.accesses[stream]
            late = max(0, last - stage[writes[0]])
            for node in writes:
                stage[node] += late

    def _single(self, node: int) -> None:
        worst = self.placed.put(node, self.model.period)
        if worst > self.model.period:
            self.slow.append(Slow((node,), worst, None))

    def _recurrence(self, component: list[int]) -> None:
        loop, period = Recurrence(self.placed, component), self.model.period
        if loop.fits(self.ii, period):
            return
        memories = loop.memories()
        if memories:
            self.late.update(memories)
            loop.fits(len(component) + SLOWEST, inf)
            return
        needed = next((ii for ii in range(self.ii + 1, SLOWEST + 1) if loop.fits(ii, period)), None)
        if not loop.fits(self.ii, inf):
            raise self._impossible(component)
        self.slow.append(Slow(tuple(component), loop.squeeze(self.ii, period), needed))

    def _impossible(self, component: list[int]) -> Impossible:
        """Return the refusal of a recurrence with more registers or accesses inside than the II has clocks."""
        loop = Recurrence(self.placed, component)
        needed = next((ii for ii in range(self.ii + 1, SLOWEST + 1) if loop.fits(ii, inf)), SLOWEST)
        slow = [n for n in component if self.netlist.latency(n)]
        value = self.netlist.process.values[(slow or component)[0]]
        place = value.loc or self.netlist.process.loc or ir.Loc("", 0)
        refusal = Impossible(
            f"The recurrence through {value.name or value.opcode} must not take {needed} clocks at II={self.ii}.",
            file=place.file,
            line=place.line,
            column=place.column,
            fix=f"Write #pragma HLS PIPELINE II={needed}"
            + (", or bind the operator with less latency." if slow else ", or read fewer words of each stream."),
        )
        refusal.needed = needed
        return refusal


def _earliest(found: Schedule) -> Callable[[int], int]:
    begin = start(found.model.family.level)

    def earliest(node: int) -> int:
        stage = found.stage[node]
        pieces = found.netlist.operands[node]
        late = any(found.available(p.node) == stage and found.arrival[p.node] > begin for p in pieces)
        return stage + late

    return earliest


def _shared(found: Schedule) -> Schedule:
    """Return the schedule with multiplications moved to where they share multipliers."""
    level, plain = found.model.family.level, Scheduler(found.netlist, found.model, found.ii)

    def free(node: int) -> bool:
        longest = start(level) + overhead(level) + plain.delay(node)
        return node not in found.fixed and longest <= found.model.period

    groups = [g for g in wanted(found.netlist, found.ii, free, _earliest(found)) if len(g) > 1]
    while groups:
        first = {node: stage for group in groups for node, stage in group.items()}
        result = Scheduler(found.netlist, found.model, found.ii, first).run()
        kept = [g for g in groups if may_share([*g], result.stage, found.ii)]
        if len(kept) == len(groups):
            process = found.netlist.process
            return replace(result, units=tuple(unit(process, [*g], result.stage) for g in groups))
        groups = kept
    return found


def schedule(process: ir.Process, model: DelayModel, memories: Mapping[str, Kept], ii: int) -> Schedule:
    """Schedule a normalised process for a family, a clock and an II.

    A memory of `memories` is read asynchronously, out of LUTs, where a recurrence leaves it no stage for its answer.
    """
    kept = dict(memories)
    while True:
        scheduler = Scheduler(Netlist(process, kept), model, ii)
        found = scheduler.run()
        if not scheduler.late:
            return _shared(found) if ii > 1 else found
        kept |= dict.fromkeys(scheduler.late, IN_LUTS)
