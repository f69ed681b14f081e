# SPDX-License-Identifier: Apache-2.0
"""When things happen: an isolated frame, and a schedule by which the bottleneck runs without a pause.

An iteration starts when the one before it has started and the beats that it reads have arrived: the start times are
``t[k] = k + cummax(arrival(k) - k)``. A window, which reads without waiting, has a schedule of its own (see
`hwgen.ops.line_buffer`). A beat is written `depth` cycles after its iteration starts, and may be read
`hop` cycles after it was written: what a FIFO of its depth takes (``hls/rtl/hwgen_fifo.sv``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Schedule

SHALLOW = 2
LONGEST_HOP = 2
_LATE = np.int64(1) << 60


@dataclass(frozen=True)
class Stage:
    """A process as timing sees it.

    Parameters
    ----------
    name
        Process name.
    schedule
        Iterations of its reads and writes.
    depth
        Cycles from reads to writes.
    inputs, outputs
        Channel names.
    """

    name: str
    schedule: Schedule
    depth: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


Times = Mapping[str, Ints]


def hop(depth: int) -> int:
    """Return the cycles from writing a word into a FIFO to reading it; wires (depth 0) take none."""
    return 0 if depth == 0 else 1 if depth <= SHALLOW else LONGEST_HOP


def latest(stage: Stage, deadlines: Times) -> Ints:
    """Return start times as late as possible when output beats must be written by their deadlines."""
    count = stage.schedule.iterations
    bound, last = np.full(count, _LATE, dtype=np.int64), 0
    for channel, writes in zip(stage.outputs, stage.schedule.writes, strict=True):
        if channel in deadlines:
            bound[writes] = np.minimum(bound[writes], deadlines[channel] - stage.depth)
            last = max(last, int(writes[-1]))
    bound[-1] = min(int(bound[-1]), int(bound[last]) + count - 1 - last)
    order = np.arange(count, dtype=np.int64)
    return np.asarray(order + np.minimum.accumulate((bound - order)[::-1])[::-1], dtype=np.int64)


def written(stage: Stage, times: Ints) -> dict[str, Ints]:
    """Return the write times of every output channel."""
    pairs = zip(stage.outputs, stage.schedule.writes, strict=True)
    return {channel: times[writes] + stage.depth for channel, writes in pairs}


def isolated(
    stages: Sequence[Stage], beats: Mapping[str, int], hops: Mapping[str, int]
) -> tuple[dict[str, Ints], dict[str, Ints]]:
    """Follow one frame through idle processes.

    Parameters
    ----------
    stages
        In topological order.
    beats
        Beats of each input port's channel, offered one a cycle.
    hops
        Cycles that each channel takes.

    Returns
    -------
    tuple
        Time at which every channel's beats are written (for ports: offered), and read.
    """
    writes: dict[str, Ints] = {name: np.arange(count, dtype=np.int64) for name, count in beats.items()}
    reads: dict[str, Ints] = {}
    for stage in stages:
        taken, given = stage.schedule.alone([writes[c] + hops[c] for c in stage.inputs])
        reads.update(zip(stage.inputs, taken, strict=True))
        writes.update({c: times + stage.depth for c, times in zip(stage.outputs, given, strict=True)})
    return writes, reads


def periodic(stages: Sequence[Stage], period: int, hops: Mapping[str, int]) -> dict[str, Ints]:
    """Return start times of an admissible schedule that repeats every `period` cycles, if channels take `hops` cycles.

    The slowest process runs without a pause; what feeds it runs as late as it may, everything else as early as it can.
    Self-timed hardware with FIFOs deep enough for this schedule is at least as fast.
    """
    anchor = max(range(len(stages)), key=lambda i: stages[i].schedule.ii)
    times: dict[str, Ints] = {stages[anchor].name: np.arange(stages[anchor].schedule.iterations, dtype=np.int64)}
    deadlines = due(stages[anchor], times[stages[anchor].name], hops)
    for stage in reversed(stages[:anchor]):
        if not any(channel in deadlines for channel in stage.outputs):
            continue
        times[stage.name] = early_enough(stage, latest(stage, deadlines), period)
        deadlines.update(due(stage, times[stage.name], hops))
    begin = min(int(t[0]) for t in times.values())
    arrivals: dict[str, Ints] = {}
    for stage in stages:
        if stage.name not in times:
            start = stage.schedule.starts([arrivals.get(c) for c in stage.inputs], begin)
            times[stage.name] = _late_enough(stage, start, period)
        arrivals.update({c: t + hops[c] for c, t in written(stage, times[stage.name]).items()})
    return times


def early_enough(stage: Stage, times: Ints, period: int) -> Ints:
    """Advance iterations so that one starts before the next frame's iteration that follows it."""
    spare, ii = period - stage.schedule.ii, stage.schedule.ii
    late = times - np.arange(times.size, dtype=np.int64)
    late[:ii] = np.minimum(late[:ii], late[0] + spare)
    for at in range(ii, late.size, ii):
        here = late[at : at + ii]
        late[at : at + ii] = np.minimum(here, late[at - ii : at - ii + here.size] + spare)
    return np.asarray(late + np.arange(times.size, dtype=np.int64), dtype=np.int64)


def _late_enough(stage: Stage, times: Ints, period: int) -> Ints:
    """Delay iterations so that one starts behind the last frame's iteration that precedes it."""
    spare, ii = period - stage.schedule.ii, stage.schedule.ii
    order = np.arange(times.size, dtype=np.int64)
    late = times - order
    while True:
        bound = late.copy()
        bound[: late.size - ii] = np.maximum(bound[: late.size - ii], late[ii:] - spare)
        bound[0] = max(int(bound[0]), int(late[min(ii, late.size) - 1]) - spare)
        bound = np.maximum.accumulate(bound)
        if np.array_equal(bound, late):
            return np.asarray(late + order, dtype=np.int64)
        late = bound


def due(stage: Stage, times: Ints, hops: Mapping[str, int]) -> dict[str, Ints]:
    """Return by when the beats that a stage reads must be written."""
    pairs = zip(stage.inputs, stage.schedule.reads, strict=True)
    return {channel: times[reads] - hops[channel] for channel, reads in pairs}
