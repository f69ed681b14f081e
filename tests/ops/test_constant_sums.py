# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

import numpy as np

from hwgen.hlsc.back import heap
from hwgen.ops.constant_sums import digits, dot_luts


def test_signed_digits_are_counted_as_the_compiler_makes_them():
    numbers = np.arange(-300, 300)
    assert digits(numbers).tolist() == [len(heap.digits(int(n))) for n in numbers]


def compiled(weights: list[int], x_bits: int) -> int:
    """Return the LUTs of the compiler's chains for one row."""
    width = (sum(map(abs, weights)) << x_bits).bit_length() + 1
    found = heap.Heap(width, 6, -1, lambda chain: [-2] * chain.most.bit_length())
    found.add_all({k * x_bits + i: w << i for k, w in enumerate(weights) if w for i in range(x_bits)})
    found.reduce()
    return found.luts


def test_a_layer_of_constants_costs_what_the_compiler_spends():
    rng = random.Random(1)
    for terms, w_bits, x_bits in ((64, 4, 4), (64, 8, 8), (32, 6, 6), (128, 3, 3)):
        rows = [[rng.randint(1 - (1 << w_bits - 1), (1 << w_bits - 1) - 1) for _ in range(terms)] for _ in range(8)]
        spent = sum(compiled(row, x_bits) for row in rows)
        assert abs(dot_luts(np.array(rows), x_bits) / spent - 1) < 0.1


def test_a_weight_of_zero_costs_nothing():
    assert dot_luts(np.zeros((3, 5), np.int64), 4) == 0
