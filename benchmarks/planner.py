# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what the planner makes of real networks on real boards, as one JSON object on stdout.

Cases, chosen by `--only`:

- ``mobilenet_w4_u280``: MobileNetV2, 4 bit, first and last layers 8 bit, on a U280: (a) within the LUT, block RAM and
  DSP of LUTMUL's published design, (b) with a quarter of its DSP, (c) within 80 % of the device; once with the
  network's own weights, once with weights drawn evenly from the whole range of the same widths.
- ``mobilenet_w8_zcu102``: MobileNetV2, 8 bit, within 80 % of a ZCU102.
- ``boards``: the MLPerf Tiny networks on pynq-z2, kv260, zcu102 and ulx3s.
- ``fifos``: FIFO depths of resnet8 in simulation: as planned, at the bound, and the least of each short branch.
- ``sums``: a design small enough to be synthesised whole: the sum of its layers alone against the whole.
- ``folded``, ``unrolled``: networks of constants beside their peers, built and simulated whole (`peers.py`); with
  `--verify-layers` counted by Yosys, which takes hours.

Cycles are the plan's; `--verify-layers` has every layer shape timed by Verilator and counted by Yosys. Frames a second
are projected at the clock told; accuracy is not measured. Quantised networks are kept in ``build/bench-planner``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import peers  # noqa: E402

import hwgen  # noqa: E402
from hwgen import artifacts, frontend  # noqa: E402
from hwgen.config import Budget, Quantize  # noqa: E402
from hwgen.errors import HwgenError  # noqa: E402
from hwgen.frontend import inputs  # noqa: E402
from hwgen.graph import Graph  # noqa: E402
from hwgen.hw import boards  # noqa: E402
from hwgen.layers_alone import verify_layers  # noqa: E402
from hwgen.passes.lower import lower  # noqa: E402
from hwgen.plan import Plan, make_plan  # noqa: E402
from hwgen.plan.fifos import depths as fifo_depths  # noqa: E402
from hwgen.plan.fifos import on_cycles  # noqa: E402
from hwgen.plan.latency import stages  # noqa: E402
from hwgen.plan.simulate import simulate  # noqa: E402
from hwgen.plan.timing import Stage  # noqa: E402
from hwgen.stages import PLAN  # noqa: E402
from hwgen.synth import count  # noqa: E402

SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
KEPT = ROOT / "build" / "bench-planner"
MOBILENET = SHARED / "models" / "mobilenet_v2_imagenet" / "model.onnx"
TINY = ("resnet8", "dscnn", "vww", "ad")
BOARDS = ("pynq-z2", "kv260", "zcu102", "ulx3s")
LUTMUL = {"lut": 529_242, "bram36": 1_119, "dsp": 106}
LUTMUL_CYCLES = 204_671
CLOCK = 333.0
"""MHz of the published designs that these are held against."""
FRAMES = 6
"""Frames in which a simulated design comes to its steady state."""
CALIBRATION = 2
"""Random frames: enough to plan with; nothing is said of accuracy."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    only: tuple[str, ...]
    networks: tuple[str, ...]
    on_boards: tuple[str, ...]
    verify: bool


def quantised(path: Path, bits: int) -> Path:
    """Return a float network quantised, made once for each content and width."""
    from hwgen.quantize import quantise

    options = Quantize(weights=bits, acts=bits, first_last=8, method="nearest")
    key = hashlib.sha256(path.read_bytes() + options.model_dump_json().encode()).hexdigest()[:16]
    kept = KEPT / f"{path.parent.name}-w{bits}-{key}.onnx"
    if not kept.is_file():
        model = frontend.load(path)
        KEPT.mkdir(parents=True, exist_ok=True)
        feeds = inputs.default(model, CALIBRATION, 0)
        made = kept.with_suffix(".part")
        made.write_bytes(quantise(model, feeds, options, None).onnx)
        made.replace(kept)
    return kept


def graph_of(path: Path, name: str) -> Graph:
    """Return a network's integer graph."""
    return lower(frontend.load(path, name=name)).graph


def full_range(graph: Graph) -> Graph:
    """Return the graph with every weight drawn evenly from its type's whole range."""
    rng = np.random.default_rng(0)
    constants = dict(graph.constants)
    for node in graph.nodes:
        if "weight" in node.constants and "weight_bits" in node.attrs:
            bits, signed = int(node.attrs["weight_bits"]), bool(node.attrs["weight_signed"])  # type: ignore[arg-type]
            low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
            key = node.constants["weight"]
            constants[key] = rng.integers(low, high, constants[key].shape)
    return replace(graph, constants=constants)


