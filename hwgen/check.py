# SPDX-License-Identifier: Apache-2.0
"""`hwgen check`: everything that keeps a model from being built, before anything is built."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hwgen.request import Request
from hwgen.stages import Build


def check_model(request: Request) -> dict[str, Any]:
    """Import, lower and, where a board or a budget is given, plan a model; write nothing.

    Returns
    -------
    dict
        JSON-ready; ``summary`` holds sentences for people.

    Raises
    ------
    HwgenError
        With every problem found.
    """
    job = Build(request, lambda stage, text: None)
    graph = job.lowered.graph
    inexact = [proof for proof in job.lowered.proofs if not proof.exact]
    counts = Counter(node.op for node in graph.nodes)
    facts: dict[str, Any] = {
        "ok": True,
        "model": request.model.name,
        "nodes": len(job.source.nodes),
        "operators": dict(sorted(counts.items())),
        "inexact": [proof.node for proof in inexact],
        "summary": [
            f"{request.model.name}: {len(job.source.nodes)} ONNX nodes become {len(graph.nodes)} integer operators ("
            + ", ".join(f"{count} {op}" for op, count in sorted(counts.items()))
            + ").",
            *(f"Requantisation at {p.node} is not exact: {p.detail}" for p in inexact),
        ],
    }
    if request.board or request.budget:
        facts |= _planned(job, facts["summary"])
    return facts


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
