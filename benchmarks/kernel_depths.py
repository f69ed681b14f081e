# SPDX-License-Identifier: Apache-2.0
"""Fill `hwgen/plan/depths.yaml`: compile every process of some models, and write down how deep its pipeline became.

    python benchmarks/kernel_depths.py designs/*/model.onnx [--board zcu102 ...] [--fresh]

A model is planned with the ``budget.yaml`` beside it, where there is one, else with the default budget. Entries of
earlier runs stay, unless a run measures them again; `--fresh` begins with an empty table. The last thing printed is one
JSON object: how often the estimate hits, and the latency of each plan by estimates alone and by compiled depths.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hwgen.config import Budget, load_budget
from hwgen.errors import HwgenError
from hwgen.frontend import load
from hwgen.graph import Graph
from hwgen.hlsc import Target, compile_process
from hwgen.hw import boards
from hwgen.passes.lower import lower
from hwgen.plan import Plan, depths, make_plan, with_depths
from hwgen.render import render

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# Measured by benchmarks/kernel_depths.py: cycles from an iteration's reads to its writes.
"""


@dataclass
class Tally:
    """Estimates against compiled depths: processes by difference, and the plans' latencies."""

    off: dict[int, int] = field(default_factory=dict)
    latency: dict[str, dict[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return counts, shares and latencies."""
        total = max(1, sum(self.off.values()))
        near = sum(number for off, number in self.off.items() if abs(off) <= 1)
        return {
            "processes": total,
            "exact": round(self.off.get(0, 0) / total, 3),
            "within_1": round(near / total, 3),
            "estimate_minus_compiled": {str(off): self.off[off] for off in sorted(self.off)},
            "latency": self.latency,
        }


def compiled(plan: Plan) -> dict[str, int]:
    """Compile every process; return the depths."""
    target = Target(plan.board.family, plan.clock_mhz)
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render(plan, folder)
        for process in plan.processes:
            source = folder / "hls/src" / f"{process.name}.cpp"
            module = compile_process(source, process.name, [folder / "hls/include"], target)
            assert module.trip_count in (None, process.cycles), process.name
            found[process.name] = module.depth
    return found


def compare(name: str, plan: Plan, graph: Graph, found: Mapping[str, int], tally: Tally) -> None:
    """Note how the estimates did."""
    guesses = {p.name: depths.estimate(p.call, plan.board.family, plan.clock_mhz) for p in plan.processes}
    for process in plan.processes:
        off = guesses[process.name] - found[process.name]
        tally.off[off] = tally.off.get(off, 0) + 1
        if off:
            text = f"{process.name} ({process.op}): {found[process.name]}, estimated {guesses[process.name]}"
            print(f"{name}: {text}", file=sys.stderr)
    by_estimate, by_compiler = with_depths(plan, graph, guesses).latency, with_depths(plan, graph, found).latency
    tally.latency[name] = {"estimated": by_estimate, "compiled": by_compiler}


def budget_of(model: Path, board: str, lut: float | None) -> Budget:
    """Return the budget of a model on a board."""
    beside = model.parent / "budget.yaml"
    budget = load_budget(beside if beside.is_file() else None, board=board)
    return budget if lut is None else Budget.parse({"board": board, "limits": {"lut": lut}})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--board", action="append")
    parser.add_argument("--lut", type=float, help="limit of LUTs, instead of the models' budgets")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    table = {} if options.fresh else dict(depths.table())
    tally = Tally()
    for model in options.models:
        graph = lower(load(model)).graph
        for board in options.board or boards.names():
            name, start = f"{graph.name} on {board}", time.perf_counter()
            try:
                plan = make_plan(graph, boards.load(board), budget_of(model, board, options.lut))
                found = compiled(plan)
            except HwgenError as error:
                print(f"{name}: {error}", file=sys.stderr)
                continue
            compare(name, plan, graph, found, tally)
            for process in plan.processes:
                table[depths.key(process.call, plan.board.family, plan.clock_mhz)] = found[process.name]
            print(f"{name}: {len(found)} processes, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            depths.TABLE.write_text(HEADER + "".join(f'"{key}": {table[key]}\n' for key in sorted(table)))
    print(json.dumps(tally.to_json(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