def figures(graph: Graph, budget: dict[str, Any], verify: bool) -> dict[str, Any]:
    """Plan, and return what came of it: cycles, resources, what binds, seconds; or why there is no plan."""
    asked = Budget.parse(budget)
    start = time.perf_counter()
    try:
        plan = make_plan(graph, boards.load(asked.board), asked)
    except HwgenError as error:
        sentences = [str(problem) for problem in error.problems] or [str(error)]
        return {"infeasible": sentences, "seconds": round(time.perf_counter() - start, 1)}
    row = {"seconds": round(time.perf_counter() - start, 1), **planned(plan)}
    print(f"    II {plan.ii}, {plan.resources}; {plan.binding}", file=sys.stderr)
    if verify:
        row["verified_layers"] = verify_layers(plan, lambda text: print(text, file=sys.stderr))
        row["verified"] = row["verified_layers"]["verified"]
    return row


def planned(plan: Plan) -> dict[str, Any]:
    """Return a plan's figures."""
    units: dict[str, int] = {}
    for process in plan.processes:
        units[process.unit] = units.get(process.unit, 0) + 1
    words = {True: 0, False: 0}
    for channel in plan.channels:
        words[channel.depth > 64] += channel.depth * channel.type.width
    return {
        "ii": plan.ii,
        "latency": plan.latency,
        "clock_mhz": plan.clock_mhz,
        "fps": round(plan.fps, 1),
        "fps_is": f"projected at {plan.clock_mhz:g} MHz, accuracy not measured",
        "resources": plan.resources.to_json(),
        "limits": plan.limits.to_json(),
        "bottleneck": plan.bottleneck,
        "binding": plan.binding,
        "processes": len(plan.processes),
        "units": units,
        "fifo_kbit": {"up_to_64_words": round(words[False] / 1024, 1), "deeper": round(words[True] / 1024, 1)},
        "verified": False,
    }


def mobilenet_u280(options: Options) -> dict[str, Any]:
    """Return the rows against LUTMUL."""
    graph = graph_of(quantised(MOBILENET, 4), "mobilenet_v2")
    cases: dict[str, dict[str, Any]] = {
        "a": {**LUTMUL},
        "b": {**LUTMUL, "dsp": "25%"},
        "c": dict.fromkeys(("lut", "ff", "dsp", "bram36", "uram"), "80%"),
    }
    rows: dict[str, Any] = {"reference": {"lutmul": {**LUTMUL, "ii": LUTMUL_CYCLES}}}
    for weights, one in (("own_weights", graph), ("full_range_weights", full_range(graph))):
        rows[weights] = {}
        for case, limits in cases.items():
            print(f"  {weights} {case} ...", file=sys.stderr)
            budget = {"board": "u280", "clock_mhz": CLOCK, "limits": limits}
            rows[weights][case] = row = figures(one, budget, options.verify)
            if "ii" in row:
                row["speedup_on_lutmul"] = round(LUTMUL_CYCLES / row["ii"], 2)
    return rows


def mobilenet_zcu102(options: Options) -> dict[str, Any]:
    """Return the row of 8 bit on a ZCU102."""
    graph = graph_of(quantised(MOBILENET, 8), "mobilenet_v2")
    limits = dict.fromkeys(("lut", "ff", "dsp", "bram36"), "80%")
    row = figures(graph, {"board": "zcu102", "clock_mhz": CLOCK, "limits": limits}, options.verify)
    return {"reference": {"target_ii": 105_000, "nn2fpga_fps": 2115, "wu2019_fps": 810}, "plan": row}


def tiny(options: Options) -> dict[str, Any]:
    """Return the table of the MLPerf Tiny networks on four boards."""
    rows: dict[str, Any] = {}
    for name in options.networks:
        path = SHARED / "models" / f"mlperf_{name}_int8" / "model.onnx"
        if not path.is_file():
            rows[name] = {"skipped": f"{path} is absent (set HWGEN_SHARED)"}
            continue
        graph = graph_of(path, name)
        rows[name] = {}
        for board in options.on_boards:
            print(f"  {name} on {board} ...", file=sys.stderr)
            rows[name][board] = figures(graph, {"board": board}, options.verify)
    return rows


