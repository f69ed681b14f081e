# SPDX-License-Identifier: Apache-2.0
"""The solver against all choices there are: on random chains with joins, and the costs of whole plans."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwgen.config import Budget
from hwgen.graph import Graph, Ints
from hwgen.hw import Resources, boards
from hwgen.hw.limits import limits_of
from hwgen.plan import eliminate, make_plan
from hwgen.plan.choose import Chooser
from hwgen.plan.eliminate import Elimination
from hwgen.plan.glue import fifo_cost
from hwgen.plan.goal import STREAMS, Goal, weights
from hwgen.plan.relax import Relaxation
from hwgen.plan.sites import Edge
from hwgen.plan.solve import fewest_streams, nearest, smallest
from hwgen.plan.space import ILLEGAL, KINDS, Crossing, Pool, Space, thinned
from hwgen.plan.swaps import Swaps
from tests.ops.build import mlp, residual

EFFORT = 5.0


@st.composite
def spaces(draw: st.DrawFn) -> tuple[Space, Ints]:
    """Draw a chain of sites with a second way past one of them, and limits that some of its choices keep to."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    count = draw(st.integers(2, 4))
    pairs = [(i, i + 1) for i in range(count - 1)] + ([(0, 2)] if count > 2 and draw(st.booleans()) else [])
    pools = []
    for _ in range(count):
        options = int(rng.integers(1, 6))
        cost = rng.integers(0, 30, (options, len(KINDS))) * (rng.random(len(KINDS)) < 0.5)
        lanes = rng.choice([1, 2, 4], (options, 2))
        ins, outs = (np.repeat(lanes[:, k : k + 1], 2, axis=1) for k in (0, 1))
        pools.append(Pool(np.arange(options), cost, ins, outs))
    crossings = []
    for source, target in pairs:
        ends = np.unique(pools[source].outputs), np.unique(pools[target].inputs)
        cost = rng.integers(0, 9, (ends[0].size, ends[1].size, len(KINDS)))
        cost[rng.random(cost.shape[:2]) < 0.2] = ILLEGAL
        crossings.append(Crossing(Edge("t", source, int(target - source > 1), target, 0, False), *ends, cost))
    return Space(tuple(pools), tuple(crossings)), rng.integers(10, 90, len(KINDS))


def everything(space: Space) -> list[Ints]:
    """Return what every legal choice costs."""
    costs = [space.cost(places) for places in product(*(range(len(pool.index)) for pool in space.pools))]
    return [cost for cost in costs if (cost < ILLEGAL).all()]


@settings(max_examples=120, deadline=None)
@given(spaces())
def test_no_choice_within_the_limits_is_smaller(drawn: tuple[Space, Ints]) -> None:
    space, limits = drawn
    goal = Goal(limits, weights(limits))
    areas = [int(goal.area(cost)) for cost in everything(space) if (cost <= limits).all()]
    answer = smallest(Relaxation(space), goal, EFFORT)
    assert (answer.status == "optimal") == bool(areas) and (answer.status == "infeasible") == (not areas)
    if areas:
        assert answer.area == answer.bound == min(areas) == int(goal.area(space.cost(answer.places)))


@settings(max_examples=60, deadline=None)
@given(spaces())
def test_as_few_weights_are_streamed_as_must_be(drawn: tuple[Space, Ints]) -> None:
    space, limits = drawn
    relaxed, goal = Relaxation(space), Goal(limits, weights(limits))
    streams = [int(cost[STREAMS]) for cost in everything(space) if (cost <= limits).all()]
    fewest = fewest_streams(relaxed, goal, EFFORT)
    assert not streams or fewest.limits[STREAMS] in (min(streams), max(min(streams), 1))
    areas = [int(fewest.area(cost)) for cost in everything(space) if (cost <= fewest.limits).all()]
    assert bool(areas) == bool(streams) and smallest(relaxed, fewest, EFFORT).area == min(areas, default=0)


