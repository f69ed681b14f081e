# SPDX-License-Identifier: Apache-2.0
"""Reports as lines of text: aligned tables, and the figures that matter as sentences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

LONGEST = 48
"""Characters of a node's name in a table; of a longer one the end is shown."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Return aligned columns as text, never cut to a terminal's width; the columns named in `right` align right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    pads = [str.rjust if name in right else str.ljust for name in header]
    lines = ("  ".join(pad(c, w) for pad, c, w in zip(pads, row, widths, strict=True)) for row in (header, *rows))
    return "\n".join(line.rstrip() for line in lines)


def result_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what people read after a build: its processes, or its parity where nothing was built; its figures."""
    built = any(report["verify"][rung] for rung in ("csim", "rtl")) or not report["parity"]["layers"]
    shown = _layers(report) if built else parity_table(report["parity"]["layers"])
    return [shown, *headlines(report)]


def inspect_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return the table of `hwgen inspect`, and its totals as a sentence."""
    header = ("layer", "operator", "input", "output", "in", "weights", "out", "MACs", "parameters", "bit operations")
    rows = [
        (
            layer["name"] if len(layer["name"]) <= LONGEST else "..." + layer["name"][3 - LONGEST :],
            layer["op"],
            _shape(layer["input_shape"]),
            _shape(layer["shape"]),
            layer["activations"],
            layer["weights"],
            layer["output"],
            *(f"{layer[figure]:,}" if layer[figure] else "-" for figure in ("macs", "parameters", "bit_operations")),
        )
        for layer in facts["layers"]
    ]
    totals = facts["totals"]
    ports = [
        f"{kind} {p['name']}: {p['type']} {_shape(p['shape'])}"
        for kind in ("input", "output")
        for p in facts[f"{kind}s"]
    ]
    return [
        table(header, rows, header[7:]),
        *ports,
        f"{totals['layers']} layers, {totals['macs']:,} MACs a frame, {totals['parameters']:,} parameters of "
        f"{totals['parameter_bits'] / 8:,.0f} bytes, {totals['bit_operations']:,} bit operations a frame; "
        + ("quantised." if facts["quantised"] else "not quantised: real numbers."),
        *facts["notes"],
    ]


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape)


def trace_lines(trace: Mapping[str, Any]) -> list[str]:
    """Return what `hwgen debug` found of a process: for each stream how many elements differ, and the first of them."""
    verdict = "equal to the golden" if trace["ok"] else "DIFFERS"
    lines = [f"{trace['name']}, {trace['scenario']}: {trace['frames']} frames, {trace['cycles']:,} cycles, {verdict}"]
    for stream in trace["streams"]:
        total = stream["frames"] * stream["beats"] * stream["lanes"]
        count = f"{stream['wrong']:,} of {total:,} elements differ" if stream["wrong"] else f"{total:,} elements, equal"
        lines += [
            f"{stream['module']}.{stream['port']}, tensor {stream['tensor']}: {count}",
            *_differences(stream["first"]),
        ]
    return [*lines, f"Waves: {trace['waves']} (time is in hwgen_bench.cycle)"]


