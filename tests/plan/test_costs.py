# SPDX-License-Identifier: Apache-2.0
"""Cost formulas against the committed table of what Yosys counts (benchmarks/data/kernel_costs.csv)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from hwgen.hlsc.back import storage
from hwgen.hw import Resources
from hwgen.ops import area
from hwgen.ops.base import hardware_ops

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import kernel_costs

    yield kernel_costs
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def said(bench: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = bench.report(bench.read())
    return found


@pytest.mark.parametrize(("family", "resource", "median", "ninety"), [
    ("xcup", "lut", 0.08, 0.20), ("xcup", "ff", 0.03, 0.15), ("ecp5", "lut", 0.08, 0.24), ("ecp5", "ff", 0.03, 0.15),
])  # fmt: skip
def test_held_out_estimates_are_near_the_counts(
    said: dict[str, Any], family: str, resource: str, median: float, ninety: float
) -> None:
    held = said[family]["all"][resource]["held_out"]
    assert held["median"] <= median and held["p90"] <= ninety


def test_blocks_are_exact_but_for_odd_shapes(said: dict[str, Any]) -> None:
    for family in ("xcup", "ecp5"):
        assert said[family]["all"]["dsp"]["wrong"] == []
        assert set(said[family]["all"]["bram36"]["wrong"]) <= {"hwgen_fifo_7"}


def test_the_table_is_large_and_its_report_readable(bench: ModuleType, said: dict[str, Any]) -> None:
    assert len(bench.read()) >= 300
    assert len(bench.lines(said)) == sum(1 + len(kernels) for kernels in said.values())


def test_prices_fit_the_table(bench: ModuleType) -> None:
    import kernel_fit

    assert kernel_fit.fitted(bench.read()) == area.prices()


def test_points_that_differ_in_folding_alone_are_held_out_together(bench: ModuleType) -> None:
    import kernel_fit

    row = {"point": "matvec_3", "family": "xcup", "settings": "s8[64x4x4] simd=2 pe=1 weight=4x64"}
    assert kernel_fit.fold_of(row) == kernel_fit.fold_of({**row, "settings": "s8[64x4x4] simd=8 pe=4 weight=4x64"})


def test_the_table_has_every_kernel(bench: ModuleType) -> None:
    measured = {row["point"].rpartition("_")[0] for row in bench.read()}
    assert measured == set(bench.MAKERS) >= set(hardware_ops())


def test_the_table_shows_the_estimates_of_today(bench: ModuleType) -> None:
    assert bench.estimated(bench.read()) == bench.read()


def test_points_do_not_depend_on_their_number(bench: ModuleType) -> None:
    for kernel in bench.MAKERS:
        few, many = bench.points(kernel, 2), bench.points(kernel, 4)
        assert [p.text for p in few] == [p.text for p in many[:2]]


@pytest.mark.parametrize(("depth", "width"), [(4, 8), (64, 8), (512, 36), (1000, 20), (3000, 7), (33, 400), (2, 2000)])
def test_memories_live_where_the_compiler_puts_them(depth: int, width: int) -> None:
    assert area.ram_in_block(depth, width) == (storage.fifo_style(width, max(3, depth)) == "block")
    assert area.blocks(depth, width) == storage.blocks(width, depth)


def test_lanes_of_a_table_have_the_bits_that_matter() -> None:
    table = np.array([[0, 4, -8, 5], [0, 12, 7, 5], [0, 8, 0, 5]], dtype=np.int64)
    assert area.lane_bits(table, 0).tolist() == [0, 4, 4, 0]
    assert area.trailing_zeros(table, 0).tolist() == [0, 2, 0, 0]


def test_equal_and_constant_pieces_of_a_table_cost_once_or_nothing() -> None:
    step, noise = np.repeat([0, 1], 128), np.random.default_rng(3).integers(0, 2, 256)
    assert area.table_luts(step, 1, "xcup") <= 1 < area.table_luts(noise, 1, "xcup") == 4
    assert area.table_luts(np.tile(noise[:64], 16), 1, "xcup") == 1
    assert area.table_luts(noise, 1, "ecp5") == 4 * 4 + 3


def test_memories_deeper_than_their_blocks_have_a_choice_of_blocks() -> None:
    assert area.banks_luts(2000, 20) == 0 and area.banks_luts(5000, 20) == 2 * 20
    assert area.banks_luts(5000, 20, "ecp5") == 4 * 20


def test_counters_of_a_power_of_two_start_over_by_themselves() -> None:
    assert area.counting(8, 10) == {"counters": 7, "wraps": 4}


def test_prices_of_small_and_large_numbers() -> None:
    assert area.shift_adders([1, 2, 3, 7, -5]) == 0 + 0 + 1 + 2 + 1
    assert area.mapped_blocks(512, 36) == 0.5 and area.mapped_blocks(2304, 16) == 1.5
    assert area.mapped_blocks(256, 17, "ice40") == 2 / 9 and area.ram_luts(4, 8, "ice40") == 8 * (4 + 2)
    assert area.rom(1, 99, "xcup") == ({"table": 0.0, "rom": 0.0}, 0.0)
    assert area.rom(16, 9, "xcup")[0]["table"] == 9 and area.rom(65, 9, "xcup")[0]["rom"] == 18
    assert area.rom(4, 8, "xcup")[0]["table"] == 2


def test_a_kernel_without_prices_costs_one_for_each_unit() -> None:
    parts = area.Parts(lut={"bits": 7, "counters": 2}, ff={"bits": 5}, bram36=0.5)
    assert area.priced("nobody_fitted_this", "xcup", parts) == Resources(9, 5, 0, 0.5)
