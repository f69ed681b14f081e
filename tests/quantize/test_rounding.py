# SPDX-License-Identifier: Apache-2.0
"""Rounding of weights: scales by hand, and adaptive rounding never behind the nearest integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hwgen.quantize.rounding import adaptive, damped, error, following, hessian
from hwgen.quantize.weights import Rounded, nearest, scales


def problem(groups: int, outputs: int, inputs: int, rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(inputs)
    mixed = r.normal(size=(groups, rows, inputs)) @ r.normal(size=(groups, inputs, inputs))
    return r.normal(size=(groups, outputs, inputs)), mixed.astype(np.float32)


def test_eight_bit_scales_cover_the_largest_weight() -> None:
    matrix = np.array([[[1.27, -0.3], [0.1, -2.56]]])
    assert scales(matrix, 8).reshape(-1) == pytest.approx([0.01, 0.02])
    rounded = nearest(matrix, scales(matrix, 8), 8)
    assert rounded.ints.tolist() == [[[127, -30], [5, -128]]]


def test_few_bits_clip_where_that_costs_less() -> None:
    matrix = np.append(np.random.default_rng(0).uniform(-1, 1, 500), 4.0)[np.newaxis, np.newaxis]
    clipped = nearest(matrix, scales(matrix, 3), 3)
    full = nearest(matrix, np.full((1, 1, 1), 4.0 / 3), 3)
    assert ((clipped.real - matrix) ** 2).sum() < 0.5 * ((full.real - matrix) ** 2).sum()


@pytest.mark.parametrize(("groups", "outputs", "inputs"), [(1, 7, 30), (6, 1, 9), (2, 3, 8), (1, 4, 1)])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_adaptive_rounding_is_never_behind_on_what_it_saw(groups: int, outputs: int, inputs: int, bits: int) -> None:
    matrix, rows = problem(groups, outputs, inputs)
    h = hessian(rows)
    plain = nearest(matrix, scales(matrix, bits), bits)
    found = adaptive(matrix, bits, h)
    assert (error(matrix, found, damped(h)) <= error(matrix, plain, damped(h)) * (1 + 1e-6)).all()
    assert found.ints.min() >= -(2 ** (bits - 1)) and found.ints.max() < 2 ** (bits - 1)
    assert (found.ints == np.rint(found.ints)).all()


def test_correlated_inputs_gain_much() -> None:
    matrix, rows = problem(1, 16, 24)
    h = hessian(rows)
    plain, found = nearest(matrix, scales(matrix, 4), 4), adaptive(matrix, 4, h)
    assert error(matrix, found, h).sum() < 0.5 * error(matrix, plain, h).sum()


def test_adaptive_rounding_finds_nearly_the_best_of_all_integers() -> None:
    matrix, rows = problem(1, 1, 4)
    h = damped(hessian(rows))
    found = adaptive(matrix, 3, h)
    grids = (np.array(q, float)[np.newaxis, np.newaxis] for q in itertools.product(range(-4, 4), repeat=4))
    best = min(float(error(matrix, Rounded(q, found.scale, 3), h)[0, 0]) for q in grids)
    assert float(error(matrix, found, h)[0, 0]) <= 1.5 * best


def test_error_is_the_mean_square_of_the_output() -> None:
    matrix, rows = problem(1, 3, 5)
    rounded = nearest(matrix, scales(matrix, 4), 4)
    outputs = rows[0].astype(float) @ (rounded.real - matrix)[0].T
    assert error(matrix, rounded, hessian(rows))[0] == pytest.approx((outputs**2).mean(axis=0), rel=1e-4)


def test_following_makes_up_for_inputs_that_shrank() -> None:
    matrix, rows = problem(1, 4, 6, rows=4000)
    given = (rows * np.float32(0.8)).astype(np.float32)
    changed = following(matrix, rows, given, hessian(given))
    want = rows[0] @ matrix[0].T
    before = ((want - given[0] @ matrix[0].T) ** 2).sum()
    assert ((want - given[0] @ changed[0].T) ** 2).sum() < 0.6 * before
    assert following(matrix, rows, rows, hessian(rows)) == pytest.approx(matrix)
