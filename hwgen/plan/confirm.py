# SPDX-License-Identifier: Apache-2.0
"""FIFO depths held against the simulator: what analysis leaves out is made up for where a design is small enough.

The analysis of `hwgen.plan.fifos` lets a buffer (a sliding window) read while its output waits. The pipeline of a real
one stands still then: where it has run ahead of the schedule into a full FIFO, its producer waits too, and the
slowest process may be behind it. Deeper FIFOs behind the buffer end that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hwgen.ops.line_buffer import BufferSchedule
from hwgen.plan.fifos import SMALL
from hwgen.plan.simulate import Ran, simulate
from hwgen.plan.timing import SHALLOW, Stage

FRAMES = 4
"""Frames until a design is in its steady state: the FIFOs fill up in the first ones."""
LONGEST = 4096
"""Cycles a frame of the designs that are simulated: `FRAMES` of them take a second or two."""
WORK = 12_000_000
"""Processes times cycles of all variants that are simulated at once: some seconds."""
STEPS = (1.125, 1.5, 2.0, 4.0)
ROUNDS = 4


def confirmed(
    stages: Sequence[Stage], planned: Mapping[str, int], period: int, widths: Mapping[str, int]
) -> dict[str, int]:
    """Return FIFO depths with which the simulated design takes a frame every `period` cycles.

    Parameters
    ----------
    stages
        In topological order.
    planned
        Depths by channel, 0 at ports.
    period
        Cycles from a frame to the next that are planned.
    widths
        Bits of a beat by channel.

    Returns
    -------
    dict
        `planned` where it is enough, where the design is too large to be simulated, and where nothing helped; else with
        some channels deeper that are more than two registers, those of the fewest bits among the depths tried.
    """
    depths = dict(planned)
    behind = sorted((c for c in behind_buffers(stages) if depths[c] > SHALLOW), key=lambda c: -depths[c])
    most = WORK // (FRAMES * period * len(stages))
    if period > LONGEST or not behind or most < len(STEPS):
        return depths
    for _ in range(ROUNDS):
        tried = [depths, *_deeper(depths, behind[: most // len(STEPS)])]
        ran = simulate(stages, tried[:1], FRAMES)
        if _keeps(ran[0], period):
            return depths
        ran += simulate(stages, tried[1:], FRAMES)
        enough = [i for i, r in enumerate(ran) if _keeps(r, period)]
        if enough:
            return tried[min(enough, key=lambda i: _bits(tried[i], widths))]
        depths = tried[min(range(len(ran)), key=lambda i: (ran[i].ii, _bits(tried[i], widths)))]
    return dict(planned)


def _keeps(ran: Ran, period: int) -> bool:
    return not ran.stuck and ran.ii <= period


def behind_buffers(stages: Sequence[Stage]) -> list[str]:
    """Return the inner channels that a buffer writes, directly or through processes of one input and one output."""
    readers = {c: stage for stage in stages for c in stage.inputs}
    found: dict[str, None] = {}
    for stage in stages:
        if isinstance(stage.schedule, BufferSchedule):
            channel = stage.outputs[0]
            while channel in readers:
                found[channel] = None
                reader = readers[channel]
                if len(reader.inputs) != 1 or len(reader.outputs) != 1:
                    break
                channel = reader.outputs[0]
    return list(found)


def _deeper(depths: Mapping[str, int], channels: Sequence[str]) -> list[dict[str, int]]:
    """Return sets of depths, each with one channel deeper by one of `STEPS`."""
    least = {c: max(depths[c], SHALLOW + 2) for c in channels}
    return [{**depths, c: math.ceil(least[c] * step)} for step in STEPS for c in channels]


def _bits(depths: Mapping[str, int], widths: Mapping[str, int]) -> int:
    """Return what the FIFOs hold beyond a memory of the least cost."""
    return sum(max(0, n - SMALL) * widths[channel] for channel, n in depths.items())