def _differences(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    rank = len(found[0]["index"])
    axes = ("row", "column") if rank == 2 else tuple(f"axis {2 + axis}" for axis in range(rank))
    header = ("frame", "beat", "lane", "cycle", "channel", *axes, "expected", "got")
    rows = [
        [str(one[name]) for name in header[:5]]
        + [str(i) for i in one["index"]]
        + [str(one["expected"]), str(one["got"])]
        for one in found
    ]
    return [table(header, rows, header)]


def parity_table(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each layer: its own difference from onnxruntime, and that of the network up to it."""
    header = ("tensor", "elements", "fed: LSB", "differ", "free: LSB", "differ ", "SQNR dB")
    rows = [
        (
            layer["tensor"],
            f"{layer['elements']:,}",
            str(layer["teacher"]["max_lsb"]),
            f"{layer['teacher']['inexact']:,}",
            str(layer["free"]["max_lsb"]),
            f"{layer['free']['inexact']:,}",
            "equal" if layer["sqnr_db"] is None else f"{layer['sqnr_db']:.1f}",
        )
        for layer in layers
    ]
    return table(header, rows, header[1:])


def parity_headlines(report: Mapping[str, Any]) -> list[str]:
    """Return what parity with onnxruntime and the proofs of requantisations came to."""
    parity, proofs = report["parity"], report["proofs"]
    lines = [
        f"{proofs['exact']} of {proofs['count']} requantisations proven equal to the model for every accumulator value."
    ]
    lines += [f"Not equal at {p['node']}: {p['differing']} values differ ({p['detail']})." for p in proofs["inexact"]]
    if parity["max_lsb"] is None:
        return lines
    noisy = [layer for layer in parity["layers"] if layer["sqnr_db"] is not None]
    worst = min(noisy, key=lambda layer: layer["sqnr_db"], default=None)
    text = (
        f"Parity with onnxruntime: at most {parity['max_lsb']} LSB in a layer of its own, {parity['free_max_lsb']} LSB "
        f"free-running, {parity['output_max_lsb']} LSB at the outputs"
    )
    if worst is not None:
        text += f"; lowest SQNR {worst['sqnr_db']:.1f} dB at {worst['tensor']}"
    if parity["top1_agreement"] is not None:
        text += f"; same class in {parity['top1_agreement']:.2%} of the frames"
    return [*lines, f"{text}."]


def quantisation_table(facts: Mapping[str, Any]) -> str:
    """Return a line for each layer: its bits, its signal to noise, and the output's when it alone is quantised."""
    columns = ("layer", "operator", "weights", "acts", "SQNR dB", "alone dB")
    keys = ("name", "op", "weights", "acts", "sqnr_db", "alone_db")
    return table(columns, [[_figure(layer[key]) for key in keys] for layer in facts["layers"]], columns[2:])


def quantisation_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return how near a quantised model is to the float one, one sentence a line."""
    lines = []
    for what, found in (("calibration", facts), ("evaluation", facts["evaluation"])):
        if found is not None:
            top1 = found["top1_agreement"]
            same = "" if top1 is None else f", the same class as the float model in {top1:.2%}"
            lines.append(f"{found['frames']} {what} frames: output SQNR {_figure(found['output_sqnr_db'])} dB{same}.")
    if facts["worst_layer"] is not None:
        lines.append(f"Quantised alone, {facts['worst_layer']} hurts most; more bits would help there first.")
    return lines


def _figure(value: Any) -> str:
    return "-" if value is None else str(value)


def _layers(report: Mapping[str, Any]) -> str:
    rows = [
        (r["name"], r["op"], r["unit"], f"{r['pe']} x {r['simd']}", f"{r['cycles']:,}", f"{r['cost']['lut']:,.0f}")
        for r in report["layers"]
    ]
    return table(("process", "operator", "unit", "PE x SIMD", "cycles", "LUT"), rows, ("PE x SIMD", "cycles", "LUT"))


def plan_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what people read after `hwgen plan`: a line for each process, the figures, the roofs."""
    alone = report.get("verified_layers")
    lines = [plan_table(report["layers"]), *headlines(report), *_plan_sentences(report)]
    return lines if alone is None else [*lines, *verified_lines(alone)]


def verified_lines(alone: Mapping[str, Any]) -> list[str]:
    """Return a line for each layer shape timed and counted alone, and the sums."""
    right = ("II planned", "II in RTL", "LUT planned", "LUT counted", "DSP", "BRAM36")
    rows = []
    for layer in alone["layers"]:
        if layer["proven_on"] == layer["name"]:
            plan, yosys = layer["plan"], layer["yosys"]
            cycles = f"{layer['ii_plan']:,}", "too long" if layer["ii_rtl"] is None else f"{layer['ii_rtl']:,}"
            luts = f"{plan['lut']:,.0f}", f"{yosys['lut']:,.0f}"
            rows.append((layer["name"], *cycles, *luts, f"{yosys['dsp']:,g}", f"{yosys['bram36']:,g}"))
    plan, yosys = alone["resources"]["plan"], alone["resources"]["yosys"]
    pace = "not known" if alone["ii_rtl"] is None else f"{alone['ii_rtl']:,}"
    return [
        table(("process", *right), rows, right),
        f"{alone['shapes']} shapes of {alone['processes']} processes alone: II {pace} ({alone['ii_plan']:,} planned); "
        f"with FIFOs and ports {yosys['lut']:,.0f} LUT ({plan['lut']:,.0f} planned), {yosys['dsp']:,g} DSP, "
        f"{yosys['bram36']:,g} BRAM36, summed.",
    ]


def sweep_lines(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each design of a sweep's Pareto front, the budgets that were too small, and where it all is."""
    right = ("MHz", "frames/s", "II", "LUT", "DSP", "BRAM36", "URAM")
    found = [row for row in result["points"] if row["ok"]]
    rows = []
    for row in found:
        plan = row["resources"]["plan"]
        counts = (f"{plan[name]:,g}" for name in ("dsp", "bram36", "uram"))
        speed = f"{row['clock_mhz']:g}", f"{row['fps']:,.0f}", f"{row['cycles']['ii_plan']:,}"
        limits = ", ".join(f"{name} {value}" for name, value in row["limits_asked"].items())
        front = "Pareto" if row["pareto"] else ""
        rows.append((row["board"], row["budget"] or "", limits, *speed, f"{plan['lut']:,.0f}", *counts, front))
    small = [row for row in result["points"] if not row["ok"]]
    return [
        table(("board", "budget", "limits", *right, ""), rows, right),
        *dict.fromkeys(f"{row['board']}: {row['error']}" for row in small),
        f"{sum(row['pareto'] for row in found)} of {len(found)} designs are beaten by no other; frames/s projected, "
        "accuracy not measured.",
        f"Output: {result['out']}",
    ]


def plan_table(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each process: unit, folding, II, area, and the largest part that it takes of a limit."""
    right = ("PE x SIMD", "pixels", "II", "LUT", "DSP", "BRAM36", "of budget")
    rows = []
    for layer in layers:
        cost, share = layer["cost"], layer["share"]
        part = f"{share['part']:.1%} {share['of'].upper()}" if share["of"] else "-"
        counts = (f"{cost[name]:,.0f}" for name in ("lut", "dsp"))
        folding = f"{layer['pe']} x {layer['simd']}", str(layer["pixels"]), f"{layer['cycles']:,}"
        mark = "<- bottleneck" if layer["bottleneck"] else ""
        unit = layer["unit"] if layer["storage"] == "auto" else f"{layer['unit']}, {layer['storage']}"
        rows.append((layer["name"], layer["op"], unit, *folding, *counts, f"{cost['bram36']:,g}", part, mark))
    return table(("process", "operator", "unit, weights", *right, ""), rows, right)


def _plan_sentences(report: Mapping[str, Any]) -> list[str]:
    """Return the shares of the budget, what binds, and the roofs."""
    used, allowed = report["resources"]["plan"], report["limits"]
    shares = ", ".join(f"{used[n] / allowed[n]:.1%} of {allowed[n]:,.0f} {n.upper()}" for n in allowed if allowed[n])
    gap = report["gap"]
    least = "proven to be the least" if gap == 0 else f"at most {gap:.2%} above the least"
    lines = [f"Budget: {shares}.", f"What binds: {report['binding']}.", f"The area for this speed is {least}."]
    if report["roofline"] is not None:
        network = report["roofline"]["network"]
        lines.append(f"The network does {network['ops_per_s'] / 1e9:,.1f} GOP/s. Roofs:")
        for roof in report["roofline"]["roofs"]:
            top = roof["ops_per_s"] * (network["ops_per_byte"] if roof["sloped"] else 1)
            lines.append(f"  {roof['name']}: {top / 1e9:,.1f} GOP/s ({roof['basis']}).")
    return lines


def headlines(report: Mapping[str, Any]) -> list[str]:
    """Return the figures that matter, one sentence a line."""
    cycles, clock = report["cycles"], report["clock_mhz"]
    lines = [f"warning: {warning}" for warning in report["warnings"]]
    if cycles["ii_plan"] is not None:
        lines.append(
            f"{report['board']}: a frame every {cycles['ii_plan']:,} cycles, latency {cycles['latency_plan']:,} cycles "
            f"planned; {report['fps']:,.0f} frames/s projected at {clock:g} MHz."
        )
    if cycles.get("ii_rtl") is not None:
        lines.append(f"Measured in RTL: II {cycles['ii_rtl']:,}, latency {cycles['latency_rtl']:,} cycles.")
    for rung, verdict in report["verify"].items():
        if rung == "layers" and verdict is not None:
            lines.append(f"{verdict['note']}.")
        elif rung in ("golden", "csim", "rtl") and verdict is not None:
            state = "equal" if verdict["mismatches"] == 0 else f"{verdict['mismatches']} DIFFER"
            lines.append(f"{rung}: {verdict['tensors']} tensors compared, {state}.")
    if report.get("quantize") is not None:
        lines += quantisation_lines(report["quantize"])
    lines += parity_headlines(report)
    for who, used in report["resources"].items():
        if used is not None:
            lines.append(
                f"{who}: " + ", ".join(f"{used[k]:,.0f} {k.upper()}" for k in ("lut", "ff", "dsp", "bram36")) + "."
            )
    if report.get("bitstream") is not None:
        lines.append(bitstream_line(report["bitstream"]))
    accuracy = report.get("accuracy")
    lines.append(f"Accuracy in integers: {accuracy:.4f}." if accuracy is not None else "Accuracy not measured.")
    return lines


def bitstream_line(found: Mapping[str, Any]) -> str:
    """Return what place-and-route made: the file, the cells, the clock, and the one asked for where it was missed."""
    parts = found["utilisation"].items()
    used = ", ".join(f"{part['used']:,} of {part['available']:,} {name.upper()}" for name, part in parts)
    asked = "" if found["clock_mhz"] >= found["asked_mhz"] else f" where {found['asked_mhz']:g} MHz was asked for"
    return f"{found['file']}: {used}; {found['fmax_mhz']:g} MHz reached, {found['clock_mhz']:g} MHz set{asked}."


def compare_lines(found: Mapping[str, Any]) -> list[str]:
    """Return the tables of `hwgen compare`: figures with their changes, then the layers built differently."""
    from hwgen.report.compare import change_words, in_words

    folders = [build["folder"] for build in found["builds"]]
    rows = [
        (
            row["label"],
            *(
                f"{in_words(row['name'], value)} ({change_words(change)})" if change else in_words(row["name"], value)
                for value, change in zip(row["values"], row["changes"], strict=True)
            ),
        )
        for row in found["figures"]
    ]
    rows.append(("verified", *(build["verified"] for build in found["builds"])))
    rows.append(("bottleneck", *(build["bottleneck"] for build in found["builds"])))
    ways = [
        (
            layer["name"],
            *("-" if way is None else f"{way['choice']}, {way['cycles']:,} cycles" for way in layer["ways"]),
        )
        for layer in found["layers"]
    ]
    same = f"{found['same']} processes are the same in all."
    differ = [table(("process", *folders), ways)] if ways else []
    return [table(("figure", *folders), rows, folders), *differ, same]