@settings(max_examples=60, deadline=None)
@given(spaces())
def test_prices_alone_tell_no_lies(drawn: tuple[Space, Ints]) -> None:
    space, limits = drawn
    goal = Goal(limits, weights(limits))
    areas = [int(goal.area(cost)) for cost in everything(space) if (cost <= limits).all()]
    places, bound = Relaxation(space).within(goal)
    assert bound.least <= 0 if areas else not places
    assert not places or (space.cost(places) <= limits).all()
    if areas:
        places, bound = Relaxation(space).smallest(goal)
        assert bound.least <= min(areas)
        assert not places or min(areas) <= int(goal.area(space.cost(places)))


@settings(max_examples=60, deadline=None)
@given(spaces())
def test_no_choice_exceeds_the_limits_by_less(drawn: tuple[Space, Ints]) -> None:
    space, limits = drawn
    factors = [max(Fraction(int(c), int(m)) for c, m in zip(cost, limits, strict=True)) for cost in everything(space)]
    places = nearest(Relaxation(space), Goal(limits, weights(limits)), EFFORT)
    assert bool(places) == bool(factors)
    if factors:
        found = max(Fraction(int(c), int(m)) for c, m in zip(space.cost(places), limits, strict=True))
        assert min(factors) <= found <= min(factors) + Fraction(1, 1000)


@pytest.mark.parametrize(("dense", "widest"), [(1 << 15, 1 << 22), (1, 1 << 22), (1 << 15, 6), (1, 6)])
@settings(max_examples=40, deadline=None)
@given(spaces(), st.lists(st.integers(0, 50), min_size=len(KINDS), max_size=len(KINDS)))
def test_without_limits_the_cheapest_choice_is_found(
    dense: int, widest: int, drawn: tuple[Space, Ints], prices: list[int]
) -> None:
    space, price = drawn[0], np.array(prices, dtype=np.int64)
    with patch.object(eliminate, "DENSE", dense), patch.object(eliminate, "WIDEST", widest):
        sums = Elimination(space).priced(price)
        through = sums.through() if np.isfinite(sums.least) else []
    choices = product(*(range(len(pool.index)) for pool in space.pools))
    cheapest: dict[tuple[int, int], float] = {}
    for places in choices:
        cost = space.cost(places)
        worth = float(cost @ price) if (cost < ILLEGAL).all() else np.inf
        for option in enumerate(places):
            cheapest[option] = min(worth, cheapest.get(option, np.inf))
    least = min(cheapest.values())
    if widest > 6:
        assert sums.least == least
        assert not np.isfinite(least) or int(space.cost(sums.choice()) @ price) == least
        found = {(i, k): value for i, row in enumerate(through) for k, value in enumerate(row)}
        assert found == (cheapest if np.isfinite(least) else {})
    else:
        assert sums.least <= least
        assert all(value <= cheapest[i, k] for i, row in enumerate(through) for k, value in enumerate(row))


@settings(max_examples=60, deadline=None)
@given(spaces(), st.integers(1, 200))
def test_swaps_make_a_choice_no_worse(drawn: tuple[Space, Ints], begin: int) -> None:
    space, limits = drawn
    goal = Goal(limits, weights(limits))
    legal = [p for p in product(*(range(len(x.index)) for x in space.pools)) if (space.cost(p) < ILLEGAL).all()]
    if legal:
        first = legal[begin % len(legal)]
        better = Swaps(space).better(first, goal.area)
        area = int(goal.area(space.cost(better)))
        assert better in legal and area <= int(goal.area(space.cost(first)))
        near = [p for p in legal if sum(a != b for a, b in zip(p, better, strict=True)) == 1]
        assert all(area <= int(goal.area(space.cost(p))) for p in near)


@settings(max_examples=60, deadline=None)
@given(spaces())
def test_thinning_keeps_a_best_choice(drawn: tuple[Space, Ints]) -> None:
    space, _ = drawn
    before = {tuple(cost.tolist()) for cost in everything(space)}
    after = {tuple(cost.tolist()) for cost in everything(thinned(space))} if before else set()
    assert after <= before
    assert all(any((np.array(a) <= np.array(b)).all() for a in after) for b in before)


