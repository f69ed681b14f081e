# SPDX-License-Identifier: Apache-2.0
"""docs/operators.md tells what the importers themselves say."""

from __future__ import annotations

import inspect
from pathlib import Path

from hwgen.ops.base import source_ops

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"


def row(name: str) -> str:
    op = source_ops()[name]
    summary = (inspect.getdoc(op) or "").splitlines()[0]
    where = "hardware; host at the ends" if op.host else "hardware"
    return f"| {name} | `ops/{type(op).__module__.rsplit('.', 1)[1]}.py` | {where} | {summary} |"


def test_the_page_lists_every_importer_in_its_own_words() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "`ops/" in line]
    assert rows == [row(name) for name in sorted(source_ops())]
