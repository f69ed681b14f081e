# SPDX-License-Identifier: Apache-2.0
"""Exact arithmetic of requantisation: what real value an integer stands for, and where a quantiser steps.

Between two quantisers a network applies affine maps, Relu and Clip. Any chain of these is one clipped line for each
channel, `Curve`; a quantiser is a list of bounds, `Quantiser`. Both are rational numbers (a float32 is one), so the
smallest accumulator that reaches each output level is an integer found without rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints

SQRT_BITS = 256


def sqrt(value: Fraction) -> Fraction:
    """Return the square root, exact where it is rational, else rounded down at 256 fractional bits or better."""
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    shift = 2 * (SQRT_BITS + max(0, value.denominator.bit_length()))
    return Fraction(math.isqrt((value.numerator << shift) // value.denominator), 1 << (shift // 2))


def common(values: Sequence[Fraction]) -> Fraction:
    """Return the greatest rational that divides all `values`, some of which must not be zero; positive."""
    bottom = math.lcm(*(v.denominator for v in values))
    return Fraction(math.gcd(*(int(v * bottom) for v in values)), bottom)


@dataclass(frozen=True)
class Curve:
    """Real value of an integer q in each channel: ``min(max(slope*q + offset, floor), ceiling)``.

    Each field has one entry, shared by all channels, or one for each channel; None stands for no bound.
    """

    slope: tuple[Fraction, ...]
    offset: tuple[Fraction, ...]
    floor: tuple[Fraction | None, ...]
    ceiling: tuple[Fraction | None, ...]

    @classmethod
    def line(cls, slope: Sequence[Fraction], offset: Sequence[Fraction]) -> Curve:
        """Return an unclipped line; both sequences have the same length, or one of them has length 1."""
        count = max(len(slope), len(offset))
        none: tuple[Fraction | None, ...] = (None,) * count
        return cls(_spread(slope, count), _spread(offset, count), none, none)

    @classmethod
    def identity(cls) -> Curve:
        """Return the curve whose value is q itself."""
        return cls.line((Fraction(1),), (Fraction(0),))

    @property
    def channels(self) -> int:
        """Number of entries: 1 when all channels share the curve."""
        return len(self.slope)

    @property
    def zero(self) -> int | None:
        """The one integer of at most 31 bits that stands for real zero in every channel of a line; None without one."""
        zeros = {-o / s for o, s in zip(self.offset, self.slope, strict=True) if s}
        zero = zeros.pop() if zeros else None
        fits = zero is not None and not zeros and zero.denominator == 1 and abs(zero) < 1 << 30
        return int(zero) if zero is not None and fits else None

    @property
    def affine(self) -> bool:
        """True when nothing is clipped."""
        return all(b is None for b in self.floor) and all(b is None for b in self.ceiling)

    @property
    def increasing(self) -> bool:
        """True when a larger q never has a smaller value, in any channel."""
        return all(s >= 0 for s in self.slope)

    def spread(self, count: int) -> Curve:
        """Return the same curve with `count` entries."""
        if self.channels == count:
            return self
        return Curve(
            _spread(self.slope, count),
            _spread(self.offset, count),
            self.floor * (count // self.channels),
            self.ceiling * (count // self.channels),
        )

    def shrink(self) -> Curve:
        """Return the curve with one entry if all entries are equal."""
        rows = set(zip(self.slope, self.offset, self.floor, self.ceiling, strict=True))
        if len(rows) > 1:
            return self
        return Curve(self.slope[:1], self.offset[:1], self.floor[:1], self.ceiling[:1])

    def scaled(self, factor: Sequence[Fraction], offset: Sequence[Fraction]) -> Curve:
        """Return ``factor * self + offset``; the arguments have one entry or one for each channel."""
        count = max(self.channels, len(factor), len(offset))
        curve, factors, offsets = self.spread(count), _spread(factor, count), _spread(offset, count)
        rows = list(zip(curve.slope, curve.offset, curve.floor, curve.ceiling, factors, offsets, strict=True))
        low, high = zip(*(_scaled_bounds(lo, hi, f, b) for _, _, lo, hi, f, b in rows), strict=True)
        return Curve(
            tuple(s * f for s, _, _, _, f, _ in rows), tuple(o * f + b for _, o, _, _, f, b in rows), low, high
        ).shrink()

    def clipped(self, low: Fraction | None, high: Fraction | None) -> Curve:
        """Return ``min(max(self, low), high)``; None leaves a side open."""
        floor, ceiling = [], []
        for old_low, old_high in zip(self.floor, self.ceiling, strict=True):
            new_low = clamp(old_low, low, high) if old_low is not None else low
            new_high = clamp(old_high, low, high) if old_high is not None else high
            floor.append(new_low)
            ceiling.append(new_high)
        return replace(self, floor=tuple(floor), ceiling=tuple(ceiling)).shrink()

    def without_clip(self) -> Curve:
        """Return the line below the clip."""
        return Curve.line(self.slope, self.offset)

    def value(self, q: int, channel: int = 0) -> Fraction:
        """Return the exact real value of `q`."""
        at = channel if self.channels > 1 else 0
        exact = self.slope[at] * q + self.offset[at]
        return clamp(exact, self.floor[at], self.ceiling[at])


def _spread(values: Sequence[Fraction], count: int) -> tuple[Fraction, ...]:
    return tuple(values) if len(values) == count else tuple(values) * count


def clamp(value: Fraction, low: Fraction | None, high: Fraction | None) -> Fraction:
    """Return ``min(max(value, low), high)``; None leaves a side open."""
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    return value


def _scaled_bounds(
    low: Fraction | None, high: Fraction | None, factor: Fraction, offset: Fraction
) -> tuple[Fraction | None, Fraction | None]:
    if factor == 0:
        return None, None
    new = [None if b is None else b * factor + offset for b in (low, high)]
    return (new[0], new[1]) if factor > 0 else (new[1], new[0])


@dataclass(frozen=True, eq=False)
class Quantiser:
    """A quantiser as a list of steps: the output is at least ``low + i*step`` where the input reaches bound i.

    Parameters
    ----------
    scale
        Positive; one entry or one for each channel.
    zero_point
        Integer that stands for real zero: the output's real value is ``scale * (y - zero_point)``.
    low
        Smallest output.
    step
        Distance of two outputs: 1, or 2 for bipolar.
    bounds
        int64, ascending, one for each output above `low`: twice the value that input/scale must reach.
    strict
        bool, where the input must exceed the bound.
    output
        Scale of the output where it is not the one that the bounds are multiples of.
    """

    scale: tuple[Fraction, ...]
    zero_point: int
    low: int
    step: int
    bounds: Ints
    strict: npt.NDArray[np.bool_]
    output: tuple[Fraction, ...] = ()

    @property
    def real(self) -> tuple[Fraction, ...]:
        """Real value of one output step."""
        return self.output or self.scale

    def outputs(self, reals: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the outputs, as Fractions, for an object array of reals; all channels share a scale."""
        levels = [int(_reached(2 * real / self.scale[0], self).sum()) for real in reals.reshape(-1)]
        found = np.empty(len(levels), dtype=object)
        found[:] = [Fraction(self.low + self.step * level) for level in levels]
        return found.reshape(reals.shape)

    @property
    def high(self) -> int:
        """Largest output."""
        return self.low + self.step * len(self.bounds)


