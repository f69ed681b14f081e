# SPDX-License-Identifier: Apache-2.0
"""Which processes are simulated alone: named ones, or a number of them that differ as much as they can."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from hwgen.errors import UserError
from hwgen.plan.types import Plan, Process
from hwgen.verify.choice import choose

sys.path.insert(0, str(Path(__file__).parent))
import tiny


def process(name: str, function: str, taps: int) -> Process:
    call = dataclasses.replace(tiny.plan().processes[0].call, function=function, config={"taps": taps})
    return dataclasses.replace(tiny.plan().processes[0], name=name, call=call)


@pytest.fixture
def plan() -> Plan:
    """Return a plan of two kernels; conv1 and conv2 are configured alike, conv3 is not."""
    rows = (("conv1", "window", 9), ("conv2", "window", 9), ("conv3", "window", 1), ("pool1", "pool", 4))
    return dataclasses.replace(tiny.plan(), processes=tuple(process(*row) for row in rows))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (None, ("conv1", "conv2", "conv3", "pool1")),
        (1, ("conv1",)),
        (2, ("conv1", "pool1")),
        (3, ("conv1", "conv3", "pool1")),
        (4, ("conv1", "conv2", "conv3", "pool1")),
        (99, ("conv1", "conv2", "conv3", "pool1")),
        (("pool1", "conv2", "pool1"), ("conv2", "pool1")),
    ],
)
def test_kernels_come_before_configurations_and_repetitions_last(
    plan: Plan, wanted: tuple[str, ...] | int | None, names: tuple[str, ...]
) -> None:
    assert choose(plan, wanted) == names


def test_streams_are_part_of_a_configuration(plan: Plan) -> None:
    first, second, *rest = plan.processes
    wide = dataclasses.replace(second, call=dataclasses.replace(second.call, inputs=(tiny.CHANNELS[2].type,)))
    assert choose(dataclasses.replace(plan, processes=(first, wide, *rest)), 3) == ("conv1", "conv2", "pool1")


def test_every_unknown_name_is_told_with_the_nearest_one(plan: Plan) -> None:
    with pytest.raises(UserError) as caught:
        choose(plan, ("pool1", "cnv3", "poll1"))
    assert [str(problem) for problem in caught.value.problems] == [
        "--layers must name processes of tiny, not cnv3. Did you mean conv3, conv2, conv1?",
        "--layers must name processes of tiny, not poll1. Did you mean pool1?",
    ]
