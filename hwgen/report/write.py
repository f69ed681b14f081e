# SPDX-License-Identifier: Apache-2.0
"""Write the report's files into an output folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hwgen.artifacts import write_json
from hwgen.plan.types import Plan
from hwgen.report.report import build_report
from hwgen.report.roofline import write_roofline
from hwgen.resources import data_folder
from hwgen.version import VERSION

PAGES = {"README.md.j2": "README.md", "Makefile.j2": "Makefile", "index.html.j2": "report/index.html"}
PARITY_PAGES = {"parity.md.j2": "README.md"}


def write_report(folder: Path, plan: Plan | None, facts: Mapping[str, Any]) -> None:
    """Write ``report/report.json`` and the pages made from it; see `build_report` for the arguments.

    Where nothing was compiled, the only page is that of the parity.
    """
    report = build_report(plan, facts)
    write_json(folder / "report" / "report.json", report)
    if report["roofline"] is not None:
        write_roofline(folder / "report", report)
    environment = Environment(
        loader=FileSystemLoader(data_folder("templates") / "report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
    )
    environment.filters["count"] = _count
    pages = PAGES if "hlsc" in facts else PARITY_PAGES
    for template, target in pages.items():
        text = environment.get_template(template).render(report=report, version=VERSION)
        (folder / target).write_text(text)


def _count(value: float | None) -> str:
    """Format a count for people: thousands apart, an absent one as a dash."""
    return "-" if value is None else f"{value:,.0f}"
