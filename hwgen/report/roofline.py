# SPDX-License-Identifier: Apache-2.0
"""The picture of a plan under its roofs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.report.figure import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GIGA = 1e9
NAMED = 12
COLOURS = ("tab:blue", "tab:green", "tab:purple", "tab:orange", "tab:brown")


def write_roofline(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``roofline.png`` and ``roofline.svg`` of a report (`hwgen.report.build_report`) that has a roofline."""
    write_figure(folder / "roofline", lambda axes: _draw(axes, report))


def _draw(axes: Axes, report: Mapping[str, Any]) -> None:
    data = report["roofline"]
    dots = [*data["layers"], data["network"]]
    left = min(dot["ops_per_byte"] for dot in dots) / 3
    right = max(dot["ops_per_byte"] for dot in dots) * 3
    for roof, colour in zip(data["roofs"], COLOURS, strict=False):
        ends = [roof["ops_per_s"] / GIGA * (x if roof["sloped"] else 1) for x in (left, right)]
        label = f"{roof['name']}: {roof['basis']}"
        axes.plot([left, right], ends, color=colour, linestyle="-" if roof["sloped"] else "--", label=label)
    for bottleneck, colour in ((False, "0.4"), (True, "tab:red")):
        some = [dot for dot in data["layers"] if dot["bottleneck"] == bottleneck]
        what = "the bottleneck" if bottleneck else "layers, each while it works"
        if some:
            xs, ys = ([dot[key] for dot in some] for key in ("ops_per_byte", "ops_per_s"))
            axes.scatter(xs, [y / GIGA for y in ys], s=24, color=colour, label=what, zorder=3)
    network = data["network"]
    at = network["ops_per_byte"], network["ops_per_s"] / GIGA
    axes.scatter(*at, s=120, marker="*", color="black", label="the network, at its frame rate", zorder=4)
    for dot in sorted(data["layers"], key=lambda dot: -dot["macs"])[:NAMED]:
        place = dot["ops_per_byte"], dot["ops_per_s"] / GIGA
        axes.annotate(dot["name"], place, (3, 4), textcoords="offset points", fontsize=6, rotation=35)
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylabel="GOP/s")
    axes.set_xlabel("operations a byte that is moved: the network's through its ports, a layer's through its streams")
    clock = f"projected at {report['clock_mhz']:g} MHz"
    title = f"{report['name']} on {report['board']}: {report['fps']:,.0f} frames/s {clock}"
    axes.set_title(f"{title}; bottleneck: {report['bottleneck']}", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), fontsize=7, frameon=False)
