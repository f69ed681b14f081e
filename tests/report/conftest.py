# SPDX-License-Identifier: Apache-2.0
"""A small plan with a branch, its report and its page; nothing is compiled or simulated."""

from __future__ import annotations

from typing import Any

import pytest
from ops.build import residual

from hwgen.config import Budget
from hwgen.hw import boards
from hwgen.plan import Plan, make_plan
from hwgen.plan.roofs import roofline
from hwgen.plan.timeline import timeline
from hwgen.report import build_report
from hwgen.report.html import page

VERDICT = {
    "ok": True,
    "golden": {"tensors": 9, "mismatches": 0},
    "csim": {"tensors": 21, "mismatches": 0},
    "layers": None,
    "rtl": {"tensors": 21, "mismatches": 0, "runs": 40, "frames": 4},
    "frames": 4,
    "problems": [],
    "accuracy": None,
    "parity": {
        "max_lsb": 1,
        "layers": [
            {
                "tensor": "stem",
                "onnx": "/stem/<Relu> & Co",
                "elements": 3200,
                "teacher": {"max_lsb": 1, "inexact": 3, "first": None},
                "free": {"max_lsb": 1, "inexact": 3, "first": None},
                "sqnr_db": 51.25,
            }
        ],
    },
}


def plan_for(limit: int) -> Plan:
    """Return the plan of the residual network within so many LUTs."""
    return make_plan(residual(), boards.load("zcu102"), Budget.parse({"board": "zcu102", "limits": {"lut": limit}}))


def report_of(plan: Plan) -> dict[str, Any]:
    """Return a report with every part of it; three frames follow each other as the plan says."""
    alone = timeline(plan, residual())
    frames = {name: [[at + k * plan.ii for at in rows[0]] for k in range(3)] for name, rows in alone.items()}
    found = roofline(plan, 8.0)
    assert found is not None
    facts = {
        "name": plan.name, "board": "zcu102", "warnings": ["The board's memory is guessed."], "model": "model.onnx",
        "model_sha256": "ab" * 32, "seed": 0, "host": ["The host computes nothing."], "roofline": found.to_json(),
        "proofs": [{"node": "stem", "method": "thresholds", "exact": True, "differing": 0, "detail": "16 levels"}],
        "timeline": {"source": "rtl", "processes": frames}, "verify": VERDICT,
        "hlsc": {p.name: {"depth": p.depth, "timing": {"mhz": 250.0}} for p in plan.processes},
    }  # fmt: skip
    return build_report(plan, facts)


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Return the plan that the page shows."""
    return plan_for(12_000)


@pytest.fixture(scope="session")
def report(plan: Plan) -> dict[str, Any]:
    """Return its report."""
    return report_of(plan)


@pytest.fixture(scope="session")
def html(plan: Plan, report: dict[str, Any]) -> str:
    """Return its page."""
    return page(plan, report)
