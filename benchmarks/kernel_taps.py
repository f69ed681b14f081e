# SPDX-License-Identifier: Apache-2.0
"""Points of `kernel_points` with all taps of a window in a word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kernel_point import Draw, Point, made

from hwgen.graph import Attr, TensorType
from hwgen.hw import Folding
from hwgen.ops.window_rows import foldable

WIDEST = 400
"""Most bits of a word: larger points take minutes to count."""


def _lanes(d: Draw, channels: int, taps: int, bits: int) -> int:
    """Return lanes of which a word holds all taps, and no word of one tap is as wide."""
    every = [channels] if channels * taps * bits <= WIDEST else []
    return d.of(*(foldable(channels, taps, bits, WIDEST) + every or [1]))


def _window(name: str, d: Draw) -> Point:
    bits, channels, kernel = d.of(2, 4, 8), d.of(4, 8, 16), d.of(2, 3, 3, 5)
    size, stride, pad = d.of(8, 14, 32, 56), d.of(1, 1, 2), d.of(0, (kernel - 1) // 2)
    x = TensorType((1, channels, size, size), bool(d.of(0, 1)), bits)
    lanes = _lanes(d, channels, kernel**2, bits)
    attrs: dict[str, Attr] = {
        "kernel": (kernel, kernel), "stride": (stride, stride), "pads": (pad,) * 4, "pad_value": 0, "order": "taps",
    }  # fmt: skip
    plain = made(name, "window", [x], Folding(lanes, kernel**2 * lanes), attrs)
    return replace(plain, text=f"{plain.text} k{kernel} s{stride} p{pad}")


def _depthwise(name: str, d: Draw) -> Point:
    bits, weight_bits, taps, channels = d.of(2, 4, 8), d.of(2, 4, 8), d.of(4, 9, 9), d.of(4, 8, 16)
    x = TensorType((1, taps * channels, 8, 8), bool(d.of(0, 1)), bits)
    lanes = _lanes(d, channels, taps, bits * weight_bits)
    attrs = {"taps": taps, "weight_bits": weight_bits, "weight_signed": True}
    constants = {"weight": d.weights(weight_bits, (channels, taps)), "bias": d.ints(-500, 500, channels)}
    return made(name, "depthwise", [x], Folding(taps * lanes, lanes), attrs, constants)


def _pool(name: str, d: Draw) -> Point:
    bits, taps, channels = d.of(2, 4, 8), d.of(4, 9), d.of(4, 8, 16)
    x = TensorType((1, taps * channels, 8, 8), bool(d.of(0, 1)), bits)
    lanes = _lanes(d, channels, taps, bits)
    return made(name, "pool", [x], Folding(taps * lanes, lanes), {"taps": taps, "mode": ("max", "sum")[d.of(0, 1)]})


WITH_TAPS: dict[str, Callable[[str, Draw], Point]] = {"window": _window, "depthwise": _depthwise, "pool": _pool}
