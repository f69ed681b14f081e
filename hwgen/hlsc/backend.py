# SPDX-License-Identifier: Apache-2.0
"""The back half of the compiler: IR of a process to SystemVerilog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from hwgen.errors import UserError
from hwgen.hlsc import ir, verify_ir
from hwgen.hlsc.back.arrange import arrange
from hwgen.hlsc.back.balance import balance
from hwgen.hlsc.back.compare import lower_comparisons
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.back.dsp import time_blocks
from hwgen.hlsc.back.emit import emit
from hwgen.hlsc.back.finalise import finalise
from hwgen.hlsc.back.identifiers import KEYWORDS
from hwgen.hlsc.back.multiply import lower_products
from hwgen.hlsc.back.narrow import narrow
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.back.pack_dsp import bind_products
from hwgen.hlsc.back.paths import Paths
from hwgen.hlsc.back.report import depth, report
from hwgen.hlsc.back.schedule import Schedule
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.garbage import uncollected

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
    iteration's start to its write handshake, `ii` the least number of cycles between two iterations.
    """

    rtl: str
    memories: Mapping[str, str]
    depth: int
    report: Mapping[str, Any]
    ii: int


def optimise(process: ir.Process, model: DelayModel) -> ir.Process:
    """Return an equivalent process with the fewest and narrowest operators found."""
    process = bind_products(narrow(rebuild(process)), model)
    return settle(lower_products(narrow(balance(process, model)), model))


def settle(process: ir.Process) -> ir.Process:
    """Narrow until nothing changes."""
    for _ in range(_ROUNDS):
        smaller = narrow(process)
        if smaller == process:
            break
        process = smaller
    return process


def plan(process: ir.Process, target: Target) -> Schedule:
    """Optimise and schedule a process."""
    verify_ir.verify(process)
    model = DelayModel(family(target.family), target.clock_mhz)
    lowered = lower_comparisons(optimise(process, model), model.family)
    ready = time_blocks(finalise(lowered), model)
    verify_ir.verify(ready)
    return arrange(ready, model)


def _too_slow(scheduled: Schedule) -> HlsError:
    paths = Paths(scheduled)
    rule, _, fix = paths.warning(scheduled.slow[0]).partition(" To fix it, ")
    place = paths.place(scheduled.slow[0]) or ir.Loc("", 0)
    return HlsError(rule, file=place.file, line=place.line, column=place.column, fix=fix[:1].upper() + fix[1:])


def _check_name(process: ir.Process) -> None:
    if process.name in KEYWORDS:
        raise UserError(
            f"The process must not be called {process.name}, a keyword of SystemVerilog.",
            hint=f"Try {process.name}_process.",
        )


@uncollected
def compile(process: ir.Process, target: Target, strict: bool = False) -> Compiled:
    """Compile a process to one SystemVerilog module.

    Parameters
    ----------
    process, target
        What is compiled, and for what.
    strict
        Whether a recurrence or operator that is slower than the clock is refused; else it is a warning in the report,
        and the module is right at a lower clock.

    Raises
    ------
    HlsError
        With `strict`, the first thing that is slower than the clock; and always a recurrence with more registers inside
        than the II has clocks.
    UserError
        The family has no delay table, or the process's name cannot be a module's.
    InternalError
        The IR is malformed.
    """
    _check_name(process)
    scheduled = plan(process, target)
    if strict and scheduled.slow:
        raise _too_slow(scheduled)
    return Compiled(emit(scheduled), {}, depth(scheduled), report(scheduled), scheduled.ii)
