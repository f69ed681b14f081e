# SPDX-License-Identifier: Apache-2.0
"""Bitstreams of the designs on open boards: clock, cells, seconds of each step, frames a second.

    python benchmarks/bitstream.py                          all, into benchmarks/data/bitstream.json
    python benchmarks/bitstream.py digits-mlp icebreaker    one of them

`seconds` are wall clock, `hwgen build` as a command from its start to the bitstream, nothing compiled before.
`fps_core` is what the accelerator could take at the clock that the board makes; over the serial line, `fps_uart`, the
line binds: ten bits a byte at its rate, answers coming back while the next frame goes out. digits-cnn has its budget,
digits-mlp the board's limits alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from hwgen import artifacts  # noqa: E402
from hwgen.handover.uart import shell  # noqa: E402
from hwgen.plan.types import Plan  # noqa: E402

POINTS = (("digits-mlp", "icebreaker"), ("digits-cnn", "ulx3s"))
WITH_BUDGET = ("digits-cnn",)
ON_THE_LINE = 8
"""Bytes of a request or an answer beside its frame: two to begin with, type, length, tag, CRC."""
DATA = HERE / "data" / "bitstream.json"


def measure(design: str, board: str, folder: Path) -> dict[str, Any]:
    """Build a design to its bitstream as a user does, and return the figures."""
    source = ROOT / "designs" / design
    command = [sys.executable, "-m", "hwgen.cli", "build", str(source / "model.onnx"), "--board", board]
    command += ["--budget", str(source / "budget.yaml")] if design in WITH_BUDGET else []
    command += ["--out", str(folder / "out"), "--verify", "none", "--bitstream"]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "HWGEN_CACHE": str(folder / "cache")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=settings, check=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    report = artifacts.read_json(folder / "out" / "report" / "report.json")
    plan = artifacts.restore(folder / "out" / "plan", Plan)
    line, found = shell(plan), report["bitstream"]
    slower = max(line.in_bytes, line.out_bytes) + ON_THE_LINE
    steps = artifacts.read_json(folder / "out" / "run" / "timings.json")
    last = {step: steps["bitstream"][f"{step}_seconds"] for step in ("synth", "place", "pack")}
    return {
        "design": design,
        "board": board,
        **{key: found[key] for key in ("asked_mhz", "clock_mhz", "fmax_mhz", "slowest_path", "utilisation", "bytes")},
        "planned_lut": report["resources"]["plan"]["lut"],
        "ii": plan.ii,
        "fps_core": round(found["clock_mhz"] * 1e6 / plan.ii),
        "baud": line.baud,
        "fps_uart": round(line.baud / (10 * slower), 1),
        "bits_per_second_uart": line.baud,
        "seconds": {
            "build": round(seconds, 1),
            "user": round(after.ru_utime - before.ru_utime, 1),
            **{stage: round(entry["seconds"], 1) for stage, entry in steps.items()},
            **last,
        },
        "tools": found["tools"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("design", nargs="?")
    parser.add_argument("board", nargs="?")
    options = parser.parse_args()
    rows = {(row["design"], row["board"]): row for row in (json.loads(DATA.read_text()) if DATA.is_file() else [])}
    for point in POINTS:
        if options.design in (None, point[0]) and options.board in (None, point[1]):
            with tempfile.TemporaryDirectory() as scratch:
                rows[point] = measure(*point, Path(scratch))
            DATA.write_text(json.dumps([rows[known] for known in POINTS if known in rows], indent=2) + "\n")
    print(DATA.read_text(), end="")


if __name__ == "__main__":
    main()
