# SPDX-License-Identifier: Apache-2.0
"""Adaptive rounding: the integer weights whose layer output is nearest to the float one, for the inputs seen.

The error of a layer is ``|(W - V) X|^2 = tr((W - V) H (W - V)^T)`` with ``H = X X^T``. Columns are rounded one after
the other, the most excited first, and every rounding error is made up for by the columns that are still real: the
optimal brain quantiser (Frantar and Alistarh 2022) in the fixed order of GPTQ (Frantar et al. 2023), written without
the inverse of H, as the nearest plane of a lattice. Sweeps over single integers and a least-squares scale then take
what is left.
"""

from __future__ import annotations

import numpy as np

from hwgen.graph.source import Array
from hwgen.quantize.weights import Rounded, float32_scale, limits, nearest, scales

DAMPING = 0.01
"""Share of the mean diagonal that is added to a Hessian before it is inverted."""
FOLLOW = 1.0
"""The same for the change of weights that makes up for lost inputs."""
SWEEPS = 3


def hessian(rows: Array) -> Array:
    """Return the mean of ``x x^T`` over rows ``(groups, n, inputs)``, float64 ``(groups, inputs, inputs)``."""
    return np.asarray(np.asarray(rows.transpose(0, 2, 1) @ rows, np.float64) / rows.shape[1])


def damped(h: Array, share: float = DAMPING) -> Array:
    """Return `h` with a share of its mean diagonal added, so that it can be inverted."""
    size = h.shape[-1]
    mean = np.trace(h, axis1=1, axis2=2)[:, np.newaxis, np.newaxis] / size
    return np.asarray(h + (share * mean + 1e-12) * np.eye(size))


def following(matrix: Array, real: Array, given: Array, h: Array) -> Array:
    """Return the real weights that give for the inputs `given` what `matrix` gives for the inputs `real`.

    A least-squares fit, held to `matrix` the more strongly the fewer rows there are for each input.

    Parameters
    ----------
    matrix
        ``(groups, outputs, inputs)``.
    real, given
        Inputs of the same outputs in the float and in the quantised network, ``(groups, n, inputs)``.
    h
        `hessian` of `given`.
    """
    count, size = given.shape[1:]
    lost = ((real - given) @ matrix.transpose(0, 2, 1)).transpose(0, 2, 1) @ given / count
    held = damped(h, FOLLOW * (1 + size / count))
    return np.asarray(matrix + np.linalg.solve(held, lost.transpose(0, 2, 1)).transpose(0, 2, 1))


def error(matrix: Array, rounded: Rounded, h: Array) -> Array:
    """Return the squared error of each output over the inputs seen, ``(groups, outputs)``."""
    gap = rounded.real - matrix
    return np.asarray(np.maximum(((gap @ h) * gap).sum(axis=-1), 0.0))


def adaptive(matrix: Array, bits: int, h: Array) -> Rounded:
    """Return rounded weights whose error is nowhere above that of the nearest ones of the same kind of scale.

    Parameters
    ----------
    matrix
        Real weights, ``(groups, outputs, inputs)``.
    bits
        Width of the integers.
    h
        `hessian` of the layer's inputs, ``(groups, inputs, inputs)``.
    """
    plain = nearest(matrix, scales(matrix, bits), bits)
    h = damped(h)
    importance = np.diagonal(h, axis1=1, axis2=2)
    start = scales(matrix, bits, importance)
    found = _swept(matrix, _column_by_column(matrix, start, bits, h), h)
    better = error(matrix, found, h)[..., np.newaxis] < error(matrix, plain, h)[..., np.newaxis]
    return Rounded(np.where(better, found.ints, plain.ints), np.where(better, found.scale, plain.scale), bits)


def _column_by_column(matrix: Array, scale: Array, bits: int, h: Array) -> Rounded:
    """Round the columns in descending order of their excitation, each for the errors of those before it.

    With ``h = M M^T``, M lower triangular, the error is ``|(W - V) M|^2``: going from the last column to the first,
    each one's best value is what makes its own term vanish.
    """
    low, high = limits(bits)
    order = np.argsort(np.diagonal(h, axis1=1, axis2=2), axis=-1, kind="stable")
    wanted = np.take_along_axis(matrix, order[:, np.newaxis, :], axis=2)
    sorted_h = np.take_along_axis(np.take_along_axis(h, order[:, :, np.newaxis], 1), order[:, np.newaxis, :], 2)
    factor = np.linalg.cholesky(sorted_h)
    ints, gap = np.empty_like(wanted), np.zeros_like(wanted)
    for column in reversed(range(wanted.shape[-1])):
        here = np.s_[..., column : column + 1]
        carried = gap[..., column + 1 :] @ factor[:, column + 1 :, column : column + 1]
        target = wanted[here] + carried / factor[:, column, column, np.newaxis, np.newaxis]
        ints[here] = np.clip(np.rint(target / scale), low, high)
        gap[here] = wanted[here] - ints[here] * scale
    back = np.argsort(order, axis=-1)[:, np.newaxis, :]
    return Rounded(np.take_along_axis(ints, back, axis=2), scale, bits)


def _swept(matrix: Array, start: Rounded, h: Array) -> Rounded:
    """Improve the scale and single integers in turn; the error never grows."""
    low, high = limits(start.bits)
    ints, scale = start.ints.copy(), start.scale
    diagonal = np.diagonal(h, axis1=1, axis2=2)
    for _ in range(SWEEPS):
        scale = _best_scale(matrix, ints, scale, h)
        slope = (ints * scale - matrix) @ h
        for column in range(ints.shape[-1]):
            here = ints[..., column : column + 1]
            wanted = here - slope[..., column : column + 1] / (scale * diagonal[:, column, np.newaxis, np.newaxis])
            new = np.clip(np.rint(wanted), low, high)
            slope += (new - here) * scale * h[:, column, np.newaxis, :]
            ints[..., column : column + 1] = new
    return Rounded(ints, scale, start.bits)


def _best_scale(matrix: Array, ints: Array, scale: Array, h: Array) -> Array:
    """Return the scale with the least error for given integers: ``w H q / q H q``."""
    excited = ints @ h
    over = (excited * matrix).sum(axis=-1, keepdims=True)
    under = (excited * ints).sum(axis=-1, keepdims=True)
    fit = np.where((over > 0) & (under > 0), over / np.where(under > 0, under, 1.0), scale)
    return float32_scale(fit)
