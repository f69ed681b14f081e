# SPDX-License-Identifier: Apache-2.0
"""The machine-readable report of one build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hwgen.hw import Resources
from hwgen.plan.types import Plan, Process

RUNGS = ("golden", "csim", "layers", "rtl")
PARITY = ("max_lsb", "exact_fraction", "free_max_lsb", "top1_agreement", "output_max_lsb", "inexact", "elements")
COUNTED = ("lut", "ff", "dsp", "bram36", "uram")


def build_report(plan: Plan | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report.

    Parameters
    ----------
    plan
        The plan; None where only parity was asked for, and no board or no room on it.
    facts
        ``name``, ``board``, ``warnings``, ``model``, ``model_sha256``, ``seed``, ``proofs``, ``host``, ``roofline``,
        ``timeline``, and where those stages ran ``hlsc`` (by process), ``verify`` (the ladder's verdict) and ``synth``.

    Returns
    -------
    dict
        JSON-ready. A figure that was not measured is None.
    """
    verdict = facts.get("verify")
    return {
        "ok": verdict is None or verdict["ok"],
        "model": facts["model"],
        "model_sha256": facts["model_sha256"],
        "name": facts["name"] if plan is None else plan.name,
        "board": facts["board"],
        "warnings": facts["warnings"],
        "verify": _verify(verdict),
        "parity": _parity(verdict),
        **_accuracy(verdict),
        "proofs": proof_summary(facts["proofs"]),
        **(_without_hardware() if plan is None else hardware_report(plan, facts, verdict or {})),
        "requantisations": facts["proofs"],
        "quantize": facts.get("quantize"),
        "bitstream": facts.get("bitstream"),
        "host": facts["host"],
        "seed": facts["seed"],
    }


def _accuracy(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    found = (verdict or {}).get("accuracy")
    return {"accuracy": found, "accuracy_note": "accuracy not measured" if found is None else "in integers"}


def proof_summary(proofs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many requantisations are proven equal to the model's quantiser, and those that are not."""
    inexact = [proof for proof in proofs if not proof["exact"]]
    return {"count": len(proofs), "exact": len(proofs) - len(inexact), "inexact": inexact}


def hardware_report(plan: Plan, facts: Mapping[str, Any], verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the plan, the RTL and Yosys say about the design."""
    measured = verdict.get("cycles") or {}
    return {
        "part": plan.board.part,
        "clock_mhz": plan.clock_mhz,
        "cycles": {
            "ii_plan": plan.ii,
            "ii_rtl": measured.get("ii"),
            "latency_plan": plan.latency,
            "latency_rtl": measured.get("latency"),
        },
        "fps": plan.clock_mhz * 1e6 / (measured.get("ii") or plan.ii),
        "fps_note": f"projected at {plan.clock_mhz:g} MHz",
        "resources": {"plan": _counted(plan.resources), "yosys": facts.get("synth", {}).get("total")},
        "limits": _counted(plan.limits),
        "device": _counted(plan.board.resources),
        "bottleneck": plan.bottleneck,
        "binding": plan.binding,
        "gap": plan.gap,
        "roofline": facts["roofline"],
        "timeline": facts.get("timeline"),
        "ports": [_port(plan, index) for index in range(len(plan.ports))],
        "layers": [_layer(plan, p, facts) for p in plan.processes],
        "decisions": [{"subject": d.subject, "choice": d.choice, "reason": d.reason} for d in plan.decisions],
    }


def _without_hardware() -> dict[str, Any]:
    """Return the same keys where there is no plan."""
    lists: dict[str, Any] = {name: [] for name in ("ports", "layers", "decisions")}
    absent = (
        "part", "clock_mhz", "fps", "fps_note", "limits", "device", "bottleneck", "binding", "gap", "roofline",
        "timeline",
    )  # fmt: skip
    cycles = ("ii_plan", "ii_rtl", "latency_plan", "latency_rtl")
    resources = dict.fromkeys(("plan", "yosys"))
    return {**dict.fromkeys(absent), "cycles": dict.fromkeys(cycles), "resources": resources, **lists}


def _counted(used: Resources) -> dict[str, float]:
    return {name: round(value, 1) for name, value in used.to_json().items() if name in COUNTED}


def _verify(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    if verdict is None:
        return {**dict.fromkeys(RUNGS), "frames": 0, "problems": []}
    rungs = {rung: verdict[rung] for rung in RUNGS}
    if rungs["layers"] is not None:
        rungs["layers"] = {**rungs["layers"], "note": _alone(rungs["layers"])}
    return {**rungs, "frames": verdict["frames"], "problems": verdict["problems"]}


def _alone(layers: Mapping[str, Any]) -> str:
    """Say which processes were simulated, and that the whole was not."""
    names, total, wrong = layers["names"], layers["processes"], layers["mismatches"]
    which = "" if len(names) == total else f" ({', '.join(names)})"
    state = "equal" if wrong == 0 else f"{wrong} DIFFER"
    compared = f"{layers['tensors']} tensors compared, {state}"
    return f"RTL: {len(names)} of {total} processes alone{which}, {compared}; the whole was not simulated"


def _parity(verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    found = (verdict or {}).get("parity") or {}
    return {**{name: found.get(name) for name in PARITY}, "layers": found.get("layers", [])}


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


def _layer(plan: Plan, process: Process, facts: Mapping[str, Any]) -> dict[str, Any]:
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
        "pixels": process.folding.pixels,
        "storage": process.choice.storage,
        "macs": process.work.macs if process.work else 0,
        "cycles": process.cycles,
        "bottleneck": process.name == plan.bottleneck,
        "depth_plan": process.depth,
        "depth_hlsc": compiled.get("depth"),
        "mhz_hlsc": compiled.get("timing", {}).get("mhz"),
        "cost": _counted(process.cost),
        "share": _share(process.cost, plan.limits),
        "lut_yosys": counted.get("lut"),
        "reason": process.reason,
    }


def _share(cost: Resources, limits: Resources) -> dict[str, Any]:
    """Return the largest part of a limit that a process takes, and which."""
    allowed, used = limits.to_json(), cost.to_json()
    parts = {name: used[name] / allowed[name] for name in COUNTED if allowed[name]}
    most = max(parts, key=lambda name: parts[name], default=None)
    return {"of": most, "part": round(parts[most], 4) if most else None}
