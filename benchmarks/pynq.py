# SPDX-License-Identifier: Apache-2.0
"""What the PYNQ path costs: clocks of the driver's whole call against those of the bare core, in simulation.

Run as a script it prints what it measures as JSON and keeps it in `data/pynq.json`. Everything of the path that takes
clocks is there: register accesses over AXI4-Lite, the start of the DMA (60 clocks), the shell, the interrupt. The time
that Python takes between two accesses is not: it depends on the board's processor.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE), str(ROOT / "tests" / "handover")]

import hwgen  # noqa: E402
from hwgen import artifacts  # noqa: E402
from hwgen.handover.host_model import Port  # noqa: E402
from hwgen.plan.types import Plan  # noqa: E402
from tests.rtl.simulator import run  # noqa: E402

DESIGNS = {"digits-mlp": 400, "digits-cnn": 60}
"""Frames of each, one DMA transfer."""
BOARD = "zcu102"
TARGET = 0.95
DATA = HERE / "data" / "pynq.json"


def sources(folder: Path, name: str, way: str) -> list[Path]:
    """Return the files of the bare core or of the shell, the top last."""
    rtl = folder / "rtl"
    if way == "bare":
        files = [rtl / line for line in (rtl / "top.f").read_text().split()]
        return [*(f for f in files if f.stem != name), rtl / f"{name}.sv"]
    shell = rtl / "shell"
    return [shell / f"{name}_regs.vlt", *((shell / f).resolve() for f in (shell / "ip.f").read_text().split())]


def measure(design: str, frames: int, scratch: Path) -> dict[str, Any]:
    """Build a design, send the same frames both ways, and compare what comes out and how long it took."""
    source, folder = ROOT / "designs" / design, scratch / "out"
    hwgen.build(source / "model.onnx", budget=source / "budget.yaml", board=BOARD, out=folder, verify="none")
    plan = artifacts.restore(folder / "plan", Plan)
    facts = artifacts.read_json(folder / "driver" / "pynq" / f"{plan.name}.json")
    port = Port(**facts["inputs"][0])
    low, high = port.limits
    drawn = np.random.default_rng(0).integers(low, high + 1, (frames, *port.shape[1:]))
    taken, found = {}, {}
    for way, top in (("bare", plan.name), ("pynq", f"{plan.name}_ip")):
        work = scratch / way
        work.mkdir()
        np.save(work / "packed.npy", port.pack(drawn))
        driver = str(folder / "driver" / "pynq" / f"{plan.name}.py")
        settings = {"way": way, "driver": driver, "vlnv": facts["vlnv"]}
        taken[way] = run(work, sources(folder, plan.name, way), top, "cocotb_pace", **settings)["clocks"]
        found[way] = (work / "found.bin").read_bytes()
    if found["bare"] != found["pynq"]:
        raise SystemExit(f"{design}: the PYNQ path must give what the bare core gives.")
    return {
        "design": design,
        "board": BOARD,
        "frames": frames,
        "clocks_bare": taken["bare"],
        "clocks_pynq": taken["pynq"],
        "share_of_bare": round(taken["bare"] / taken["pynq"], 4),
        "fps_projected": round(frames * plan.clock_mhz * 1e6 / taken["pynq"]),
        "clock_mhz_assumed": plan.clock_mhz,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=DESIGNS)
    chosen = parser.parse_args().designs
    rows = []
    for design in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(measure(design, DESIGNS[design], Path(scratch)))
    text = json.dumps({"target_share": TARGET, "designs": rows}, indent=1) + "\n"
    if len(rows) == len(DESIGNS):
        DATA.write_text(text)
    print(text, end="")
    if any(row["share_of_bare"] < TARGET for row in rows):
        raise SystemExit(f"The PYNQ path must reach {TARGET:.0%} of the bare core.")


if __name__ == "__main__":
    main()
