# SPDX-License-Identifier: Apache-2.0
"""The back half of the compiler: IR of a process to SystemVerilog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from hwgen.hlsc import ir, verify_ir
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.back.emit import emit
from hwgen.hlsc.back.finalise import finalise
from hwgen.hlsc.back.narrow import narrow
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.back.place import place_late
from hwgen.hlsc.back.schedule import Schedule, schedule

_ROUNDS = 4


class Target(Protocol):
    """What the process is compiled for: a family with a delay table, and the clock in MHz."""

    @property
    def family(self) -> str:
        """Return the family's name."""

    @property
    def clock_mhz(self) -> float:
        """Return the clock in MHz."""


class Compiled(NamedTuple):
    """A compiled process.

    `memories` maps names of files that must lie beside the RTL to their text; `depth` is the number of cycles from an
    iteration's start to its write handshake.
    """

    rtl: str
    memories: Mapping[str, str]
    depth: int
    report: Mapping[str, Any]


def optimise(process: ir.Process) -> ir.Process:
    """Return an equivalent process with the fewest and narrowest operators found."""
    process = rebuild(process)
    for _ in range(_ROUNDS):
        smaller = narrow(process)
        if smaller == process:
            break
        process = smaller
    return process


def plan(process: ir.Process, target: Target) -> Schedule:
    """Optimise and schedule a process."""
    verify_ir.verify(process)
    ready = finalise(optimise(process))
    verify_ir.verify(ready)
    return place_late(schedule(ready, DelayModel(family(target.family), target.clock_mhz)))


def compile(process: ir.Process, target: Target) -> Compiled:
    """Compile a process to one SystemVerilog module.

    Raises
    ------
    UserError
        The family has no delay table.
    InternalError
        The IR is malformed.
    """
    scheduled = plan(process, target)
    base = len(scheduled.netlist.process.values)
    writes = range(base, base + len(scheduled.netlist.process.writes))
    depth = 1 + max((scheduled.stage[n] for n in writes), default=0)
    return Compiled(emit(scheduled), {}, depth, {})
