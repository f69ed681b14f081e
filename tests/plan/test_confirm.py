# SPDX-License-Identifier: Apache-2.0
"""FIFOs behind a buffer that stalls: analysis alone leaves digits-cnn 6 % slower than planned, the simulator tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen import frontend
from hwgen.config import load_budget
from hwgen.graph import Graph
from hwgen.hw import boards
from hwgen.passes.lower import lower
from hwgen.plan import Plan, confirm, make_plan, planner
from hwgen.plan.latency import stages
from hwgen.plan.simulate import simulate

DESIGN = Path(__file__).resolve().parents[2] / "designs" / "digits-cnn"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return lower(frontend.load(DESIGN / "model.onnx", name="digits_cnn")).graph


def plan(graph: Graph) -> Plan:
    budget = load_budget(DESIGN / "budget.yaml", {}, board="zcu102", clock_mhz=None)
    return make_plan(graph, boards.load("zcu102"), budget)


def simulated(plan: Plan, graph: Graph) -> float:
    (ran,) = simulate(stages(plan, graph), [{c.name: c.depth for c in plan.channels}], 5)
    return ran.ii


def test_a_planned_interval_is_that_of_the_simulated_design(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(graph)
    assert simulated(found, graph) == found.ii
    monkeypatch.setattr(planner, "confirmed", lambda stages, planned, period, widths: dict(planned))
    unconfirmed = plan(graph)
    assert unconfirmed.ii == found.ii
    assert simulated(unconfirmed, graph) > 1.02 * found.ii


def test_what_is_enough_stays(graph: Graph) -> None:
    found = plan(graph)
    planned = {c.name: c.depth for c in found.channels}
    widths = {c.name: c.type.width for c in found.channels}
    assert confirm.confirmed(stages(found, graph), planned, found.ii, widths) == planned


def test_channels_behind_a_buffer(graph: Graph) -> None:
    found = plan(graph)
    behind = confirm.behind_buffers(stages(found, graph))
    assert "maxpool_7_maxpool_out_s" in behind and "conv_1_conv_window_out_s" in behind
    assert found.ports[0].channel not in behind
