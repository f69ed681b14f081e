# SPDX-License-Identifier: Apache-2.0
"""``report/index.html``: one file for people, with everything in it; the same bytes for the same report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hwgen.plan.types import Plan
from hwgen.report import charts, details, network
from hwgen.report.picture import HIGH, WIDE, draw
from hwgen.report.roof_chart import GIGA, roof_chart
from hwgen.report.steps import steps, verdict
from hwgen.resources import data_folder
from hwgen.version import VERSION

Report = Mapping[str, Any]
INSET = 8
"""Pixels between a box of the picture and the bar in it."""
LONGEST = 34
"""Characters of a name in a box of the picture; of a longer one both ends are shown."""


def environment() -> Environment:
    """Return the pages of the report, with the filters that they use."""
    found = Environment(
        loader=FileSystemLoader(data_folder("templates") / "report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
    )
    found.filters |= {"count": count, "amount": amount, "percent": percent, "giga": giga}
    return found


def page(plan: Plan, report: Report) -> str:
    """Return the page of a build.

    Parameters
    ----------
    plan
        Its plan.
    report
        Its report (`hwgen.report.build_report`).
    """
    shown = [process.name for process in network.layers(plan)]
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            report=report,
            version=VERSION,
            verdict=verdict(report),
            figures=figures(report),
            meters=meters(report),
            placed=None if report["bitstream"] is None else placed(report["bitstream"]),
            picture=_picture(plan, report),
            details=details.of_layers(plan, report),
            pipeline=charts.timeline(report["timeline"], shown) if report["timeline"] else None,
            busy={layer["name"]: percent(layer["cycles"] / interval(report)) for layer in report["layers"]},
            roofline=roof_chart(report["roofline"]) if report["roofline"] else None,
            steps=steps(plan, report),
        )
    )


def figures(report: Report) -> dict[str, Any]:
    """Return the headline's figures in words: measured in RTL where they were, else planned."""
    cycles, clock = report["cycles"], report["clock_mhz"]
    latency = cycles["latency_rtl"] or cycles["latency_plan"]
    return {
        "fps": count(report["fps"]),
        "interval": count(interval(report)),
        "interval_from": "measured in RTL" if cycles["ii_rtl"] else "planned, not measured",
        "latency": duration(latency / clock),
        "latency_cycles": count(latency),
        "latency_from": "measured in RTL" if cycles["latency_rtl"] else "planned, not measured",
        "clock": f"{clock:g}",
        "accuracy": None if report["accuracy"] is None else percent(report["accuracy"], 2),
    }


def interval(report: Report) -> float:
    """Return the cycles between frames: measured in RTL where they were, else planned."""
    return float(report["cycles"]["ii_rtl"] or report["cycles"]["ii_plan"])


def meters(report: Report) -> list[dict[str, Any]]:
    """Return a meter for each resource that the device has: used against what is allowed, and against the device."""
    found = []
    for kind, label in charts.KINDS.items():
        used, limit, device = report["resources"]["plan"][kind], report["limits"][kind], report["device"][kind]
        if not device:
            continue
        counted = report["resources"]["yosys"]
        full = max(used, limit)
        found.append(
            {
                "kind": kind,
                "label": label,
                "used": amount(used),
                "counted": None if counted is None else amount(counted[kind]),
                "limit": amount(limit),
                "device": amount(device),
                "over": used > limit,
                "of_limit": percent(used / limit) if limit else "-",
                "of_device": percent(used / device),
                "bar": round(100 * used / full, 2) if full else 0,
                "parts": charts.stacked(kind, report["layers"], used),
            }
        )
    return found


def placed(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what place-and-route made (``report/bitstream.json``), in words and bars."""
    rows = [
        {"label": label, **pair, "part": percent(share), "bar": round(100 * share, 2)}
        for label, pair in found["utilisation"].items()
        if pair["available"] and (share := pair["used"] / pair["available"]) > 0
    ]
    return {
        **found,
        "reached": f"{found['fmax_mhz']:.1f}",
        "set": f"{found['clock_mhz']:g}",
        "asked": f"{found['asked_mhz']:g}",
        "lowered": found["asked_mhz"] > found["clock_mhz"],
        "tools": ", ".join(f"{name} {version}" for name, version in found["tools"].items()),
        "meters": rows,
    }


def _picture(plan: Plan, report: Report) -> dict[str, Any]:
    """Return boxes and curves of the network, in pixels."""
    inner = {layer["name"]: layer for layer in report["layers"]}
    ports = {port.name: port for port in plan.ports}
    entries = [name for name, port in ports.items() if port.direction == "in"]
    exits = [name for name, port in ports.items() if port.direction == "out"]
    names = [*entries, *(process.name for process in network.layers(plan)), *exits]
    links = network.links(plan)
    drawn = draw(names, [(link.source, link.target) for link in links])
    boxes = []
    for name in names:
        x, y = drawn.boxes[name]
        box: dict[str, Any] = {"name": name, "title": short(name, LONGEST), "x": x, "y": y, "layer": name in inner}
        if name in inner:
            layer = inner[name]
            part = min(1.0, layer["cycles"] / interval(report))
            words = f"{layer['op']} · {details.folding(layer)}"
            box |= {
                "unit": layer["unit"],
                "words": words,
                "hot": layer["bottleneck"],
                "bar": round(part * (WIDE - 2 * INSET), 1),
            }
        else:
            box |= {"unit": "port", "words": short(str(ports[name].type), 34), "hot": False, "bar": 0}
        boxes.append(box)
    curves = [
        {"path": path, "x": x + 6, "y": y + 4, "words": f"{link.depth} deep" if link.depth > 2 else ""}
        for link, (path, x, y) in zip(links, drawn.curves, strict=True)
    ]
    size = {
        "width": drawn.width,
        "height": drawn.height,
        "wide": WIDE,
        "high": HIGH,
        "stripe": HIGH - 24,
        "foot": HIGH - 7,
    }
    return {**size, "boxes": boxes, "curves": curves}


def count(value: float | None) -> str:
    """Format a count for people: thousands apart, an absent one as a dash."""
    return "-" if value is None else f"{value:,.0f}"


def amount(value: float | None) -> str:
    """Format an amount that may have halves: thousands apart, a decimal where there is one."""
    return "-" if value is None else f"{value:,.1f}".removesuffix(".0")


def giga(value: float) -> str:
    """Format a number in units of 10^9."""
    return f"{value / GIGA:,.3g}" if value < 1e12 else f"{value / GIGA:,.0f}"


def percent(part: float, digits: int = 1) -> str:
    """Format a share."""
    return f"{100 * part:.{digits}f} %"


def duration(microseconds: float) -> str:
    """Format a time with a unit that suits it."""
    if microseconds >= 1000:
        return f"{microseconds / 1000:.3g} ms"
    return f"{microseconds:.3g} µs" if microseconds >= 1 else f"{1000 * microseconds:.3g} ns"


def short(text: str, length: int) -> str:
    """Return a text of at most `length` characters: of a longer one both ends."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[head + 1 - length :]}"
