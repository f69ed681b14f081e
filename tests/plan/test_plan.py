# SPDX-License-Identifier: Apache-2.0
"""Plans: legal, within the budget, explained, and the refusals of impossible ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ops.build import GraphBuilder, evaluate, mlp, random_inputs, residual
from ops.csim import differing

from hwgen import artifacts
from hwgen.config import Budget
from hwgen.errors import InfeasibleError
from hwgen.graph import Graph
from hwgen.hw import Resources, boards
from hwgen.plan import Plan, make_plan

BOARDS = ("zcu102", "pynq-z2", "ulx3s")
TARGETS = ("max_fps", "min_latency", {"fps": 3000.0})


def plan(graph: Graph, board: str = "zcu102", **budget: object) -> Plan:
    return make_plan(graph, boards.load(board), Budget.parse({"board": board, **budget}))


@pytest.fixture(scope="module", params=BOARDS)
def plans(request: pytest.FixtureRequest) -> list[Plan]:
    return [plan(graph, request.param, target=target) for graph in (mlp(), residual()) for target in TARGETS]


def test_every_stream_end_is_connected(plans: list[Plan]) -> None:
    for p in plans:
        for channel in p.channels:
            for end, side in ((channel.producer, "outputs"), (channel.consumer, "inputs")):
                if end is not None:
                    assert getattr(p.process(end[0]), side)[end[1]] == channel.name
        used = [name for q in p.processes for name in (*q.inputs, *q.outputs)]
        assert len(used) == len(set(used)) + sum(c.depth > 0 for c in p.channels)
        assert set(used) == {c.name for c in p.channels}


def test_both_ends_of_a_channel_have_its_format(plans: list[Plan]) -> None:
    for p in plans:
        for q in p.processes:
            assert tuple(p.channel(name).type for name in q.inputs) == q.call.inputs
            assert tuple(p.channel(name).type for name in q.outputs) == q.call.outputs


def test_processes_stand_in_topological_order(plans: list[Plan]) -> None:
    for p in plans:
        place = {q.name: i for i, q in enumerate(p.processes)}
        for c in p.channels:
            if c.producer and c.consumer:
                assert place[c.producer[0]] < place[c.consumer[0]]


def test_ports_fit_the_board(plans: list[Plan]) -> None:
    for p in plans:
        for port in p.ports:
            stream = p.channel(port.channel).type
            assert port.tdata_bits == stream.lanes * port.element_bits
            assert port.tdata_bits <= max(p.board.axis_bits, port.element_bits)
            assert port.element_bits >= port.type.bits


def test_the_ii_is_the_slowest_process(plans: list[Plan]) -> None:
    for p in plans:
        assert p.ii == max(max(q.cycles for q in p.processes), max(c.type.beats for c in p.channels))
        assert p.process(p.bottleneck).cycles == max(q.cycles for q in p.processes)
        assert p.latency >= max(q.cycles for q in p.processes)
        assert p.resources.lut <= p.limits.lut


def test_everything_has_a_reason(plans: list[Plan]) -> None:
    for p in plans:
        assert p.binding
        subjects = {d.subject for d in p.decisions}
        assert {q.name for q in p.processes} | {port.name for port in p.ports} <= subjects
        assert all(d.reason and d.choice for d in p.decisions)


def test_names_are_unique_and_spare_the_tops(plans: list[Plan]) -> None:
    for p in plans:
        names = [q.name for q in p.processes] + [c.name for c in p.channels] + [p.name, f"{p.name}_core"]
        assert len(names) == len(set(names))


def test_a_layer_may_be_called_like_the_design() -> None:
    graph = replace(mlp(), name="fc0")
    found = plan(graph)
    assert "fc0" not in {q.name for q in found.processes}
    assert "fc0" in {q.layer for q in found.processes}


def test_a_smaller_limit_makes_a_slower_design() -> None:
    fast, slow = plan(mlp()), plan(mlp(), limits={"lut": 3000})
    assert slow.ii > fast.ii
    assert slow.resources.lut <= 3000 < fast.resources.lut
    assert slow.binding.startswith("the budget: an II of ")
    assert "LUT of 3,000" in slow.binding


def test_min_latency_is_not_slower_than_max_fps() -> None:
    fast, short = plan(residual()), plan(residual(), target="min_latency")
    assert short.latency < fast.latency
    assert short.ii <= fast.ii


def test_a_frame_rate_is_met_with_less_area() -> None:
    fast, enough = plan(mlp()), plan(mlp(), target={"fps": 100_000})
    assert enough.fps >= 100_000
    assert enough.resources.lut < fast.resources.lut
    assert enough.binding == "the target: 100000 frames per second need no more than an II of 2,000"


def test_an_impossible_limit_says_what_is_needed() -> None:
    with pytest.raises(InfeasibleError) as error:
        plan(residual(), limits={"lut": 500})
    assert str(error.value).startswith("The design must fit 500 LUT, but its nearest form needs ")
    need = int(str(error.value).split("limits.lut to at least ")[1].split(",")[0])
    assert plan(residual(), limits={"lut": need + 500}).resources.lut <= need + 500


def test_an_impossible_frame_rate_says_what_is_reached() -> None:
    with pytest.raises(
        InfeasibleError, match=r"must reach 1e\+09 frames per second, but 5e\+07 is the most at 200 MHz"
    ):
        plan(mlp(), target={"fps": 1e9})


def test_a_join_says_what_its_short_branch_holds() -> None:
    found = plan(residual())
    join = found.process("merge")
    short = max((found.channel(name) for name in join.inputs), key=lambda c: c.depth)
    assert 2 < short.depth < short.type.beats
    why = next(d for d in found.decisions if d.subject == short.name)
    assert why.choice == f"FIFO of {short.depth}"
    assert why.reason.endswith("before the other branch into merge delivers")
    forks = [q for q in found.processes if q.op == "fork"]
    assert len(forks) == 1
    assert forks[0].call.config["kCopies"] == 2


def test_unlike_lanes_meet_through_their_gcd() -> None:
    from hwgen.ops.width import chain

    assert chain(4, 4) == ()
    assert chain(2, 6) == (6,)
    assert chain(6, 4) == (2, 4)


def test_more_clock_more_frames() -> None:
    assert plan(mlp(), clock_mhz=50).fps * 4 == plan(mlp()).fps


def test_plan_survives_its_file(tmp_path: Path) -> None:
    first = plan(residual())
    artifacts.save(tmp_path / "a", first)
    again = artifacts.restore(tmp_path / "a", Plan)
    assert again == first
    assert all(np.array_equal(again.arrays[key], values) for key, values in first.arrays.items())
    artifacts.save(tmp_path / "b", plan(residual()))
    for ending in ("json", "npz"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_a_graph_input_with_two_readers_is_forked() -> None:
    b = GraphBuilder()
    x = b.input("x", (4, 2, 2), 4)
    graph = b.graph([b.node("s", "add", [x, b.thresholds("t", x)], {"m0": 1, "m1": 1, "bias": 0})])
    found = plan(graph)
    assert found.processes[0].op == "fork"


def test_a_tensor_that_is_read_and_returned_is_forked() -> None:
    b = GraphBuilder()
    hidden = b.thresholds("t", b.input("x", (4,), 6))
    found = plan(b.graph([b.matvec("m", hidden, 3), hidden]))
    assert [port.name for port in found.ports] == ["s_axis_0", "m_axis_0", "m_axis_1"]
    assert sum(q.op == "fork" for q in found.processes) == 1


def test_compiled_networks_equal_golden(tmp_path: Path) -> None:
    cases = [(plan(g, "pynq-z2", limits={"lut": 9000}), evaluate(g, random_inputs(g))) for g in (mlp(), residual())]
    assert differing(cases, tmp_path, 3) == []


def test_resources_add_up() -> None:
    assert Resources(1, 2, 3, 4, 5) + Resources(1, 1, 1, 1, 1) == Resources(2, 3, 4, 5, 6)
