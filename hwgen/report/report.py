# SPDX-License-Identifier: Apache-2.0
"""The machine-readable report of one build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwgen.hw import Resources
from hwgen.plan.types import Plan, Process

RUNGS = ("golden", "csim", "rtl")
PARITY = ("max_lsb", "exact_fraction", "free_max_lsb", "top1_agreement")
COUNTED = ("lut", "ff", "dsp", "bram36")


def build_report(plan: Plan, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report.

    Parameters
    ----------
    plan
        The plan.
    facts
        ``model``, ``model_sha256``, ``seed``, ``proofs``, and where those stages ran ``hlsc`` (by process),
        ``verify`` (the ladder's verdict) and ``synth``.

    Returns
    -------
    dict
        JSON-ready. A figure that was not measured is None.
    """
    verdict = facts.get("verify")
    measured = (verdict or {}).get("cycles") or {}
    return {
        "ok": verdict is None or verdict["ok"],
        "model": facts["model"],
        "model_sha256": facts["model_sha256"],
        "name": plan.name,
        "board": plan.board.name,
        "part": plan.board.part,
        "clock_mhz": plan.clock_mhz,
        "verify": _verify(verdict),
        "parity": _parity(verdict),
        "accuracy": (verdict or {}).get("accuracy"),
        "cycles": {
            "ii_plan": plan.ii,
            "ii_rtl": measured.get("ii"),
            "latency_plan": plan.latency,
            "latency_rtl": measured.get("latency"),
        },
        "fps": plan.clock_mhz * 1e6 / (measured.get("ii") or plan.ii),
        "fps_note": f"projected at {plan.clock_mhz:g} MHz",
        "resources": {"plan": _counted(plan.resources), "yosys": facts.get("synth", {}).get("total")},
        "bottleneck": plan.bottleneck,
        "binding": plan.binding,
        "ports": [_port(plan, index) for index in range(len(plan.ports))],
        "layers": [_layer(p, facts) for p in plan.processes],
        "decisions": [{"subject": d.subject, "choice": d.choice, "reason": d.reason} for d in plan.decisions],
        "requantisations": facts["proofs"],
        "host": facts["host"],
        "seed": facts["seed"],
    }


def _counted(used: Resources) -> dict[str, float]:
    return {name: round(value, 1) for name, value in used.to_json().items() if name in COUNTED}


def _verify(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    if verdict is None:
        return {**dict.fromkeys(RUNGS), "frames": 0, "problems": []}
    return {**{rung: verdict[rung] for rung in RUNGS}, "frames": verdict["frames"], "problems": verdict["problems"]}


def _parity(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    found = (verdict or {}).get("parity") or {}
    return {name: found.get(name) for name in (*PARITY, "inexact", "elements")}


def _port(plan: Plan, index: int) -> dict[str, Any]:
    port = plan.ports[index]
    return {
        "name": port.name,
        "direction": port.direction,
        "tensor": port.tensor,
        "type": str(port.type),
        "scale": list(port.type.scale),
        "zero_point": port.type.zero_point,
        "element_bits": port.element_bits,
        "tdata_bits": port.tdata_bits,
        "beats": plan.channel(port.channel).type.beats,
        "layout": port.layout,
    }


def _layer(process: Process, facts: Mapping[str, Any]) -> dict[str, Any]:
    compiled = facts.get("hlsc", {}).get(process.name, {})
    counted = facts.get("synth", {}).get("processes", {}).get(process.name, {})
    return {
        "name": process.name,
        "layer": process.layer,
        "op": process.op,
        "source": list(process.source),
        "unit": process.unit,
        "pe": process.folding.pe,
        "simd": process.folding.simd,
        "cycles": process.cycles,
        "depth_plan": process.depth,
        "depth_hlsc": compiled.get("depth"),
        "cost": _counted(process.cost),
        "lut_yosys": counted.get("lut"),
        "reason": process.reason,
    }
