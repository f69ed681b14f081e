# SPDX-License-Identifier: Apache-2.0
"""FIFO depths: what an admissible periodic schedule keeps in every channel, joins included.

In the schedule of `hwgen.plan.timing.periodic` every process has its iterations in time, frame after frame, and a
channel holds at most so many beats. FIFOs of that depth suffice: a self-timed process starts an iteration as soon as
its beats and the room for its writes are there, so nothing happens later than in the schedule. A short branch into a
join thus holds what the long one needs before it delivers, and no frame.

A pipeline that stalls keeps the bubbles in it, so a beat that the schedule has taken may still wait in front of it. On
channels that lie on a cycle (a fork's branches up to their join), where that could close a ring of waiting processes,
there is therefore room for the beats of all iterations that have not left the pipeline. Then everything that waits,
waits for something earlier in the order of the schedule, reads moved to the end of their pipelines: there is no
deadlock, whatever pauses the ports make and however few frames come.

A sliding window reads one word in each of its iterations, and its pipeline stands still while what it has written early
has no room. So it takes words only when the schedule has an iteration of it, not whenever one waits
(`hwgen.ops.line_buffer`): what comes in between waits in front of it. How far such a pipeline runs ahead is not in the
schedule; `hwgen.plan.confirm` holds the depths against a simulation.

At a frame a clock every process does the same in every clock: what stalls one, stalls all before it, and a FIFO off the
cycles only costs LUTs and a clock. There the producer's output register is enough, and the channel is wires, in runs as
long as the clock allows a stall to come through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hwgen.graph import Ints
from hwgen.ops.line_buffer import BufferSchedule
from hwgen.plan.timing import LONGEST_HOP, SHALLOW, Stage, due, early_enough, hop, latest, periodic, written
from hwgen.plan.types import Channel, Decision

SMALL = 16
"""Words of a memory of the least cost: so many fit the LUT RAM of every family."""
REGISTER = 1
"""Words that a FIFO in a memory holds beyond its depth, in its output register; and a producer in its own."""


def depths(stages: Sequence[Stage], period: int, widths: Mapping[str, int]) -> dict[str, int]:
    """Return for every inner channel the FIFO depth that a periodic schedule needs.

    Two registers pass a beat on sooner than a memory does. Whether they suffice is known only behind the schedule: a
    channel is taken for registers until it holds more.

    Parameters
    ----------
    stages
        In topological order.
    period
        Cycles from a frame to the next.
    widths
        Bits of a beat by channel.
    """
    channels = {c for stage in stages for c in (*stage.inputs, *stage.outputs)}
    memories: set[str] = set()
    while True:
        hops = {c: LONGEST_HOP if c in memories else hop(SHALLOW) for c in channels}
        held = Occupancy(stages, period, hops, widths).held()
        more = {c for c, beats in held.items() if beats > SHALLOW} - memories
        if not more:
            return {c: max(SHALLOW + 1, n - REGISTER) if c in memories else SHALLOW for c, n in held.items()}
        memories |= more


def wired(stages: Sequence[Stage], depths: Mapping[str, int], longest: int) -> dict[str, int]:
    """Return the depths at a frame a clock: 0, wires, for channels off the cycles that need no memory.

    Parameters
    ----------
    stages
        In topological order.
    depths
        Of every inner channel, for a period of 1.
    longest
        Channels in a row that may be wires.
    """
    rings, found = on_cycles(stages), dict(depths)
    reader = {c: stage.name for stage in stages for c in stage.inputs}
    behind: dict[str, int] = {}
    for stage in reversed(stages):
        run = [0]
        for channel in stage.outputs:
            length = behind[reader[channel]] + 1 if channel in reader else 0
            if found.get(channel) == SHALLOW and channel not in rings and length <= longest:
                found[channel] = 0
                run.append(length)
        behind[stage.name] = max(run)
    return found


def reasons(stages: Sequence[Stage], channels: Sequence[Channel]) -> list[Decision]:
    """Return why each channel that is not two registers has its depth."""
    rings, joins = on_cycles(stages), {stage.name for stage in stages if len(stage.inputs) > 1}
    found = []
    for channel in channels:
        if channel.depth == SHALLOW or channel.producer is None or channel.consumer is None:
            continue
        producer, consumer = channel.producer[0], channel.consumer[0]
        if not channel.depth:
            why = f"at a frame a clock {producer} stalls only when {consumer} does, and its output register is enough"
            found.append(Decision(channel.name, "wires", why))
            continue
        if consumer in joins and channel.name in rings:
            why = f"holds what {producer} writes before the other branch into {consumer} delivers"
        else:
            why = f"holds what {producer} writes while {consumer} is busy"
        found.append(Decision(channel.name, f"FIFO of {channel.depth}", why))
    return found


class Occupancy:
    """The periodic schedule with some processes delayed, and what its channels hold."""

    def __init__(
        self, stages: Sequence[Stage], period: int, hops: Mapping[str, int], widths: Mapping[str, int]
    ) -> None:
        self.stages, self.period, self.hops, self.widths = stages, period, hops, widths
        self.rings = on_cycles(stages)
        self.maker = {c: stage for stage in stages for c in stage.outputs}
        self.reader = {c: stage for stage in stages for c in stage.inputs}
        self.times = periodic(stages, period, hops)

    def held(self) -> dict[str, int]:
        """Return the most beats that every inner channel must hold."""
        held = {stage.name: self._before(stage, self.times) for stage in self.stages}
        for stage in reversed(self.stages):
            if isinstance(stage.schedule, BufferSchedule):
                self._delay(stage, held)
        return {channel: n for before in held.values() for channel, n in before.items()}

    def _delay(self, buffer: Stage, held: dict[str, dict[str, int]]) -> None:
        """Let a buffer, and what only passes its words on, work as late as their reader allows, where that saves bits.

        The buffer takes words in as early as before while it has room, so that beats wait there and not in FIFOs.
        """
        chain = [buffer]
        least, best = 0, (self.times, held)
        while len(chain[-1].outputs) == 1 and chain[-1].outputs[0] in self.reader:
            reader = self.reader[chain[-1].outputs[0]]
            now = sum(self._bits(held[stage.name]) for stage in (*chain, reader))
            if now > 0:
                times = self._late(chain, reader)
                then = {stage.name: self._before(stage, times) for stage in (*chain, reader)}
                change = sum(map(self._bits, then.values())) - now
                if change < least:
                    least, best = change, (times, {**held, **then})
            if len(reader.inputs) > 1 or isinstance(reader.schedule, BufferSchedule):
                break
            chain.append(reader)
        self.times = best[0]
        held.update(best[1])

    def _late(self, chain: Sequence[Stage], reader: Stage) -> dict[str, Ints]:
        times = dict(self.times)
        deadlines = due(reader, times[reader.name], self.hops)
        for stage in reversed(chain):
            last = early_enough(stage, latest(stage, deadlines), self.period)
            times[stage.name] = np.maximum(times[stage.name], last)
            deadlines = due(stage, times[stage.name], self.hops)
        return times

    def _bits(self, held: Mapping[str, int]) -> int:
        """Return what some channels hold beyond a memory of the least cost."""
        return sum(max(0, n - SMALL) * self.widths[channel] for channel, n in held.items())

    def _before(self, stage: Stage, times: Mapping[str, Ints]) -> dict[str, int]:
        """Return the most beats that the channels into a stage hold; those of ports hold none."""
        writes = {c: written(self.maker[c], times[self.maker[c].name])[c] for c in stage.inputs if c in self.maker}
        arrivals = [writes[c] + self.hops[c] if c in writes else None for c in stage.inputs]
        taken = stage.schedule.taken(times[stage.name], arrivals, self.period)
        held = {}
        for channel, reads in zip(stage.inputs, taken, strict=True):
            if channel in writes:
                held[channel] = occupancy(_pushed(writes[channel], self.period), reads, self.period)
            if channel in writes and channel in self.rings:
                waiting = occupancy(writes[channel], reads + stage.depth - 1, self.period)
                held[channel] = max(held[channel], waiting - REGISTER)
        return held


def _pushed(writes: Ints, period: int) -> Ints:
    """Return when written beats must be in the FIFO: the producer's output register keeps each until the next."""
    return np.asarray(np.append(writes[1:], writes[0] + period) - 1, dtype=np.int64)


