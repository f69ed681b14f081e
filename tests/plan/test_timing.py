# SPDX-License-Identifier: Apache-2.0
"""Timing by max-plus against a simulation, cycle by cycle, of processes and FIFOs."""

from __future__ import annotations

import numpy as np
import pytest
from ops.build import mlp, moves, residual

from hwgen.config import Budget
from hwgen.hw import Schedule, boards
from hwgen.ops import fork, width
from hwgen.ops.base import hardware_op
from hwgen.ops.line_buffer import BufferSchedule, bases
from hwgen.plan import make_plan, with_depths
from hwgen.plan.timing import Stage, depths, hop, isolated, occupancy


class Fifo:
    """hwgen_fifo: words with the cycle from which they may be read, room from the cycle after they left."""

    def __init__(self, depth: int) -> None:
        self.depth, self.hop = depth, hop(depth)
        self.words: list[int] = []

    def ready(self) -> bool:
        return len(self.words) < self.depth

    def valid(self, now: int) -> bool:
        return bool(self.words) and self.words[0] <= now


class Machine:
    """A compiled process: stages that move together, and a register at each output."""

    def __init__(self, stage: Stage, fifos: dict[str, Fifo]) -> None:
        count = stage.schedule.iterations
        self.stage, self.fifos, self.iteration = stage, fifos, 0
        self.reads = _touched(count, stage.inputs, stage.schedule.reads)
        self.writes = _touched(count, stage.outputs, stage.schedule.writes)
        self.pipe: list[int | None] = [None] * (stage.depth - 1)
        self.held: dict[str, int | None] = dict.fromkeys(stage.outputs)

    def before(self, now: int) -> tuple[list[str], list[tuple[str, int]]]:
        """Return what this cycle takes from FIFOs and gives to FIFOs or ports, and move on."""
        gives = [(c, at) for c, at in self.held.items() if at is not None and self._room(c)]
        stuck = {c for c, at in self.held.items() if at is not None and not self._room(c)}
        for c, _ in gives:
            self.held[c] = None
        at = self.iteration
        starts = all(self.fifos[c].valid(now) for c in self.reads[at] if c in self.fifos)
        entering = at if starts else None
        last = self.pipe[-1] if self.pipe else entering
        if last is not None and stuck & set(self.writes[last]):
            return [], gives
        if last is not None:
            self.held.update(dict.fromkeys(self.writes[last], last))
        self.pipe = [entering, *self.pipe][:-1] if self.pipe else []
        if entering is None:
            return [], gives
        self.iteration = (at + 1) % self.stage.schedule.iterations
        return [c for c in self.reads[at] if c in self.fifos], gives

    def _room(self, channel: str) -> bool:
        return channel not in self.fifos or self.fifos[channel].ready()


class BufferMachine(Machine):
    """A compiled process with a circular buffer: reads and writes when it can, as the rule in window.hpp says."""

    def __init__(self, stage: Stage, fifos: dict[str, Fifo]) -> None:
        schedule = stage.schedule
        assert isinstance(schedule, BufferSchedule) and schedule.pattern is not None
        super().__init__(stage, fifos)
        g = schedule.pattern
        needs = g.wanted(np.arange(bases(g).size)[:, np.newaxis])
        self.total, self.depth = g.total, schedule.depth
        self.base = np.repeat(bases(g), needs.shape[1]).tolist()
        self.need = needs.reshape(-1).tolist()
        self.count = self.written = self.frame = 0

    def before(self, now: int) -> tuple[list[str], list[tuple[str, int]]]:
        (source,), (target,) = self.stage.inputs, self.stage.outputs
        at = self.held[target]
        gives = [(target, at)] if at is not None and self._room(target) else []
        stuck = at is not None and not gives
        if gives:
            self.held[target] = None
        behind = self.frame * self.total
        ready = self.need[self.written] < self.count - behind
        entering = self.written if ready else None
        last = self.pipe[-1] if self.pipe else entering
        if last is not None and stuck:
            return [], gives
        if last is not None:
            self.held[target] = self.stage.schedule.writes[0][last]
        self.pipe = [entering, *self.pipe][:-1] if self.pipe else []
        room = self.count - behind - self.base[self.written] < self.depth
        takes = [source] if room and (source not in self.fifos or self.fifos[source].valid(now)) else []
        self.count += len(takes)
        self.written += ready
        if self.written == len(self.need):
            self.written, self.frame = 0, self.frame + 1
        return [c for c in takes if c in self.fifos], gives


def _touched(iterations: int, channels: tuple[str, ...], times: tuple[np.ndarray, ...]) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in range(iterations)]
    for channel, moments in zip(channels, times, strict=True):
        for moment in moments.tolist():
            found[moment].append(channel)
    return found


