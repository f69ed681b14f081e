# SPDX-License-Identifier: Apache-2.0
"""What the build did, stage by stage, and how far its result is verified: sentences made from the report alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwgen.plan.types import Plan

RUNGS = {
    "golden": "Golden model against onnxruntime, layer by layer, at most 1 LSB apart",
    "csim": "Compiled C++ against the golden model, bit for bit",
    "layers": "RTL of processes alone against the golden model, bit for bit",
    "rtl": "RTL, whole and process by process, against the golden model, bit for bit",
}


def verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return how far a build is verified: ``state`` (good, part, none or bad), a ``title``, and its ``rungs``."""
    found = report["verify"]
    climbed = [rung for rung in RUNGS if found[rung] is not None]
    rungs = [
        {
            "name": rung,
            "words": words,
            "run": found[rung] is not None,
            "compared": 0 if found[rung] is None else found[rung]["tensors"],
            "wrong": 0 if found[rung] is None else found[rung]["mismatches"],
        }
        for rung, words in RUNGS.items()
        if rung != "layers" or found["layers"] is not None
    ]
    if not report["ok"]:
        state, title = "bad", "Verification failed"
    elif not climbed:
        state, title = "none", "Not verified"
    elif climbed[-1] == "rtl":
        state, title = "good", "Verified down to RTL"
    else:
        far = {"golden": "golden model", "csim": "compiled C++", "layers": "RTL of single processes"}[climbed[-1]]
        state, title = "part", f"Verified down to the {far}"
    frames = found["frames"]
    return {"state": state, "title": title, "frames": f"{frames:,} frame{'s' * (frames != 1)}", "rungs": rungs}


def steps(plan: Plan, report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return for each stage what came out of it and where that is."""
    fifos = sum(channel.depth > 0 for channel in plan.channels)
    proofs = report["proofs"]
    rows = [("import", f"{report['model']}, sha256 {report['model_sha256'][:16]}…", "models/00_import.onnx")]
    if report["quantize"]:
        rows.append(("quantize", "the float model was quantised", "report/quantize.json"))
    rows += [
        (
            "lower",
            f"{proofs['exact']} of {proofs['count']} requantisations proven exact",
            "models/01_integer.onnx, models/integer.json",
        ),
        ("plan", f"a frame every {plan.ii:,} cycles; {plan.binding}", "plan.json"),
        ("render", f"{len(plan.processes)} processes, {fifos} FIFOs", "hls/"),
        ("hlsc", _compiled(report), "rtl/, report/schedule/"),
        ("verify", verdict(report)["title"].lower(), "report/verify.json, sim/"),
        ("synth", _counted(report), "report/synth.json" if report["resources"]["yosys"] else ""),
    ]
    placed = report["bitstream"]
    if placed is not None:
        words = f"{placed['fmax_mhz']:.1f} MHz reached, {placed['clock_mhz']:g} MHz set"
        rows.append(("bitstream", words, f"{placed['file']}, report/bitstream.json"))
    return [{"name": name, "words": words, "files": files} for name, words, files in rows]


def _compiled(report: Mapping[str, Any]) -> str:
    made = [layer for layer in report["layers"] if layer["depth_hlsc"] is not None]
    rates = [layer["mhz_hlsc"] for layer in made if layer["mhz_hlsc"]]
    words = f"{len(made)} of {len(report['layers'])} processes compiled to SystemVerilog"
    return f"{words}; the slowest stage allows {min(rates):,.0f} MHz by the compiler's estimate" if rates else words


def _counted(report: Mapping[str, Any]) -> str:
    found = report["resources"]["yosys"]
    return "not run" if found is None else f"{found['lut']:,.0f} LUT and {found['ff']:,.0f} FF counted by Yosys"
