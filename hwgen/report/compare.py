# SPDX-License-Identifier: Apache-2.0
"""Builds side by side: their figures, and the layers that were built differently."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hwgen.errors import Problem, UserError
from hwgen.report.charts import KINDS
from hwgen.report.details import folding
from hwgen.report.html import amount, environment
from hwgen.report.steps import verdict
from hwgen.version import VERSION

Report = Mapping[str, Any]
REPORT = Path("report") / "report.json"
NEEDED = ("name", "board", "clock_mhz", "fps", "cycles", "resources", "layers", "verify", "accuracy", "bottleneck")
"""Keys without which a report cannot be compared."""


@dataclass(frozen=True)
class Figure:
    """A row of the comparison.

    Parameters
    ----------
    name, label
        For programs, and for people.
    better
        Whether more or less of it is better; None where neither is.
    """

    name: str
    label: str
    better: Literal["more", "less"] | None = None


FIGURES = (
    Figure("clock_mhz", "clock, MHz"),
    Figure("fmax_mhz", "clock reached in place-and-route, MHz", "more"),
    Figure("fps", "frames/s, projected at the clock", "more"),
    Figure("ii_plan", "cycles between frames, planned", "less"),
    Figure("ii_rtl", "cycles between frames, measured in RTL", "less"),
    Figure("latency_plan", "latency in cycles, planned", "less"),
    Figure("latency_rtl", "latency in cycles, measured in RTL", "less"),
    Figure("accuracy", "accuracy, in integers", "more"),
    *(Figure(kind, f"{label}, planned", "less") for kind, label in KINDS.items()),
    *(Figure(f"{kind}_yosys", f"{label}, counted by Yosys", "less") for kind, label in KINDS.items()),
)


def read(folders: Sequence[Path]) -> list[Report]:
    """Return the reports of finished builds.

    Raises
    ------
    UserError
        With a sentence for every folder that is none.
    """
    problems: list[Problem] = []
    found: list[Report] = []
    for folder in folders:
        try:
            report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            lacks = "that can be read" if (folder / REPORT).is_file() else "at all"
            problems.append(Problem(f"{folder} must be the folder of a build, but it has no {REPORT} {lacks}."))
            continue
        missing = [key for key in NEEDED if not isinstance(report, dict) or key not in report]
        if missing:
            problems.append(Problem(f"{folder} must hold a report of this version, but it lacks {missing[0]}."))
        elif not report["layers"]:
            problems.append(Problem(f"{folder} must hold a build with hardware, but only parity was asked for there."))
        else:
            found.append(report)
    if problems:
        raise UserError(problems)
    return found


def compare_builds(folders: Sequence[Path]) -> dict[str, Any]:
    """Return a comparison of two builds or more, JSON-ready; what changes is told against the first.

    Parameters
    ----------
    folders
        Output folders of finished builds.

    Returns
    -------
    dict
        ``builds``; ``figures``, those that are not nothing in every build: ``values``, and ``changes``, the part by
        which each differs from the first; ``layers``, those built differently: in ``ways`` an entry for each build,
        None where it has no such layer; ``same``, how many layers are alike in all.

    Raises
    ------
    UserError
        With a sentence for every folder that is no build.
    """
    reports = read(folders)
    rows = [_row(figure, [_values(report)[figure.name] for report in reports]) for figure in FIGURES]
    names = dict.fromkeys(layer["name"] for report in reports for layer in report["layers"])
    ways = {name: [_way(report, name) for report in reports] for name in names}
    changed = {name: each for name, each in ways.items() if any(way != each[0] for way in each[1:])}
    return {
        "ok": True,
        "builds": [_build(folder, report) for folder, report in zip(folders, reports, strict=True)],
        "figures": [row for row in rows if any(row["values"])],
        "layers": [{"name": name, "ways": each} for name, each in changed.items()],
        "same": len(ways) - len(changed),
    }


def comparison_page(found: Mapping[str, Any]) -> str:
    """Return what `compare_builds` found as one HTML file with everything in it."""
    figures = [{**row, "bars": _bars(row)} for row in found["figures"]]
    layers = [{**layer, "cells": _cells(layer["ways"])} for layer in found["layers"]]
    return (
        environment()
        .get_template("compare.html.j2")
        .render(builds=found["builds"], figures=figures, layers=layers, same=found["same"], version=VERSION)
    )


def _build(folder: Path, report: Report) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "name": report["name"],
        "board": report["board"],
        "clock_mhz": report["clock_mhz"],
        "verified": verdict(report)["title"],
        "bottleneck": report["bottleneck"],
        "binding": report["binding"],
    }


def _values(report: Report) -> dict[str, float | None]:
    counted = report["resources"]["yosys"] or {}
    return {
        "clock_mhz": report["clock_mhz"],
        "fmax_mhz": (report.get("bitstream") or {}).get("fmax_mhz"),
        "fps": report["fps"],
        **report["cycles"],
        "accuracy": report["accuracy"],
        **report["resources"]["plan"],
        **{f"{kind}_yosys": counted.get(kind) for kind in KINDS},
    }


def _row(figure: Figure, values: Sequence[float | None]) -> dict[str, Any]:
    first = values[0]
    changes = [None if value is None or not first else round(value / first - 1, 6) for value in values]
    return {
        "name": figure.name,
        "label": figure.label,
        "better": figure.better,
        "values": list(values),
        "changes": changes,
    }


def _way(report: Report, name: str) -> dict[str, Any] | None:
    """Return how a layer is built: its choice in words, cycles, and resources."""
    layer = next((layer for layer in report["layers"] if layer["name"] == name), None)
    if layer is None:
        return None
    kept = "" if layer["storage"] == "auto" else f", kept in {layer['storage']}"
    return {"op": layer["op"], "choice": f"{folding(layer)}{kept}", "cycles": layer["cycles"], **layer["cost"]}


def _bars(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a bar for each build: its length in percent of the longest, the value and its change in words."""
    most = max((value for value in row["values"] if value), default=0)
    found = []
    for value, change in zip(row["values"], row["changes"], strict=True):
        good = None if not change or row["better"] is None else (change > 0) == (row["better"] == "more")
        found.append(
            {
                "size": round(100 * value / most, 2) if value and most else 0,
                "value": in_words(row["name"], value),
                "change": change_words(change),
                "class": {None: "", True: "up", False: "down"}[good],
            }
        )
    return found


def _cells(ways: Sequence[Mapping[str, Any] | None]) -> list[dict[str, str]]:
    cells = []
    for way in ways:
        if way is None:
            cells.append({"choice": "not there", "costs": ""})
            continue
        costs = [f"{amount(way[kind])} {label}" for kind, label in KINDS.items() if way[kind]]
        cells.append({"choice": way["choice"], "costs": ", ".join([f"{way['cycles']:,} cycles", *costs])})
    return cells


def in_words(name: str, value: float | None) -> str:
    """Return a figure's value for people."""
    if value is None:
        return "-"
    return f"{value:.4f}" if name == "accuracy" else f"{value:,.0f}" if name == "fps" else amount(value)


def change_words(change: float | None) -> str:
    """Return a change against the first build for people; empty where nothing changed."""
    return "" if not change else f"{100 * change:+.1f} %"
