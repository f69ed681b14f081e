# SPDX-License-Identifier: Apache-2.0
"""Asked against predicted against achieved clock of every kernel on an ECP5-85F of speed grade 6.

    python benchmarks/ecp5_timing.py                       a point of each kernel at 100 MHz, nothing written
    python benchmarks/ecp5_timing.py --all                 every point and clock, into benchmarks/data/ecp5_timing.csv
    python benchmarks/ecp5_timing.py --report              the committed table alone
    python benchmarks/ecp5_timing.py --kernel add --mhz 75 some of them

Every kernel is compiled for a clock and placed alone, pins left out (`ecp5_place`). `predicted` is what the schedule
report says under ``timing``. Answers are cached by content; `--json` prints the rows as well as the summary.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tables
from ecp5_place import place
from kernel_count import Ports, plan_of, stream_ports
from kernel_points import Point, points, threshold_search
from tables import Row

from hwgen.hlsc import Module, Target, compile_process
from hwgen.hw import Board, boards
from hwgen.render import render

TABLE = Path(__file__).parent / "data" / "ecp5_timing.csv"
BOARD = "ulx3s"
KERNELS = (
    "fork", "width", "pool", "global_pool", "add", "thresholds", "threshold_search", "window", "argmax", "requantise",
    "depthwise", "matvec",
)  # fmt: skip
POINTS, CLOCK, OTHERS = 3, 100.0, (50.0, 75.0, 125.0, 150.0)
COLUMNS = ("point", "asked_mhz", "predicted_mhz", "achieved_mhz", "levels", "stages", "rtl", "lut", "ff", "dpr16x4",
           "bram", "path_cells", "path_routing_ns", "settings")  # fmt: skip
WITHIN = 0.15


@dataclass(frozen=True)
class Compiled:
    """A point, compiled for a clock."""

    point: Point
    module: Module
    ports: Ports
    mhz: float

    @property
    def predicted(self) -> float:
        """The clock that the compiler promises, in MHz."""
        return float(self.module.report["timing"]["mhz"])

    @property
    def digest(self) -> str:
        """A short hash of the RTL."""
        return hashlib.sha256(self.module.rtl.encode()).hexdigest()[:12]


def kernel_points(kernel: str, count: int) -> list[Point]:
    """Return the first `count` points of a kernel."""
    return [threshold_search(i) for i in range(count)] if kernel == "threshold_search" else points(kernel, count)


def compiled(found: Sequence[Point], mhz: float) -> Iterator[Compiled]:
    """Compile points for a clock."""
    board: Board = replace(boards.load(BOARD), clock_mhz=mhz)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render(plan_of(found, board), folder)
        for point in found:
            assert point.built is not None
            source = folder / "hls/src" / f"{point.name}.cpp"
            module = compile_process(source, point.name, [folder / "hls/include"], Target(board.family, mhz))
            yield Compiled(point, module, stream_ports(point.built.call), mhz)


def measured(case: Compiled) -> Row:
    """Place a compiled point; return its row."""
    found = place(case.module.rtl, case.point.name, case.ports, case.mhz)
    levels = case.module.report["timing"]["levels"]
    row = {"point": case.point.name, "asked_mhz": f"{case.mhz:g}", "predicted_mhz": f"{case.predicted:.1f}"}
    row |= {"achieved_mhz": f"{found.mhz:.1f}", "levels": " ".join(map(str, levels)), "stages": str(len(levels))}
    row |= {"rtl": case.digest, "lut": str(found.lut), "ff": str(found.ff), "dpr16x4": str(found.lut_ram)}
    row |= {"bram": str(found.bram), "path_cells": str(found.levels), "path_routing_ns": f"{found.routing:.2f}"}
    return row | {"settings": case.point.text}


def error(row: Mapping[str, str]) -> float:
    """Return the relative error of the predicted clock."""
    return float(row["predicted_mhz"]) / float(row["achieved_mhz"]) - 1


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return how far off the predictions are, who misses the clock, and both by kernel."""
    off = np.array([abs(error(row)) for row in rows])
    missed = [f"{r['point']} at {r['asked_mhz']}" for r in rows if float(r["achieved_mhz"]) < float(r["asked_mhz"])]
    kernels: dict[str, Any] = {}
    for kernel in KERNELS:
        here = [row for row in rows if row["point"].rpartition("_")[0] == kernel]
        if here:
            at_clock = [float(row["achieved_mhz"]) for row in here if float(row["asked_mhz"]) == CLOCK]
            median = float(np.median([abs(error(row)) for row in here]))
            kernels[kernel] = {
                "points": len(here),
                "median_error": round(median, 3),
                "least_mhz_asked_100": min(at_clock, default=None),
            }
    return {
        "points": len(rows),
        "median_error": round(float(np.median(off)), 3),
        "p90_error": round(float(np.percentile(off, 90)), 3),
        "within_15_percent": round(float(np.mean(off <= WITHIN)), 3),
        "missed": missed,
        "kernels": kernels,
    }


def read() -> list[Row]:
    """Return the committed table."""
    return tables.read(TABLE)


def write(rows: Iterable[Row]) -> None:
    """Write the table, sorted by kernel, point and clock."""

    def key(row: Row) -> tuple[int, int, float]:
        kernel, _, index = row["point"].rpartition("_")
        return KERNELS.index(kernel), int(index), float(row["asked_mhz"])

    tables.write(TABLE, COLUMNS, sorted(rows, key=key))


def cases(options: argparse.Namespace) -> Iterator[tuple[str, int, float]]:
    """Yield kernel, number of points and clock of what is to be placed."""
    clocks = options.mhz or ([CLOCK, *OTHERS] if options.all else [CLOCK])
    for mhz in clocks:
        for kernel in options.kernel or KERNELS:
            yield kernel, options.points or (POINTS if options.all and mhz == CLOCK else 1), mhz


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every point and clock; write the table")
    parser.add_argument("--kernel", action="append", choices=KERNELS)
    parser.add_argument("--mhz", action="append", type=float)
    parser.add_argument("--points", type=int, help="points of each kernel")
    parser.add_argument("--report", action="store_true", help="place nothing")
    parser.add_argument("--json", action="store_true", help="print the rows as well")
    options = parser.parse_args()
    rows: list[Row] = read() if options.report else []
    for kernel, count, mhz in [] if options.report else list(cases(options)):
        for case in compiled(kernel_points(kernel, count), mhz):
            rows.append(measured(case))
            shown = {name: rows[-1][name] for name in ("point", "asked_mhz", "predicted_mhz", "achieved_mhz")}
            print(" ".join(f"{name}={value}" for name, value in shown.items()), file=sys.stderr, flush=True)
        if options.all:
            here = {(row["point"], row["asked_mhz"]) for row in rows}
            write([*rows, *(row for row in read() if (row["point"], row["asked_mhz"]) not in here)])
    print(json.dumps(summary(rows) | ({"rows": rows} if options.json else {}), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
