# SPDX-License-Identifier: Apache-2.0
"""Why a layer is built as it is: its choice beside the other options of the same layer, all else unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwgen.errors import UserError, did_you_mean
from hwgen.graph import Graph, Ints
from hwgen.hw import Choice, Resources
from hwgen.plan.goal import SHARE, Goal, weights
from hwgen.plan.sites import Candidate, Edge, Site, sites
from hwgen.plan.space import KINDS, Ground, counts, resources
from hwgen.plan.streaming import streaming_of
from hwgen.plan.types import Plan, Process

LABELS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36", "uram": "URAM"}


@dataclass(frozen=True)
class Way:
    """One way to build a layer between its neighbours as they are.

    Parameters
    ----------
    choice
        Unit, folding, storage.
    cycles
        Iterations a frame.
    cost
        Of the kernel alone.
    around
        Of the forks, width converters and shallow FIFOs that it then needs between its neighbours and itself.
    area
        What all of it adds to the design's area as the solver weighs it (see `hwgen.plan.goal.Goal`).
    """

    choice: Choice
    cycles: int
    cost: Resources
    around: Resources
    area: float

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        folding = self.choice.folding
        return {
            "unit": self.choice.unit, "pe": folding.pe, "simd": folding.simd, "pixels": folding.pixels,
            "storage": self.choice.storage, "cycles": self.cycles, "cost": self.cost.to_json(),
            "around": self.around.to_json(), "area": round(self.area, 6),
        }  # fmt: skip


@dataclass(frozen=True)
class Explanation:
    """A layer's choice and what it was chosen before.

    Parameters
    ----------
    process
        The layer's process in the plan.
    chosen
        What was chosen.
    runner_up
        The least area of the other ways that keep the design's II; None where there is none.
    slower
        The fastest of the smaller ways that would slow the design down; None where no smaller way exists.
    sentences
        The same for people.
    """

    process: Process
    chosen: Way
    runner_up: Way | None
    slower: Way | None
    sentences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        ways = {"chosen": self.chosen, "runner_up": self.runner_up, "slower": self.slower}
        return {
            "layer": self.process.layer,
            "process": self.process.name,
            "op": self.process.op,
            "source": list(self.process.source),
            "reason": self.process.reason,
            **{name: None if way is None else way.to_json() for name, way in ways.items()},
            "sentences": list(self.sentences),
        }


class Explainer:
    """Explains the layers of one plan.

    Parameters
    ----------
    plan
        The plan.
    graph
        The integer graph that it was made from.
    """

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.plan = plan
        self.graph = graph
        self.processes = {p.layer: p for p in plan.processes if p.op not in ("fork", "width")}
        self._all: list[Site] = sites(graph, plan.board, streaming_of(plan))
        self._sites = {site.name: index for index, site in enumerate(self._all)}
        self._ground = Ground(graph, self._all, plan.board.family)
        limits = counts(plan.limits)
        self._goal = Goal(limits, weights(limits))

    def find(self, name: str) -> list[str]:
        """Return the layers that a name means: a layer, a process, or an ONNX node, which may be several layers.

        Raises
        ------
        UserError
            There is none; the nearest names are told.
        """
        known: dict[str, list[str]] = {}
        for process in self.processes.values():
            for alias in (process.layer, process.name, *process.source):
                known.setdefault(alias, []).append(process.layer)
        if name not in known:
            raise UserError(
                f"{name} must be a layer of the network, but there is none.", hint=did_you_mean(name, list(known))
            )
        exact = [name] if name in self.processes else known[name]
        return list(dict.fromkeys(exact))

    def explain(self, layer: str) -> Explanation:
        """Return why a layer (see `find`) is built as it is."""
        process = self.processes[layer]
        ways = self._ways(process)
        chosen = next(way for way in ways if way.choice == process.choice)
        slowest = max(self.plan.ii, chosen.cycles)
        rivals = [way for way in ways if way.choice != chosen.choice and way.cycles <= slowest]
        runner_up = min(rivals, key=lambda way: way.area, default=None)
        smaller = [way for way in ways if way.cycles > slowest and way.area < chosen.area]
        slower = min(smaller, key=lambda way: (way.cycles, way.area), default=None)
        told = self._sentences(process, chosen, runner_up, slower)
        return Explanation(process, chosen, runner_up, slower, told)

    def _ways(self, process: Process) -> list[Way]:
        """Return the ways to build a layer whose converters keep up with the slower of itself and the design."""
        found = []
        index = self._sites[process.layer]
        costs = zip(self._all[index].candidates, self._ground.pools[index].cost, strict=True)
        own = next(cost + self._between(index, c)[1] for c, cost in costs if c.option.choice == process.choice)
        rest = np.maximum(counts(self.plan.resources) - own, 0)
        without = int(self._goal.area(rest))
        for candidate, cost in zip(self._all[index].candidates, self._ground.pools[index].cost, strict=True):
            option = candidate.option
            cycles, between = self._between(index, candidate)
            if cycles <= max(option.cycles, self.plan.ii):
                around = resources(cost + between) - option.cost
                area = (int(self._goal.area(rest + cost + between)) - without) / SHARE
                found.append(Way(option.choice, option.cycles, option.cost, around, area))
        return found

    def _between(self, index: int, candidate: Candidate) -> tuple[float, Ints]:
        """Return the cycles and the cost of what lies between a site and its neighbours, which keep their lanes."""
        slowest, total = 0.0, np.zeros(len(KINDS), dtype=np.int64)
        for edge in self._ground.edges:
            if index not in (edge.source, edge.target):
                continue
            outgoing = edge.source == index
            other = self._lanes(edge, not outgoing)
            own = candidate.outputs[edge.source_side] if outgoing else candidate.inputs[edge.target_side]
            if edge.rigid and own != other:
                return float("inf"), total
            pair = (own, other) if outgoing else (other, own)
            cycles, cost = self._ground.between(edge, *pair)
            slowest, total = max(slowest, cycles), total + cost
        return slowest, total

    def _lanes(self, edge: Edge, at_source: bool) -> int:
        """Return the lanes at one end of an edge in the plan."""
        site = self._all[edge.source if at_source else edge.target]
        side = edge.source_side if at_source else edge.target_side
        if site.is_port:
            channel = next(p.channel for p in self.plan.ports if p.name == site.name)
            return self.plan.channel(channel).type.lanes
        call = self.processes[site.name].call
        return (call.outputs if at_source else call.inputs)[side].lanes

    def _sentences(self, process: Process, chosen: Way, runner_up: Way | None, slower: Way | None) -> tuple[str, ...]:
        ii = self.plan.ii
        role = "it sets the frame rate" if process.name == self.plan.bottleneck else f"the design's II is {ii:,}"
        what = f" of {', '.join(process.source)}" if process.source else ""
        lines = [
            f"{process.layer} ({process.op}{what}): {words(chosen.choice)}, {chosen.cycles:,} cycles; {role}.",
            f"It costs {_amounts(chosen.cost)}, and {_amounts(chosen.around)} around it: "
            f"{chosen.area:.3%} of the budget.",
        ]
        if runner_up is None:
            lines.append("No other way is as fast and fits its neighbours as they are.")
        else:
            lines.append(
                f"Runner-up: {words(runner_up.choice)}, {runner_up.cycles:,} cycles: {runner_up.area:.3%} of the "
                f"budget where all else stays as it is. What tipped it: {tipped(chosen, runner_up)}."
            )
        if slower is None:
            lines.append("No slower way is smaller beside its neighbours as they are.")
        else:
            lines.append(
                f"Smaller but slower: {words(slower.choice)} with {_amounts(slower.cost)} takes {slower.cycles:,} "
                f"cycles, {slower.cycles / ii:.2f} times the design's II."
            )
        return tuple(lines)


def words(choice: Choice) -> str:
    """Return a choice in words."""
    folding = choice.folding
    parts: list[str] = [] if choice.unit == "none" else [choice.unit]
    parts.append(folding.words(choice.unit != "none"))
    if choice.storage != "auto":
        parts.append(f"weights in {choice.storage}" if choice.storage != "streamed" else "weights streamed")
    return ", ".join(parts)


def tipped(chosen: Way, other: Way) -> str:
    """Return what the other way needs more of, the kernel and what is around it apart, and what it saves."""
    more: list[str] = []
    less: list[str] = []
    for where, new, old in (("", other.cost, chosen.cost), (" around it", other.around, chosen.around)):
        for name, label in LABELS.items():
            change = getattr(new, name) - getattr(old, name)
            if change:
                (more if change > 0 else less).append(f"{abs(change):,g} {label}{where}")
    if not more:
        return f"it saves {', '.join(less)}, but was not chosen" if less else "nothing: both cost the same"
    saved = f", though it saves {', '.join(less)}" if less else ""
    return f"it needs {', '.join(more)} more{saved}"


def _amounts(cost: Resources) -> str:
    found = [f"{getattr(cost, name):,g} {label}" for name, label in LABELS.items() if getattr(cost, name)]
    return ", ".join(found) or "nothing"
