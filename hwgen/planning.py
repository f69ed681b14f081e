# SPDX-License-Identifier: Apache-2.0
"""`hwgen plan`: everything up to the plan, nothing rendered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen import artifacts, facts, stages
from hwgen.errors import Problem, UserError
from hwgen.finished import read
from hwgen.request import Request
from hwgen.version import VERSION
from hwgen.workspace import Workspace

if TYPE_CHECKING:
    from hwgen.graph import Graph
    from hwgen.plan import Plan
    from hwgen.plan.explain import Explanation

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
    known = {**facts.origin(job, quantize), "roofline": facts.roofline_of(job), "quantize": quantize}
    return Planned(plan, build_report(plan, known))


def with_layers_verified(found: Planned, say: Callable[[str], None] = lambda text: None) -> Planned:
    """Add what Verilator and Yosys say of every layer shape alone: the keys ``verified`` and ``verified_layers``.

    Raises
    ------
    HwgenError
        When a process cannot be compiled, or a tool is missing.
    """
    from hwgen.layers_alone import verify_layers

    layers = verify_layers(found.plan, say)
    return Planned(found.plan, {**found.report, "verified": layers["verified"], "verified_layers": layers})


def explain_model(request: Request, layers: Sequence[str]) -> list[Explanation]:
    """Return why layers of a model, or of a finished build's folder, are built as they are.

    Parameters
    ----------
    request
        Its `model` is an ONNX file, or the output folder of a build.
    layers
        Names of layers, processes or ONNX nodes.

    Raises
    ------
    UserError
        With every name that is none, or when the folder holds no plan.
    HwgenError
        The model cannot be planned.
    """
    from hwgen.plan.explain import Explainer

    explainer = Explainer(*_decided(request))
    problems: list[Problem] = []
    found: list[str] = []
    for name in layers:
        try:
            found += [layer for layer in explainer.find(name) if layer not in found]
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return [explainer.explain(layer) for layer in found]


def _decided(request: Request) -> tuple[Plan, Graph]:
    """Return a plan with its graph: those of a build's folder, or made anew."""
    if not request.model.is_dir():
        job = stages.Build(request, lambda stage, text: None)
        return job.plan, job.lowered.graph
    from hwgen.ops.lowered import Lowered
    from hwgen.plan import Plan

    plan = read(request.model, stages.PLAN, Plan)
    return plan, read(request.model, stages.LOWERED, Lowered).graph


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
