# SPDX-License-Identifier: Apache-2.0
"""The integer grid of an activation, from what it was seen to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hwgen.graph.source import Array

Calibration = Literal["minmax", "percentile", "mse"]
CALIBRATIONS: tuple[Calibration, ...] = ("minmax", "percentile", "mse")

SAMPLES = 1 << 15
PERCENTILE = 99.99
CLIP_STEPS = 64
SYMMETRIC_ENOUGH = 0.8


@dataclass(frozen=True)
class Grid:
    """``real = scale * (q - zero)`` for integers q of a format.

    Parameters
    ----------
    scale
        A float32 value.
    zero
        Integer that stands for real zero.
    signed, bits
        Format of q.
    """

    scale: float
    zero: int
    signed: bool
    bits: int

    @property
    def low(self) -> int:
        """Smallest q."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest q."""
        return self.low + (1 << self.bits) - 1

    def widened(self, scale: float) -> Grid:
        """Return the grid with a larger step that covers the same range."""
        if not self.zero:
            return replace(self, scale=scale)
        zero = round(self.low - self.scale * (self.low - self.zero) / scale)
        return replace(self, scale=scale, zero=min(max(zero, self.low), self.high))

    def apply(self, x: Array) -> Array:
        """Return the real values of the nearest integers, in the float32 operations of QONNX's Quant."""
        scale, zero = np.float32(self.scale), np.float32(self.zero)
        low, high = np.float32(self.low), np.float32(self.high)
        q = np.clip(x / scale + zero, low, high)
        return np.asarray((np.rint(q) - zero) * scale, np.float32)


@dataclass
class Stats:
    """What was seen of one tensor: its range, a sample, and whether all values were integers.

    Parameters
    ----------
    frames
        How many frames will be added; each gives an even share of the sample.
    """

    frames: int = 1
    low: float = np.inf
    high: float = -np.inf
    integral: bool = True
    _samples: list[Array] = field(default_factory=list)

    def add(self, x: Array) -> None:
        """Take note of a batch of frames ``(frames, ...)``."""
        self.low, self.high = min(self.low, float(x.min())), max(self.high, float(x.max()))
        self.integral = self.integral and bool((x == np.rint(x)).all())
        flat = x.reshape(len(x), -1)
        stride = max(1, flat.shape[1] * self.frames // SAMPLES)
        self._samples.append(flat[:, :: stride | 1].reshape(-1).astype(np.float32))

    def sample(self) -> Array:
        """Return about `SAMPLES` values seen."""
        return np.concatenate(self._samples)

    def merged(self, other: Stats) -> Stats:
        """Return what was seen of either tensor."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        both = Stats(self.frames, low, high, self.integral and other.integral)
        both._samples = [*self._samples, *other._samples]
        return both


def grid(stats: Stats, bits: int, method: Calibration = "mse", *, symmetric: bool = False) -> Grid:
    """Return the grid of a tensor.

    Parameters
    ----------
    stats
        What was seen.
    bits
        Width of the integers.
    method
        ``minmax`` covers all that was seen; ``percentile`` cuts off 0.01 % at either end; ``mse`` has the least mean
        squared error over the sample, found among clips.
    symmetric
        Zero must be the integer 0.
    """
    low, high = min(stats.low, 0.0), max(stats.high, 0.0)
    if low == high:
        return Grid(1.0, 0, False, bits)
    if method == "minmax":
        return _covering(low, high, bits, symmetric)
    sample = stats.sample()
    if method == "percentile":
        ends = np.percentile(sample, [100 - PERCENTILE, PERCENTILE])
        cut = (min(float(ends[0]), 0.0), max(float(ends[1]), 0.0))
        return _covering(*(cut if cut[0] < cut[1] else (low, high)), bits, symmetric)
    tried = [_covering(low * f, high * f, bits, symmetric) for f in np.geomspace(1.0, 1.0 / 24, CLIP_STEPS)]
    sample = np.append(sample, np.asarray([low, high], np.float32))
    errors = [float(np.mean((g.apply(sample) - sample) ** 2)) for g in tried]
    return tried[int(np.argmin(errors))]


def integer_grid(stats: Stats, bits: int) -> Grid | None:
    """Return the grid of scale 1 where the tensor only ever held integers that fit it, else None."""
    if not stats.integral or stats.high <= 1:
        return None
    grid = Grid(1.0, 0, stats.low < 0, bits)
    return grid if grid.low <= stats.low and stats.high <= grid.high else None


def _covering(low: float, high: float, bits: int, symmetric: bool) -> Grid:
    """Return the grid from `low` to `high`: unsigned where nothing is negative, symmetric where that costs little."""
    steps = (1 << bits) - 1
    if low >= 0:
        return Grid(_scale(high / steps), 0, False, bits)
    both = 2 * max(-low, high) / steps
    one = (high - low) / steps
    if symmetric or one > SYMMETRIC_ENOUGH * both:
        return Grid(_scale(max(-low / (steps // 2 + 1), high / (steps // 2))), 0, True, bits)
    half = 1 << (bits - 1)
    scale = _scale(one)
    return Grid(scale, int(np.clip(round(-half - low / scale), -half, half - 1)), True, bits)


def _scale(value: float) -> float:
    return float(np.float32(float(max(value, 1e-30))))
