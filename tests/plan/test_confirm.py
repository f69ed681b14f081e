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


def depths_of(plan: Plan) -> dict[str, int]:
    return {channel.name: channel.depth for channel in plan.channels}


def simulated(plan: Plan, graph: Graph) -> float:
    (ran,) = simulate(stages(plan, graph), [depths_of(plan)], 5)
    return ran.ii


@pytest.fixture
def unconfirmed(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> Plan:
    with monkeypatch.context() as patch:
        patch.setattr(planner, "confirmed", lambda stages, planned, period, widths: (dict(planned), period))
        return plan(graph)


def confirmed(plan: Plan, graph: Graph) -> tuple[dict[str, int], int]:
    return confirm.confirmed(
        stages(plan, graph), depths_of(plan), plan.ii, {c.name: c.type.width for c in plan.channels}
    )


def test_a_planned_interval_is_that_of_the_simulated_design(graph: Graph, unconfirmed: Plan) -> None:
    found = plan(graph)
    assert simulated(found, graph) == found.ii == unconfirmed.ii
    assert simulated(unconfirmed, graph) > 1.02 * found.ii


def test_few_channels_become_deeper_and_none_more_than_it_takes(graph: Graph, unconfirmed: Plan) -> None:
    before, after = depths_of(unconfirmed), depths_of(plan(graph))
    (deeper,) = [c for c in after if after[c] != before[c]]
    assert before[deeper] < after[deeper] < 2 * before[deeper]


def test_what_is_enough_stays(graph: Graph) -> None:
    found = plan(graph)
    assert confirmed(found, graph) == (depths_of(found), found.ii)


def test_what_nothing_helps_is_told(graph: Graph) -> None:
    found = plan(graph)
    channels = stages(found, graph), depths_of(found)
    assert confirm.confirmed(*channels, found.ii - 1, dict.fromkeys(channels[1], 1)) == (depths_of(found), found.ii)


def test_a_plan_that_simulates_slower_says_so(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "confirmed", lambda stages, planned, period, widths: (dict(planned), period + 9))
    found = plan(graph)
    (told,) = [decision for decision in found.decisions if decision.subject == "II"]
    assert told.choice == f"{found.ii:,} cycles" and f"alone takes {found.ii - 9:,}" in told.reason


@pytest.mark.parametrize("enough", [{3}, {0, 7}, {2, 3, 4}, set(range(8)), set()])
def test_what_is_needed_is_found_and_no_more(enough: set[int]) -> None:
    found = confirm.needed(lambda some: enough <= set(some), [], range(8))
    assert set(found) == enough


def test_of_two_that_help_the_first_is_taken() -> None:
    assert confirm.needed(lambda some: bool({2, 6} & set(some)), [], range(8)) == [2]
