# SPDX-License-Identifier: Apache-2.0
"""The stage that makes a bitstream, and what a build has to know of it before: is there a way, and at which clock."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.artifacts import read_json, write_json
from hwgen.errors import InfeasibleError, UnsupportedError, UserError
from hwgen.manifest import RUN
from hwgen.request import Request

if TYPE_CHECKING:
    from hwgen.plan import Plan
    from hwgen.stages import Build
    from hwgen.synth.bitstream import Project

PLACED = Path("report/bitstream.json")
FOLDER = Path("bitstream")
RECIPES = Path("synth")
ROOM = 1.2
"""Times the plan's clock that pipelines are cut for where a bitstream is made: routes of a whole design are longer than
those of the kernels alone that the delays were fitted to (digits-cnn cut for 46.9 MHz reached 41.7 on a ULX3S)."""
MARGIN = 0.98
"""Share of the clock reached that the next plan is made for: another clock is another netlist."""
ATTEMPTS = 4


class ClockMissed(Exception):
    """Place-and-route did not reach the plan's clock.

    Attributes
    ----------
    mhz
        What it reached.
    end
        Cell at the end of the slowest path.
    """

    def __init__(self, mhz: float, end: str) -> None:
        super().__init__(mhz, end)
        self.mhz, self.end = mhz, end


def check(job: Build) -> None:
    """Refuse a bitstream that there is no way to, before anything is built.

    Raises
    ------
    UserError
        The board is none that open tools know, or a tool is missing.
    """
    from hwgen.hw import boards
    from hwgen.synth.bitstream import tools

    if not job.request.bitstream:
        return
    if job.board.open is None:
        known = [name for name in boards.names() if boards.load(name).open is not None]
        text = f"--bitstream must have an open board ({', '.join(known)}), not {job.board.name}."
        raise UserError(text, hint="The files for AMD's tools are written without it.")
    tools(job.board)


def with_room(job: Build) -> Request:
    """Return the request with room in its pipelines, unless the budget says how much."""
    if not job.request.bitstream or job.budget.pipeline_mhz is not None:
        return job.request
    mhz = ROOM * (job.budget.clock_mhz or job.board.clock_mhz)
    return dataclasses.replace(job.request, changes={**job.request.changes, "pipeline_mhz": mhz})


def check_plan(plan: Plan) -> None:
    """Refuse a plan whose design cannot be used on its own on a board.

    Raises
    ------
    UnsupportedError
        It has no UART shell.
    InfeasibleError
        The board makes no clock that slow.
    """
    from hwgen.handover import open_board, uart

    reason = uart.obstacle(plan)
    if reason is not None:
        raise UnsupportedError(f"--bitstream must have a design with a UART shell. {reason}")
    open_board.clock(plan)


def options(job: Build) -> Any:
    """Return what the bitstream depends on beside plan and RTL: the tools, and the clock asked for at first."""
    from hwgen.synth.bitstream import tools

    return [tools(job.board), job.request.asked_mhz]


def project(plan: Plan, folder: Path) -> Project:
    """Return what the bitstream of a finished design is made of."""
    from hwgen.handover import open_board
    from hwgen.synth.bitstream import Project

    _, listed, constraints = open_board.files(plan)
    shell = (folder / listed).parent
    sources = tuple((shell / line).resolve() for line in (folder / listed).read_text().split())
    mhz = float(open_board.clock(plan).mhz)
    return Project(plan.name, plan.board, open_board.top(plan), sources, folder / constraints, mhz)


def run(job: Build) -> None:
    """Make the bitstream.

    Raises
    ------
    ClockMissed
        When place-and-route does not reach the plan's clock.
    """
    from hwgen.synth.bitstream import make

    wanted = project(job.plan, job.folder)
    found = make(wanted, job.folder / FOLDER, job.folder / RUN)
    job.speed = {f"{step}_seconds": round(value, 1) for step, value in found.seconds.items()}
    reached = found.placed.design
    if reached.achieved < reached.wanted:
        raise ClockMissed(wanted.mhz * reached.achieved / reached.wanted, found.placed.slowest.end)
    facts = found.to_json(wanted)
    asked = job.request.asked_mhz or job.plan.clock_mhz
    write_json(job.folder / PLACED, {**facts, "asked_mhz": asked})
    used = ", ".join(f"{part['used']:,} of {part['available']:,} {name}" for name, part in facts["utilisation"].items())
    job.note("bitstream", f"{used}; {reached.achieved:.1f} MHz reached, {wanted.mhz:g} MHz set")


def slower(job: Build, missed: ClockMissed, attempt: int) -> Request:
    """Return the request for a slower clock, to be planned anew, with pipelines that are cut for the clock missed.

    Raises
    ------
    InfeasibleError
        When no clock is left, or this was the last attempt.
    """
    from hwgen.hw.pll import fastest

    asked = job.request.asked_mhz or job.plan.clock_mhz
    clock = fastest(job.board, MARGIN * missed.mhz)
    if clock is None or attempt == ATTEMPTS:
        text = f"The clock must be one that place-and-route reaches on {job.board.name}: {missed.mhz:.1f} MHz"
        text += f" of {job.plan.clock_mhz:g} after {attempt} attempts from {asked:g} MHz on."
        raise InfeasibleError(text, hint="Lower the limits of the budget: fuller devices are slower.")
    return dataclasses.replace(_at(job, float(clock.mhz), asked), first=None)


def settled(job: Build) -> Request | None:
    """Return the request at the clock that an earlier build of the same has ended at; None where it lowered none."""
    request, path = job.request, job.request.folder / PLACED
    if not request.bitstream or not path.is_file():
        return None
    try:
        found = read_json(path)
        asked, mhz = float(found["asked_mhz"]), float(found["clock_mhz"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    wanted = job.budget.clock_mhz or job.board.clock_mhz
    return _at(job, mhz, asked) if asked == wanted and mhz < asked else None


def _at(job: Build, mhz: float, asked: float) -> Request:
    """Return the request at another clock, its pipelines cut for the one that was asked for."""
    changes = {**job.request.changes, "pipeline_mhz": max(asked, job.budget.pipeline_mhz or asked)}
    return dataclasses.replace(job.request, clock_mhz=mhz, asked_mhz=asked, changes=changes)


def write_recipe(job: Build) -> None:
    """Write ``synth/bitstream.ys`` and ``synth/bitstream.mk``: the stage's commands, for those who have no hwgen."""
    from hwgen.handover import open_board
    from hwgen.render.project import environment
    from hwgen.synth.counting import NO_PROOF, script
    from hwgen.synth.nextpnr import FLOWS, place_options
    from hwgen.version import VERSION

    plan = job.plan
    _, listed, constraints = open_board.files(plan) if plan.board.open else (None, Path(), Path())
    if not job.has(listed):
        return
    names = [os.path.normpath(f"../{listed.parent}/{line}") for line in (job.folder / listed).read_text().split()]
    flow, folder = FLOWS[plan.board.family], job.folder / RECIPES
    lines = script(names, open_board.top(plan), plan.board.family, netlist="netlist.json")
    facts = {
        "version": VERSION,
        "title": plan.board.title,
        "top": open_board.top(plan),
        "place": flow.place,
        "pack": flow.pack,
        "file": f"{plan.name}.{flow.ending}",
        "pack_options": " ".join(flow.pack_options),
        "place_options": " ".join(place_options(plan.board, float(open_board.clock(plan).mhz))),
        "constraints": constraints.as_posix(),
        "constraints_option": flow.constraints,
        "routed_option": flow.routed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    heading = f"# generated by hwgen {VERSION}, do not edit\n"
    (folder / "bitstream.ys").write_text(heading + "\n".join([NO_PROOF, *lines]) + "\n")
    (folder / "bitstream.mk").write_text(environment().get_template("synth/bitstream.mk.j2").render(facts))
