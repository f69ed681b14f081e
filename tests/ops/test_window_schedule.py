# SPDX-License-Identifier: Apache-2.0
"""The window's schedule against a plain reading of its rule, iteration by iteration."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hls.window_reference import rule
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwgen.ops.line_buffer import best, depth_of, follow, interval, schedule
from hwgen.ops.window_schedule import Geometry


@st.composite
def cases(draw: st.DrawFn) -> tuple[Geometry, int]:
    small = st.integers(1, 3)
    kernel, stride, dilation = (draw(small), draw(small)), (draw(small), draw(small)), (draw(small), draw(small))
    size = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = tuple(draw(st.integers(0, reach[i % 2] - 1)) for i in range(4))
    extent = [size[i] + pads[i] + pads[i + 2] - reach[i] for i in (0, 1)]
    assume(min(extent) >= 0)
    out = tuple(extent[i] // stride[i] + 1 for i in (0, 1))
    assume(all((out[i] - 1) * stride[i] - pads[i] < size[i] for i in (0, 1)))
    taps_order, groups = draw(st.booleans()), draw(st.integers(1, 2))
    beside = draw(st.sampled_from([1, kernel[1], kernel[0] * kernel[1]]))
    folds = draw(st.integers(1, 2)) * groups if beside == 1 else 1
    groups = 1 if taps_order or beside > 1 else groups
    g = Geometry(size, out, folds, kernel, stride, pads, taps_order, dilation, groups, beside)
    return g, max(2, 1 << g.span.bit_length()) << draw(st.integers(0, 2))


@settings(max_examples=80, deadline=None)
@given(cases(), st.integers(0, 1 << 32), st.sampled_from([1.0, 0.5, 0.1]))
def test_a_frame_alone_follows_the_rule(case: tuple[Geometry, int], seed: int, density: float) -> None:
    g, depth = case
    gaps = np.random.default_rng(seed).geometric(density, g.total)
    arrivals = np.cumsum(gaps) - gaps[0]
    reads, writes = follow(g, depth, arrivals)
    assert (reads.tolist(), writes.tolist()) == rule(g, depth, arrivals.tolist(), 1)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_frames_without_a_pause_follow_the_rule(case: tuple[Geometry, int]) -> None:
    g, depth = case
    frames = 6
    _, writes = rule(g, depth, [0] * (frames + 4) * g.total, frames)
    last = np.asarray(writes).reshape(frames, -1)
    assert interval(g, depth) == last[-1, -1] - last[-2, -1]


@settings(max_examples=80, deadline=None)
@given(cases())
def test_the_late_reads_let_the_window_run_without_a_pause(case: tuple[Geometry, int]) -> None:
    g, depth = case
    found = schedule(g, depth)
    (reads,), (writes,) = found.reads, found.writes
    assert found.ii == interval(g, depth) and found.iterations >= found.ii
    frames = 20  # a buffer of hardly enough room settles down slowly
    moments = (np.arange(frames)[:, np.newaxis] * found.ii + reads).reshape(-1)
    assert np.all(np.diff(moments) > 0)
    _, given_at = rule(g, depth, moments.tolist(), frames)
    by_frame = np.asarray(given_at).reshape(frames, -1)
    assert np.all(by_frame[-1] - by_frame[-2] == found.ii)
    late = by_frame[-1] - (writes + (frames - 1) * found.ii)
    assert late.max() <= 2 * g.span, "the first frame alone may be late"


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 9))
def test_words_are_taken_when_they_arrive_and_fit(case: tuple[Geometry, int], pause: int) -> None:
    g, depth = case
    found = schedule(g, depth)
    period = found.ii + pause
    times = np.arange(found.iterations)
    early = found.reads[0] - 3
    (taken,) = found.taken(times, [early], period)
    assert np.all(taken >= early) and np.all(taken <= found.reads[0]) and np.all(np.diff(taken) > 0)
    assert np.array_equal(found.taken(times, [None], period)[0], found.reads[0])


def test_the_figure_of_the_issue() -> None:
    g = Geometry((8, 8), (6, 6), 2, (3, 3), (1, 1), (0, 0, 0, 0), False)
    assert depth_of(g) == 64
    assert best(g).ii == 648
    _, writes = follow(g, 64, np.arange(g.total))
    assert writes[-1] == 648 + 20


def test_a_stride_gets_a_buffer_that_reads_ahead() -> None:
    g = Geometry((32, 32), (16, 16), 4, (3, 3), (2, 2), (0, 0, 1, 1), False)
    assert best(g).ii == 16 * 16 * 9 * 4
    assert depth_of(g) == 512


@pytest.mark.parametrize("taps_order", [False, True])
def test_large_images_take_less_than_a_second(taps_order: bool) -> None:
    g = Geometry((224, 224), (112, 112), 3, (3, 3), (2, 2), (0, 0, 1, 1), taps_order)
    start = time.process_time()
    found = best(g)
    assert time.process_time() - start < 1.0
    assert found.writes[0].size == 112 * 112 * 27
    assert np.all(np.diff(found.reads[0]) > 0)
