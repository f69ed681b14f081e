# SPDX-License-Identifier: Apache-2.0
"""Rearrange: permutations, selections and repetitions in streams of every width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwgen.graph import Graph, Ints
from hwgen.ops.walk import addresses, levels_of, walk

from .base import OperatorTests
from .build import GraphBuilder

CASES: list[tuple[tuple[int, ...], Callable[[Ints], Ints]]] = [
    ((4, 3, 2), lambda x: x.transpose(0, 2, 1)),
    ((4, 3, 2), lambda x: x.transpose(1, 0, 2)),
    ((6, 4, 5), lambda x: x[:, 1:3, ::2]),
    ((6, 4, 3), lambda x: x[2:4]),
    ((4, 3, 4), lambda x: x[:, ::-1, ::-1]),
    ((2, 3, 3), lambda x: x.repeat(2, 1).repeat(3, 2)),
    ((8, 2, 3), lambda x: x.reshape(2, 2, 2, 2, 3).transpose(2, 3, 0, 4, 1).reshape(2, 4, 6)),
    ((6, 2, 2), lambda x: x[[5, 0, 0, 3]]),
    ((2, 5, 3), lambda x: x[:, [4, 1, 0, 3]]),
    ((12,), lambda x: x[[7, 3, 11, 0, 1]]),
    ((4, 3, 3), lambda x: x),
    ((4, 2, 3), lambda x: x.reshape(-1)),
]


class TestRearrange(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for number, (shape, move) in enumerate(CASES):
            b = GraphBuilder()
            x = b.input("x", shape, 1 if number == 7 else 3, signed=number % 2 == 1)
            index = move(np.arange(np.prod(shape)).reshape(shape))
            attrs = {"shape": (1, *index.shape)}
            found.append(b.graph([b.node("r", "rearrange", [x], attrs, {"index": index.reshape(-1)})]))
        return found


def test_rows_are_repeated_from_a_buffer_of_rows() -> None:
    frame = np.arange(16 * 16).reshape(16, 16)
    twice = walk(frame.repeat(2, 0).repeat(2, 1).reshape(-1), frame.size)
    assert twice.span == 15
    assert not twice.tabled
    assert walk(frame[3:9].reshape(-1), frame.size).span < 16
    assert walk(frame.T.reshape(-1), frame.size).span == 15 * 16


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_walk_gives_the_sequence_again(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 30))
    sequence = np.array(data.draw(st.lists(st.integers(0, total - 1), min_size=1, max_size=12)))
    if data.draw(st.booleans()):
        sequence = (sequence[:, np.newaxis] + np.arange(3) * total).T.reshape(-1)
        total *= 3
    found = walk(sequence, total)
    groups = found.groups()
    assert np.array_equal(found.wanted(np.arange(len(groups.base))[:, np.newaxis]).reshape(-1), sequence)
    assert all(a <= b for a, b in zip(groups.base, groups.base[1:], strict=False))
    assert min(found.offsets) >= 0


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 2, 2, 2), (7,)])
def test_transpositions_are_counters(shape: tuple[int, ...]) -> None:
    sequence = np.arange(np.prod(shape)).reshape(shape).transpose().reshape(-1)
    levels = levels_of(sequence)
    assert levels is not None
    assert len(levels) <= len(shape)
    assert np.array_equal(addresses(0, levels), sequence)