def simulate(stages: list[Stage], deep: dict[str, int], frames: int) -> list[int]:
    """Return when each frame's last output beat leaves; channels of depth 0 are ports that never wait."""
    fifos = {name: Fifo(depth) for name, depth in deep.items() if depth}
    kinds = {BufferSchedule: BufferMachine, Schedule: Machine}
    machines = [kinds[type(stage.schedule)](stage, fifos) for stage in stages]
    ends: list[int] = []
    now = 0
    while len(ends) < frames:
        moves = [machine.before(now) for machine in machines]
        for machine, (takes, gives) in zip(machines, moves, strict=True):
            for c in takes:
                fifos[c].words.pop(0)
            for c, iteration in gives:
                if c in fifos:
                    fifos[c].words.append(now + fifos[c].hop)
                elif iteration == machine.stage.schedule.writes[machine.stage.outputs.index(c)][-1]:
                    ends.append(now)
        now += 1
        assert now < 200_000, "the design is stuck"
    return ends


def pointwise(name: str, beats: int, depth: int, source: str, target: str) -> Stage:
    order = np.arange(beats, dtype=np.int64)
    return Stage(name, Schedule(beats, (order,), (order,)), depth, (source,), (target,))


def test_a_chain_of_pointwise_processes_adds_its_depths() -> None:
    stages = [pointwise("a", 10, 3, "in", "x"), pointwise("b", 10, 2, "x", "out")]
    writes, reads = isolated(stages, {"in": 10}, {"in": 0, "x": 1})
    assert writes["out"].tolist() == list(range(3 + 1 + 2, 3 + 1 + 2 + 10))
    assert reads["in"].tolist() == list(range(10))


def test_a_burst_needs_a_fifo() -> None:
    order = np.arange(8, dtype=np.int64)
    burst = Stage("a", Schedule(32, (order,), (order,)), 1, ("in",), ("x",))
    slow = Stage("b", Schedule(32, (order * 4,), (order * 4,)), 1, ("x",), ("out",))
    assert depths([burst, slow], 32)["x"] == 6
    assert occupancy(order, order * 4 + 2, 32) == 6


@pytest.mark.parametrize("budget", [{}, {"limits": {"lut": 4000}}, {"target": {"fps": 20_000}}])
@pytest.mark.parametrize("name", ["mlp", "residual", "moves"])
def test_the_planned_fifos_let_the_planned_ii_happen(name: str, budget: dict[str, object]) -> None:
    graph = {"mlp": mlp, "residual": residual, "moves": moves}[name]()
    board = boards.load("zcu102")
    limits = {"limits": {"lut": 12_000}} if name != "mlp" and "limits" in budget else budget
    plan = make_plan(graph, board, Budget.parse({"board": "zcu102", **limits}))
    ops = {node.name: hardware_op(node) for node in graph.nodes}
    nodes = {node.name: node for node in graph.nodes}
    stages = []
    for q in plan.processes:
        if q.op in ("fork", "width"):
            extra = len(q.outputs) if q.op == "fork" else q.call.outputs[0].lanes
            schedule = {"fork": fork, "width": width}[q.op].schedule(q.call.inputs[0], extra)
        else:
            schedule = ops[q.layer].schedule(graph, nodes[q.layer], q.folding)
        stages.append(Stage(q.name, schedule, q.depth, q.inputs, q.outputs))
    deep = {c.name: c.depth for c in plan.channels}
    frames = 6 if plan.ii < 5000 else 3
    ends = simulate(stages, deep, frames)
    assert ends[-1] - ends[-2] <= max(plan.ii * 1.02, plan.ii + 2)
    assert ends[0] == pytest.approx(plan.latency, rel=0.02, abs=2)


def test_real_depths_replace_the_assumed_ones() -> None:
    graph = residual()
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", "limits": {"lut": 12_000}}))
    same = with_depths(plan, graph, {process.name: process.depth for process in plan.processes})
    assert same == plan
    last = next(p for p in plan.processes if p.outputs == (plan.ports[-1].channel,) or p.layer == "fc")
    deeper = with_depths(plan, graph, {last.name: last.depth + 5})
    assert deeper.latency == plan.latency + 5 and deeper.ii == plan.ii
    assert deeper.process(last.name).depth == last.depth + 5
    assert deeper.channels == plan.channels


def test_depths_add_up_along_the_longest_path_alone() -> None:
    graph = mlp()
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102"}))
    every = with_depths(plan, graph, {process.name: process.depth + 1 for process in plan.processes})
    assert every.latency == plan.latency + len(plan.processes)
