# SPDX-License-Identifier: Apache-2.0
"""When every process of a plan is busy with one frame that comes alone: from the schedule, nothing is simulated."""

from __future__ import annotations

from hwgen.graph import Graph
from hwgen.plan.latency import follow, stages
from hwgen.plan.types import Plan


def timeline(plan: Plan, graph: Graph) -> dict[str, list[list[int]]]:
    """Return the windows of every process, in the form of `hwgen.verify.timeline`: one frame, four cycles.

    Parameters
    ----------
    plan
        A plan made from `graph`.
    graph
        The integer graph.
    """
    writes, reads = follow(stages(plan, graph), plan.channels)
    windows = {
        p.name: [
            min(int(reads[c][0]) for c in p.inputs),
            max(int(reads[c][-1]) for c in p.inputs),
            min(int(writes[c][0]) for c in p.outputs),
            max(int(writes[c][-1]) for c in p.outputs),
        ]
        for p in plan.processes
    }
    start = min(window[0] for window in windows.values())
    return {name: [[at - start for at in window]] for name, window in windows.items()}
