# SPDX-License-Identifier: Apache-2.0
"""What each target gives, what the user's choices leave, and the sentences where nothing fits."""

from __future__ import annotations

from typing import Any

import pytest

from hwgen.config import Budget
from hwgen.errors import InfeasibleError, UserError
from hwgen.graph import Graph
from hwgen.hw import boards
from hwgen.plan import Plan, make_plan
from tests.ops.build import GraphBuilder, mlp, residual


def plan(graph: Graph, board: str = "zcu102", **budget: Any) -> Plan:
    return make_plan(graph, boards.load(board), Budget.parse({"board": board, **budget}))


def refusal(graph: Graph, **budget: Any) -> list[str]:
    with pytest.raises(InfeasibleError) as error:
        plan(graph, **budget)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("micros", [6.0, 12.0, 40.0])
def test_an_answer_in_time_takes_the_least_area(micros: float) -> None:
    short = plan(residual(), target="min_latency")
    found = plan(residual(), target={"latency_us": micros})
    assert short.latency <= found.latency <= micros * found.clock_mhz
    assert found.resources.lut <= short.resources.lut
    assert found.binding.startswith(f"the target: an answer within {micros:g} us needs no more than an II of ")


def test_more_time_takes_no_more_area() -> None:
    luts = [plan(residual(), target={"latency_us": micros}).resources.lut for micros in (6, 12, 24, 64)]
    assert luts == sorted(luts, reverse=True) and luts[-1] < luts[0]


def test_an_impossible_latency_says_what_is_the_least() -> None:
    (text,) = refusal(residual(), target={"latency_us": 0.01})
    assert text.startswith("The design must answer within 0.01 us, but ")
    assert " us is the least at 200 MHz. What binds: " in text


def test_an_impossible_rate_says_what_it_would_need() -> None:
    (text,) = refusal(mlp(), limits={"lut": 3000, "dsp": 0}, target={"fps": 1e7})
    assert text.startswith("The design must reach 1e+07 frames per second, but ")
    assert " LUT of 3,000" in text


def test_every_resource_that_binds_is_told() -> None:
    found = refusal(residual(), limits={"lut": 500, "ff": 300})
    assert [text.split(", but its nearest form needs ")[0] for text in found] == [
        "The design must fit 500 LUT",
        "The design must fit 300 FF",
    ]


def test_the_nearest_form_fits_the_limits_that_it_asks_for() -> None:
    (text,) = refusal(residual(), limits={"lut": 500})
    need = int(text.split("limits.lut to at least ")[1].split(",")[0])
    assert plan(residual(), limits={"lut": need + 500}).resources.lut <= need + 500


def test_weights_beyond_the_memories_are_told() -> None:
    b = GraphBuilder("wide")
    graph = b.graph([b.matvec("fc", b.input("x", (512,), 4), 256, 8)])
    text = refusal(graph, limits={"bram36": 1, "lut": 900, "bandwidth_gbps": 0})[0]
    assert "The weights are 1.0 Mbit, the memories that may be used hold 0.0 Mbit." in text


def test_the_users_choices_are_kept() -> None:
    found = plan(mlp(), layers={"fc0": {"pe": 4, "simd": 16, "unit": "lut_generic"}, "fc1": {"unit": "dsp"}})
    fc0, fc1 = found.process("fc0").choice, found.process("fc1").choice
    assert (fc0.folding.pe, fc0.folding.simd, fc0.unit, fc1.unit) == (4, 16, "lut_generic", "dsp")


def test_impossible_choices_are_told_together() -> None:
    with pytest.raises(UserError) as error:
        plan(mlp(), layers={"fc0": {"pe": 3, "unit": "xnor"}, "onnx/fc1": {"simd": 7}})
    first, second, third = (str(problem) for problem in error.value.problems)
    assert first == "layers.fc0.unit must be one of dsp, lut_const, lut_generic, not xnor."
    assert second == "layers.fc0.pe must be one of 1, 2, 4, 8, 16, 32, not 3."
    assert third == "layers.fc1.simd must be one of 1, 2, 4, 8, 16, 32, not 7."


def test_choices_that_exclude_each_other_are_told() -> None:
    with pytest.raises(UserError, match=r"^layers.fc0 must be buildable, but has no form of unit lut_const with pe 1 "):
        plan(mlp(), layers={"fc0": {"unit": "lut_const", "pe": 1, "simd": 1}})


def test_reserved_area_is_left_free() -> None:
    free = plan(mlp(), "pynq-z2", limits={"lut": "100%"}, reserved={"lut": "95%"})
    assert free.resources.lut <= free.limits.lut == 2660
