# SPDX-License-Identifier: Apache-2.0
"""Everything about one layer, in words: what the panel beside the picture shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hwgen.plan.types import Channel, Plan, Process
from hwgen.report import network
from hwgen.report.charts import KINDS

UNITS = {
    "dsp": "DSP blocks",
    "lut_const": "LUTs, weights built in",
    "lut_generic": "LUTs, weights in memory",
    "xnor": "XNOR and popcount",
    "none": "no multiplier",
}
"""What multiplies, in words."""


def of_layers(plan: Plan, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panel of every layer in the plan's order.

    Parameters
    ----------
    plan
        A plan.
    report
        Its report.
    """
    known = {layer["name"]: layer for layer in report["layers"]}
    links = network.links(plan)
    return [_panel(process, known, links) for process in network.layers(plan)]


def folding(layer: Mapping[str, Any]) -> str:
    """Return how much of a layer of the report works in one cycle."""
    pixels = f", {layer['pixels']} pixels" if layer["pixels"] > 1 else ""
    if layer["unit"] == "none":
        lanes = max(layer["pe"], layer["simd"])
        return f"{lanes} {'lane' if lanes == 1 else 'lanes'}{pixels}"
    return f"{layer['unit']} · PE {layer['pe']} x SIMD {layer['simd']}{pixels}"


def _panel(process: Process, known: Mapping[str, Any], links: Sequence[network.Link]) -> dict[str, Any]:
    layer = known[process.name]
    work = process.work
    return {
        **layer,
        "unit_words": UNITS[process.unit],
        "folding": folding(layer),
        "kernel": process.call.header,
        "work": None if work is None else f"{work.macs:,} multiply-accumulates a frame; {_operands(process)}",
        "costs": [(label, layer["cost"][kind]) for kind, label in KINDS.items() if layer["cost"][kind]],
        "inputs": [_stream(link, link.source) for link in links if link.target == process.name],
        "outputs": [_stream(link, link.target) for link in links if link.source == process.name],
        "glue": _glue(process, known, links),
    }


def _operands(process: Process) -> str:
    work = process.work
    assert work is not None
    if not work.weights:
        return f"{work.weight_bits} x {work.act_bits} bits, both from streams"
    return f"{work.weights:,} weights of {work.weight_bits} bits, activations of {work.act_bits} bits"


def _stream(link: network.Link, end: str) -> dict[str, Any]:
    channel: Channel = link.channels[-1]
    kind = channel.type
    sign = "int" if kind.signed else "uint"
    shape = " x ".join(str(size) for size in channel.shape)
    words = f"{kind.lanes} x {sign}{kind.bits} a beat, {kind.beats:,} beats a frame; tensor {shape}"
    depths = ", ".join(f"{c.depth:,}" for c in link.channels if c.depth)
    return {"end": end, "words": words, "depths": depths or "none (port)"}


def _glue(process: Process, known: Mapping[str, Any], links: Sequence[network.Link]) -> list[dict[str, Any]]:
    """Return the converters and forks on the way into a layer."""
    names = dict.fromkeys(name for link in links if link.target == process.name for name in link.through)
    return [{"name": name, "reason": known[name]["reason"], "lut": known[name]["cost"]["lut"]} for name in names]
