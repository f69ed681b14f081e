# SPDX-License-Identifier: Apache-2.0
"""Kernels that reduce: pooling, global pooling, the index of the maximum."""

from __future__ import annotations

import numpy as np

from hwgen.hw import CType, StreamType

from .kernels import FRAMES, Case, KernelChecks, code_type, values
from .test_products import divisor, in_stream, narrowest


class TestPool(KernelChecks):
    seed = 8

    def case(self, rng: np.random.Generator, number: int) -> Case:
        channels, taps, pixels = (int(rng.integers(1, n)) for n in (13, 10, 6))
        lanes = divisor(rng, channels)
        maximum, scaled = number % 2 == 0, number % 4 == 3
        stream = in_stream(rng, lanes, pixels * (channels // lanes) * taps, maximum and number % 4 == 2, taps)
        x = values(rng, stream)
        parts = x.reshape(FRAMES, pixels, -1, taps, lanes)
        factor = rng.integers(1, 9, pixels)
        y = parts.max(axis=3) if maximum else parts.sum(axis=3)
        if scaled:
            y = y * factor.reshape(-1, 1, 1)
        y = y.reshape(FRAMES, -1, lanes)
        kind = CType(stream.signed, stream.bits) if maximum else narrowest(y)
        out = StreamType(kind.signed, kind.bits, lanes, y.shape[1])
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kTaps": taps,
            "kPixels": pixels,
            "kMax": maximum,
            "in_t": code_type(stream),
            "out_t": code_type(out),
        }
        roms = [(narrowest(factor), factor.reshape(-1, 1))] if scaled else []
        return Case("pool", "pool", config, [(stream, x)], [(out, y)], roms)


class TestGlobalPool(KernelChecks):
    seed = 9

    def case(self, rng: np.random.Generator, number: int) -> Case:
        channels, pixels = int(rng.integers(1, 25)), int(rng.integers(1, 9))
        lanes = divisor(rng, channels)
        maximum = number % 2 == 0
        stream = in_stream(rng, lanes, pixels * (channels // lanes), maximum and number % 4 == 2)
        x = values(rng, stream)
        parts = x.reshape(FRAMES, pixels, -1, lanes)
        y = parts.max(axis=1) if maximum else parts.sum(axis=1)
        kind = CType(stream.signed, stream.bits) if maximum else narrowest(y)
        out = StreamType(kind.signed, kind.bits, lanes, y.shape[1])
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kPixels": pixels,
            "kMax": maximum,
            "in_t": code_type(stream),
            "out_t": code_type(out),
        }
        return Case("global_pool", "global_pool", config, [(stream, x)], [(out, y)])


class TestArgmax(KernelChecks):
    seed = 10

    def case(self, rng: np.random.Generator, number: int) -> Case:
        lanes, beats = int(rng.integers(1, 9)), int(rng.integers(1, 9))
        stream = in_stream(rng, lanes, beats, number % 3 == 1)
        x = values(rng, stream)
        y = np.argmax(x.reshape(FRAMES, -1), axis=1).reshape(FRAMES, 1, 1)
        out = StreamType(False, max(1, (lanes * beats - 1).bit_length()), 1, 1)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kBeats": beats,
            "in_t": code_type(stream),
            "out_t": code_type(out),
        }
        return Case("argmax", "argmax", config, [(stream, x)], [(out, y)])
