# SPDX-License-Identifier: Apache-2.0
"""A planned design cycle by cycle: processes with their schedules, pipelines that stall, FIFOs of the planned depth.

What moves is that beats come and go, not what they hold. The rules are those of the RTL. A FIFO is
``hwgen_fifo.sv``: two registers, or a memory with an output register beside it. A process is what the compiler makes:
a pipeline whose stages move together and not at all while a write waits for its output register; an iteration whose
words are missing leaves a bubble behind it. A buffer reads and writes by itself (`hwgen.ops.line_buffer`). The cycles
are gone through by ``sim/plan.cpp``, compiled: some tens of nanoseconds for what happens in one process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints
from hwgen.hw import Schedule
from hwgen.native import function
from hwgen.ops.line_buffer import BufferSchedule, bases
from hwgen.plan.timing import SHALLOW, Stage
from hwgen.resources import data_folder

_PATIENCE = 16
"""Pipeline lengths without any movement after which a design counts as stuck, however the ports pause."""
_NEVER = (1 << 63) - 1
_FLOW = 1 << 16
"""Cycles of which the compiled core takes a number as a probability."""
_STREAM = "at size channel word"
_PROCESS = "size depth inputs outputs end pipe need base group total capacity at out_at place live got waits since"
_CHANNEL = "room memory producer consumer size count ahead held valid ready taken put blocked out"
_RUN = (
    "processes channels streams awake moving ends states process_words channel_words process_count channel_count"
    " outputs watched frames limit patience idle stall random goal again now moved first last"
)
"""Members of the structs in the compiled core, 64 bits each."""
Table = npt.NDArray[np.void]


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
    blocked
        For each channel that held its producer up, for how many cycles: during the last frame, or since the beginning
        when there was a goal.
    steady
        Cycles a frame from now on, where that was found out.
    """

    ends: tuple[int, ...]
    first: int
    stuck: bool
    full: tuple[str, ...]
    blocked: Mapping[str, int] = field(default_factory=dict)
    steady: float | None = None

    @property
    def ii(self) -> float:
        """Cycles a frame in the steady state where it was found, else between the ends of the last two frames."""
        if self.steady is not None:
            return self.steady
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
    """Let a design run with several sets of FIFO depths; see `Design.run`."""
    design = Design(stages)
    return [design.run(depths, frames, flow, limit) for depths in variants]


