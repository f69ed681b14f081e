# SPDX-License-Identifier: Apache-2.0
"""`hwgen plan`: everything up to the plan, nothing rendered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen import artifacts, stages
from hwgen.errors import UserError
from hwgen.request import Request
from hwgen.version import VERSION
from hwgen.workspace import Workspace

if TYPE_CHECKING:
    from hwgen.plan import Plan

REPORT = Path("report") / "plan.json"


@dataclass(frozen=True)
class Planned:
    """A plan with its report: the keys of a build's that a plan can know, the others None."""

    plan: Plan
    report: dict[str, Any]


def plan_model(request: Request) -> Planned:
    """Import, lower and plan a model; write nothing.

    Raises
    ------
    HwgenError
        With every problem found.
    """
    job = stages.Build(request, lambda stage, text: None)
    return planned(job)


def planned(job: stages.Build) -> Planned:
    """Return the plan of a build in memory, and its report."""
    from hwgen.report import build_report

    plan = job.plan
    quantize = None if job.quantize is None else job.quantisation.facts
    facts = {**stages.origin(job, quantize), "roofline": stages.roofline_of(job), "quantize": quantize}
    return Planned(plan, build_report(plan, facts))


def write_plan(found: Planned, out: Path) -> None:
    """Write plan, report and roofline into a folder: by one rename, or not at all.

    Raises
    ------
    UserError
        The folder holds a build or other things, or cannot be written.
    """
    from hwgen.report import write_roofline

    with Workspace(out) as space:
        if space.state:
            hint = "Choose another with --out; a build has its plan already, in plan.json and report/."
            raise UserError(f"The output folder must not be that of a build, but {out} is.", hint=hint)
        artifacts.save(space.folder / stages.PLAN, found.plan)
        artifacts.write_json(space.folder / REPORT, found.report)
        if found.report["roofline"] is not None:
            write_roofline(space.folder / REPORT.parent, found.report)
        space.publish({"generator": "hwgen plan", "version": VERSION, "model": found.report["model_sha256"]})
