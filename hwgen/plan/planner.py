# SPDX-License-Identifier: Apache-2.0
"""Turns an integer graph, a board and a budget into a `Plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from hwgen.config import Budget
from hwgen.graph import Graph
from hwgen.hw import Board, Resources
from hwgen.hw.limits import HEADROOM, bandwidth_of, limits_of, port_bits
from hwgen.plan.choose import Chooser, Selection, overflow
from hwgen.plan.confirm import confirmed
from hwgen.plan.depths import at_most, stalls_through
from hwgen.plan.fifos import depths, reasons, wired
from hwgen.plan.glue import fifo_cost, port_cost
from hwgen.plan.latency import latency
from hwgen.plan.overrides import choices_of
from hwgen.plan.targets import NAMES, binding, wanted
from hwgen.plan.types import Channel, Decision, Plan
from hwgen.plan.wiring import Wirer, Wiring


def make_plan(graph: Graph, board: Board, budget: Budget) -> Plan:
    """Decide everything about an accelerator.

    The solver finds the least area for an II (see `hwgen.plan.choose`); the target picks the II. Weights stay on the
    chip; where nothing that is as fast fits so, those of as few layers as possible are streamed.

    Raises
    ------
    UserError
        When the budget chooses for layers what they do not have.
    InfeasibleError
        When even the smallest design exceeds the budget, or none within it is as fast as wanted.
    """
    clock = budget.clock_mhz or board.clock_mhz
    bytes_per_cycle = (bandwidth_of(board, budget) or 0.0) * 1e3 / clock
    board = replace(board, axis_bits=port_bits(board, budget))
    chooser = Chooser(graph, board, limits_of(board, budget), bytes_per_cycle, choices_of(graph, budget))
    return _fit(graph, board, clock, budget, chooser)


def _fit(graph: Graph, board: Board, clock: float, budget: Budget, chooser: Chooser) -> Plan:
    """Decide everything: choose, wire, and choose again where FIFOs turn out deeper than there is room for."""
    cut = max(clock, budget.pipeline_mhz or clock)
    while True:
        selection = wanted(chooser, budget, clock, lambda s: _draft(graph, board, cut, chooser, s).latency())
        draft = _draft(graph, board, cut, chooser, selection)
        if not overflow(draft.total, chooser.limits):
            draft = _confirmed(draft, board)
            if not overflow(draft.total, chooser.limits):
                return _plan(graph, board, clock, chooser, draft, budget)
        target = selection.target
        chooser.set_aside(target, _most(chooser.aside(target), draft.total - selection.total))


def _most(a: Resources, b: Resources) -> Resources:
    return Resources(**{f.name: max(getattr(a, f.name), getattr(b, f.name)) for f in fields(Resources)})


@dataclass(frozen=True)
class _Draft:
    """A wired selection with its FIFO depths and total."""

    selection: Selection
    wiring: Wiring
    channels: tuple[Channel, ...]
    ii: int
    total: Resources

    def latency(self) -> int:
        """Return the cycles that a lone frame takes."""
        return latency(self.wiring.stages(), self.channels)


def _draft(graph: Graph, board: Board, clock: float, chooser: Chooser, selection: Selection) -> _Draft:
    wiring = Wirer(graph, board, clock, chooser, selection).run()
    stages = wiring.stages()
    ii = _interval(wiring)
    deepest = [
        replace(stage, depth=at_most(p.call, board.family, clock))
        for stage, p in zip(stages, wiring.processes, strict=True)
    ]
    needed = depths(deepest, ii, {c.name: c.type.width for c in wiring.channels})
    if ii == 1:
        needed = wired(stages, needed, stalls_through(board.family, clock))
    channels = tuple(replace(c, depth=needed.get(c.name, c.depth)) for c in wiring.channels)
    return _Draft(selection, wiring, channels, ii, _total(wiring, channels, board))


def _interval(wiring: Wiring) -> int:
    """Return the cycles from a frame to the next if nothing waits: those of the slowest process or port."""
    return max(max(p.cycles for p in wiring.processes), max(c.type.beats for c in wiring.channels))


def _confirmed(draft: _Draft, board: Board) -> _Draft:
    """Return the draft with FIFOs as deep as the simulated design needs them, and with the II that it has."""
    stages = draft.wiring.stages()
    planned = {c.name: c.depth for c in draft.channels}
    needed, ii = confirmed(stages, planned, draft.ii, {c.name: c.type.width for c in draft.channels})
    if needed == planned:
        return replace(draft, ii=ii)
    channels = tuple(replace(c, depth=needed[c.name]) for c in draft.channels)
    total = _total(draft.wiring, channels, board)
    return replace(draft, channels=channels, ii=ii, total=total)


def _total(wiring: Wiring, channels: Sequence[Channel], board: Board) -> Resources:
    """Return what processes, FIFOs and port adapters cost together."""
    total = Resources()
    for process in wiring.processes:
        total = total + process.cost
    for channel in channels:
        if channel.depth:
            total = total + fifo_cost(channel.depth, channel.type.width, board.family)
    streams = {channel.name: channel.type for channel in channels}
    for port in wiring.ports:
        stream = streams[port.channel]
        is_input = port.direction == "in"
        total = total + port_cost(port.type, stream.lanes, stream.beats, port.element_bits, is_input, board.family)
    return total


def _plan(graph: Graph, board: Board, clock: float, chooser: Chooser, draft: _Draft, budget: Budget) -> Plan:
    bottleneck = max(draft.wiring.processes, key=lambda p: p.cycles)
    why_not = binding(chooser, draft.selection.ii, clock, budget)
    deep = reasons(draft.wiring.stages(), draft.channels)
    alone = _interval(draft.wiring)
    if draft.ii > alone:
        slower = f"what the simulated design takes, however deep its FIFOs; {bottleneck.name} alone takes {alone:,}"
        deep = [Decision("II", f"{draft.ii:,} cycles", slower), *deep]
    limits = ", ".join(f"{getattr(chooser.limits, name):,.0f} {label}" for name, label in NAMES.items())
    why = f"the budget, and {HEADROOM:.0%} of the device where it is silent: fuller devices rarely route"
    return Plan(
        graph.name,
        board,
        clock,
        chooser.limits,
        tuple(draft.wiring.processes),
        draft.channels,
        tuple(sorted(draft.wiring.ports, key=lambda p: (p.direction, p.name))),
        draft.ii,
        draft.latency(),
        draft.total,
        bottleneck.name,
        why_not,
        (Decision("limits", limits, why), *draft.wiring.decisions, *deep),
        draft.selection.gap,
        draft.wiring.arrays,
        budget.pipeline_mhz or clock,
    )
