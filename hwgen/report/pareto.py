# SPDX-License-Identifier: Apache-2.0
"""A sweep's results: which designs no other beats, as JSON, CSV and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.artifacts import write_json
from hwgen.report.figure import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
AREA = ("lut", "dsp", "bram36", "uram")
USED = ("lut", "ff", "dsp", "bram36", "uram")
LIMITS = (*USED, "bandwidth_gbps")


def mark_front(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows with `pareto`: True where no other design is as fast and as small, and better in one of both.

    Speed is frames a second, area is LUTs, DSP blocks, block RAMs and UltraRAMs, each by itself. LUTs of four inputs
    are not compared with LUTs of six: every kind has a front of its own.
    """
    return [{**row, "pareto": row["ok"] and not any(_beats(other, row) for other in rows)} for row in rows]


def _beats(one: Row, other: Row) -> bool:
    if not one["ok"] or one["lut_inputs"] != other["lut_inputs"]:
        return False
    pairs = [(-one["fps"], -other["fps"])]
    pairs += [(one["resources"]["plan"][name], other["resources"]["plan"][name]) for name in AREA]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def write_sweep(folder: Path, name: str, rows: Sequence[Row]) -> None:
    """Write ``sweep.json``, ``sweep.csv``, ``pareto.png`` and ``pareto.svg``; `rows` have been through `mark_front`."""
    write_json(folder / "sweep.json", {"name": name, "fps_note": "projected at clock_mhz", "points": list(rows)})
    (folder / "sweep.csv").write_text(_csv(rows))
    write_figure(folder / "pareto", lambda axes: _draw(axes, name, rows))


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    header = ["board", "clock_mhz", "budget", *(f"limit_{key}" for key in LIMITS)]
    header += ["ok", "pareto", "fps_projected", "ii", "latency", *USED, "bottleneck", "binding", "error"]
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    for row in rows:
        limits = [row["limits_asked"].get(key) for key in LIMITS]
        figures: list[Any] = [None] * 3 + [None] * len(USED)
        if row["ok"]:
            cycles = row["cycles"]
            figures = [row["fps"], cycles["ii_plan"], cycles["latency_plan"]]
            figures += [row["resources"]["plan"][key] for key in USED]
        words = [row.get("bottleneck"), row.get("binding"), row.get("error")]
        table.writerow(
            [row["board"], row["clock_mhz"], row["budget"], *limits, row["ok"], row["pareto"], *figures, *words]
        )
    return text.getvalue()


def _draw(axes: Axes, name: str, rows: Sequence[Row]) -> None:
    found = [row for row in rows if row["ok"]]
    for index, board in enumerate(dict.fromkeys(row["board"] for row in found)):
        for best, words in ((False, "beaten by another"), (True, "Pareto front")):
            some = [_place(row) for row in found if row["board"] == board and row["pareto"] == best]
            colour = f"C{index % 10}"
            if some:
                face, label = colour if best else "none", f"{board}, {words}"
                axes.scatter(*zip(*some, strict=True), edgecolors=colour, facecolors=face, label=label)
    for inputs in sorted({row["lut_inputs"] for row in found}):
        line = sorted(_place(row) for row in found if row["pareto"] and row["lut_inputs"] == inputs)
        axes.step(*zip(*line, strict=True), where="post", color="0.7", linewidth=0.8, zorder=0)
    if found:
        axes.set(xscale="log", yscale="log")
        axes.legend(fontsize=7)
    axes.set(xlabel="LUT, estimated", ylabel="frames/s, projected at the clock planned for")
    small = len(rows) - len(found)
    axes.set_title(f"{name}: {len(found)} designs" + (f", {small} budgets too small" if small else ""), fontsize=10)


def _place(row: Row) -> tuple[float, float]:
    return row["resources"]["plan"]["lut"], row["fps"]