def occupancy(writes: Ints, reads: Ints, period: int) -> int:
    """Return the most beats that a FIFO holds when both time lists, of equal length, repeat every `period` cycles.

    It never holds more than `n` if each beat is written after the one `n` before it has been read. What it holds where
    a beat waits longest is often the most: the search begins there.
    """
    waits = reads - writes
    frames = max(0, -(-int(waits.max()) // period)) + 1
    shifts = np.arange(-frames, 1, dtype=np.int64) * period
    all_reads = (shifts[:, np.newaxis] + reads[np.newaxis, :]).reshape(-1)
    now = frames * reads.size

    def suffices(beats: int) -> bool:
        return bool((all_reads[now - beats : now - beats + reads.size] < writes).all())

    longest = int(waits.argmax())
    least = max(0, longest + 1 + now - int(np.searchsorted(all_reads, writes[longest], side="left")))
    low, high, step = least - 1, least, 1
    while not suffices(high):
        low, high, step = high, min(high + step, now), 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def on_cycles(stages: Sequence[Stage]) -> set[str]:
    """Return the channels between processes that lie on a cycle, directions aside: those that are no bridges."""
    ends: dict[str, list[str]] = {}
    for stage in stages:
        for channel in (*stage.inputs, *stage.outputs):
            ends.setdefault(channel, []).append(stage.name)
    inner = {channel: pair for channel, pair in ends.items() if len(pair) == 2}
    beside: dict[str, list[str]] = {stage.name: [] for stage in stages}
    for channel, pair in inner.items():
        for end in pair:
            beside[end].append(channel)
    return {channel for channel, (start, goal) in inner.items() if _connected(start, goal, channel, inner, beside)}


def _connected(
    start: str, goal: str, without: str, ends: Mapping[str, Sequence[str]], beside: Mapping[str, Sequence[str]]
) -> bool:
    seen, work = {start}, [start]
    while work:
        for channel in beside[work.pop()]:
            if channel != without:
                new = set(ends[channel]) - seen
                seen |= new
                work += new
    return goal in seen
