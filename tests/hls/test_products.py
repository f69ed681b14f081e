# SPDX-License-Identifier: Apache-2.0
"""Kernels that multiply activations by weights, in every mixture of formats."""

from __future__ import annotations

import numpy as np

from hwgen.graph import Ints, bits_for
from hwgen.hw import CType, StreamType

from .kernels import FRAMES, Case, KernelChecks, code_type, limits, values

FORMATS = [(True, True), (False, True), (True, False), (False, False)]


def divisor(rng: np.random.Generator, n: int) -> int:
    """Return a random divisor of `n`."""
    return int(rng.choice([d for d in range(1, n + 1) if n % d == 0]))


def random_weight(rng: np.random.Generator, shape: tuple[int, int], bipolar: bool) -> tuple[CType, Ints, Ints]:
    """Return the table's type, the weights, and the weights as the table holds them."""
    if bipolar:
        weight = 2 * rng.integers(0, 2, shape) - 1
        return CType(False, 1), weight, (weight + 1) // 2
    kind = CType(bool(rng.integers(0, 4)), int(rng.integers(2, 9)))
    weight = rng.integers(*limits(kind), shape, endpoint=True)
    return kind, weight, weight


def table_bias(weight: Ints, bias: Ints, bipolar_input: bool, bipolar_weight: bool) -> Ints:
    """Return the bias as the table of product.hpp holds it."""
    if bipolar_input:
        return bias - (weight.shape[1] if bipolar_weight else weight.sum(axis=1))
    return bias + (weight < 0).sum(axis=1) if bipolar_weight else bias


def narrowest(array: Ints) -> CType:
    """Return the narrowest type that holds all values."""
    return CType(*bits_for(int(array.min()), int(array.max())))


def in_stream(rng: np.random.Generator, lanes: int, beats: int, bipolar: bool, taps: int = 1) -> StreamType:
    """Return a random input stream."""
    order = "taps" if taps > 1 else "nhwc"
    if bipolar:
        return StreamType(True, 1, lanes, beats, order, taps)  # type: ignore[arg-type]
    bits = int(rng.integers(2, 9))
    return StreamType(bool(rng.integers(0, 2)), bits, lanes, beats, order, taps)  # type: ignore[arg-type]


class TestMatvec(KernelChecks):
    seed = 1

    def case(self, rng: np.random.Generator, number: int) -> Case:
        bipolar_input, bipolar_weight = FORMATS[number % len(FORMATS)]
        inputs, outputs, vectors = (int(rng.integers(1, n)) for n in (25, 13, 5))
        simd, pe = divisor(rng, inputs), divisor(rng, outputs)
        if number == 4:
            inputs, outputs, vectors, simd, pe = 6, 5, 3, 6, 5
        stream = in_stream(rng, simd, vectors * inputs // simd, bipolar_input)
        weight_t, weight, codes = random_weight(rng, (outputs, inputs), bipolar_weight)
        bias = rng.integers(-100, 101, outputs)
        x = values(rng, stream)
        acc = x.reshape(FRAMES, vectors, inputs) @ weight.T + bias
        acc_t = narrowest(acc)
        table = table_bias(weight, bias, bipolar_input, bipolar_weight)
        out = StreamType(acc_t.signed, acc_t.bits, pe, vectors * outputs // pe)
        config: dict[str, int | bool | CType] = {
            "kSimd": simd,
            "kPe": pe,
            "kInputs": inputs,
            "kOutputs": outputs,
            "kVectors": vectors,
            "kBipolarInput": bipolar_input,
            "kBipolarWeight": bipolar_weight,
            "in_t": code_type(stream),
            "weight_t": weight_t,
            "acc_t": CType(acc_t.signed, acc_t.bits),
        }
        tiles = codes.reshape(outputs // pe, pe, inputs // simd, simd).transpose(0, 2, 1, 3).reshape(-1, pe * simd)
        roms = [(weight_t, tiles), (narrowest(table), table.reshape(-1, pe))]
        return Case("matvec", "matvec", config, [(stream, x)], [(out, acc.reshape(FRAMES, -1, pe))], roms)


class TestDepthwise(KernelChecks):
    seed = 2

    def case(self, rng: np.random.Generator, number: int) -> Case:
        bipolar_input, bipolar_weight = FORMATS[number % len(FORMATS)]
        channels, taps, pixels = (int(rng.integers(1, n)) for n in (13, 10, 6))
        lanes = divisor(rng, channels)
        folds = channels // lanes
        stream = in_stream(rng, lanes, pixels * folds * taps, bipolar_input, taps)
        weight_t, weight, codes = random_weight(rng, (channels, taps), bipolar_weight)
        bias = rng.integers(-100, 101, channels)
        x = values(rng, stream)
        by_tap = x.reshape(FRAMES, pixels, folds, taps, lanes)
        acc = np.einsum("fpatl,alt->fpal", by_tap, weight.reshape(folds, lanes, taps)) + bias.reshape(folds, lanes)
        acc_t = narrowest(acc)
        table = table_bias(weight, bias, bipolar_input, bipolar_weight)
        out = StreamType(acc_t.signed, acc_t.bits, lanes, pixels * folds)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kTaps": taps,
            "kPixels": pixels,
            "kBipolarInput": bipolar_input,
            "kBipolarWeight": bipolar_weight,
            "in_t": code_type(stream),
            "weight_t": weight_t,
            "acc_t": acc_t,
        }
        tiles = codes.reshape(folds, lanes, taps).transpose(0, 2, 1).reshape(-1, lanes)
        roms = [(weight_t, tiles), (narrowest(table), table.reshape(-1, lanes))]
        return Case("depthwise", "depthwise", config, [(stream, x)], [(out, acc.reshape(FRAMES, -1, lanes))], roms)
