# SPDX-License-Identifier: Apache-2.0
"""The sliding window against NumPy, and its schedule against the rule in the header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.graph import Ints
from hwgen.hlsc.csim import csim_many
from hwgen.hw import StreamType, to_beats
from hwgen.ops import window_schedule

from .kernels import FRAMES, Case, KernelChecks, limits
from .window_reference import Shape, simulate

FIXED = [
    Shape(5, 6, 2, (1, 1), (2, 2), (0, 0, 0, 0), False),
    Shape(5, 5, 1, (3, 3), (1, 1), (1, 1, 1, 1), False),
    Shape(8, 7, 3, (3, 2), (2, 3), (0, 1, 2, 0), True),
    Shape(6, 6, 2, (2, 2), (2, 2), (0, 0, 0, 0), True),
    Shape(1, 9, 1, (1, 4), (1, 1), (0, 3, 0, 0), False),
]


def random_shape(rng: np.random.Generator, number: int) -> Shape:
    """Return a fixed shape first, then random ones."""
    if number < len(FIXED):
        return FIXED[number]
    while True:
        size, kernel, stride = rng.integers(1, 10, 2), rng.integers(1, 5, 2), rng.integers(1, 4, 2)
        top, left = (int(rng.integers(0, k)) for k in kernel)
        bottom, right = (int(rng.integers(0, k)) for k in kernel)
        shape = Shape(
            int(size[0]),
            int(size[1]),
            int(rng.integers(1, 4)),
            (int(kernel[0]), int(kernel[1])),
            (int(stride[0]), int(stride[1])),
            (top, left, bottom, right),
            bool(rng.integers(0, 2)),
        )
        oh, ow = shape.out
        fits = (
            oh >= 1 and ow >= 1 and shape.height + top + bottom >= kernel[0] and shape.width + left + right >= kernel[1]
        )
        last = (oh - 1) * stride[0] - top < shape.height and (ow - 1) * stride[1] - left < shape.width
        if fits and last:
            return shape


def taps(shape: Shape, x: Ints, pad: int) -> Ints:
    """Return the taps of ``(frames, C, H, W)`` as ``(frames, KH * KW * C, OH, OW)``."""
    top, left, bottom, right = shape.pads
    (kh, kw), (sh, sw) = shape.kernel, shape.stride
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=pad)
    view = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::sh, ::sw]
    return np.ascontiguousarray(view.transpose(0, 4, 5, 1, 2, 3)).reshape(x.shape[0], -1, *shape.out)


class TestWindow(KernelChecks):
    def case(self, rng: np.random.Generator, number: int) -> Case:
        shape = random_shape(rng, number)
        depth = shape.least_depth << int(rng.integers(0, 3))
        lanes = int(rng.integers(1, 4))
        channels = lanes * shape.folds
        bits, signed = int(rng.integers(1, 6)), bool(rng.integers(0, 2))
        bipolar = signed and bits == 1
        out_bits = bits + (1 if bipolar and any(shape.pads) else int(rng.integers(0, 2)) if bits > 1 else 0)
        in_stream = StreamType(signed, bits, lanes, shape.height * shape.width * shape.folds)
        kernel = shape.kernel[0] * shape.kernel[1]
        order, in_taps = ("taps", kernel) if shape.taps_order else ("nhwc", 1)
        beats = kernel * shape.out[0] * shape.out[1] * shape.folds
        out_stream = StreamType(signed, out_bits, lanes, beats, order, in_taps)  # type: ignore[arg-type]
        lo, hi = limits(out_stream)
        pad = (0 if any(shape.pads) else 1) if bipolar else int(rng.integers(lo, hi, endpoint=True))
        x = rng.integers(*limits(in_stream), (FRAMES, channels, shape.height, shape.width), endpoint=True)
        x = 2 * (x & 1) - 1 if bipolar else x
        iterations, _, _ = simulate(shape, depth)
        config: dict[str, int | bool] = {
            "kInBits": bits,
            "kBits": out_bits,
            "kSigned": signed,
            "kLanes": lanes,
            "kChannels": channels,
            "kHeight": shape.height,
            "kWidth": shape.width,
            "kKernelH": shape.kernel[0],
            "kKernelW": shape.kernel[1],
            "kStrideH": shape.stride[0],
            "kStrideW": shape.stride[1],
            "kPadTop": shape.pads[0],
            "kPadLeft": shape.pads[1],
            "kOutHeight": shape.out[0],
            "kOutWidth": shape.out[1],
            "kPadValue": pad,
            "kTapsOrder": shape.taps_order,
            "kDepth": depth,
            "kIterations": iterations,
        }
        expected = to_beats(taps(shape, x, pad), out_stream)
        return Case("window", "window", config, [(in_stream, to_beats(x, in_stream))], [(out_stream, expected)])

    def test_one_iteration_less_is_too_few(self, tmp_path: Path) -> None:
        case = self.cases()[1]
        config = {**case.config, "kIterations": int(case.config["kIterations"]) - 1}  # type: ignore[arg-type]
        short = Case(case.header, case.function, config, case.inputs, case.outputs)
        ((words,),) = csim_many(self.jobs([short], tmp_path))
        assert len(words) == (case.outputs[0][0].beats - 1) * FRAMES


@pytest.mark.parametrize("number", range(60))
def test_schedule_is_the_rule(number: int) -> None:
    rng = np.random.default_rng(number)
    shape = random_shape(rng, number)
    depth = shape.least_depth << int(rng.integers(0, 3))
    geometry = window_schedule.Geometry(
        (shape.height, shape.width), shape.out, shape.folds, shape.kernel, shape.stride, shape.pads, shape.taps_order
    )
    schedule = window_schedule.simulate(geometry, depth)
    iterations, reads, writes = simulate(shape, depth)
    assert schedule.iterations == iterations
    np.testing.assert_array_equal(schedule.reads[0], reads)
    np.testing.assert_array_equal(schedule.writes[0], writes)
