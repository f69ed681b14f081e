# SPDX-License-Identifier: Apache-2.0
"""Committed tables of measurements: CSV files with a line of names, every value as text."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

Row = dict[str, str]


def read(table: Path) -> list[Row]:
    """Return the rows of a table; none where there is no file."""
    if not table.is_file():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def write(table: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table."""
    table.parent.mkdir(exist_ok=True)
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
