# SPDX-License-Identifier: Apache-2.0
"""Networks of constants beside the peers that took the same work, as one JSON object; also a case of `planner.py`.

- ``unrolled``: a frame a clock on a U280 at 200 MHz, no DSP, no block RAM, ports as wide as a frame (target `max_fps`),
  beside da4ml 0.6.0 (its LUTs and inverters counted in the same way).
- ``folded``: the II of FINN's matrix-vector modules, wired by hand, within 80 % of their LUTs (the plan's figures are
  formulas, which may be too low) and all of their DSPs, no block RAM.

Each design is simulated whole in Verilator on 256 vectors of the workload against the golden model. LUTs are counted by
Yosys, process by process and summed (`synth_xilinx -family xcup -flatten`, for `--whole` once over everything): LUT1 to
LUT6, inverters, LUT RAM and shift registers. Latency is from the first word in to the last word out. A row is verified
where every vector was right, II and latency come from Verilator and the area from Yosys.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hwgen import artifacts, build  # noqa: E402
from hwgen.errors import HwgenError  # noqa: E402
from hwgen.hw import Family  # noqa: E402
from hwgen.plan import Plan  # noqa: E402
from hwgen.request import BuildResult  # noqa: E402
from hwgen.stages import PLAN  # noqa: E402
from hwgen.synth import count  # noqa: E402

WORKLOADS = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared")) / "workloads"
KEPT = ROOT / "build" / "bench-peers"
VECTORS = 256
FAMILY: Family = "xcup"
BOARD = "u280"
MHZ = 200.0
FORM_OF_LUTMUL = 8.56
"""LUTs of a 4-bit multiply-accumulate by a constant in LUTMUL's form, measured with Yosys on random weights."""
MACS = {"w1_jets": 4_256, "w2_digits": 21_664, "w3_can": 60_288, "w4_mv64_int4": 4_096, "w4_mv64_int8": 4_096}


@dataclass(frozen=True)
class Peer:
    """What a peer needs for a workload, measured; `lut` counts inverters in."""

    ii: int
    latency: int
    lut: int
    dsp: int = 0
    bram36: float = 0


DA4ML = {
    "w4_mv64_int4": Peer(1, 3, 21_823),
    "w4_mv64_int8": Peer(1, 3, 64_793),
    "w1_jets": Peer(1, 8, 44_164),
    "w3_can": Peer(1, 8, 126_133),
    "w2_digits": Peer(1, 7, 119_629),
}
FINN = {
    "w4_mv64_int4": Peer(16, 24, 7_205, 64),
    "w4_mv64_int8": Peer(16, 24, 11_322, 128),
    "w1_jets": Peer(16, 82, 17_363, 248),
    "w3_can": Peer(130, 261, 28_571, 204),
}
PEERS = {"unrolled": DA4ML, "folded": FINN}
NAMES = {"unrolled": "da4ml 0.6.0", "folded": "FINN's modules, wired by hand"}


def budget(case: str, peer: Peer) -> dict[str, Any]:
    """Return the budget file of a case."""
    common: dict[str, Any] = {"board": BOARD, "clock_mhz": MHZ, "ports": {"bits": 8192}}
    if case == "unrolled":
        return {**common, "target": "max_fps", "limits": {"dsp": 0, "bram36": 0}}
    limits = {"lut": int(0.8 * peer.lut), "dsp": peer.dsp, "bram36": 0}
    return {**common, "target": {"fps": MHZ * 1e6 / peer.ii}, "limits": limits}


def built(case: str, name: str, counted: bool) -> BuildResult:
    """Build one workload, simulate it and, if asked, count it."""
    folder = KEPT / case / name
    folder.mkdir(parents=True, exist_ok=True)
    frames = np.load(WORKLOADS / f"{name}.npz")["X"][:VECTORS].astype(np.float32)
    if frames.ndim == 4:
        frames = np.moveaxis(frames, 3, 1)
    np.savez(folder / "inputs.npz", inp=frames)
    (folder / "budget.yaml").write_text(json.dumps(budget(case, PEERS[case][name])))
    return build(
        WORKLOADS / f"{name}_qonnx.onnx", budget=folder / "budget.yaml", inputs=folder / "inputs.npz", frames=VECTORS,
        out=folder / "out", verify="rtl", sim="fast", synth=counted,
    )  # fmt: skip


