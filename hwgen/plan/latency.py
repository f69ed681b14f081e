# SPDX-License-Identifier: Apache-2.0
"""How long a frame takes through a wired plan."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.graph import Graph, Ints
from hwgen.hw import Schedule
from hwgen.ops import fork, width
from hwgen.ops.base import hardware_op
from hwgen.plan.fifos import on_cycles
from hwgen.plan.simulate import simulate
from hwgen.plan.timing import Stage, hop, isolated
from hwgen.plan.types import Channel, Plan, Process

PATIENCE = 8
"""Times its unhindered latency after which a frame that does not come out is given up."""


def follow(stages: Sequence[Stage], channels: Sequence[Channel]) -> tuple[dict[str, Ints], dict[str, Ints]]:
    """Return the write and the read times of one isolated frame, by channel."""
    entry = {c.name: c.type.beats for c in channels if c.producer is None}
    return isolated(stages, entry, {c.name: hop(c.depth) for c in channels})


def latency(stages: Sequence[Stage], channels: Sequence[Channel]) -> int:
    """Return the cycles from taking the first input beat to giving the last output beat.

    Without branches that meet again, FIFOs that fill up only hold back what comes before them. With such branches a
    lone frame, whose beats come faster than in the steady state, may have to wait for room in a short one: such a
    design is simulated. Frames of one beat never wait.
    """
    writes, reads = follow(stages, channels)
    start = min(int(reads[c.name][0]) for c in channels if c.producer is None)
    found = max(int(writes[c.name][-1]) for c in channels if c.consumer is None) - start
    if not on_cycles(stages) or all(c.type.beats == 1 for c in channels):
        return found
    (ran,) = simulate(stages, [{c.name: c.depth for c in channels}], 1, limit=PATIENCE * found)
    return int(ran.latency) if ran.ends else found


def stages(plan: Plan, graph: Graph) -> list[Stage]:
    """Return the processes of a plan made from `graph` as timing sees them."""
    return [Stage(p.name, _schedule(graph, p), p.depth, p.inputs, p.outputs) for p in plan.processes]


def _schedule(graph: Graph, process: Process) -> Schedule:
    call = process.call
    if process.op == "fork":
        return fork.schedule(call.inputs[0], len(call.outputs))
    if process.op == "width":
        return width.schedule(call.inputs[0], call.outputs[0].lanes)
    node = next(n for n in graph.nodes if n.name == process.layer)
    return hardware_op(node).schedule(graph, node, process.folding).fed(len(call.feeds))
