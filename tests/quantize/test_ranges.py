# SPDX-License-Identifier: Apache-2.0
"""Grids of activations: scales computed by hand, formats, and what each way of calibration is best at."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.quantize.ranges import CALIBRATIONS, Grid, Stats, grid, integer_grid


def seen(*values: float) -> Stats:
    stats = Stats()
    stats.add(np.asarray([values], np.float32))
    return stats


def test_a_range_without_negatives_is_unsigned() -> None:
    assert grid(seen(0.0, 0.1, 5.1), 8, "minmax") == Grid(float(np.float32(0.02)), 0, False, 8)
    assert grid(seen(0.5, 1.5), 4, "minmax") == Grid(float(np.float32(0.1)), 0, False, 4)


def test_a_balanced_range_is_symmetric() -> None:
    assert grid(seen(-1.27, 1.27), 8, "minmax") == Grid(float(np.float32(0.01)), 0, True, 8)


def test_a_lopsided_range_gets_a_zero_point_unless_it_is_multiplied() -> None:
    found = grid(seen(-0.5, 2.05), 8, "minmax")
    assert found == Grid(float(np.float32(0.01)), -78, True, 8)
    assert found.apply(np.zeros(1, np.float32)) == 0
    assert np.abs(found.apply(np.float32([-0.5, 2.05])) - np.float32([-0.5, 2.05])).max() < 0.0051
    assert grid(seen(-0.5, 2.05), 8, "minmax", symmetric=True).zero == 0


def test_apply_rounds_to_even_and_saturates() -> None:
    got = Grid(0.5, 0, False, 2).apply(np.float32([-1, 0.2, 0.25, 0.75, 0.8, 9]))
    assert got.tolist() == [0, 0, 0, 1, 1, 1.5]


def test_percentile_cuts_a_lone_outlier_and_mse_has_the_least_error() -> None:
    values = np.append(np.random.default_rng(0).uniform(0, 1, 40_000), 50).astype(np.float32)
    stats = Stats()
    stats.add(values[np.newaxis])
    errors = {m: float(((grid(stats, 4, m).apply(values) - values) ** 2).mean()) for m in CALIBRATIONS}
    assert grid(stats, 4, "percentile").scale < 0.1 < grid(stats, 4, "minmax").scale
    assert errors["mse"] <= 1.05 * min(errors.values())


def test_integers_keep_their_values() -> None:
    assert integer_grid(seen(0, 3, 255), 8) == Grid(1.0, 0, False, 8)
    assert integer_grid(seen(-128, 127), 8) == Grid(1.0, 0, True, 8)
    assert integer_grid(seen(0, 300), 8) is None
    assert integer_grid(seen(0, 1.5), 8) is None


def test_a_tensor_of_zeros_has_a_grid() -> None:
    assert grid(seen(0, 0), 8, "mse") == Grid(1.0, 0, False, 8)


@pytest.mark.parametrize("zero", [0, -78])
def test_a_widened_grid_covers_the_same_range(zero: int) -> None:
    old = Grid(0.01, zero, True, 8)
    new = old.widened(0.015)
    assert new.scale * (new.low - new.zero) <= 0.01 * (old.low - old.zero) + 0.008
    assert new.scale * (new.high - new.zero) >= 0.01 * (old.high - old.zero) - 0.008
