# SPDX-License-Identifier: Apache-2.0
"""The schedule report as text: stage by stage what happens, then storage, recurrences and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Report = Mapping[str, Any]


def schedule_text(report: Report) -> str:
    """Return the report of `backend.compile`, or of a module, as text for people."""
    parts = [_head(report), *(_stage(s) for s in report["schedule"]), _storage(report), _loops(report)]
    if report["warnings"]:
        parts.append(["Warnings", *(f"  {w}" for w in report["warnings"])])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(report: Report) -> list[str]:
    trip = report["trip_count"]
    iterations = "runs for ever" if trip is None else f"{trip} iterations a frame"
    return [
        f"Schedule of {report['name']}: {report['family']} at {report['clock_mhz']:g} MHz, "
        f"{report['period_ns']:g} ns of logic in a stage",
        f"  II {report['ii']} (clocks from one iteration to the next), latency {report['depth']} (clocks from an "
        f"iteration's start to its last word), {report['stages']} stages, {iterations}",
        f"  {report['register_bits']} bits of pipeline registers, {report['state_bits']} of states, "
        f"{report['rom_bits']} of tables, {report['ram_bits']} of RAMs",
        f"  {report['multiplications']['count']} multiplications in {report['multiplications']['units']} multipliers",
        f"  {report['assumed']}",
    ]


def _stage(stage: Report) -> list[str]:
    lines = [
        f"Stage {stage['stage']}: {stage['delay_ns']:.2f} ns, {stage['levels']} LUT levels, "
        f"{stage['register_bits']} register bits before it"
    ]
    for verb, key in (("reads", "reads"), ("writes", "writes"), ("stores to", "stores"), ("updates", "states")):
        if stage[key]:
            lines.append(f"  {verb} {', '.join(stage[key])}")
    for item in stage["items"]:
        count = f"{item['count']} x " if item["count"] > 1 else ""
        name = f" {item['name']}" if item["name"] else ""
        place = f"  ({item['loc']})" if item["loc"] else ""
        lines.append(f"  {count}{item['operator']}{name}, {_bits(item['width'])}, {item['delay_ns']:.2f} ns{place}")
    return lines


def _bits(width: int) -> str:
    return "1 bit" if width == 1 else f"{width} bits"


def _storage(report: Report) -> list[str]:
    lines = [f"  state {s['name']}: {_bits(s['width'])}, {s['reset']} after reset" for s in report["states"]]
    for kind, key in (("table", "roms"), ("RAM", "rams")):
        for memory in report[key]:
            size = f"{memory['depth']} words of {_bits(memory['width'])}"
            lines.append(f"  {kind} {memory['name']}: {size}, {memory['bits']} in all, {memory['style']}")
    return ["Storage", *lines] if lines else []


def _loops(report: Report) -> list[str]:
    lines = list(_recurrences(report["recurrences"]))
    return ["Recurrences, the tightest first", *lines] if lines else []


def _recurrences(found: list[Report]) -> Iterator[str]:
    for loop in found:
        through = ", ".join(loop["through"])
        slack = f"{loop['slack_ns']:.2f} ns left"
        if not loop["fits"]:
            needed = loop["ii_needed"]
            fix = f"II={needed} would do" if needed else "no II helps"
            slack = f"{-loop['slack_ns']:.2f} ns too much in a stage, {fix}"
        yield f"  {through}: {loop['delay_ns']:.2f} ns, {slack}"
        for step in loop["path"]:
            place = f"  ({step['loc']})" if step["loc"] else ""
            what = f"{step['operator']} {step['name']}".strip()
            yield f"    {what}, {_bits(step['width'])}, {step['delay_ns']:.2f} ns{place}"
