# SPDX-License-Identifier: Apache-2.0
"""Convex falling functions of a positive integer, such as 1/x and 1/sqrt(x), by a table and linear interpolation.

The integer is shifted left until its leading one stands at the top; what follows the leading one addresses the table,
and the bits after that interpolate. ``hls/include/hwgen/interpolate.hpp`` does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints

INDEX_BITS = 6
FRACTION_BITS = 10


@dataclass(frozen=True, eq=False)
class Interpolation:
    """``value(m) = base[i] - (slope[i] * f >> FRACTION_BITS)``, about ``2**value_bits * function(m)``.

    m is in ``[1, 2**radix)``; ``i`` are the first `INDEX_BITS` of ``m - 1`` behind the point, `f` the next
    `FRACTION_BITS`.

    Parameters
    ----------
    radix
        1, or 2 where the function wants an even exponent.
    value_bits
        Value of the function at 1, as a power of two.
    base, slope
        int64, ``(2**radix - 1) * 2**INDEX_BITS`` entries.
    """

    radix: int
    value_bits: int
    base: Ints
    slope: Ints

    def __call__(self, values: Ints, bits: int) -> tuple[Ints, Ints]:
        """Return the function of each value's mantissa, and the exponent: ``value = m * 2**(radix * exponent)``.

        Parameters
        ----------
        values
            int64, positive, of at most `bits` bits, at most 62.
        """
        width = self.width(bits)
        exponent = floor_log2(values) // self.radix
        top = values << (width - self.radix - self.radix * exponent)
        kept = top >> (width - self.radix - INDEX_BITS - FRACTION_BITS)
        index, fraction = (kept >> FRACTION_BITS) - (1 << INDEX_BITS), kept & ((1 << FRACTION_BITS) - 1)
        return self.base[index] - (self.slope[index] * fraction >> FRACTION_BITS), exponent

    def width(self, bits: int) -> int:
        """Return the bits that values of `bits` bits are shifted in: enough for the table, a multiple of the radix."""
        return max(-(-bits // self.radix) * self.radix, self.radix * -(-(INDEX_BITS + FRACTION_BITS) // self.radix) + 2)


def interpolation(
    function: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], radix: int, value_bits: int
) -> Interpolation:
    """Return the table of a convex falling function with ``function(1) = 1``: chords, lowered to halve their error."""
    edges = 1 + np.arange(((1 << radix) - 1 << INDEX_BITS) + 1, dtype=np.float64) / (1 << INDEX_BITS)
    ends = function(edges)
    middle = function((edges[1:] + edges[:-1]) / 2)
    lowered = ends[:-1] - ((ends[1:] + ends[:-1]) / 2 - middle) / 2
    scale = float(1 << value_bits)
    base = np.rint(lowered * scale).astype(np.int64)
    return Interpolation(radix, value_bits, base, np.rint((ends[:-1] - ends[1:]) * scale).astype(np.int64))


def floor_log2(values: Ints) -> Ints:
    """Return the place of the leading one of positive int64 values."""
    place = np.frexp(values.astype(np.float64))[1].astype(np.int64) - 1
    return np.asarray(place - (np.int64(1) << place > values))
