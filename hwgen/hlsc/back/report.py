# SPDX-License-Identifier: Apache-2.0
"""The schedule report of a process: what sits in which stage, storage, warnings; JSON-ready."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hwgen.hlsc import ir
from hwgen.hlsc.back.netlist import Sink
from hwgen.hlsc.back.paths import Paths
from hwgen.hlsc.back.schedule import Schedule
from hwgen.hlsc.back.storage import Kept, ram_style
from hwgen.hlsc.back.timing import basis, register_bits, timing

_ASSUMED = (
    "Levels are LUTs between registers, an adder's carry chain counting as one, and logic that a LUT absorbs as a part "
    "of one; delays are those of the family's table with an average route for each level."
)


def depth(schedule: Schedule) -> int:
    """Return the cycles from an iteration's start to the handshake of its last write."""
    base = len(schedule.netlist.process.values)
    writes = range(base, base + len(schedule.netlist.process.writes))
    return 1 + max((schedule.stage[n] for n in writes), default=0)


def report(schedule: Schedule) -> dict[str, Any]:
    """Return the report.

    Keys: name, family, clock_mhz, period_ns (for logic), ii, stages, depth, trip_count, schedule (per stage: number,
    operators by kind, items by place, accesses, states, register_bits into the stage, delay_ns, LUT levels), scalars
    (fields of the words of the stream args: name, width, lowest bit), states, roms, rams (name, width, depth, bits,
    style, latency; of RAMs also forwarded, the number of iterations, and gap, the stages from the first load to the
    store: so far apart must iterations with equal addresses be that `DEPENDENCE inter false` allows), recurrences (see
    `Paths`), multiplications (count, units), assumed (sentences on the levels and on where the figures come from),
    timing (see `Timing.to_json`), multipliers (latency of each block, in cycles), register_bits, state_bits, rom_bits,
    ram_bits, warnings (sentences).
    """
    process = schedule.netlist.process
    moved = register_bits(schedule)
    kept = schedule.netlist.memories
    paths = Paths(schedule)
    found = timing(schedule)
    return {
        "name": process.name,
        "family": schedule.model.family.name,
        "clock_mhz": schedule.model.clock_mhz,
        "period_ns": round(schedule.model.period, 3),
        "ii": schedule.ii,
        "stages": schedule.stages,
        "depth": depth(schedule),
        "trip_count": process.trip_count,
        "schedule": [
            {
                **_stage(schedule, stage, moved[stage]),
                "delay_ns": round(found.delays[stage], 3),
                "levels": found.levels[stage],
            }
            for stage in range(schedule.stages)
        ],
        "scalars": [{"name": s.name, "width": s.width, "low": s.low} for s in process.scalars],
        "states": [{"name": s.name, "width": s.width, "reset": s.reset} for s in process.states],
        "roms": [_memory(r.name, r.width, len(r.words), kept[f"rom {r.name}"], "logic") for r in process.roms],
        "rams": [
            _memory(r.name, r.width, r.depth, kept[f"ram {r.name}"], "distributed")
            | {"forwarded": r.distance, "gap": schedule.netlist.gap(r.name, schedule.stage)}
            for r in process.rams
        ],
        "multiplications": _multiplications(schedule),
        "recurrences": paths.recurrences(),
        "assumed": f"{_ASSUMED} {basis(schedule.model.family)}",
        "timing": found.to_json(),
        "multipliers": [schedule.netlist.latency(v.id) for v in process.values if v.opcode == "dsp"],
        "register_bits": sum(moved.values()),
        "state_bits": sum(s.width for s in process.states),
        "rom_bits": sum(r.width * len(r.words) for r in process.roms),
        "ram_bits": sum(r.width * r.depth for r in process.rams),
        "warnings": [*(paths.warning(s) for s in schedule.slow), *_ram_warnings(schedule)],
    }


def _memory(name: str, width: int, words: int, kept: Kept, luts: str) -> dict[str, Any]:
    style = luts if kept.style == "distributed" else kept.style
    return {
        "name": name, "width": width, "depth": words, "bits": width * words, "style": style, "latency": kept.latency,
    }  # fmt: skip


def _stage(schedule: Schedule, stage: int, register_bits: int) -> dict[str, Any]:
    process = schedule.netlist.process
    here = [n for n in schedule.netlist.nodes if schedule.stage[n] == stage]
    values = [process.values[n] for n in here if schedule.netlist.sink(n) is None]
    sinks = [s for s in map(schedule.netlist.sink, here) if s is not None]
    operators = Counter(v.opcode for v in values if v.opcode not in ("state", "read", "valid"))
    return {
        "stage": stage,
        "operators": dict(sorted(operators.items())),
        "items": _items(schedule, values),
        "reads": [str(v.attr) for v in values if v.opcode == "read"],
        "writes": _names(sinks, "write"),
        "stores": _names(sinks, "store"),
        "states": _names(sinks, "next"),
        "register_bits": register_bits,
    }


def _multiplications(schedule: Schedule) -> dict[str, int]:
    """Return how many multiplications there are, and how many multipliers do them."""
    count = sum(v.opcode == "mul" for v in schedule.netlist.process.values)
    return {"count": count, "units": count - sum(len(u.nodes) - 1 for u in schedule.units)}


def _items(schedule: Schedule, values: list[ir.Value]) -> list[dict[str, Any]]:
    """Return the operators of a stage; equal ones of one place in the source are one item with a count."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    scheduler = schedule.scheduler()
    for value in values:
        key = (value.opcode, value.width, value.loc, value.attr if isinstance(value.attr, str) else None)
        row = {
            "operator": value.opcode,
            "width": value.width,
            "name": value.name or str(value.attr or ""),
            "loc": str(value.loc) if value.loc else None,
            "delay_ns": round(scheduler.delay(value.id), 3),
            "count": 0,
        }
        found.setdefault(key, row)["count"] += 1
    return list(found.values())


def _names(sinks: list[Sink], kind: str) -> list[str]:
    return [s.name for s in sinks if s.kind == kind]


def _ram_warnings(schedule: Schedule) -> list[str]:
    return [
        f"RAM {r.name} must be read in the cycle in which it is written again, so it is kept in LUTs, not in block RAM."
        for r in schedule.netlist.process.rams
        if ram_style(r) == "block" and schedule.netlist.memories[f"ram {r.name}"].style == "distributed"
    ]
