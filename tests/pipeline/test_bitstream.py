# SPDX-License-Identifier: Apache-2.0
"""What a build knows of bitstreams: refusals before anything is done, and clocks that place-and-route misses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hwgen
from hwgen import bitstream, pipeline, stages
from hwgen.errors import InfeasibleError, UnsupportedError, UserError
from hwgen.plan import Plan, make_plan
from hwgen.request import BuildResult, Request

MLP = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp" / "model.onnx"


def request(tmp_path: Path, **changes: Any) -> Request:
    return Request(MLP, **{"board": "icebreaker", "bitstream": True, "out": tmp_path / "out", **changes})


def test_a_board_without_open_tools_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must have an open board \(icebreaker, ulx3s\), not zcu102\."):
        hwgen.build(MLP, board="zcu102", bitstream=True, out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_bitstream_is_of_the_whole(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--bitstream must have the whole RTL"):
        request(tmp_path, verify="layers", layers=1)
    assert not request(tmp_path, verify="golden").parity_only


def fake(results: list[float | BuildResult], asked: list[float | None]) -> Any:
    """Return a stand-in for one run of the stages: it misses the clocks in `results`, and notes what it was asked."""

    def run(job: stages.Build, listen: pipeline.Listener, *, only_if_done: bool = False) -> BuildResult:
        asked.append(job.budget.clock_mhz)
        job.__dict__["plan"] = SimpleNamespace(clock_mhz=job.budget.clock_mhz or job.board.clock_mhz)
        found = results.pop(0)
        if isinstance(found, float):
            raise bitstream.ClockMissed(found, "sum_reg")
        return found

    return run


def test_a_missed_clock_is_planned_anew_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float | None] = []
    done = BuildResult(True, tmp_path, False, {}, {})
    monkeypatch.setattr(pipeline, "_build", fake([22.0, 19.0, done], asked))
    told: list[str] = []
    found = pipeline.build(
        request(tmp_path, clock_mhz=30.0), lambda event: told.extend([event.text] * bool(event.text))
    )
    assert found is done and asked == [30.0, 21.375, 18.375]  # what the PLL makes below 98 % of what was reached
    assert told == [
        "22.0 MHz reached of 30 (slowest path ends at sum_reg); again from plan, for 21.375 MHz",
        "19.0 MHz reached of 21.375 (slowest path ends at sum_reg); again from plan, for 18.375 MHz",
    ]


def test_a_clock_that_stays_out_of_reach_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_build", fake([11.0], []))
    with pytest.raises(
        InfeasibleError, match=r"reaches on icebreaker: 11\.0 MHz of 12 after 1 attempts from 12 MHz on"
    ):
        pipeline.build(request(tmp_path))


def test_the_clock_found_is_kept_for_the_same_request(tmp_path: Path) -> None:
    path = tmp_path / "out" / bitstream.PLACED
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"asked_mhz": 30.0, "clock_mhz": 21.375}))

    def settled(wanted: Request) -> Request | None:
        return bitstream.settled(stages.Build(wanted, lambda stage, text: None))

    wanted = request(tmp_path, clock_mhz=30.0)
    again = replace(wanted, clock_mhz=21.375, asked_mhz=30.0, changes={"pipeline_mhz": 30.0})
    assert settled(wanted) == again
    assert settled(replace(wanted, clock_mhz=24.0)) is None and settled(replace(wanted, bitstream=False)) is None


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    job = stages.Build(Request(MLP, board="icebreaker"), lambda stage, text: None)
    return make_plan(job.lowered.graph, job.board, job.budget)


def test_pipelines_have_room_unless_the_budget_says(tmp_path: Path) -> None:
    def cut(wanted: Request) -> Any:
        return bitstream.with_room(stages.Build(wanted, lambda stage, text: None)).changes

    assert cut(request(tmp_path)) == {"pipeline_mhz": pytest.approx(14.4)}
    assert cut(request(tmp_path, clock_mhz=20.0)) == {"pipeline_mhz": 24.0}
    assert cut(request(tmp_path, changes={"pipeline_mhz": 12})) == {"pipeline_mhz": 12}
    assert cut(request(tmp_path, bitstream=False)) == {}


def test_a_plan_must_suit_shell_and_board(plan: Plan) -> None:
    bitstream.check_plan(plan)
    assert plan.resources.lut <= 0.7 * 5280
    with pytest.raises(InfeasibleError, match=r"clock must be at least 12 MHz on icebreaker, not 8\."):
        bitstream.check_plan(replace(plan, clock_mhz=8.0))
    with pytest.raises(UnsupportedError, match=r"must have a design with a UART shell\. No UART shell: "):
        bitstream.check_plan(replace(plan, ports=(*plan.ports, plan.ports[0])))
