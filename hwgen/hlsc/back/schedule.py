# SPDX-License-Identifier: Apache-2.0
"""Schedule: the pipeline stage of every node, as soon as operands and the clock period allow.

Strongly connected components (state recurrences, a RAM's loads and its store) lie in one stage each, so that an
iteration sees exactly what the earlier ones wrote. A component slower than the clock is reported, and still correct.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hwgen.hlsc import ir
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.netlist import Netlist
from hwgen.hlsc.back.storage import synchronous


@dataclass(frozen=True)
class Slow:
    """A recurrence that does not fit the period."""

    nodes: tuple[int, ...]
    delay: float


@dataclass(frozen=True)
class Schedule:
    """Stage of every node (where it consumes its operands) and time in the stage (ns) at which its result is there.

    Attributes
    ----------
    stages
        Number of pipeline stages; the output registers come after the last one.
    stage, arrival
        By node. A node of latency 1 has its result at `stage + 1`.
    fixed
        Nodes that may not be moved to another stage alone: components of several nodes, reads and sinks.
    slow
        Recurrences slower than the clock.
    """

    netlist: Netlist
    model: DelayModel
    stages: int
    stage: Mapping[int, int]
    arrival: Mapping[int, float]
    fixed: frozenset[int]
    slow: tuple[Slow, ...]

    def available(self, node: int) -> int:
        """Return the stage in which a node's result first exists."""
        return self.stage[node] + self.netlist.latency(node)

    def with_stages(self, stage: Mapping[int, int]) -> Schedule:
        """Return the schedule with other stages."""
        return replace(self, stage=stage)


class Scheduler:
    """One pass over the components in topological order."""

    def __init__(self, netlist: Netlist, model: DelayModel) -> None:
        self.netlist = netlist
        self.model = model
        self.depths = {f"rom {r.name}": len(r.words) for r in netlist.process.roms}
        self.depths |= {f"ram {r.name}": r.depth for r in netlist.process.rams}
        self.stage: dict[int, int] = {}
        self.arrival: dict[int, float] = {}
        self.slow: list[Slow] = []

    def delay(self, node: int) -> float:
        """Return a node's delay; for a synchronous memory that of its output."""
        values = self.netlist.process.values
        if node >= len(values):
            return 0.0
        if self.netlist.latency(node):
            return self.model.family.bram_out
        value = values[node]
        return self.model.operator(values, value, self.depths.get(f"{value.opcode} {value.attr}", 0))

    def setup(self, node: int) -> float:
        """Return what a node takes of the period beyond a register's set-up."""
        return self.model.family.bram_setup if self.netlist.latency(node) else 0.0

    def run(self) -> Schedule:
        """Place everything."""
        fixed: set[int] = set()
        for component in self.netlist.components(tied=True):
            self._place(component)
            if len(component) > 1:
                fixed.update(component)
        process = self.netlist.process
        fixed.update(n for n in self.netlist.nodes if self.netlist.sink(n) is not None)
        fixed.update(n for n in self.netlist.nodes if n not in fixed and process.values[n].opcode in ("read", "state"))
        stages = 1 + max(self.stage.values(), default=0)
        return Schedule(self.netlist, self.model, stages, self.stage, self.arrival, frozenset(fixed), tuple(self.slow))

    def _place(self, component: list[int]) -> None:
        inside = set(component)
        outside = [s.node for n in component for s in self.netlist.operands[n] if s.node not in inside]
        stage = max((self.stage[n] + self.netlist.latency(n) for n in outside), default=0)
        if self._try(component, stage) <= self.model.period:
            return
        late = any(self.stage[n] + self.netlist.latency(n) == stage and self.arrival[n] > 0 for n in outside)
        worst = self._try(component, stage + 1 if late else stage)
        if worst > self.model.period:
            self.slow.append(Slow(tuple(component), worst))

    def _try(self, component: list[int], stage: int) -> float:
        """Place a component in a stage; return the latest time at which something in it must be ready."""
        worst = 0.0
        for node in component:
            ready = 0.0
            for piece in self.netlist.operands[node]:
                source = piece.node
                if self.stage.get(source, -1) + self.netlist.latency(source) == stage:
                    ready = max(ready, self.arrival[source])
            self.stage[node] = stage
            if self.netlist.latency(node):
                worst = max(worst, ready + self.setup(node))
                self.arrival[node] = self.delay(node)
            else:
                self.arrival[node] = ready + self.delay(node)
                worst = max(worst, self.arrival[node])
        return worst


def _looping_rams(netlist: Netlist) -> frozenset[str]:
    """Return the synchronous RAMs whose loaded data is needed in the very component that ties load and store."""
    found: set[str] = set()
    for component in netlist.components(tied=True):
        inside = set(component)
        for node in component:
            if netlist.latency(node) and any(c in inside for c in netlist.consumers[node]):
                value = netlist.process.values[node]
                found.add(f"{value.opcode} {value.attr}")
    return frozenset(found)


def schedule(process: ir.Process, model: DelayModel) -> Schedule:
    """Schedule a normalised process for a family and clock.

    A RAM whose store depends on its own loads is read asynchronously, whatever its size.
    """
    memories = synchronous(process)
    netlist = Netlist(process, memories)
    while True:
        looping = _looping_rams(netlist)
        if not looping:
            break
        memories -= looping
        netlist = Netlist(process, memories)
    return Scheduler(netlist, model).run()
