# SPDX-License-Identifier: Apache-2.0
"""Fill `hwgen/plan/depths.yaml`: compile every process of some models, and write down how deep its pipeline became.

    python benchmarks/kernel_depths.py designs/*/model.onnx [--board zcu102 ...]

Entries of earlier runs stay, unless a run measures them again; `--fresh` begins with an empty table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hwgen.config import Budget
from hwgen.errors import HwgenError
from hwgen.frontend import load
from hwgen.hlsc import Target, compile_process
from hwgen.hw import boards
from hwgen.passes.lower import lower
from hwgen.plan import Plan, Process, depths, make_plan
from hwgen.render import render

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# Measured by benchmarks/kernel_depths.py: cycles from an iteration's reads to its writes.
"""


def measured(plan: Plan) -> Iterator[tuple[Process, int, float]]:
    """Compile every process; yield it with its depth, and the kilobytes of its RTL."""
    target = Target(plan.board.family, plan.clock_mhz)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render(plan, folder)
        for process in plan.processes:
            source = folder / "hls/src" / f"{process.name}.cpp"
            module = compile_process(source, process.name, [folder / "hls/include"], target)
            assert module.trip_count == process.cycles, process.name
            yield process, module.depth, len(module.rtl) / 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--board", action="append")
    parser.add_argument("--lut", type=float, default=60_000, help="limit, so that a run takes minutes")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    table = {} if options.fresh else dict(depths.table())
    for model in options.models:
        graph = lower(load(model)).graph
        for board in options.board or boards.names():
            budget = Budget.parse({"board": board, "limits": {"lut": options.lut}})
            try:
                plan = make_plan(graph, boards.load(board), budget)
                for process, depth, _ in measured(plan):
                    table[depths.key(process.call, plan.board.family, plan.clock_mhz)] = depth
                    guess = depths.estimate(process.call, plan.board.family, plan.clock_mhz)
                    if guess != depth:
                        print(f"{model} {board} {process.name} ({process.op}): {depth}, estimated {guess}", flush=True)
            except HwgenError as error:
                print(f"{model} on {board}: {error}", file=sys.stderr)
    depths.TABLE.write_text(HEADER + "".join(f'"{key}": {table[key]}\n' for key in sorted(table)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
