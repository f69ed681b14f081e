# SPDX-License-Identifier: Apache-2.0
"""The schedule report of a process: what sits in which stage, storage, warnings; JSON-ready."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hwgen.hlsc import ir
from hwgen.hlsc.back.netlist import Sink
from hwgen.hlsc.back.schedule import Schedule, Slow
from hwgen.hlsc.back.storage import Kept, ram_style


def depth(schedule: Schedule) -> int:
    """Return the cycles from an iteration's start to the handshake of its last write."""
    base = len(schedule.netlist.process.values)
    writes = range(base, base + len(schedule.netlist.process.writes))
    return 1 + max((schedule.stage[n] for n in writes), default=0)


def report(schedule: Schedule) -> dict[str, Any]:
    """Return the report.

    Keys: name, family, clock_mhz, period_ns (for logic), ii, stages, depth, trip_count, schedule (per stage: number,
    operators by kind, accesses, states, register_bits into the stage, delay_ns), states, roms, rams (name, width,
    depth, bits, style, latency; of RAMs also forwarded, the number of iterations, and gap, the stages from the first
    load to the store: so far apart must iterations with equal addresses be that `DEPENDENCE inter false` allows),
    register_bits, state_bits, rom_bits, ram_bits, warnings (sentences).
    """
    process = schedule.netlist.process
    moved = _register_bits(schedule)
    kept = schedule.netlist.memories
    return {
        "name": process.name,
        "family": schedule.model.family.name,
        "clock_mhz": schedule.model.clock_mhz,
        "period_ns": round(schedule.model.period, 3),
        "ii": schedule.ii,
        "stages": schedule.stages,
        "depth": depth(schedule),
        "trip_count": process.trip_count,
        "schedule": [_stage(schedule, stage, moved[stage]) for stage in range(schedule.stages)],
        "states": [{"name": s.name, "width": s.width, "reset": s.reset} for s in process.states],
        "roms": [_memory(r.name, r.width, len(r.words), kept[f"rom {r.name}"], "logic") for r in process.roms],
        "rams": [
            _memory(r.name, r.width, r.depth, kept[f"ram {r.name}"], "distributed")
            | {"forwarded": r.distance, "gap": schedule.netlist.gap(r.name, schedule.stage)}
            for r in process.rams
        ],
        "register_bits": sum(moved.values()),
        "state_bits": sum(s.width for s in process.states),
        "rom_bits": sum(r.width * len(r.words) for r in process.roms),
        "ram_bits": sum(r.width * r.depth for r in process.rams),
        "warnings": [*_slow_warnings(schedule), *_ram_warnings(schedule)],
    }


def _memory(name: str, width: int, words: int, kept: Kept, luts: str) -> dict[str, Any]:
    style = luts if kept.style == "distributed" else kept.style
    return {
        "name": name, "width": width, "depth": words, "bits": width * words, "style": style, "latency": kept.latency,
    }  # fmt: skip


def _register_bits(schedule: Schedule) -> Counter[int]:
    """Return the pipeline register bits in front of each stage (whole words)."""
    last = {n: schedule.available(n) for n in schedule.netlist.nodes}
    for node, slices in schedule.netlist.operands.items():
        for piece in slices:
            last[piece.node] = max(last[piece.node], schedule.stage[node])
    bits: Counter[int] = Counter()
    for node, final in last.items():
        if schedule.netlist.sink(node) is None:
            width = schedule.netlist.process.values[node].width
            first = schedule.stage[node] if schedule.netlist.latency(node) else schedule.held(node)
            bits.update(dict.fromkeys(range(first + 1, final + 1), width))
    return bits


def _stage(schedule: Schedule, stage: int, register_bits: int) -> dict[str, Any]:
    process = schedule.netlist.process
    here = [n for n in schedule.netlist.nodes if schedule.stage[n] == stage]
    values = [process.values[n] for n in here if schedule.netlist.sink(n) is None]
    sinks = [s for s in map(schedule.netlist.sink, here) if s is not None]
    operators = Counter(v.opcode for v in values if v.opcode not in ("state", "read"))
    return {
        "stage": stage,
        "operators": dict(sorted(operators.items())),
        "reads": [str(v.attr) for v in values if v.opcode == "read"],
        "writes": _names(sinks, "write"),
        "stores": _names(sinks, "store"),
        "states": _names(sinks, "next"),
        "register_bits": register_bits,
        "delay_ns": round(max((schedule.arrival[n] for n in here), default=0.0), 3),
    }


def _names(sinks: list[Sink], kind: str) -> list[str]:
    return [s.name for s in sinks if s.kind == kind]


def _slow_warnings(schedule: Schedule) -> list[str]:
    return [_slow(schedule, s) for s in schedule.slow]


def _slow(schedule: Schedule, slow: Slow) -> str:
    process = schedule.netlist.process
    values = [process.values[n] for n in slow.nodes if schedule.netlist.sink(n) is None]
    stores = [v for v in values if v.opcode in ("state", "ram")]
    path = " -> ".join(dict.fromkeys(_describe(v) for v in values))
    what = (
        f"The recurrence through {', '.join(dict.fromkeys(str(v.attr) for v in stores))}" if stores else "An operator"
    )
    limit = schedule.model.period
    return f"{what} takes {slow.delay:.2f} ns of the {limit:.2f} ns that a stage has: {path}."


def _describe(value: ir.Value) -> str:
    name = value.name or str(value.attr or "")
    return f"{value.opcode} {name}".strip() + (f" ({value.loc})" if value.loc else "")


def _ram_warnings(schedule: Schedule) -> list[str]:
    return [
        f"RAM {r.name} must be read in the cycle in which it is written again, so it is kept in LUTs, not in block RAM."
        for r in schedule.netlist.process.rams
        if ram_style(r) == "block" and schedule.netlist.memories[f"ram {r.name}"].style == "distributed"
    ]
