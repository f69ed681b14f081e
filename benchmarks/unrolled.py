# SPDX-License-Identifier: Apache-2.0
"""Networks of constants at a frame a clock: LUT, latency and wrong frames beside da4ml's, as one JSON object.

Each workload of the shared folder is built for a U280 at 200 MHz with ports as wide as a frame and target `max_fps`,
and simulated whole in Verilator on 256 of its vectors against the golden model, and that against onnxruntime. LUT are
counted by Yosys over the whole design (`synth_xilinx -family xcup -flatten`): LUT1 to LUT6, inverters, LUT RAM and
shift registers. Latency is from the first word in to the last word out. The peer's figures are da4ml 0.6.0's, counted
in the same way, its inverters added.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hwgen import build  # noqa: E402
from hwgen.errors import HwgenError  # noqa: E402

WORKLOADS = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared")) / "workloads"
VECTORS = 256
BUDGET = "board: u280\nclock_mhz: {mhz}\nports: {{bits: 8192}}\ntarget: max_fps\n"
PEERS: dict[str, dict[str, int]] = {
    "w4_mv64_int4": {"lut": 21_823, "latency": 3},
    "w4_mv64_int8": {"lut": 64_793, "latency": 3},
    "w1_jets": {"lut": 44_164, "latency": 8},
    "w3_can": {"lut": 126_133, "latency": 8},
    "w2_digits": {"lut": 119_629, "latency": 7},
}


def measure(name: str, folder: Path, mhz: float, count: bool) -> dict[str, Any]:
    """Build one workload, simulate it and, if asked, count it."""
    data = np.load(WORKLOADS / f"{name}.npz")
    frames = data["X"][:VECTORS].astype(np.float32)
    if frames.ndim == 4:
        frames = np.moveaxis(frames, 3, 1)
    np.savez(folder / "inputs.npz", inp=frames)
    (folder / "budget.yaml").write_text(BUDGET.format(mhz=mhz))
    result = build(
        WORKLOADS / f"{name}_qonnx.onnx", budget=folder / "budget.yaml", inputs=folder / "inputs.npz", frames=VECTORS,
        out=folder / "out", verify="rtl", sim="fast", synth=count,
    )  # fmt: skip
    report = result.report
    return {
        "peer": PEERS[name],
        "clock_mhz": mhz,
        **{key: report[key] for key in ("ok", "cycles", "resources", "verify")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[*PEERS], help="these workloads only")
    parser.add_argument("--mhz", type=float, default=200.0)
    parser.add_argument("--no-count", action="store_true", help="simulate only; Yosys takes minutes")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.only:
        if not (WORKLOADS / f"{name}.npz").is_file():
            found[name] = {"skipped": "The workloads are absent (set HWGEN_SHARED)."}
            continue
        print(f"{name} ...", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            try:
                found[name] = measure(name, Path(folder), options.mhz, not options.no_count)
            except HwgenError as error:
                found[name] = {"error": str(error)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
