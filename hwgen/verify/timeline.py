# SPDX-License-Identifier: Apache-2.0
"""When every process of the stitched top was busy, frame by frame: what the simulation in free flow has logged."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.verify.scenarios import FREE, Run
from hwgen.verify.simulate import Outcome
from hwgen.verify.testbench import Bench

Windows = list[list[int]]
"""For each frame four cycles: first beat taken, last beat taken, first beat given, last beat given."""


def timeline(bench: Bench, runs: Sequence[Run], outcomes: Sequence[Outcome]) -> dict[str, Windows]:
    """Return the windows of every process in the plan's order; the first beat taken at all is cycle 0.

    Empty where the top was not simulated in free flow, or did not get to its end.
    """
    pairs = zip(runs, outcomes, strict=True)
    seen = next((o for r, o in pairs if bench.devices[r.device].axi and r.scenario == FREE and o.done), None)
    if seen is None:
        return {}
    found = {p.name: _windows(bench, p.name, seen) for p in bench.plan.processes}
    start = min((window[0] for windows in found.values() for window in windows), default=0)
    return {name: [[at - start for at in window] for window in windows] for name, windows in found.items()}


def _windows(bench: Bench, process: str, seen: Outcome) -> Windows:
    taken = [seen.frames[p.id] for p in bench.probes if p.module == process]
    given = [seen.frames[m.id] for m in bench.monitors if m.module == process]
    frames = min((len(stream) for stream in (*taken, *given)), default=0)
    return [
        [
            min(stream[i][0] for stream in taken),
            max(stream[i][1] for stream in taken),
            min(stream[i][0] for stream in given),
            max(stream[i][1] for stream in given),
        ]
        for i in range(frames)
    ]
