# SPDX-License-Identifier: Apache-2.0
"""Turns an integer graph, a board and a budget into a `Plan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from hwgen.config import Budget, FpsTarget
from hwgen.errors import InfeasibleError, Problem
from hwgen.graph import Graph
from hwgen.hw import Board, Resources
from hwgen.hw.limits import HEADROOM, limits_of, port_bits
from hwgen.plan.choose import Chooser, Selection, overflow
from hwgen.plan.depths import at_most
from hwgen.plan.fifos import depths, reasons
from hwgen.plan.glue import fifo_cost, port_cost
from hwgen.plan.latency import latency
from hwgen.plan.sites import Streaming
from hwgen.plan.streaming import fit_streaming
from hwgen.plan.types import Channel, Decision, Plan
from hwgen.plan.wiring import Wirer, Wiring

NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36", "uram": "URAM"}


def make_plan(graph: Graph, board: Board, budget: Budget) -> Plan:
    """Decide everything about an accelerator.

    The least area is found for every II worth having (see `hwgen.plan.choose`); the target picks among them. Weights
    stay on the chip; where nothing fits so, those of as few layers as possible are streamed (`hwgen.plan.streaming`).

    Raises
    ------
    InfeasibleError
        When even the smallest design exceeds the budget, or none within it reaches the wanted frame rate.
    """
    return fit_streaming(graph, board, budget, _fit)


def _fit(graph: Graph, board: Board, budget: Budget, streaming: Streaming) -> Plan:
    """Decide everything, streaming allowed for some layers."""
    clock = budget.clock_mhz or board.clock_mhz
    limits = limits_of(board, budget)
    board = replace(board, axis_bits=port_bits(board, budget))
    chooser = Chooser(graph, board, limits, streaming)
    while True:
        selection = _wanted(chooser, budget, clock)
        draft = _draft(graph, board, clock, chooser, selection)
        if not overflow(draft.total, limits):
            return _plan(graph, board, clock, chooser, draft, budget)
        chooser.set_aside(_most(chooser.aside, draft.total - selection.total))


def _most(a: Resources, b: Resources) -> Resources:
    return Resources(**{f.name: max(getattr(a, f.name), getattr(b, f.name)) for f in fields(Resources)})


@dataclass(frozen=True)
class _Draft:
    """A wired selection with its FIFO depths, latency and total."""

    selection: Selection
    wiring: Wiring
    channels: tuple[Channel, ...]
    ii: int
    latency: int
    total: Resources


def _wanted(chooser: Chooser, budget: Budget, clock: float) -> Selection:
    """Return the selection that the target asks for."""
    steps = chooser.all_steps if budget.target == "min_latency" else chooser.steps
    if isinstance(budget.target, FpsTarget):
        ii = int(clock * 1e6 / budget.target.fps)
        enough = next((step for step in steps if step <= ii), None)
        selection = None if enough is None else chooser.select(enough)
        if selection is not None:
            return selection
    best = chooser.best(steps)
    if best is None:
        smallest = chooser.smallest(steps[0])
        raise _too_big(overflow(smallest.total + chooser.aside, chooser.limits), smallest.ii)
    if not isinstance(budget.target, FpsTarget):
        found = chooser.select(steps[best])
        assert found is not None
        return found
    reached = clock * 1e6 / steps[best]
    wanted = f"The design must reach {budget.target.fps:g} frames per second"
    text = f"{wanted}, but {reached:.4g} is the most at {clock:g} MHz."
    why = "no folding is faster" if best == len(steps) - 1 else _next_step(chooser, best)
    raise InfeasibleError(text, hint=f"What binds: {why}. Raise the clock or the limits, or lower the target.")


def _too_big(over: list[tuple[str, float, float]], ii: int) -> InfeasibleError:
    problems = []
    for name, need, limit in over:
        fits = f"The design must fit {limit:,.0f} {NAMES[name]}"
        text = f"{fits}, but its smallest form needs {need:,.0f} at an II of {ii:,}."
        hint = f"Set limits.{name} to at least {need:.0f}, or choose a larger board."
        problems.append(Problem(text, hint=hint))
    return InfeasibleError(problems)


def _next_step(chooser: Chooser, position: int) -> str:
    """Return what the next faster design would need too much of."""
    faster = chooser.smallest(chooser.steps[position + 1])
    over = overflow(faster.total + chooser.aside, chooser.limits)
    if not over:
        return f"an II of {faster.ii:,} cannot be wired without slower converters"
    name, need, limit = max(over, key=lambda item: item[1] / max(item[2], 1))
    return f"an II of {faster.ii:,} needs {need:,.0f} {NAMES[name]} of {limit:,.0f}"


def _draft(graph: Graph, board: Board, clock: float, chooser: Chooser, selection: Selection) -> _Draft:
    wiring = Wirer(graph, board, clock, chooser, selection).run()
    stages = wiring.stages()
    ii = max(max(p.cycles for p in wiring.processes), max(c.type.beats for c in wiring.channels))
    deepest = [
        replace(stage, depth=at_most(p.call, board.family, clock))
        for stage, p in zip(stages, wiring.processes, strict=True)
    ]
    needed = depths(deepest, ii, {c.name: c.type.width for c in wiring.channels})
    channels = tuple(replace(c, depth=needed.get(c.name, c.depth)) for c in wiring.channels)
    return _Draft(selection, wiring, channels, ii, latency(stages, channels), _total(wiring, channels, board))


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
    binding = _binding(chooser, draft.selection.ii, clock, budget)
    deep = reasons(draft.wiring.stages(), draft.channels)
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
        draft.latency,
        draft.total,
        bottleneck.name,
        binding,
        (Decision("limits", limits, why), *draft.wiring.decisions, *deep),
        draft.selection.gap,
        draft.wiring.arrays,
    )


def _binding(chooser: Chooser, ii: int, clock: float, budget: Budget) -> str:
    """Return in words why the design is not faster."""
    if isinstance(budget.target, FpsTarget):
        enough = int(clock * 1e6 / budget.target.fps)
        return f"the target: {budget.target.fps:g} frames per second need no more than an II of {enough:,}"
    at = chooser.steps.index(ii)
    if at + 1 < len(chooser.steps) and not chooser.fits(chooser.steps[at + 1]):
        return f"the budget: {_next_step(chooser, at)}"
    slowest = next(s for s in chooser.sites if s.candidates[-1].option.cycles == chooser.fastest)
    what = "the port's width" if slowest.is_port else "one beat a cycle"
    return f"{slowest.name}: {what} takes {chooser.fastest:,} cycles a frame; no folding of it is faster"
