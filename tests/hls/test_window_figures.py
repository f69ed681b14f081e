# SPDX-License-Identifier: Apache-2.0
"""The window's figures: clocks within the targets of the specification, and no slower than by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import hlsc_window as bench


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    return bench.measure()


def test_clocks(figures: dict[str, float]) -> None:
    assert figures["cycles_6"] <= 3920
    assert figures["cycles_6_bubbles"] <= 1.03 * figures["cycles_6"]
    assert figures["cycles_6"] <= figures["hand_cycles_6"]
    assert figures["cycles_6_bubbles"] <= figures["hand_cycles_6_bubbles"]


def test_area_is_near_that_of_hand_written_rtl(figures: dict[str, float]) -> None:
    assert figures["lut"] <= 1.1 * figures["hand_lut"]
    assert figures["ff"] <= figures["hand_ff"]