# For each rounding mode: (twice the bound minus 2k, strict) for k > 0, and the same for k <= 0; HALF_EVEN asks for k's
# parity instead. k is the rounded value.
_MODES: dict[str, tuple[tuple[int, bool], tuple[int, bool]]] = {
    "FLOOR": ((0, False), (0, False)),
    "CEIL": ((-2, True), (-2, True)),
    "DOWN": ((0, False), (-2, True)),
    "UP": ((-2, True), (0, False)),
    "HALF_UP": ((-1, False), (-1, True)),
    "HALF_DOWN": ((-1, True), (-1, False)),
}
_MODES["ROUND_TO_ZERO"] = _MODES["DOWN"]
ROUNDING_MODES = ("ROUND", "HALF_EVEN", *_MODES)


def rounding_bounds(levels: Ints, mode: str) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return twice the bound, and whether it is strict, that x must reach for ``round(x) >= k``, for each k.

    Parameters
    ----------
    levels
        int64, the values k.
    mode
        ROUND (half to even), HALF_EVEN, FLOOR, CEIL, UP (away from zero), DOWN or ROUND_TO_ZERO, HALF_UP, HALF_DOWN
        (halves away from and towards zero), in capitals.
    """
    if mode in ("ROUND", "HALF_EVEN"):
        return 2 * levels - 1, levels % 2 != 0
    (above, strict_above), (below, strict_below) = _MODES[mode]
    positive = levels > 0
    return 2 * levels + np.where(positive, above, below), np.where(positive, strict_above, strict_below)


def uniform(
    scale: tuple[Fraction, ...], zero_point: int, low: int, high: int, mode: str, *, zero_first: bool
) -> Quantiser:
    """Return ``clip(round(x/scale + zero_point), low, high)``.

    Parameters
    ----------
    zero_first
        True when the zero point is added before rounding (QONNX), False when after (QuantizeLinear).
    """
    levels = np.arange(low + 1, high + 1, dtype=np.int64)
    if zero_first:
        bounds, strict = rounding_bounds(levels, mode)
        bounds = bounds - 2 * zero_point
    else:
        bounds, strict = rounding_bounds(levels - zero_point, mode)
    return Quantiser(scale, zero_point, low, 1, bounds, strict)


@dataclass(frozen=True, eq=False)
class Steps:
    """Where a quantiser steps, in integers.

    Parameters
    ----------
    at
        int64 ``(C, T)``: column i belongs to output ``low + (i+1)*step``; C is 1 when shared. Entries lie in
        ``[lo, hi + 1]`` of the channel's range: an output always reached has ``lo``, one never reached ``hi + 1``
        (flipped channels: the other way round).
    flip
        bool ``(C,)``: False counts ``q >= at``, True counts ``q < at``.
    low, step
        As in `Quantiser`.
    lo, hi
        int64 ``(C,)``: range of q that was considered.
    """

    at: Ints
    flip: npt.NDArray[np.bool_]
    low: int
    step: int
    lo: Ints
    hi: Ints

    def apply(self, q: Ints) -> Ints:
        """Return the outputs for `q` of shape ``(C, N)``."""
        reached = q[:, :, None] >= self.at[:, None, :]
        reached ^= self.flip[:, None, None]
        return np.asarray(self.low + self.step * reached.sum(axis=2, dtype=np.int64))


def find_steps(curve: Curve, quantiser: Quantiser, lo: Ints, hi: Ints) -> Steps:
    """Return the exact steps of ``quantiser(curve(q))`` for q in ``[lo, hi]``.

    Parameters
    ----------
    lo, hi
        int64 ``(C,)``; when curve and scale are shared by all channels, the union of the ranges is taken.
    """
    count = max(curve.channels, len(quantiser.scale))
    if count == 1:
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    curve = curve.spread(count)
    scale = _spread(quantiser.scale, count)
    rows = [_row(curve, c, scale[c], quantiser, int(lo[c]), int(hi[c])) for c in range(count)]
    flip = np.array([s < 0 for s in curve.slope], dtype=np.bool_)
    at = np.array(rows, dtype=np.int64).reshape(count, len(quantiser.bounds))
    return Steps(at, flip, quantiser.low, quantiser.step, lo, hi)


def _row(curve: Curve, channel: int, scale: Fraction, quantiser: Quantiser, lo: int, hi: int) -> Ints:
    slope, offset = curve.slope[channel], curve.offset[channel]
    low, high = curve.floor[channel], curve.ceiling[channel]
    always, never = (hi + 1, lo) if slope < 0 else (lo, hi + 1)
    if slope == 0:
        return np.where(_reached(2 * clamp(offset, low, high) / scale, quantiser), always, never)
    per_bound, start = scale / (2 * slope), -offset / slope
    bottom = math.lcm(per_bound.denominator, start.denominator)
    factor, begin = int(per_bound * bottom), int(start * bottom)
    above = quantiser.strict if slope > 0 else ~quantiser.strict
    raw = [
        (factor * b + begin) // bottom + 1 if s else -((-factor * b - begin) // bottom)
        for b, s in zip(quantiser.bounds.tolist(), above.tolist(), strict=True)
    ]
    row = np.array([lo if t < lo else hi + 1 if t > hi else t for t in raw], dtype=np.int64)
    if low is not None:
        row = np.where(_reached(2 * low / scale, quantiser), always, row)
    if high is not None:
        row = np.where(_reached(2 * high / scale, quantiser), row, never)
    return row


def _reached(level: Fraction, quantiser: Quantiser) -> npt.NDArray[np.bool_]:
    """Tell which bounds, all of them integers, a level exceeds (strict ones) or reaches."""
    below, upto = math.ceil(level) - 1, math.floor(level)
    return np.where(quantiser.strict, quantiser.bounds <= below, quantiser.bounds <= upto)
