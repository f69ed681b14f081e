# SPDX-License-Identifier: Apache-2.0
"""Write the report's files into an output folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwgen.artifacts import write_json
from hwgen.plan.types import Plan
from hwgen.report.html import environment, page
from hwgen.report.report import build_report
from hwgen.report.roofline import write_roofline
from hwgen.version import VERSION

PAGES = {"README.md.j2": "README.md", "Makefile.j2": "Makefile"}
INDEX = "report/index.html"
PARITY_PAGES = {"parity.md.j2": "README.md"}


def write_report(folder: Path, plan: Plan | None, facts: Mapping[str, Any]) -> None:
    """Write ``report/report.json`` and the pages made from it; see `build_report` for the arguments.

    Where nothing was compiled, the only page is that of the parity.
    """
    report = build_report(plan, facts)
    write_json(folder / "report" / "report.json", report)
    if report["roofline"] is not None:
        write_roofline(folder / "report", report)
    pages = PAGES if "hlsc" in facts else PARITY_PAGES
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    for template, target in pages.items():
        text = environment().get_template(template).render(report=report, version=VERSION, present=present)
        (folder / target).write_text(text)
    if plan is not None and "hlsc" in facts:
        (folder / INDEX).write_text(page(plan, report), encoding="utf-8", newline="\n")