def row(case: str, name: str, counted: bool, whole: bool) -> dict[str, Any]:
    """Return what a workload costs, beside its peer."""
    peer = PEERS[case][name]
    found: dict[str, Any] = {"peer": {"tool": NAMES[case], **asdict(peer)}, "clock_mhz": MHZ}
    try:
        result = built(case, name, counted)
    except HwgenError as error:
        return {**found, "error": str(error), "verified": False}
    report = result.report
    area = brief(report["resources"]["yosys"])
    found |= {"ii": report["cycles"]["ii_rtl"], "latency": report["cycles"]["latency_rtl"]}
    found |= {
        "vectors": VECTORS,
        "all_right": result.ok,
        "planned": report["resources"]["plan"],
        "counted": area,
    }
    if whole:
        plan = artifacts.restore(result.out / PLAN, Plan)
        whole_area = count(sorted((result.out / "rtl").glob("*.sv")), plan.name, FAMILY).to_json()
        found["counted_whole"] = brief(whole_area)
    lut = found.get("counted_whole", area)
    found["verified"] = result.ok and lut is not None and found["ii"] is not None
    if lut is not None:
        found |= compared(name, peer, found, lut)
    return found


def brief(area: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return counted resources with the parts of the LUTs, without the number of every cell."""
    if area is None:
        return None
    parts = {key: value for key, value in area["detail"].items() if key.startswith("lut_") or key == "carry"}
    return {**{key: area[key] for key in ("lut", "ff", "dsp", "bram36", "uram")}, "parts": parts}


def compared(name: str, peer: Peer, found: Mapping[str, Any], area: Mapping[str, Any]) -> dict[str, Any]:
    """Return ratios to the peer, ours over theirs, and LUTs of a multiply-accumulate where a frame takes a clock."""
    ratios = {"lut": round(area["lut"] / peer.lut, 3), "latency": round(found["latency"] / peer.latency, 2)}
    each = {who: round(lut / MACS[name], 2) for who, lut in (("ours", area["lut"]), ("peer", peer.lut))}
    better = [area[key] <= theirs for key, theirs in (("lut", peer.lut), ("dsp", peer.dsp), ("bram36", peer.bram36))]
    rows: dict[str, Any] = {"ratio": ratios, "no_resource_worse": all(better) and found["ii"] <= peer.ii}
    return {**rows, "lut_per_mac": {**each, "lutmul_form": FORM_OF_LUTMUL}} if peer.ii == 1 else rows


def rows(case: str, names: Sequence[str], counted: bool = True, whole: bool = False) -> dict[str, Any]:
    """Return the rows of a case; those without their workload say so."""
    found: dict[str, Any] = {}
    for name in names:
        print(f"  {case} {name} ...", file=sys.stderr)
        present = (WORKLOADS / f"{name}.npz").is_file()
        absent = {"skipped": "The workloads are absent (set HWGEN_SHARED)."}
        found[name] = row(case, name, counted, whole) if present else absent
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Networks of constants beside their peers, as JSON.")
    parser.add_argument("--cases", nargs="+", choices=[*PEERS], default=[*PEERS])
    parser.add_argument("--only", nargs="+", choices=[*MACS], default=[*MACS], help="these workloads only")
    parser.add_argument("--no-count", action="store_true", help="simulate only; Yosys takes minutes to hours")
    parser.add_argument("--whole", action="store_true", help="count the design flat, too")
    parser.add_argument("--out", type=Path, help="add the rows to this JSON file, too, each when it is there")
    given = parser.parse_args()
    result: dict[str, Any] = json.loads(given.out.read_text()) if given.out and given.out.is_file() else {}
    for case in given.cases:
        for name in (n for n in PEERS[case] if n in given.only):
            result.setdefault(case, {}).update(rows(case, [name], not given.no_count, given.whole))
            if given.out:
                given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
