# SPDX-License-Identifier: Apache-2.0
"""The words that operators and the plan share: unit, folding, schedule, cost, and the call of a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hwgen.graph import Ints
from hwgen.hw.board import Resources
from hwgen.hw.stream import StreamType

Unit = Literal["none", "lut_generic", "lut_const", "xnor", "dsp"]


@dataclass(frozen=True)
class Folding:
    """How much of an operator works in one cycle.

    Parameters
    ----------
    simd
        Input elements a cycle.
    pe
        Output elements a cycle (matrix-vector unit), else equal to `simd`.
    """

    simd: int
    pe: int


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
    """

    header: str
    function: str
    config: Mapping[str, int | bool | CType]
    inputs: tuple[StreamType, ...]
    outputs: tuple[StreamType, ...]
    roms: tuple[Rom, ...] = ()


@dataclass(frozen=True, eq=False)
class Schedule:
    """When a process touches its streams, counted in iterations of its one loop (one iteration a cycle, unstalled).

    Parameters
    ----------
    iterations
        Trip count of one frame: the process's own initiation interval between frames.
    reads, writes
        For each stream, int64 arrays with the iteration at which beat i is read or written, ascending.
    """

    iterations: int
    reads: tuple[Ints, ...]
    writes: tuple[Ints, ...]


@dataclass(frozen=True)
class Option:
    """One way to build an operator: what a planner chooses from.

    Parameters
    ----------
    unit, folding
        The choice.
    cycles
        Iterations for one frame.
    cost
        Estimated resources.
    """

    unit: Unit
    folding: Folding
    cycles: int
    cost: Resources


@dataclass(frozen=True)
class Built:
    """A kernel call with the arrays that its ROMs refer to."""

    call: KernelCall
    arrays: Mapping[str, Ints] = field(default_factory=dict, compare=False, repr=False)


def config_json(config: Mapping[str, int | bool | CType]) -> dict[str, Any]:
    """Return a kernel's configuration as a JSON-ready dict."""
    return {k: str(v) if isinstance(v, CType) else v for k, v in config.items()}
