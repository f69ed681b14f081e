# SPDX-License-Identifier: Apache-2.0
"""The sliding window against NumPy."""

from __future__ import annotations

import numpy as np

from hwgen.graph import Ints
from hwgen.hw import StreamType, to_beats

from .kernels import FRAMES, Case, KernelChecks, limits
from .window_reference import Shape

FIXED = [
    Shape(5, 6, 2, (1, 1), (2, 2), (0, 0, 0, 0), False),
    Shape(5, 5, 1, (3, 3), (1, 1), (1, 1, 1, 1), False),
    Shape(8, 7, 3, (3, 2), (2, 3), (0, 1, 2, 0), True),
    Shape(6, 6, 2, (2, 2), (2, 2), (0, 0, 0, 0), True),
    Shape(1, 9, 1, (1, 4), (1, 1), (0, 3, 0, 0), False),
    Shape(7, 8, 2, (3, 2), (1, 2), (2, 1, 2, 3), False, (2, 3)),
    Shape(4, 5, 6, (2, 3), (1, 1), (1, 1, 1, 1), False, (1, 1), 3),
    Shape(2, 3, 4, (2, 2), (2, 1), (3, 2, 3, 2), False, (3, 2), 2),
    Shape(1, 2, 3, (1, 2), (1, 3), (0, 4, 0, 4), True, (1, 4)),
    Shape(6, 5, 1, (3, 3), (1, 1), (1, 1, 1, 1), False, beside=9),
    Shape(7, 6, 1, (3, 2), (2, 1), (2, 1, 0, 0), True, (1, 3), beside=2),
]


def random_shape(rng: np.random.Generator, number: int) -> Shape:
    """Return a fixed shape first, then random ones."""
    if number < len(FIXED):
        return FIXED[number]
    while True:
        size, kernel, stride = rng.integers(1, 10, 2), rng.integers(1, 5, 2), rng.integers(1, 4, 2)
        dilation = rng.integers(1, 4, 2) if rng.random() < 0.5 else np.ones(2, dtype=np.int64)
        reach = (kernel - 1) * dilation + 1
        top, left, bottom, right = (int(rng.integers(0, reach[i % 2])) for i in range(4))
        taps_order, groups = bool(rng.integers(0, 2)), int(rng.integers(1, 4))
        beside = int(rng.choice([1, kernel[1], kernel.prod()]))
        shape = Shape(
            int(size[0]),
            int(size[1]),
            int(rng.integers(1, 4)) * groups if beside == 1 else 1,
            (int(kernel[0]), int(kernel[1])),
            (int(stride[0]), int(stride[1])),
            (top, left, bottom, right),
            taps_order,
            (int(dilation[0]), int(dilation[1])),
            1 if taps_order or beside > 1 else groups,
            beside,
        )
        last = [(shape.out[i] - 1) * int(stride[i]) - shape.pads[i] < int(size[i]) for i in (0, 1)]
        if min(shape.out) >= 1 and all(last):
            return shape


def taps(shape: Shape, x: Ints, pad: int) -> Ints:
    """Return the taps of ``(frames, C, H, W)`` as ``(frames, KH * KW * C, OH, OW)``, group after group."""
    top, left, bottom, right = shape.pads
    (sh, sw), (dh, dw) = shape.stride, shape.dilation
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=pad)
    view = np.lib.stride_tricks.sliding_window_view(padded, shape.reach, axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    parts = np.split(view, shape.groups, axis=1)
    whole = np.concatenate([p.transpose(0, 4, 5, 1, 2, 3).reshape(len(x), -1, *shape.out) for p in parts], axis=1)
    return np.ascontiguousarray(whole)


def make_case(rng: np.random.Generator, shape: Shape, depth: int) -> Case:
    lanes = int(rng.integers(1, 4))
    channels = lanes * shape.folds
    bits, signed = int(rng.integers(1, 6)), bool(rng.integers(0, 2))
    bipolar = signed and bits == 1
    out_bits = bits + (1 if bipolar and any(shape.pads) else int(rng.integers(0, 2)) if bits > 1 else 0)
    in_stream = StreamType(signed, bits, lanes, shape.height * shape.width * shape.folds)
    kernel = shape.kernel[0] * shape.kernel[1]
    order, in_taps = ("taps", kernel) if shape.taps_order else ("nhwc", 1)
    order, in_taps = (order, in_taps) if shape.beside == 1 else ("nhwc", 1)
    beats = kernel // shape.beside * shape.out[0] * shape.out[1] * shape.folds
    out_stream = StreamType(signed, out_bits, shape.beside * lanes, beats, order, in_taps)  # type: ignore[arg-type]
    lo, hi = limits(out_stream)
    pad = (0 if any(shape.pads) else 1) if bipolar else int(rng.integers(lo, hi, endpoint=True))
    x = rng.integers(*limits(in_stream), (FRAMES, channels, shape.height, shape.width), endpoint=True)
    x = 2 * (x & 1) - 1 if bipolar else x
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
    }
    if shape.dilation != (1, 1):
        config |= {"kDilationH": shape.dilation[0], "kDilationW": shape.dilation[1]}
    if shape.groups > 1:
        config["kGroups"] = shape.groups
    if shape.beside > 1:
        config["kBeside"] = shape.beside
    expected = to_beats(taps(shape, x, pad), out_stream)
    return Case("window", "window", config, [(in_stream, to_beats(x, in_stream))], [(out_stream, expected)])


class TestWindow(KernelChecks):
    trip_count_is_constant = False

    def case(self, rng: np.random.Generator, number: int) -> Case:
        shape = random_shape(rng, number)
        return make_case(rng, shape, shape.least_depth << int(rng.integers(0, 3)))