def fifos(options: Options) -> dict[str, Any]:
    """Return II and latency of resnet8 in simulation at the planned depths and at the bound, and how tight that is.

    The bound is what the plan's pipeline depths need if they are right, whatever pauses the ports make; the plan allows
    for those that are estimates. The least depth of a short branch keeps the II where ports never pause.
    """
    graph = graph_of(SHARED / "models" / "mlperf_resnet8_int8" / "model.onnx", "resnet8")
    plan = make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102"}))
    design = stages(plan, graph)
    depths = {channel.name: channel.depth for channel in plan.channels}
    bound = {**depths, **fifo_depths(design, plan.ii, {c.name: c.type.width for c in plan.channels})}
    joins, rings = {stage.name for stage in design if len(stage.inputs) > 1}, on_cycles(design)
    short = [
        c.name for c in plan.channels if c.depth > 32 and c.name in rings and c.consumer and c.consumer[0] in joins
    ]
    kept, tight = simulate(design, [depths, bound], FRAMES)
    return {
        "ii_plan": plan.ii,
        "latency_plan": plan.latency,
        "as_planned": {"ii": kept.ii, "latency": kept.latency},
        "at_the_bound": {"ii": tight.ii, "latency": tight.latency},
        "short_branches": {name: _least(design, depths, bound, name, plan) for name in short},
        "bram36": plan.resources.bram36,
    }


def _least(
    design: list[Stage], depths: dict[str, int], bound: dict[str, int], name: str, plan: Plan
) -> dict[str, int | float | None]:
    """Return a short branch's depths, the least with which the simulated II is the plan's, and the II with one less."""
    low, high = 1, bound[name]
    less: int | float | None = None
    while high - low > 1:
        middle = (low + high) // 2
        (ran,) = simulate(design, [{**bound, name: middle}], FRAMES)
        if ran.stuck or ran.ii > plan.ii:
            low, less = middle, None if ran.stuck else ran.ii
        else:
            high = middle
    row: dict[str, int | float | None] = {"frame": plan.channel(name).type.beats, "depth": depths[name]}
    return {**row, "bound": bound[name], "least": high, "ii_one_less": less}


def sums(options: Options) -> dict[str, Any]:
    """Return the layers of digits-cnn alone, summed, beside the whole design synthesised flat."""
    design = ROOT / "designs" / "digits-cnn"
    with tempfile.TemporaryDirectory() as folder:
        built = hwgen.build(
            design / "model.onnx", budget=design / "budget.yaml", out=Path(folder) / "out", verify="golden", last="hlsc"
        )
        plan = artifacts.restore(built.out / PLAN, Plan)
        summed = verify_layers(plan, lambda text: print(text, file=sys.stderr))
        rtl = sorted((built.out / "rtl").glob("*.sv"))
        whole = count(rtl, plan.name, plan.board.family, dsp=True).resources.to_json()
    total = summed["resources"]["yosys"]
    errors = {name: round(total[name] / value - 1, 4) if value else None for name, value in whole.items()}
    return {"sum": total, "whole": whole, "error": errors, "verified_layers": summed}


CASES: dict[str, Callable[[Options], dict[str, Any]]] = {
    "boards": tiny,
    "fifos": fifos,
    "sums": sums,
    "mobilenet_w8_zcu102": mobilenet_zcu102,
    "mobilenet_w4_u280": mobilenet_u280,
    "folded": lambda options: peers.rows("folded", [*peers.FINN], options.verify),
    "unrolled": lambda options: peers.rows("unrolled", [*peers.DA4ML], options.verify),
}


def main() -> int:
    """Measure the cases asked for, print them, and write them after each where `--out` says."""
    parser = argparse.ArgumentParser(description="What the planner makes of real networks, as JSON.")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--networks", nargs="+", choices=TINY, default=list(TINY))
    parser.add_argument("--boards", nargs="+", default=list(BOARDS))
    parser.add_argument("--verify-layers", action="store_true", help="time and count every layer shape")
    parser.add_argument("--out", type=Path, help="write the JSON here too, after every case")
    given = parser.parse_args()
    options = Options(tuple(given.only), tuple(given.networks), tuple(given.boards), given.verify_layers)
    result: dict[str, Any] = {}
    for name in options.only:
        print(f"{name} ...", file=sys.stderr)
        result[name] = CASES[name](options)
        if given.out is not None:
            given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
