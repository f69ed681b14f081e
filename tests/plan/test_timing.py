# SPDX-License-Identifier: Apache-2.0
"""Latency by max-plus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from ops.build import GraphBuilder, mlp, residual

from hwgen.config import Budget
from hwgen.graph import Graph
from hwgen.hw import Schedule, boards
from hwgen.plan import Plan, make_plan
from hwgen.plan.latency import latency, stages
from hwgen.plan.timeline import timeline
from hwgen.plan.timing import Stage, isolated


def pointwise(name: str, beats: int, depth: int, source: str, target: str) -> Stage:
    order = np.arange(beats, dtype=np.int64)
    return Stage(name, Schedule(beats, (order,), (order,)), depth, (source,), (target,))


def test_a_chain_of_pointwise_processes_adds_its_depths() -> None:
    stages = [pointwise("a", 10, 3, "in", "x"), pointwise("b", 10, 2, "x", "out")]
    writes, reads = isolated(stages, {"in": 10}, {"in": 0, "x": 1})
    assert writes["out"].tolist() == list(range(3 + 1 + 2, 3 + 1 + 2 + 10))
    assert reads["in"].tolist() == list(range(10))


def deeper(plan: Plan, graph: Graph, more: Mapping[str, int]) -> list[Stage]:
    """Return a plan's processes with some of their pipelines deeper."""
    return [replace(stage, depth=stage.depth + more.get(stage.name, 0)) for stage in stages(plan, graph)]


def test_a_deeper_pipeline_at_the_end_delays_the_frame_by_as_much() -> None:
    graph = residual()
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", "limits": {"lut": 12_000}}))
    assert latency(stages(plan, graph), plan.channels) == plan.latency
    last = next(p for p in plan.processes if p.outputs == (plan.ports[-1].channel,) or p.layer == "fc")
    assert latency(deeper(plan, graph, {last.name: 5}), plan.channels) == plan.latency + 5


def test_depths_add_up_along_the_longest_path_alone() -> None:
    graph = mlp()
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102"}))
    every = deeper(plan, graph, {process.name: 1 for process in plan.processes})
    assert latency(every, plan.channels) == plan.latency + len(plan.processes)


def test_the_timeline_of_one_frame_ends_with_the_latency_and_no_process_gives_before_it_takes() -> None:
    graph = residual()
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102"}))
    found = timeline(plan, graph)
    assert list(found) == [process.name for process in plan.processes]
    windows = [window for (window,) in found.values()]
    assert min(first for first, *_ in windows) == 0
    assert max(end for *_, end in windows) == plan.latency
    assert all(first <= last and first < begin <= end for first, last, begin, end in windows)


def test_streamed_weights_are_read_along_with_the_data() -> None:
    b = GraphBuilder("streamed")
    graph = b.graph([b.matvec("fc", b.input("x", (512,), 8), 256)])
    limits = {"lut": 2500, "ff": 20000, "dsp": 8, "bram36": 1}
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", "limits": limits}))
    assert "streamed" in {process.choice.storage for process in plan.processes}
    assert max(end for ((*_, end),) in timeline(plan, graph).values()) == plan.latency
    assert latency(stages(plan, graph), plan.channels) == plan.latency
