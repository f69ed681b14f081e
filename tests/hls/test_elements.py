# SPDX-License-Identifier: Apache-2.0
"""Kernels that work element by element, and those that only move words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.hw import CType, StreamType

from .kernels import Case, KernelChecks, code_type, limits, values
from .test_products import divisor, in_stream, narrowest


class TestAdd(KernelChecks):
    seed = 3

    def case(self, rng: np.random.Generator, number: int) -> Case:
        lanes, beats = int(rng.integers(1, 5)), int(rng.integers(1, 9))
        a, b = in_stream(rng, lanes, beats, number % 3 == 1), in_stream(rng, lanes, beats, number % 4 == 1)
        m0, m1, bias = (int(v) for v in rng.integers(-20, 21, 3))
        xa, xb = values(rng, a), values(rng, b)
        y = m0 * xa + m1 * xb + bias
        kind = narrowest(y)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kBeats": beats,
            "kM0": m0,
            "kM1": m1,
            "kBias": bias,
            "kBipolarA": a.signed and a.bits == 1,
            "kBipolarB": b.signed and b.bits == 1,
            "a_t": code_type(a),
            "b_t": code_type(b),
            "out_t": kind,
        }
        return Case("add", "add", config, [(a, xa), (b, xb)], [(StreamType(kind.signed, kind.bits, lanes, beats), y)])


class TestMultiply(KernelChecks):
    seed = 14

    def case(self, rng: np.random.Generator, number: int) -> Case:
        channels, pixels, gate = int(rng.integers(1, 9)), int(rng.integers(1, 5)), bool(number % 2)
        lanes = divisor(rng, channels)
        folds = channels // lanes
        a = in_stream(rng, lanes, folds * pixels, number % 3 == 1)
        b = in_stream(rng, lanes, folds * (1 if gate else pixels), number % 4 == 1)
        xa, xb = values(rng, a), values(rng, b)
        za, zb = (int(v) for v in rng.integers(-9, 10, 2))
        every = np.tile(xb, (1, pixels, 1)) if gate else xb
        y = (xa - za) * (every - zb)
        kind = narrowest(y)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kPixels": pixels,
            "kGate": gate,
            "kZeroA": za,
            "kZeroB": zb,
            "kBipolarA": a.signed and a.bits == 1,
            "kBipolarB": b.signed and b.bits == 1,
            "a_t": code_type(a),
            "b_t": code_type(b),
            "out_t": kind,
        }
        out = StreamType(kind.signed, kind.bits, lanes, a.beats)
        return Case("multiply", "multiply", config, [(a, xa), (b, xb)], [(out, y)])


class TestThresholds(KernelChecks):
    seed = 4

    def case(self, rng: np.random.Generator, number: int) -> Case:
        channels, pixels = int(rng.integers(1, 13)), int(rng.integers(1, 5))
        lanes = divisor(rng, channels)
        folds = channels // lanes
        stream = StreamType(bool(rng.integers(0, 2)), int(rng.integers(3, 13)), lanes, pixels * folds)
        shared, bipolar, flips = number % 3 == 2, number % 4 == 3, bool(rng.integers(0, 2))
        steps = 1 if bipolar else int(rng.integers(1, 16))
        bits = max(1, steps.bit_length())
        y_min = 0 if bipolar or rng.integers(0, 2) else -(1 << (bits - 1))
        rows, cols = (1, 1) if shared else (folds, lanes)
        x = values(rng, stream)
        table = np.sort(rng.integers(x.min(), x.max() + 2, (rows, cols, steps)), axis=2)
        flip = rng.integers(0, 2, (rows, cols)) * flips
        parts = x.reshape(x.shape[0], pixels, folds, lanes, 1)
        reached = parts >= table
        count = np.where(flip == 1, (~reached).sum(axis=-1), reached.sum(axis=-1))
        y = (2 * count - 1 if bipolar else y_min + count).reshape(x.shape)
        out = StreamType(bipolar or y_min < 0, bits, lanes, stream.beats)
        if not bipolar and y_min < 0 and bits == 1:
            out, y = StreamType(False, 1, lanes, stream.beats), y & 1
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kBeats": stream.beats,
            "kSteps": steps,
            "kYMin": y_min,
            "kStep": 1,
            "kFlip": bool(flip.any()),
            "in_t": code_type(stream),
            "out_t": code_type(out),
        }
        roms = [(narrowest(table), table.reshape(rows, -1)), (CType(False, 1), flip)]
        return Case("thresholds", "thresholds", config, [(stream, x)], [(out, y)], roms)


class TestThresholdSearch(TestThresholds):
    """The same cases as parallel comparison, with the thresholds laid out for a search."""

    def case(self, rng: np.random.Generator, number: int) -> Case:
        plain = super().case(rng, number)
        lanes, steps = int(plain.config["kLanes"]), int(plain.config["kSteps"])  # type: ignore[arg-type]
        (_, table), flip = plain.roms
        (stream, _), bits = plain.inputs[0], steps.bit_length()
        full = np.full((len(table), table.shape[1] // steps, (1 << bits) - 1), limits(stream)[1] + 1, dtype=np.int64)
        full[:, :, :steps] = table.reshape(len(table), -1, steps)
        levels = []
        for level in range(bits):
            picked = full[:, :, (1 << (bits - level - 1)) - 1 :: 1 << (bits - level)]
            levels.append(np.ascontiguousarray(picked.transpose(0, 2, 1)).reshape(-1, full.shape[1]))
            assert len(levels[-1]) == len(table) << level and lanes % full.shape[1] == 0
        roms = [flip, *((narrowest(values), values) for values in levels)]
        return replace(plain, header="threshold_search", function="threshold_search", roms=roms)


class TestTable(KernelChecks):
    seed = 13

    def case(self, rng: np.random.Generator, number: int) -> Case:
        channels, pixels = int(rng.integers(1, 9)), int(rng.integers(1, 5))
        lanes = divisor(rng, channels)
        folds = channels // lanes
        stream = StreamType(bool(rng.integers(0, 2)), int(rng.integers(1, 8)), lanes, pixels * folds)
        x = values(rng, stream)
        raw = (x + 1) // 2 if stream.signed and stream.bits == 1 else x % (1 << stream.bits)
        signed = bool(rng.integers(0, 2))
        out = StreamType(signed, int(rng.integers(1 + signed, 10)), lanes, stream.beats)
        low, high = limits(out)
        rows, cols = (1, 1) if number % 3 == 2 else (folds, lanes)
        tables = rng.integers(low, high, (rows, cols, 1 << stream.bits), endpoint=True)
        places = raw.reshape(-1, pixels, folds, lanes)
        every = np.broadcast_to(tables, (folds, lanes, 1 << stream.bits))
        y = every[np.arange(folds)[:, np.newaxis], np.arange(lanes), places].reshape(x.shape)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kBeats": stream.beats,
            "in_t": code_type(stream),
            "out_t": code_type(out),
        }
        roms = [(code_type(out), np.ascontiguousarray(tables.transpose(0, 2, 1)).reshape(-1, cols))]
        return Case("table", "table", config, [(stream, x)], [(out, y)], roms)


class TestRequantise(KernelChecks):
    seed = 5

    def case(self, rng: np.random.Generator, number: int) -> Case:
        channels, pixels = int(rng.integers(1, 13)), int(rng.integers(1, 5))
        lanes = divisor(rng, channels)
        folds = channels // lanes
        stream = StreamType(bool(rng.integers(0, 2)), int(rng.integers(4, 20)), lanes, pixels * folds)
        rows, cols = (1, 1) if number % 3 == 2 else (folds, lanes)
        mul = rng.integers(-500 if number % 2 else 1, 4000, (rows, cols))
        add = rng.integers(-(1 << 14), 1 << 14, (rows, cols))
        shift = int(rng.integers(0, 20))
        out = StreamType(bool(rng.integers(0, 2)), int(rng.integers(2, 9)), lanes, stream.beats)
        lo, hi = (-(1 << (out.bits - 1)) + 1, (1 << (out.bits - 1)) - 1) if out.signed else (0, (1 << out.bits) - 1)
        x = values(rng, stream)
        ties = number % 3 if shift else 0
        if ties:
            shift, mul = min(shift, 6), mul >> 4 << 4
            add = add >> (shift - 1) << (shift - 1)
        exact = x.reshape(x.shape[0], pixels, folds, lanes) * mul + add
        floored = exact >> shift
        down = (exact == floored << shift) & (floored % 2 == ties % 2) if ties else 0
        least, most = rng.integers(lo, hi, (2, rows, cols), endpoint=True)
        limits = [np.minimum(least, most), np.maximum(least, most)] if number % 4 > 1 else []
        y = np.clip(floored - down, *(limits or (lo, hi))).reshape(x.shape)
        config: dict[str, int | bool | CType] = {
            "kLanes": lanes,
            "kChannels": channels,
            "kBeats": stream.beats,
            "kShift": shift,
            "kTies": ties,
            "kLo": lo,
            "kHi": hi,
            "in_t": code_type(stream),
            "mul_t": narrowest(mul),
            "add_t": narrowest(add),
            "prod_t": CType(True, narrowest(exact).bits + 1),
            "out_t": code_type(out),
        }
        roms = [(narrowest(mul), mul), (narrowest(add), add), *((code_type(out), limit) for limit in limits)]
        return Case("requantise", "requantise", config, [(stream, x)], [(out, y)], roms)


class TestFork(KernelChecks):
    seed = 6

    def case(self, rng: np.random.Generator, number: int) -> Case:
        stream = in_stream(rng, int(rng.integers(1, 40)), int(rng.integers(1, 9)), number % 2 == 0)
        copies = 2 + number % 3
        x = values(rng, stream)
        config = {"kBits": stream.width, "kBeats": stream.beats, "kCopies": copies}
        return Case("fork", "fork", config, [(stream, x)], [(stream, x)] * copies)


class TestWidth(KernelChecks):
    seed = 7

    def case(self, rng: np.random.Generator, number: int) -> Case:
        few, ratio = int(rng.integers(1, 6)), int(rng.integers(1, 7))
        lanes_in, lanes_out = (few, few * ratio) if number % 2 else (few * ratio, few)
        elements = few * ratio * int(rng.integers(1, 6))
        bits = int(rng.integers(2, 9))
        source = StreamType(False, bits, lanes_in, elements // lanes_in)
        target = StreamType(False, bits, lanes_out, elements // lanes_out)
        x = values(rng, source)
        config = {"kBits": bits, "kInLanes": lanes_in, "kOutLanes": lanes_out, "kInBeats": source.beats}
        y = x.reshape(x.shape[0], target.beats, lanes_out)
        return Case("width", "width", config, [(source, x)], [(target, y)])
