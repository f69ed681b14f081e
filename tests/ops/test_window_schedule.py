# SPDX-License-Identifier: Apache-2.0
"""The window's schedule against a plain reading of its rule, iteration by iteration."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwgen.ops.window_schedule import Geometry, best, depth_of, simulate


def plain(g: Geometry, depth: int) -> tuple[int, list[int], list[int]]:
    """Apply the rule of window.hpp one iteration after the other."""
    height, width = g.size
    taps = [(y, x, f) for y in range(g.kernel[0]) for x in range(g.kernel[1]) for f in range(g.folds)]
    if g.taps_order:
        taps.sort(key=lambda t: (t[2], t[0], t[1]))
    wanted = []
    for row in range(g.out_size[0]):
        for column in range(g.out_size[1]):
            y0, x0 = row * g.stride[0] - g.pads[0], column * g.stride[1] - g.pads[1]
            base = (y0 * width + x0) * g.folds
            for y, x, f in taps:
                inside = 0 <= y0 + y < height and 0 <= x0 + x < width
                wanted.append((base, ((y0 + y) * width + x0 + x) * g.folds + f if inside else -1))
    total, count, done, now = height * width * g.folds, 0, 0, 0
    reads, writes = [], []
    while count < total or done < len(wanted):
        finished = done == len(wanted)
        base, need = wanted[-1] if finished else wanted[done]
        can_read = count < total and (finished or count - base < depth)
        can_write = not finished and need < count
        reads += [now] * can_read
        writes += [now] * can_write
        count, done, now = count + can_read, done + can_write, now + 1
    return now, reads, writes


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_schedule_is_the_rule(data: st.DataObject) -> None:
    small = st.integers(1, 3)
    kernel, stride = (data.draw(small), data.draw(small)), (data.draw(small), data.draw(small))
    size = (data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7)))
    pads = tuple(data.draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4))
    extent = [(size[i] + pads[i] + pads[i + 2] - kernel[i]) for i in (0, 1)]
    assume(min(extent) >= 0)
    out = tuple(extent[i] // stride[i] + 1 for i in (0, 1))
    assume(all((out[i] - 1) * stride[i] - pads[i] < size[i] for i in (0, 1)))
    g = Geometry(size, out, data.draw(small), kernel, stride, pads, data.draw(st.booleans()))
    depth = max(2, 1 << g.span.bit_length()) << data.draw(st.integers(0, 2))
    schedule = simulate(g, depth)
    now, reads, writes = plain(g, depth)
    assert schedule.iterations == now
    assert schedule.reads[0].tolist() == reads
    assert schedule.writes[0].tolist() == writes


def test_a_stride_gets_a_buffer_that_reads_ahead() -> None:
    g = Geometry((32, 32), (16, 16), 4, (3, 3), (2, 2), (0, 0, 1, 1), False)
    assert best(g).iterations < 1.02 * 16 * 16 * 9 * 4 + 2 * 32 * 4 + 64
    assert depth_of(g) == 512


@pytest.mark.parametrize("taps_order", [False, True])
def test_large_images_take_less_than_a_second(taps_order: bool) -> None:
    g = Geometry((224, 224), (112, 112), 3, (3, 3), (2, 2), (0, 0, 1, 1), taps_order)
    start = time.process_time()
    schedule = best(g)
    assert time.process_time() - start < 1.0
    assert schedule.writes[0].size == 112 * 112 * 27
    assert np.all(np.diff(schedule.reads[0]) > 0)