class Design:
    """Processes laid out to run with any FIFO depths.

    Parameters
    ----------
    stages
        In any order.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.names = sorted({c for s in stages for c in (*s.inputs, *s.outputs)})
        self.index = {name: i for i, name in enumerate(self.names)}
        self.kept: list[Ints] = []
        self.streams = _table(_STREAM, [row for stage in stages for row in self._streams(stage)])
        self.processes = self._processes(stages)
        self.channels = self._channels(stages)
        self.patience = _PATIENCE * (max(stage.depth for stage in stages) + 2)

    def run(
        self,
        depths: Mapping[str, int],
        frames: int,
        flow: Flow | None = None,
        limit: int | None = None,
        goal: int | None = None,
    ) -> Ran:
        """Let the design run until all frames are out, the limit is reached, or nothing moves any more.

        Parameters
        ----------
        depths
            FIFO depths by channel, 0 at ports; any other of less than 2 counts as 2.
        frames
            Frames to wait for; the inputs never end.
        flow
            Pauses at the ports; None for none.
        limit
            Cycles after which to stop; None for as many as it takes.
        goal
            Stop as soon as the design is after a frame in a state in which it was before, or four frames in a row have
            taken the same time, more cycles than this; None to see all frames.
        """
        flow = flow or Flow()
        ends = np.zeros((self.channels.size, frames), dtype=np.int64)
        arrays = {**self._arrays(depths), "ends": ends}
        if goal is not None:
            arrays["states"] = np.zeros(frames, dtype=np.uint64)
        outputs = np.flatnonzero(self.channels["consumer"] < 0)
        numbers = {
            "process_words": arrays["awake"].size, "channel_words": arrays["moving"].size,
            "process_count": self.processes.size, "channel_count": self.channels.size,
            "outputs": outputs.size, "watched": int(outputs[0]),
            "frames": frames, "limit": _NEVER if limit is None else limit, "patience": self.patience,
            "idle": round(flow.idle * _FLOW), "stall": round(flow.stall * _FLOW), "random": _mixed(flow.seed),
            "goal": goal or 0, "again": -1, "first": -1, "last": _NEVER if frames > 1 and goal is None else 0,
        }  # fmt: skip
        run = _table(_RUN, [{**{name: array.ctypes.data for name, array in arrays.items()}, **numbers}])
        function(data_folder("sim") / "plan.cpp", "hwgen_run")(run.ctypes.data)
        return self._ran(run[0], arrays["channels"], ends)

    def _arrays(self, depths: Mapping[str, int]) -> dict[str, npt.NDArray[Any]]:
        """Return what the design is made of, in its first state."""
        processes, channels = self.processes.copy(), self.channels.copy()
        deep = np.array([depths[name] for name in self.names], dtype=np.int64)
        channels["memory"], channels["room"] = deep > SHALLOW, np.maximum(deep, SHALLOW)
        pipes = np.zeros(int(processes["depth"].sum()), dtype=np.uint8)
        processes["pipe"] = pipes.ctypes.data + np.cumsum(processes["depth"]) - processes["depth"]
        arrays = {"processes": processes, "channels": channels, "streams": self.streams.copy()}
        return {**arrays, "pipes": pipes, "awake": _bits(processes.size), "moving": _bits(channels.size)}

    def _ran(self, run: np.void, channels: Table, ends: Ints) -> Ran:
        given = channels["out"] // np.maximum(channels["size"], 1)
        outputs = channels["consumer"] < 0
        done = min(int(given[outputs].min()), ends.shape[1])
        found = ends[outputs].max(axis=0)[:done]
        stuck = done < ends.shape[1] and run["now"] - run["moved"] > self.patience
        inner = ~outputs & (channels["producer"] >= 0)
        full = np.flatnonzero(inner & (channels["count"] >= channels["room"])) if stuck else ()
        blocked = {self.names[i]: int(channels["blocked"][i]) for i in np.flatnonzero(channels["blocked"])}
        steady, begin, last = None, int(run["again"]), int(given[run["watched"]]) - 1
        if begin >= 0:
            steady = float(ends[run["watched"], last] - ends[run["watched"], begin]) / (last - begin)
        names = tuple(self.names[i] for i in full)
        return Ran(tuple(found.tolist()), int(run["first"]), bool(stuck), names, blocked, steady)

    def _streams(self, stage: Stage) -> list[dict[str, int]]:
        """Return the rows of the inputs, then of the outputs; a buffer reads by itself, and writes a word each time."""
        schedule = stage.schedule
        inputs, outputs = schedule.reads, schedule.writes
        if isinstance(schedule, BufferSchedule):
            outputs = (np.arange(schedule.writes[0].size, dtype=np.int64),)
        pairs = (*zip(stage.inputs, inputs, strict=True), *zip(stage.outputs, outputs, strict=True))
        return [{"at": self._address(at), "size": at.size, "channel": self.index[channel]} for channel, at in pairs]

    def _address(self, numbers: Ints) -> int:
        """Return where numbers are in memory, and keep them there."""
        self.kept.append(np.ascontiguousarray(numbers, dtype=np.int64))
        return int(self.kept[-1].ctypes.data)

    def _processes(self, stages: Sequence[Stage]) -> Table:
        rows, begin = [], 0
        for stage in stages:
            outputs = begin + len(stage.inputs)
            end = outputs + len(stage.outputs)
            place = {"depth": stage.depth, "inputs": begin, "outputs": outputs, "end": end, "waits": -1}
            rows.append({**place, **self._iterations(stage.schedule)})
            begin = end
        return _table(_PROCESS, rows)

    def _iterations(self, schedule: Schedule) -> dict[str, int]:
        """Return a process's iterations, and of a buffer what its words wait for and when its input takes up room."""
        if not isinstance(schedule, BufferSchedule) or schedule.pattern is None:
            return {"size": schedule.iterations}
        pattern = schedule.pattern
        base = bases(pattern)
        need = pattern.wanted(np.arange(base.size, dtype=np.int64)[:, np.newaxis])
        words = {"size": need.size, "group": need.shape[1], "total": pattern.total, "capacity": schedule.depth}
        return {**words, "need": self._address(need.reshape(-1)), "base": self._address(base)}

    def _channels(self, stages: Sequence[Stage]) -> Table:
        table = _table(_CHANNEL, [{"producer": -1, "consumer": -1}] * len(self.names))
        for number, stage in enumerate(stages):
            for channel in stage.inputs:
                table["consumer"][self.index[channel]] = number
            for channel, at in zip(stage.outputs, stage.schedule.writes, strict=True):
                table["producer"][self.index[channel]] = number
                table["size"][self.index[channel]] = at.size
        return table


def _table(members: str, rows: Sequence[Mapping[str, int]]) -> Table:
    """Return an array of structs; members that a row does not name are 0."""
    names = members.split()
    return np.array([tuple(row.get(name, 0) for name in names) for row in rows], [(name, np.int64) for name in names])


def _bits(count: int) -> npt.NDArray[np.uint64]:
    """Return as many bits, all set, in words of 64."""
    words = np.full(-(-count // 64), (1 << 64) - 1, dtype=np.uint64)
    words[-1] >>= np.uint64(-count % 64)
    return words


def _mixed(seed: int) -> int:
    """Return the state of a generator of random numbers, which must not be 0."""
    return (seed * 0x9E3779B97F4A7C15 + 0x1234567) % _NEVER + 1
