# SPDX-License-Identifier: Apache-2.0
"""Reports: one JSON for machines, README and HTML for people; they print what other stages measured, nothing else."""

from hwgen.report.compare import compare_builds, comparison_page
from hwgen.report.report import build_report
from hwgen.report.roofline import write_roofline
from hwgen.report.write import write_report

__all__ = ["build_report", "compare_builds", "comparison_page", "write_report", "write_roofline"]
