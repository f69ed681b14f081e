# SPDX-License-Identifier: Apache-2.0
"""How far estimates are from counts: in sample, and held out (prices fitted without the point's settings)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from kernel_fit import FLOOR, held_out, kernel_of
from numpy.typing import NDArray

FITTED = ("lut", "ff")
EXACT = ("dsp", "bram36")
Row = Mapping[str, str]


def errors(rows: Sequence[Row], resource: str) -> NDArray[np.float64]:
    """Return the relative error of every row's estimate; below `FLOOR` it counts relative to the floor."""
    return _relative(rows, resource, [float(row[f"{resource}_estimate"]) for row in rows])


def _relative(rows: Sequence[Row], resource: str, estimates: Sequence[float]) -> NDArray[np.float64]:
    counts = np.array([float(row[resource]) for row in rows])
    return np.asarray(np.abs(np.array(estimates) - counts) / np.maximum(counts, FLOOR))


def _said(rows: Sequence[Row], off: NDArray[np.float64], estimates: Sequence[float], resource: str) -> dict[str, Any]:
    median, ninety = np.percentile(off, [50, 90])
    worst = rows[int(off.argmax())]
    counts = sum(float(row[resource]) for row in rows)
    return {
        "median": round(float(median), 3),
        "p90": round(float(ninety), 3),
        "sum": round(sum(estimates) / max(counts, 1) - 1, 3),
        "worst": {"point": worst["point"], "error": round(float(off.max()), 3)},
    }


def _summary(rows: Sequence[Row], apart: Mapping[tuple[str, str], Mapping[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {"points": len(rows)}
    for resource in FITTED:
        inside = [float(row[f"{resource}_estimate"]) for row in rows]
        outside = [apart[row["family"], row["point"]][resource] for row in rows]
        found[resource] = {
            name: _said(rows, _relative(rows, resource, estimates), estimates, resource)
            for name, estimates in (("in_sample", inside), ("held_out", outside))
        }
    for resource in EXACT:
        wrong = [row["point"] for row in rows if float(row[resource]) != float(row[f"{resource}_estimate"])]
        found[resource] = {"exact": round(1 - len(wrong) / len(rows), 3), "wrong": wrong}
    return found


def report(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the errors by family, and by family and kernel."""
    apart = held_out(rows)
    found: dict[str, Any] = {}
    for family in sorted({row["family"] for row in rows}):
        here = [row for row in rows if row["family"] == family]
        groups: dict[str, list[Row]] = {}
        for row in here:
            groups.setdefault(kernel_of(row), []).append(row)
        found[family] = {"all": _summary(here, apart), **{name: _summary(rows, apart) for name, rows in groups.items()}}
    return found


def lines(said: Mapping[str, Any]) -> list[str]:
    """Return a report as a table: median, 90th percentile and worst in per cent."""
    out = []
    for family, kernels in said.items():
        out.append(
            f"{family:20} points  " + "  ".join(f"{r:>3} {k:9} med  p90 worst" for r in FITTED for k in ("in", "held"))
        )
        for kernel, found in kernels.items():
            cells = [
                "{:17.1f} {:5.0f} {:5.0f}".format(*(100 * v for v in (e["median"], e["p90"], e["worst"]["error"])))
                for e in (found[r][k] for r in FITTED for k in ("in_sample", "held_out"))
            ]
            exact = "  ".join(f"{r} {found[r]['exact']:.0%}" for r in EXACT)
            out.append(f"{kernel:20} {found['points']:6}  " + "  ".join(cells) + f"  {exact}")
    return out
