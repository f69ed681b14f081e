# SPDX-License-Identifier: Apache-2.0
"""Simulated designs: planned FIFOs keep the planned II and latency, whatever the ports do, and small ones do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ops.build import GraphBuilder, mlp, moves, residual

from hwgen.config import Budget
from hwgen.graph import Graph
from hwgen.hw import Schedule, boards
from hwgen.plan import Plan, make_plan
from hwgen.plan.fifos import depths, occupancy, on_cycles, wired
from hwgen.plan.latency import latency, stages
from hwgen.plan.simulate import Design, Flow, simulate
from hwgen.plan.timing import Stage


def twice() -> Graph:
    """Return a network with two joins, one of whose short branches has weights of its own."""
    b = GraphBuilder("twice")
    x = b.conv("stem", b.input("image", (3, 12, 12), 4), 8)
    for name in ("first", "second"):
        y = b.conv(f"{name}_b", b.conv(f"{name}_a", x, 8), 8)
        if name == "second":
            x = b.thresholds("skip_act", b.matvec("skip", x, 8, per_pixel=True))
        x = b.thresholds(f"{name}_act", b.node(f"{name}_add", "add", [x, y], {"m0": 3, "m1": 2, "bias": 1}))
    return b.graph([b.matvec("fc", x, 5)])


NETWORKS = {"mlp": mlp, "residual": residual, "moves": moves, "twice": twice}
FLOWS = [Flow(idle=0.2, seed=1), Flow(stall=0.2, seed=2), Flow(idle=0.2, stall=0.2, seed=3)]


def planned(graph: Graph, budget: dict[str, object]) -> Plan:
    return make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", **budget}))


def depths_of(plan: Plan) -> dict[str, int]:
    return {channel.name: channel.depth for channel in plan.channels}


def pointwise(name: str, beats: int, depth: int, sources: tuple[str, ...], targets: tuple[str, ...]) -> Stage:
    order = np.arange(beats, dtype=np.int64)
    return Stage(name, Schedule(beats, (order,) * len(sources), (order,) * len(targets)), depth, sources, targets)


def ring(lead: int) -> list[Stage]:
    """Return a fork, a join, and a process between them that must read `lead` beats more than it has written."""
    beats = np.arange(32, dtype=np.int64)
    late = Stage("late", Schedule(32 + lead, (beats,), (beats + lead,)), 3, ("long",), ("back",))
    fork = pointwise("fork", 32, 1, ("in",), ("long", "short"))
    return [fork, late, pointwise("join", 32, 2, ("back", "short"), ("out",))]


def test_a_chain_takes_its_depths_and_hops() -> None:
    chain = [pointwise("a", 10, 3, ("in",), ("x",)), pointwise("b", 10, 2, ("x",), ("out",))]
    (shallow, deep) = simulate(chain, [{"in": 0, "x": 2, "out": 0}, {"in": 0, "x": 5, "out": 0}], 3)
    assert shallow.ends == (15, 25, 35) and shallow.latency == 15
    assert deep.ends == (16, 26, 36)


def test_a_burst_needs_a_fifo() -> None:
    order = np.arange(8, dtype=np.int64)
    burst = Stage("a", Schedule(32, (order,), (order,)), 1, ("in",), ("x",))
    slow = Stage("b", Schedule(32, (order * 4,), (order * 4,)), 1, ("x",), ("out",))
    assert occupancy(order, order * 4 + 2, 32) == 6
    assert depths([burst, slow], 32, {"x": 8})["x"] == 5


@pytest.mark.parametrize("seed", range(20))
def test_a_fifo_holds_what_is_written_and_not_yet_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    period, beats = int(rng.integers(8, 40)), int(rng.integers(1, 9))
    writes, reads = (np.sort(rng.choice(period, beats, replace=False)) for _ in range(2))
    reads = reads + int(rng.integers(period, 4 * period))
    frames = np.arange(-8, 8, dtype=np.int64)[:, np.newaxis] * period
    held = [int((frames + writes <= at).sum() - (frames + reads < at).sum()) for at in writes]
    assert occupancy(writes, reads, period) == max(held)


def test_channels_between_a_fork_and_its_join_lie_on_a_cycle() -> None:
    chain = pointwise("after", 32, 1, ("out",), ("end",))
    assert on_cycles([*ring(4), chain]) == {"long", "short", "back"}


def test_at_a_frame_a_clock_channels_off_the_cycles_are_wires_in_short_runs() -> None:
    fork = pointwise("fork", 1, 1, ("a",), ("long", "short"))
    join = pointwise("join", 1, 1, ("long", "short"), ("b",))
    ends = [pointwise(name, 1, 1, (source,), (target,)) for name, source, target in ("pbc", "qcd", "rde", "sef")]
    first = pointwise("o", 1, 1, ("in",), ("a",))
    inner = dict.fromkeys(("a", "long", "short", "b", "c", "d", "e"), 2)
    found = wired([first, fork, join, *ends], inner, 3)
    assert found == {"a": 0, "long": 2, "short": 2, "b": 2, "c": 0, "d": 0, "e": 0}


@pytest.mark.parametrize("lead", [3, 8, 17])
def test_a_short_branch_holds_what_the_long_one_is_ahead_and_no_more(lead: int) -> None:
    stages = ring(lead)
    ports = {"in": 0, "out": 0}
    deep = {**ports, **depths(stages, 32 + lead, dict.fromkeys(("long", "short", "back"), 8))}
    tight, less = simulate(stages, [deep, {**deep, "short": deep["short"] - 1}], 4)
    assert tight.ii == 32 + lead and not tight.stuck
    assert less.ii > 32 + lead
    (shut,) = simulate(stages, [{**deep, "short": 2, "long": 2, "back": 2}], 4)
    assert shut.stuck and shut.full == ("short",)


@pytest.mark.parametrize(
    "budget", [{}, {"limits": {"lut": 4000}}, {"target": {"fps": 20_000}}, {"target": "min_latency"}]
)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_planned_fifos_let_the_planned_ii_and_latency_happen(name: str, budget: dict[str, object]) -> None:
    graph = NETWORKS[name]()
    limits = {"limits": {"lut": 12_000}} if name != "mlp" and "limits" in budget else budget
    plan = planned(graph, limits)
    (ran,) = simulate(stages(plan, graph), [depths_of(plan)], 6 if plan.ii < 5000 else 3)
    assert ran.ii <= plan.ii
    assert ran.latency == pytest.approx(plan.latency, abs=2)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_gets_stuck_when_ports_pause(name: str, flow: Flow) -> None:
    graph = NETWORKS[name]()
    plan = planned(graph, {})
    (ran,) = simulate(stages(plan, graph), [depths_of(plan)], 3, flow)
    assert len(ran.ends) == 3


def test_one_word_less_in_the_short_branch_costs_cycles() -> None:
    graph = residual()
    plan = planned(graph, {})
    design, assumed = stages(plan, graph), depths_of(plan)
    deep = {**assumed, **depths(design, plan.ii, {c.name: c.type.width for c in plan.channels})}
    assert all(deep[name] <= words for name, words in assumed.items())
    branch = max((c for c in plan.channels if c.depth > 2), key=lambda c: c.depth)
    assert deep[branch.name] < branch.type.beats // 2
    kept, less = simulate(design, [deep, {**deep, branch.name: deep[branch.name] - 1}], 4)
    assert kept.ii == plan.ii
    assert less.stuck or less.ii > plan.ii


@pytest.mark.parametrize("short", [1, 2, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_design_that_repeats_itself_goes_on_so(name: str, short: int) -> None:
    graph = NETWORKS[name]()
    plan = planned(graph, {})
    design = Design(stages(plan, graph))
    depths = {c: max(depth // short, 2) if depth else 0 for c, depth in depths_of(plan).items()}
    found, ends = design.run(depths, 40, goal=plan.ii), design.run(depths, 40).ends
    assert found.ends == ends[: len(found.ends)] and len(found.ends) < 40
    assert found.stuck or found.steady == (ends[-1] - ends[-13]) / 12


def test_what_holds_a_producer_up_is_named() -> None:
    order = np.arange(8, dtype=np.int64)
    burst = Stage("a", Schedule(32, (order,), (order,)), 1, ("in",), ("x",))
    slow = Stage("b", Schedule(32, (order * 4,), (order * 4,)), 1, ("x",), ("out",))
    tight, enough = simulate([burst, slow], [{"in": 0, "x": 2, "out": 0}, {"in": 0, "x": 8, "out": 0}], 4)
    assert set(tight.blocked) == {"x"} and not enough.blocked


def test_a_depth_that_was_only_estimated_may_be_wrong() -> None:
    graph = residual()
    plan = planned(graph, {})
    deeper = [replace(stage, depth=stage.depth + 2) for stage in stages(plan, graph)]
    (ran,) = simulate(deeper, [depths_of(plan)], 4)
    assert ran.ii == plan.ii
    assert ran.latency == pytest.approx(latency(deeper, plan.channels), abs=2)
