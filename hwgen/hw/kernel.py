# SPDX-License-Identifier: Apache-2.0
"""The words that operators and the plan share: unit, folding, schedule, cost, and the call of a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from hwgen.graph import Ints
from hwgen.hw.board import Resources
from hwgen.hw.stream import StreamType

Unit = Literal["none", "lut_generic", "lut_const", "xnor", "dsp"]
Storage = Literal["auto", "lut", "lutram", "bram", "uram", "streamed"]


@dataclass(frozen=True)
class Folding:
    """How much of an operator works in one cycle.

    Parameters
    ----------
    simd
        Input elements a cycle.
    pe
        Output elements a cycle (matrix-vector unit), else equal to `simd`.
    pixels
        Pixels side by side that a cycle works on.
    overlap
        Whether a window takes the next frame in while it writes this one, where it could also do without; that costs
        a copy of its buffer for each tap of a word.
    """

    simd: int
    pe: int
    pixels: int = 1
    overlap: bool = False

    def words(self, multiplies: bool) -> str:
        """Return the folding in words: lanes, or outputs and inputs where it is one of products."""
        lanes = "1 lane" if self.simd == 1 else f"{self.simd} lanes"
        shape = f"PE {self.pe} x SIMD {self.simd}" if multiplies or self.pe != self.simd else lanes
        shape = f"{shape}, frames overlapping" if self.overlap else shape
        return shape if self.pixels == 1 else f"{shape}, {self.pixels} pixels"


@dataclass(frozen=True)
class Choice:
    """How to build an operator.

    Parameters
    ----------
    folding
        How much of it works in one cycle.
    unit
        What multiplies; ``none`` where nothing does.
    storage
        Where its weights or the lines that it keeps live; ``auto`` leaves that to the compiler's rule.
    """

    folding: Folding
    unit: Unit = "none"
    storage: Storage = "auto"


@dataclass(frozen=True)
class CType:
    """An `ap_int` or `ap_uint` type in a kernel's configuration."""

    signed: bool
    bits: int

    def __str__(self) -> str:
        return f"ap_{'int' if self.signed else 'uint'}<{self.bits}>"


@dataclass(frozen=True)
class Rom:
    """A constant table of a kernel.

    Parameters
    ----------
    name
        C++ parameter name, ``weights`` for instance.
    ctype
        Element type.
    shape
        ``(depth, lanes)`` as the kernel indexes it: the depth by a run-time address, the lanes by constants.
    key
        Key of the values in the plan's arrays.
    """

    name: str
    ctype: CType
    shape: tuple[int, ...]
    key: str


@dataclass(frozen=True)
class KernelCall:
    """One instance of a kernel of `hls/include/hwgen`, fully decided.

    The rendered process is ``void <process>(streams) { hwgen::<function><<process>_cfg>(streams..., roms...); }``.

    Parameters
    ----------
    header
        ``matvec.hpp``.
    function
        ``matvec``.
    config
        Members of the configuration struct in order; booleans, integers and types.
    roms
        Constant tables in the order of the kernel's parameters.
    inputs, outputs
        Streams in the order of the kernel's parameters.
    feeds
        For the last of the inputs, the keys of the constants that they bring from outside again and again: arrays of
        bytes, one row a beat. Every iteration reads one.
    """

    header: str
    function: str
    config: Mapping[str, int | bool | CType]
    inputs: tuple[StreamType, ...]
    outputs: tuple[StreamType, ...]
    roms: tuple[Rom, ...] = ()
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Schedule:
    """When a process touches its streams, counted in iterations of its one loop (one iteration a cycle, unstalled).

    Parameters
    ----------
    iterations
        Iterations from the first that belongs to a frame to the last.
    reads, writes
        For each stream, int64 arrays with the iteration at which beat i is read or written, ascending.
    every
        The process's own initiation interval between frames where it is less than `iterations`, because a frame is
        begun before the one before it is done; None where frames follow each other.
    """

    iterations: int
    reads: tuple[Ints, ...]
    writes: tuple[Ints, ...]
    every: int | None = None

    @property
    def ii(self) -> int:
        """Iterations from a frame to the next."""
        return self.iterations if self.every is None else self.every

    def starts(self, arrivals: Sequence[Ints | None], start: int = 0) -> Ints:
        """Return the cycle of every iteration when nothing but the inputs holds the process up.

        Parameters
        ----------
        arrivals
            For each input the cycles from which its beats may be read, ascending; None for inputs that never wait.
        start
            Cycle before which nothing starts.
        """
        bound = np.full(self.iterations, start, dtype=np.int64)
        for reads, arrival in zip(self.reads, arrivals, strict=True):
            if arrival is not None:
                bound[reads] = np.maximum(bound[reads], arrival)
        return in_order(bound)

    def alone(self, arrivals: Sequence[Ints]) -> tuple[tuple[Ints, ...], tuple[Ints, ...]]:
        """Return the cycles at which an idle process reads and at which it starts what it writes, for one frame."""
        times = self.starts(arrivals)
        return tuple(times[reads] for reads in self.reads), tuple(times[writes] for writes in self.writes)

    def fed(self, count: int) -> Schedule:
        """Return the schedule where every iteration also reads a beat from each of `count` more streams."""
        every = np.arange(self.iterations, dtype=np.int64)
        return replace(self, reads=(*self.reads, *(every for _ in range(count))))

    def taken(self, times: Ints, arrivals: Sequence[Ints | None], period: int) -> tuple[Ints, ...]:
        """Return the cycles of the reads when iterations start at `times` and repeat every `period` cycles."""
        return tuple(times[reads] for reads in self.reads)


def in_order(bound: Ints) -> Ints:
    """Return the earliest strictly ascending times that are not before `bound`."""
    order = np.arange(bound.size, dtype=np.int64)
    return np.asarray(order + np.maximum.accumulate(bound - order), dtype=np.int64)


@dataclass(frozen=True)
class Option:
    """One way to build an operator: what a planner chooses from.

    Parameters
    ----------
    choice
        Unit, folding and storage.
    cycles
        Iterations for one frame.
    cost
        Estimated resources.
    traffic
        Bytes that a frame takes from memory off chip.
    """

    choice: Choice
    cycles: int
    cost: Resources
    traffic: int = 0

    @property
    def folding(self) -> Folding:
        """How much works in one cycle."""
        return self.choice.folding


@dataclass(frozen=True)
class Built:
    """A kernel call with the arrays that its ROMs and feeds refer to."""

    call: KernelCall
    arrays: Mapping[str, Ints] = field(default_factory=dict, compare=False, repr=False)


def fed(rows: Ints, stream: StreamType, frames: int) -> Ints:
    """Return what a feed brings in some frames, ``(frames, elements)``: its rows again and again.

    Parameters
    ----------
    rows
        Bytes, one row a beat.
    stream
        The feed's stream, of bytes.
    frames
        How many.
    """
    return np.tile(rows.reshape(-1), (frames, stream.beats // len(rows)))


def config_json(config: Mapping[str, int | bool | CType]) -> dict[str, Any]:
    """Return a kernel's configuration as a JSON-ready dict."""
    return {k: str(v) if isinstance(v, CType) else v for k, v in config.items()}
