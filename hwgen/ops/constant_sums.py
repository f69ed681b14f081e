# SPDX-License-Identifier: Apache-2.0
"""What sums of products with constants cost, from the constants themselves (`hwgen.hlsc.back.heap` makes them).

Fitted to the compiler's own counts over rows of 4 to 256 weights of 2 to 8 bits, inputs of 1 to 8 bits, and the rows of
five networks: off by 4 % at the median row, 11 % at nine of ten, and 5 % at most over a layer.
"""

from __future__ import annotations

import numpy as np

from hwgen.graph import Ints

BIT, DIGIT_BIT, COLUMN = 0.575, 0.563, 0.469
"""LUTs for each bit of an input with a weight, for its weight's further signed digits, for each bit of the sum."""


def digits(values: Ints) -> Ints:
    """Return how many signed digits of each integer are not 0, where no two of them are side by side."""
    size = np.abs(values)
    return np.asarray(np.bitwise_count(size ^ 3 * size), dtype=np.int64)


def dot_luts(weight: Ints, x_bits: int) -> float:
    """Return the LUTs of six inputs that all rows of a matrix take, each times one vector.

    Parameters
    ----------
    weight
        Shape ``(rows, terms)``.
    x_bits
        Bits of an element of the vector.
    """
    used = digits(weight)
    bits = x_bits * (used > 0).sum(axis=1)
    further = x_bits * np.maximum(used - 1, 0).sum(axis=1)
    columns = np.ceil(np.log2(np.maximum(1, np.abs(weight).sum(axis=1)) + 1)) + x_bits
    summed = BIT * bits + DIGIT_BIT * further + COLUMN * columns
    return float(np.where(bits > 6, summed, np.where(bits > 0, columns, 0)).sum())
