# SPDX-License-Identifier: Apache-2.0
"""Bias correction: no output channel of a layer is off on average; and biases on the accumulator's grid."""

from __future__ import annotations

import numpy as np

from hwgen.graph.source import Array


def mean_error(real: Array, quantised: Array, channel_axis: int) -> Array:
    """Return by how much each channel of a layer's output is too small on average (Nagel et al. 2019), float64."""
    axis = channel_axis % real.ndim
    others = tuple(i for i in range(real.ndim) if i != axis)
    return np.asarray((real.astype(np.float64) - quantised).mean(axis=others))


def on_grid(bias: Array, unit: Array) -> Array:
    """Return the biases as the nearest whole numbers of accumulator steps, in float32.

    Parameters
    ----------
    bias
        Real biases ``(outputs,)``.
    unit
        Real value of one step of each accumulator: input scale times weight scale.
    """
    return np.asarray(np.rint(bias.astype(np.float64) / unit) * unit, np.float32)


def along(values: Array, channel_axis: int, ndim: int) -> Array:
    """Shape one number for each channel to broadcast over a layer's output."""
    shape = [1] * ndim
    shape[channel_axis % ndim] = -1
    return values.reshape(shape)
