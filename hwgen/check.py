# SPDX-License-Identifier: Apache-2.0
"""`hwgen check`: everything that keeps a model from being built, at once, before anything is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from hwgen.errors import ExitCode, HwgenError, Problem
from hwgen.request import Request
from hwgen.stages import Build
from hwgen.tables import quantisation_lines

CLASSES = {ExitCode.USER: "user", ExitCode.UNSUPPORTED: "unsupported", ExitCode.INFEASIBLE: "infeasible"}


@dataclass
class _Findings:
    """Problems, each once, with the class of the error that held it first."""

    classes: dict[Problem, ExitCode] = field(default_factory=dict)

    def add(self, error: HwgenError) -> None:
        """Take the problems of an error; those of hwgen itself are raised again."""
        if error.exit_code not in CLASSES:
            raise error
        for problem in error.problems:
            self.classes.setdefault(Problem(problem.message, problem.node, problem.hint), error.exit_code)

    def to_json(self) -> dict[str, Any]:
        """Return the problems, and the exit code of the worst: infeasible, unsupported, user error."""
        problems = [{**asdict(problem), "class": CLASSES[code]} for problem, code in self.classes.items()]
        facts: dict[str, Any] = {"ok": not problems, "problems": problems, "exit_code": 0}
        if problems:
            facts["exit_code"] = int(max(self.classes.values()))
            facts["errors"] = [asdict(problem) for problem in self.classes]
        return facts


def check_model(request: Request) -> dict[str, Any]:
    """Import, lower and, where a board or a budget is given, plan a model; write nothing.

    A stage that cannot run for what an earlier one found is left out; everything else is looked at.

    Returns
    -------
    dict
        JSON-ready: ``ok``, ``problems`` (each with its ``class``), ``exit_code``, and for what could be computed what
        came out; ``summary`` holds sentences for people.

    Raises
    ------
    InternalError
        Something in hwgen failed.
    """
    job = Build(request, lambda stage, text: None)
    found = _Findings()
    facts: dict[str, Any] = {"model": request.model.name, "summary": []}
    fits = request.has_board and _attempt(found, lambda: job.budget and job.board)
    if _attempt(found, lambda: job.source):
        facts |= {"nodes": len(job.source.nodes), "opset": job.source.opset}
        _attempt(found, lambda: facts.update(_quantised(job, facts["summary"])))
        if _attempt(found, lambda: job.lowered):
            facts |= _lowered(job, facts["summary"])
            if fits and _attempt(found, lambda: job.plan):
                facts |= _planned(job, facts["summary"])
    else:
        _attempt(found, lambda: _survey(job, found))
    return {**found.to_json(), **facts}


def _attempt(found: _Findings, step: Callable[[], object]) -> bool:
    """Run a step; keep what it raises, and return whether it came to an end."""
    try:
        step()
    except HwgenError as error:
        found.add(error)
        return False
    return True


def _survey(job: Build, found: _Findings) -> None:
    from hwgen import frontend

    for error in frontend.survey(job.request.model, job.shapes):
        found.add(error)


def _quantised(job: Build, summary: list[str]) -> dict[str, Any]:
    if job.quantize is None:
        return {}
    figures = job.quantisation.facts
    summary += [*(f"warning: {text}" for text in figures["warnings"]), *quantisation_lines(figures)]
    return {"quantize": figures}


def _lowered(job: Build, summary: list[str]) -> dict[str, Any]:
    graph, proofs = job.lowered.graph, job.lowered.proofs
    inexact = [proof for proof in proofs if not proof.exact]
    counts = Counter(node.op for node in graph.nodes)
    summary += [
        f"{job.request.model.name}: {len(job.source.nodes)} ONNX nodes become {len(graph.nodes)} integer operators ("
        + ", ".join(f"{count} {op}" for op, count in sorted(counts.items()))
        + ").",
        f"{len(proofs) - len(inexact)} of {len(proofs)} requantisations are proven equal to the model's.",
        *(f"Requantisation at {p.node} is not exact: {p.detail}" for p in inexact),
    ]
    return {"operators": dict(sorted(counts.items())), "inexact": [proof.node for proof in inexact]}


def _planned(job: Build, summary: list[str]) -> dict[str, Any]:
    plan = job.plan
    summary.append(
        f"Fits {plan.board.name}: a frame every {plan.ii:,} cycles, {plan.fps:,.0f} frames/s projected at "
        f"{plan.clock_mhz:g} MHz, {plan.resources.lut:,.0f} LUT estimated. {plan.binding}"
    )
    return {
        "board": plan.board.name,
        "clock_mhz": plan.clock_mhz,
        "cycles": {"ii_plan": plan.ii, "latency_plan": plan.latency},
        "fps": plan.fps,
        "resources": {"plan": plan.resources.to_json()},
    }
