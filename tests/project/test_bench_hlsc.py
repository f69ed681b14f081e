# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import hlsc
from hlsc_programs import Matvec, constant_dot, many_products


@pytest.mark.parametrize("exponent", [1.0, 1.3, 2.0])
def test_growth_is_the_exponent(exponent):
    assert hlsc.growth({n: 0.25 * n**exponent for n in (256, 512, 4096)}) == pytest.approx(exponent, abs=1e-3)


def test_ratios_leave_out_what_is_nothing_by_hand():
    assert hlsc.ratios({"lut": 50, "ff": 4, "dsp": 0}, {"lut": 100, "ff": 3, "dsp": 0}) == {"lut": 0.5, "ff": 1.333}


def test_lanes_are_packed_lowest_first():
    assert hlsc.pack([1, -1, 2], 4) == 0x2F1


def test_matvec_counts_the_thresholds_of_its_sums():
    layer = Matvec(np.eye(32, 64, dtype=np.int64), np.tile(np.arange(1, 16), (32, 1)))
    x = np.arange(64)[None] % 16
    assert layer.run(x).tolist() == x[:, :32].tolist()


def test_weights_come_in_fold_order():
    layer = Matvec(np.arange(32 * 64).reshape(32, 64), np.zeros((32, 15), np.int64))
    assert layer.lanes()[9, 8:16].tolist() == [64 * 5 + 8 + i for i in range(8)]


def test_programs_are_the_same_for_the_same_seed():
    assert constant_dot(4, 4) == constant_dot(4, 4) != constant_dot(4, 4, seed=2)
    assert "row < 4" in many_products(256)
