# SPDX-License-Identifier: Apache-2.0
"""How the elements of an ONNX tensor are ordered in the integer tensor that stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """The integer tensor is the ONNX tensor reshaped to `shape` with its axes permuted by `perm`; batch left out.

    Both empty: the elements keep their order. Tokens ``(1, T, D)``, for one, are ``shape = (T, D)``, ``perm = (1, 0)``
    over an integer tensor ``(1, D, T, 1)``.
    """

    shape: tuple[int, ...] = ()
    perm: tuple[int, ...] = ()

    @classmethod
    def of(cls, positions: npt.NDArray[np.int64]) -> Layout | None:
        """Return the layout of an ONNX tensor whose elements stand at `positions`; None where it is no permutation.

        Parameters
        ----------
        positions
            int64, any shape: place of each element in the integer tensor.
        """
        flat = positions.reshape(-1)
        shape: list[int] = []
        strides: list[int] = []
        if not flat.size or flat[0] != 0:
            return None
        while flat.size > 1:
            step = int(flat[1])
            breaks = np.flatnonzero(np.diff(flat) != step)
            extent = int(breaks[0]) + 1 if breaks.size else flat.size
            if flat.size % extent:
                return None
            rows = flat.reshape(-1, extent)
            if (rows != rows[:, :1] + step * np.arange(extent, dtype=np.int64)).any():
                return None
            shape.insert(0, extent)
            strides.insert(0, step)
            flat = rows[:, 0]
        perm = sorted(range(len(shape)), key=lambda axis: -strides[axis])
        wanted = np.cumprod([1, *(shape[axis] for axis in reversed(perm))])[:-1]
        if [strides[axis] for axis in reversed(perm)] != wanted.tolist():
            return None
        return cls() if perm == sorted(perm) else cls(tuple(shape), tuple(perm))

    def inward(self, values: Array, shape: Sequence[int]) -> Array:
        """Return frames of an ONNX tensor as frames of the integer tensor.

        Parameters
        ----------
        values
            ``(frames, ...)``.
        shape
            Of the integer tensor, with its batch of 1.
        """
        frames = len(values)
        if self.perm:
            values = values.reshape(frames, *self.shape).transpose(0, *(axis + 1 for axis in self.perm))
        return values.reshape(frames, *shape[1:])

    def outward(self, values: Array, shape: Sequence[int]) -> Array:
        """Inverse of `inward`; `shape` is that of the ONNX tensor, with its batch of 1."""
        frames = len(values)
        if self.perm:
            back = np.argsort(self.perm)
            values = values.reshape(frames, *(self.shape[axis] for axis in self.perm))
            values = values.transpose(0, *(int(axis) + 1 for axis in back))
        return values.reshape(frames, *shape[1:])


IN_ORDER = Layout()
"""The elements keep their order."""
