# SPDX-License-Identifier: Apache-2.0
"""Hold the plan's cost formulas to what Yosys counts.

    python benchmarks/kernel_costs.py [--points 6] [--kernel matvec ...] [--family xcup ...]   measure, then report
    python benchmarks/kernel_costs.py --report                                                 report alone
    python benchmarks/kernel_costs.py --report --fit                      find new prices for hwgen/ops/area.yaml first

Every point of `kernel_points` is compiled and counted alone, and lands in `benchmarks/data/kernel_costs.csv` with the
estimate beside it; a point whose RTL has not changed is not counted again, so that a run may be stopped and goes on
where it was. The report has, by family, kernel and resource, the relative error of the estimates (see `kernel_report`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tables
from kernel_count import compiled, counted, library
from kernel_fit import write_prices
from kernel_points import MAKERS, Point, of_blocks, of_taps, planned, point, points
from kernel_report import lines, report
from tables import Row

from hwgen.hw import Board, boards

TABLE = Path(__file__).parent / "data" / "kernel_costs.csv"
BOARDS = {"xcup": "zcu102", "ecp5": "ulx3s"}
RESOURCES = ("lut", "ff", "dsp", "bram36")
COLUMNS = ("point", "family", "settings", "depth", "rtl", *RESOURCES, *(f"{name}_estimate" for name in RESOURCES))
BATCH = 12


def measure(found: Sequence[Point], board: Board, old: Mapping[str, Row]) -> Iterator[Row]:
    """Compile and count points; those whose RTL is known keep their counts."""
    sources = compiled(found, board)
    sources.update({each.name: library(each) for each in found if each.built is None})
    stale = [name for name, source in sources.items() if old.get(name, {}).get("rtl") != source.digest]
    counts = counted({name: sources[name] for name in stale}, board) if stale else {}
    for each in found:
        if each.name in sources:
            source = sources[each.name]
            row = {"point": each.name, "family": board.family, "settings": each.text}
            row |= {"depth": str(source.depth), "rtl": source.digest}
            have = old.get(each.name, {})
            now = counts.get(each.name)
            yield row | {name: _text(getattr(now, name)) if now else have[name] for name in RESOURCES}


def _text(value: float) -> str:
    return f"{value:g}" if value < 1e5 else str(round(value))


def read() -> list[Row]:
    """Return the committed table."""
    return [{"dsp": "0", **row} for row in tables.read(TABLE)]


def write(rows: Iterable[Row]) -> None:
    """Write the table, sorted."""
    order = {kernel: i for i, kernel in enumerate(MAKERS)}

    def place(row: Mapping[str, Any]) -> tuple[str, int, int]:
        kernel, _, index = row["point"].rpartition("_")
        return row["family"], order[kernel], int(index)

    tables.write(TABLE, COLUMNS, sorted(rows, key=place))


def estimated(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with today's estimates beside the counts."""
    done = []
    for row in rows:
        cost = point(row["point"]).cost(boards.load(BOARDS[row["family"]]).family)
        done.append(row | {f"{name}_estimate": _text(getattr(cost, name)) for name in RESOURCES})
    return done


def batches(options: argparse.Namespace) -> Iterator[tuple[str, list[Point]]]:
    """Return the points to measure, some at a time, with their family."""
    wanted = [[point(name) for name in options.point or []]]
    if not options.point:
        wanted = [
            of_blocks(kernel) + of_taps(kernel) + planned(kernel)[: options.planned] + points(kernel, options.points)
            for kernel in options.kernel or list(MAKERS)
        ]
    for found in wanted:
        for family in options.family or list(BOARDS):
            for start in range(0, len(found), BATCH):
                yield family, found[start : start + BATCH]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=6, help="points of each kernel and family")
    parser.add_argument("--planned", type=int, default=99, help="most points of each kernel that come from plans")
    parser.add_argument("--point", action="append", help="measure these points alone")
    parser.add_argument("--kernel", action="append", choices=list(MAKERS))
    parser.add_argument("--family", action="append", choices=list(BOARDS))
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--fit", action="store_true", help="find new prices")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    options = parser.parse_args()
    table = {(row["family"], row["point"]): row for row in read()}
    for family, batch in [] if options.report else batches(options):
        old = {name: row for (of, name), row in table.items() if of == family}
        rows = list(measure(batch, boards.load(BOARDS[family]), old))
        table.update({(family, row["point"]): row for row in rows})
        write(estimated(list(table.values())))
        print(f"{family}: {', '.join(row['point'] for row in rows)}", file=sys.stderr, flush=True)
    if options.fit:
        write_prices(list(table.values()))
    done = estimated(list(table.values()))
    write(done)
    said = report(done)
    if options.json:
        print(json.dumps(said, indent=2))
    else:
        print("\n".join(lines(said)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
