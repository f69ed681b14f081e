# SPDX-License-Identifier: Apache-2.0
"""From a beat and a lane to a channel and a pixel, and back."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.graph import TensorType
from hwgen.hw import StreamType, pack, to_beats
from hwgen.plan.types import Channel
from hwgen.verify.compare import Place, differs, first_difference, place, words_to_tensor


def channel(shape: tuple[int, ...], lanes: int, order: str = "nhwc", taps: int = 1) -> Channel:
    kind = StreamType.of(TensorType(shape, True, 8), lanes, order, taps)  # type: ignore[arg-type]
    return Channel("c", "t", shape, kind, 2, ("p", 0), ("q", 0))


@pytest.mark.parametrize(
    "of",
    [channel((1, 6, 3, 5), 2), channel((1, 6, 3, 5), 6), channel((1, 12), 4), channel((1, 12, 2, 2), 2, "taps", 3)],
    ids=["folded", "whole", "vector", "taps"],
)
def test_every_place_is_where_the_stream_puts_it(of: Channel) -> None:
    values = np.arange(np.prod(of.shape), dtype=np.int64).reshape(of.shape)
    beats = to_beats(values, of.type)[0]
    for beat in range(of.type.beats):
        for lane in range(of.type.lanes):
            found = place(of, 0, beat, lane)
            assert values[(0, found.channel, *found.index)] == beats[beat, lane]


def test_packed_words_become_the_tensor_again() -> None:
    of = channel((1, 6, 3, 5), 2)
    values = np.random.default_rng(1).integers(-128, 128, size=(4, 6, 3, 5))
    assert np.array_equal(words_to_tensor(pack(to_beats(values, of.type), of.type), of), values)


def test_the_first_difference_is_the_first_in_the_tensor() -> None:
    expected = np.zeros((2, 3, 4, 4), dtype=np.int64)
    got = expected.copy()
    assert first_difference(expected, got) is None
    got[1, 0, 3, 3] = 5
    got[0, 2, 1, 0] = -1
    assert first_difference(expected, got) == (Place(0, 2, (1, 0)), 0, -1)


def test_the_sentence() -> None:
    found = differs("conv2", channel((1, 6, 3, 5), 2), "conv2 alone, reset", Place(0, 3, (4, 5)), 7, -1)
    text = "Layer conv2 differs from the golden at frame 0, channel 3, index (4, 5): expected 7, got -1"
    assert str(found) == f"{text} (rtl, conv2 alone, reset)."
    assert str(Place(2, 9, ())) == "frame 2, channel 9"
