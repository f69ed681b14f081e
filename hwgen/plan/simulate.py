# SPDX-License-Identifier: Apache-2.0
"""A planned design cycle by cycle: processes with their schedules, pipelines that stall, FIFOs of the planned depth.

What moves is that beats come and go, not what they hold. The rules are those of the RTL. A FIFO is
``hwgen_fifo.sv``: two registers, or a memory with an output register beside it. A process is what the compiler makes:
a pipeline whose stages move together and not at all while a write waits for its output register; an iteration whose
words are missing leaves a bubble behind it. A buffer reads and writes by itself (`hwgen.ops.line_buffer`). All
processes move at once, each one element of the arrays, so that a cycle takes about as long however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints
from hwgen.ops.line_buffer import BufferSchedule, bases
from hwgen.plan.timing import SHALLOW, Stage

Bools = npt.NDArray[np.bool_]
_PATIENCE = 16
"""Pipeline lengths without any movement after which a design counts as stuck, however the ports pause."""


@dataclass(frozen=True)
class Flow:
    """How often ports pause: probabilities of an idle input cycle and of a cycle of back-pressure, from a seed."""

    idle: float = 0.0
    stall: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Ran:
    """What a simulation showed.

    Parameters
    ----------
    ends
        Cycle of each frame's last output beat, the latest of all ports; fewer than asked for when nothing moved any
        more.
    first
        Cycle at which the first input beat is taken.
    stuck
        Whether the design came to a stop: a deadlock.
    full
        Channels that were full at the end, by name, when it is stuck.
    """

    ends: tuple[int, ...]
    first: int
    stuck: bool
    full: tuple[str, ...]

    @property
    def ii(self) -> float:
        """Cycles between the ends of the last two frames."""
        return float("inf") if len(self.ends) < 2 else float(self.ends[-1] - self.ends[-2])

    @property
    def latency(self) -> float:
        """Cycles from the first input beat taken to the last output beat of the first frame."""
        return float(self.ends[0] - self.first) if self.ends else float("inf")


def simulate(
    stages: Sequence[Stage],
    variants: Sequence[Mapping[str, int]],
    frames: int,
    flow: Flow | None = None,
    limit: int | None = None,
) -> list[Ran]:
    """Let a design run with several sets of FIFO depths at once, which costs hardly more than one.

    Parameters
    ----------
    stages
        Its processes.
    variants
        FIFO depths by channel, 0 at ports; any other of less than 2 counts as 2.
    frames
        Frames to wait for; the inputs never end.
    flow
        Pauses at the ports; None for none.
    limit
        Cycles after which to stop; None for as many as it takes.
    """
    return _Machine(stages, variants, flow or Flow()).run(frames, limit)


class _Machine:
    """The state of the processes and channels of all variants; the last channel is always ready and valid."""

    def __init__(self, stages: Sequence[Stage], variants: Sequence[Mapping[str, int]], flow: Flow) -> None:
        self.names = sorted(variants[0])
        self.index = {name: i for i, name in enumerate(self.names)}
        self.variants, self.stages = len(variants), stages
        deep = np.array([depths[name] for depths in variants for name in self.names] + [0])
        self.memory = deep > SHALLOW
        self.room = np.where(self.memory, deep, SHALLOW)
        made = {c for s in stages for c in s.outputs}
        read = {c for s in stages for c in s.inputs}
        self.source = np.array([name not in made for name in self.names] * self.variants + [True])
        self.sink = np.array([name not in read for name in self.names] * self.variants + [True])
        self.inner = ~(self.source | self.sink)
        self.flow, self.rng = flow, np.random.default_rng(flow.seed)
        self.count = np.zeros(deep.size, dtype=np.int64)
        self.ahead = np.zeros(deep.size, dtype=bool)
        self.held = np.zeros(deep.size, dtype=bool)
        self._processes()
        self._buffers()

    def _processes(self) -> None:
        """Lay out which streams each iteration touches, and start every process at its first."""
        stages = self.stages
        buffers = [isinstance(s.schedule, BufferSchedule) for s in stages]
        sizes = [s.schedule.writes[0].size if own else s.schedule.iterations
                 for s, own in zip(stages, buffers, strict=True)]  # fmt: skip
        rows = list(zip(stages, sizes, buffers, strict=True))
        self.takes = np.concatenate([_masks(n, () if own else s.schedule.reads) for s, n, own in rows])
        self.gives = np.concatenate(
            [np.ones(n, np.int64) if own else _masks(n, s.schedule.writes) for s, n, own in rows]
        )
        self.inputs = self._table([s.inputs for s in stages])
        self.outputs = self._table([s.outputs for s in stages])
        self.size = np.tile(sizes, self.variants)
        self.offset = np.tile(np.cumsum(sizes) - sizes, self.variants)
        self.depth = np.tile([s.depth for s in stages], self.variants)
        self.buffer = np.tile(buffers, self.variants)
        self.at = np.zeros(self.size.size, dtype=np.int64)
        self.out_at = self.at.copy()
        self.clock = self.at.copy()
        self.got = self.at.copy()
        self.going = np.zeros(self.at.size, dtype=bool)
        self.every = np.arange(self.at.size)
        self.pipe = np.zeros((self.at.size, int(self.depth.max())), dtype=bool)

    def _buffers(self) -> None:
        """Lay out what each word of a buffer's output waits for, and from where on its input takes up room."""
        sizes = self.size[: len(self.stages)].tolist()
        need, base, total, capacity = [], [], [], []
        for stage, size in zip(self.stages, sizes, strict=True):
            schedule = stage.schedule
            if isinstance(schedule, BufferSchedule) and schedule.pattern is not None:
                g = schedule.pattern
                wanted = g.wanted(np.arange(bases(g).size)[:, np.newaxis])
                need.append(wanted.reshape(-1))
                base.append(np.repeat(bases(g), wanted.shape[1]))
                total.append(g.total)
                capacity.append(schedule.depth)
            else:
                need.append(np.zeros(size, np.int64))
                base.append(need[-1])
                total.append(0)
                capacity.append(0)
        self.need, self.base = np.concatenate(need), np.concatenate(base)
        self.total, self.capacity = np.tile(total, self.variants), np.tile(capacity, self.variants)

    def _table(self, channels: Sequence[tuple[str, ...]]) -> Ints:
        """Return the channels' numbers, a row for each process of each variant; the last channel fills them up."""
        widest = max(len(c) for c in channels)
        each = len(self.names)
        row = [[self.index[c] for c in names] + [-1] * (widest - len(names)) for names in channels]
        table = np.tile(np.array(row), (self.variants, 1))
        shift = np.repeat(np.arange(self.variants) * each, len(channels))[:, np.newaxis]
        return np.where(table < 0, self.variants * each, table + shift)

    def run(self, frames: int, limit: int | None) -> list[Ran]:
        """Go on until all frames are out or the limit is reached; a variant in which nothing moves is stuck."""
        sizes = {c: w.size for s in self.stages for c, w in zip(s.outputs, s.schedule.writes, strict=True)}
        ports = [name for name in self.names if name in sizes and self.sink[self.index[name]]]
        each = np.arange(self.variants)[:, np.newaxis] * len(self.names)
        numbers = each + np.array([self.index[name] for name in ports])
        beats, size = np.zeros(numbers.shape, dtype=np.int64), np.array([sizes[name] for name in ports])
        ends = np.zeros((self.variants, len(ports), frames), dtype=np.int64)
        first, moved = np.full(self.variants, -1), np.zeros(self.variants, dtype=np.int64)
        patience = _PATIENCE * (int(self.depth.max()) + 2)
        now = 0
        while limit is None or now < limit:
            taken, given = self._step()
            out = given[numbers]
            beats += out
            for variant, port in np.argwhere(out & (beats % size == 0) & (beats <= frames * size)):
                ends[variant, port, beats[variant, port] // size[port] - 1] = now
            moves = (taken | given)[:-1].reshape(self.variants, -1).any(axis=1)
            moves |= self.going.reshape(self.variants, -1).any(axis=1)
            begun = (taken & self.source)[:-1].reshape(self.variants, -1).any(axis=1)
            first[(first < 0) & begun] = now
            moved[moves] = now
            now += 1
            waiting = (beats // size).min(axis=1) < frames
            if not (waiting & (now - moved <= patience)).any():
                break
        done = np.minimum((beats // size).min(axis=1), frames)
        return [self._ran(v, ends[v].max(axis=0)[: done[v]], int(first[v]), now - int(moved[v]) > patience, frames)
                for v in range(self.variants)]  # fmt: skip

    def _ran(self, variant: int, ends: Ints, first: int, quiet: bool, frames: int) -> Ran:
        stuck = quiet and ends.size < frames
        here = slice(variant * len(self.names), (variant + 1) * len(self.names))
        full = np.flatnonzero((self.count >= self.room)[here] & self.inner[here]) if stuck else ()
        return Ran(tuple(ends.tolist()), first, stuck, tuple(self.names[i] for i in full))

    def _step(self) -> tuple[Bools, Bools]:
        """Advance by a cycle; return the channels from which a word was taken and to which one was given."""
        valid, ready = self._ports()
        given = self.held & ready
        stuck = self.held & ~ready
        entering = self._entering(valid)
        slot = self.clock % self.pipe.shape[1]
        self.pipe[self.every, slot] = entering
        leaving = self.pipe[self.every, (self.clock - self.depth + 1) % self.pipe.shape[1]]
        leaving &= self.clock >= self.depth - 1
        wanted = _bits(self.gives[self.offset + self.out_at] * leaving, self.outputs.shape[1])
        moves: Bools = np.logical_not((wanted & stuck[self.outputs]).any(axis=1))
        self.going = entering & moves
        takes = self._take(valid, moves)
        taken = np.zeros(self.held.size, dtype=bool)
        taken[self.inputs[takes]] = True
        self.held = stuck
        self.held[self.outputs[wanted & moves[:, np.newaxis]]] = True
        done = leaving & moves
        self.out_at = (self.out_at + done) % self.size
        self.clock += moves
        self._channels(taken, given)
        return taken, given

    def _ports(self) -> tuple[Bools, Bools]:
        valid = np.where(self.memory, self.ahead, self.count > 0) | self.source
        ready = (self.count < self.room) | self.sink
        if self.flow.idle:
            valid &= ~self.source | (self.rng.random(valid.size) >= self.flow.idle)
        if self.flow.stall:
            ready &= ~self.sink | (self.rng.random(ready.size) >= self.flow.stall)
        valid[-1] = ready[-1] = True
        return valid, ready

    def _entering(self, valid: Bools) -> Bools:
        here = self.offset + self.at
        asked = _bits(self.takes[here], self.inputs.shape[1])
        plain = ~(asked & ~valid[self.inputs]).any(axis=1)
        return np.where(self.buffer, self.need[here] < self.got, plain)

    def _take(self, valid: Bools, moves: Bools) -> Bools:
        """Move the iterations on; return which inputs are read."""
        here = self.offset + self.at
        takes = _bits(self.takes[here] * self.going, self.inputs.shape[1])
        own = self.buffer & moves & (self.got - self.base[here] < self.capacity) & valid[self.inputs[:, 0]]
        takes[:, 0] |= own
        self.at += self.going
        over = self.at == self.size
        self.at[over] = 0
        self.got += own
        self.got -= self.total * over
        return takes

    def _channels(self, taken: Bools, given: Bools) -> None:
        follow = self.memory & (~self.ahead | taken)
        pops = np.where(self.memory, follow & (self.count > 0), taken)
        self.ahead = np.where(follow, pops, self.ahead)
        self.count += (given & self.inner).astype(np.int64) - (pops & self.inner)


def _masks(size: int, moments: Sequence[Ints]) -> Ints:
    """Return for every iteration the streams that it touches, one bit each."""
    masks = np.zeros(size, dtype=np.int64)
    for number, at in enumerate(moments):
        masks[at] |= 1 << number
    return masks


def _bits(masks: Ints, count: int) -> Bools:
    return (masks[:, np.newaxis] >> np.arange(count) & 1).astype(bool)