@pytest.mark.parametrize("graph", [mlp(), residual()], ids=lambda g: g.name)
@pytest.mark.parametrize("lut", [6000, 12_000, None])
def test_the_solver_counts_what_the_plan_costs_but_for_deep_fifos(graph: Graph, lut: int | None) -> None:
    board, budget = boards.load("zcu102"), Budget.parse({"board": "zcu102", "limits": {"lut": lut} if lut else {}})
    plan = make_plan(graph, board, budget)
    chooser = Chooser(graph, board, limits_of(board, budget))
    deep = Resources()
    for channel in plan.channels:
        if channel.depth > 2:
            deep = deep + fifo_cost(channel.depth, channel.type.width, board.family)
    shallow = Resources()
    for channel in plan.channels:
        if channel.depth > 2:
            shallow = shallow + fifo_cost(2, channel.type.width, board.family)
    target = next(step for step in chooser.steps if step <= plan.ii)
    chooser.set_aside(target, deep - shallow)
    found = chooser.select(target)
    assert found is not None and plan.gap == found.gap == 0
    assert found.total + deep == plan.resources + shallow


def test_the_same_question_has_the_same_answer() -> None:
    board, budget = boards.load("pynq-z2"), Budget.parse({"board": "pynq-z2", "limits": {"lut": 9000}})
    found = [Chooser(residual(), board, limits_of(board, budget)) for _ in range(2)]
    steps = found[0].steps
    picked = [chooser.select(steps[chooser.best(steps) or 0]) for chooser in found]
    assert picked[0] == picked[1] and picked[0] is not None


def test_room_set_aside_is_that_of_one_interval() -> None:
    board, budget = boards.load("pynq-z2"), Budget.parse({"board": "pynq-z2", "limits": {"lut": 9000}})
    chooser = Chooser(residual(), board, limits_of(board, budget))
    steps = chooser.steps
    best = chooser.best(steps)
    assert best is not None and best > 0
    chooser.set_aside(steps[best], chooser.limits)
    assert not chooser.fits(steps[best]) and chooser.fits(steps[best - 1])
    assert chooser.best(steps) == best - 1


def test_more_room_is_never_slower() -> None:
    board, budget = boards.load("pynq-z2"), Budget.parse({"board": "pynq-z2"})
    found = []
    for lut, bram in product(range(1500, 12_000, 1500), (1, 8)):
        chooser = Chooser(residual(), board, replace(limits_of(board, budget), lut=lut, bram36=bram), 8.0)
        best = chooser.best(chooser.steps)
        found.append((lut, bram, float("-inf") if best is None else -chooser.steps[best]))
    assert len({speed for _, _, speed in found}) > 2
    assert all(a[2] <= b[2] for a in found for b in found if a[0] <= b[0] and a[1] <= b[1])


def test_a_question_given_up_leaves_a_gap() -> None:
    board, budget = boards.load("pynq-z2"), Budget.parse({"board": "pynq-z2"})
    chooser = Chooser(residual(), board, limits_of(board, budget))
    space = chooser.ground.space([chooser.steps[0]] * len(chooser.sites), chooser.steps[0], False)
    goal = Goal(np.full(len(KINDS), 10**6), weights(np.full(len(KINDS), 1000)))
    answer = smallest(Relaxation(space), goal, 1e-9)
    assert answer.status in ("feasible", "optimal") and answer.bound <= answer.area


def test_an_unwirable_space_is_infeasible() -> None:
    pool = Pool(np.arange(1), np.zeros((1, len(KINDS)), np.int64), np.ones((1, 1), np.int64), np.ones((1, 1), np.int64))
    never = np.full((1, 1, len(KINDS)), ILLEGAL)
    space = Space((pool, pool), (Crossing(Edge("t", 0, 0, 1, 0, True), np.ones(1), np.ones(1), never),))
    goal = Goal(np.ones(len(KINDS), np.int64), np.ones(len(KINDS), np.int64))
    assert not thinned(space).wirable
    assert smallest(Relaxation(space), goal, EFFORT).status == "infeasible"
    assert nearest(Relaxation(space), goal, EFFORT) == ()
