# SPDX-License-Identifier: Apache-2.0
"""Weights that do not fit on the chip are streamed: of as few layers as it takes, within the bandwidth, exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwgen.config import Budget
from hwgen.errors import InfeasibleError
from hwgen.graph import Graph
from hwgen.hw import boards
from hwgen.plan import Plan, make_plan
from hwgen.render import render
from tests.ops.build import GraphBuilder, evaluate, random_inputs
from tests.ops.csim import differing

BOARD = boards.load("pynq-z2")
TIGHT = {"lut": 2000, "bram36": 1}


def network() -> Graph:
    """Return three dense layers; the first holds most of the weights."""
    b = GraphBuilder("dense")
    hidden = b.thresholds("act0", b.matvec("big", b.input("x", (256,), 4), 64, 8), 3)
    hidden = b.thresholds("act1", b.matvec("middle", hidden, 48, 8), 3)
    return b.graph([b.matvec("small", hidden, 10, 4)])


def planned(limits: dict[str, int], clock: float = 100.0) -> Plan:
    return make_plan(network(), BOARD, Budget.parse({"board": "pynq-z2", "clock_mhz": clock, "limits": limits}))


def streamed(plan: Plan) -> list[str]:
    return [p.name for p in plan.processes if p.choice.storage == "streamed"]


def test_nothing_is_streamed_where_all_fits() -> None:
    plan = planned({})
    assert streamed(plan) == []
    assert [port.name for port in plan.ports if port.feed] == []


def test_the_fewest_layers_are_streamed() -> None:
    plan = planned(TIGHT)
    assert streamed(plan) == ["big"]
    (port,) = [port for port in plan.ports if port.feed]
    assert (port.name, port.direction, port.tdata_bits % 8) == ("s_axis_w0", "in", 0)
    assert plan.channel(port.channel).type.beats == plan.process("big").cycles


def test_the_bandwidth_is_kept() -> None:
    plan = planned(TIGHT | {"bandwidth_gbps": 0.2})
    (port,) = [port for port in plan.ports if port.feed]
    assert port.tdata_bits <= 16


def test_without_memories_the_refusal_is_that_of_the_chip() -> None:
    with pytest.raises(InfeasibleError, match="must fit"):
        make_plan(network(), replace(BOARD, memories=()), Budget.parse({"board": "pynq-z2", "limits": TIGHT}))


def test_the_design_computes_the_golden_model(tmp_path: Path) -> None:
    plan = planned(TIGHT)
    golden = evaluate(network(), random_inputs(network(), 2)) | plan.feeds(2)
    assert differing([(plan, golden)], tmp_path / "csim", 2) == []
    render(plan, tmp_path / "out")
    sent = np.frombuffer((tmp_path / "out/weights/s_axis_w0.bin").read_bytes(), np.uint8)
    assert sent.size == 256 * 64
    assert np.array_equal(plan.feeds(1)["big_weights"].reshape(-1), sent)
