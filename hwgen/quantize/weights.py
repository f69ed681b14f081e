# SPDX-License-Identifier: Apache-2.0
"""Weights as integers: one symmetric scale for each output channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.graph.source import Array

CLIP_STEPS = 48
FEW_BITS = 6


@dataclass(frozen=True, eq=False)
class Rounded:
    """Quantised weights in matrix form: ``scale * ints``.

    Parameters
    ----------
    ints
        float64 integers ``(groups, outputs, inputs)``.
    scale
        float64 holding float32 values, ``(groups, outputs, 1)``.
    bits
        Width of the integers, signed.
    """

    ints: Array
    scale: Array
    bits: int

    @property
    def real(self) -> Array:
        """The weights that the integers stand for."""
        return np.asarray(self.ints * self.scale)


def limits(bits: int) -> tuple[int, int]:
    """Return the smallest and largest signed integer of a width."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def nearest(matrix: Array, scale: Array, bits: int) -> Rounded:
    """Round every weight to the nearest integer of its scale."""
    low, high = limits(bits)
    return Rounded(np.clip(np.rint(matrix / scale), low, high), scale, bits)


def float32_scale(scale: Array) -> Array:
    """Return scales as positive float32 values, in float64."""
    return np.maximum(np.asarray(scale, np.float64), 1e-30).astype(np.float32).astype(np.float64)


def scales(matrix: Array, bits: int, importance: Array | None = None) -> Array:
    """Return a scale for each output, ``(groups, outputs, 1)``.

    Up to 6 bits the one with the least squared rounding error among clips of the largest weight, else the one that
    covers the largest weight.

    Parameters
    ----------
    matrix
        ``(groups, outputs, inputs)``.
    importance
        Mean square of each input, ``(groups, inputs)``; weighs the errors. None weighs them all the same.
    """
    low, high = limits(bits)
    top = np.maximum(np.max(matrix, axis=-1, keepdims=True) / high, np.max(-matrix, axis=-1, keepdims=True) / -low)
    top = float32_scale(np.where(top > 0, top, 1.0))
    if bits > FEW_BITS:
        return top
    weigh = np.ones((len(matrix), 1, matrix.shape[-1])) if importance is None else importance[:, np.newaxis, :]
    best, least = top, np.full(top.shape, np.inf)
    for factor in np.linspace(1.0, 0.4, CLIP_STEPS):
        tried = float32_scale(top * factor)
        error = (weigh * (nearest(matrix, tried, bits).real - matrix) ** 2).sum(axis=-1, keepdims=True)
        best, least = np.where(error < least, tried, best), np.minimum(error, least)
    return best
