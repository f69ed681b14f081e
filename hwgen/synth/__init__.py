# SPDX-License-Identifier: Apache-2.0
"""Counts what a design costs, with Yosys."""

from hwgen.synth.cells import YosysCounts
from hwgen.synth.counting import DesignCounts, count, count_design

__all__ = ["DesignCounts", "YosysCounts", "count", "count_design"]
