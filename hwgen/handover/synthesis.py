# SPDX-License-Identifier: Apache-2.0
"""The design for open tools: a FuseSoC core ``<name>.core``, and a script ``synth/yosys.ys`` that counts its cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hwgen.handover.design import Design
from hwgen.handover.registers import IP_VERSION, LIBRARY, VENDOR
from hwgen.hw import Family
from hwgen.render.project import VITIS_FAMILIES, environment

BENCH = (
    "hwgen_random.sv",
    "hwgen_source.sv",
    "hwgen_checker.sv",
    "hwgen_sink.sv",
    "hwgen_probe.sv",
    "hwgen_bench.sv",
)
"""The test bench's SystemVerilog under ``sim/``, in the order in which it is read."""

SHELLS = {"ip": "shell with streams", "kernel": "shell with memory", "uart": "shell with a UART"}
YOSYS: dict[Family, tuple[str, ...]] = {
    "xcup": ("synth_xilinx -family xcup -flatten -noiopad -noclkbuf",),
    "xc7": ("synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",),
    "ecp5": ("synth_ecp5",),
    "ice40": ('setattr -set ram_style "registers" a:ram_style=distributed', "synth_ice40 -dsp -device u"),
}
"""How Yosys synthesises for each family; iCE40 has no LUT RAM, and has to be told."""


def write(design: Design) -> None:
    """Write ``<name>.core`` and ``synth/yosys.ys``."""
    plan = design.plan
    family = plan.board.family
    facts: dict[str, Any] = {
        "version": design.version,
        "name": plan.name,
        "rtl": (design.folder / "rtl" / "top.f").read_text().split(),
    }
    constraints = [f"constraints/{plan.name}_ooc.xdc"] if family in VITIS_FAMILIES else []
    core = {
        **facts,
        "vlnv": f"{VENDOR}:{LIBRARY}:{plan.name}:{IP_VERSION}",
        "shells": _shells(design),
        "bench": BENCH,
        "vectors": sorted(f"{name}.bin" for name in vectors(design)),
        "constraints": constraints,
        "part": plan.board.part if constraints else "",
        "arch": family,
    }
    _render(design.folder / f"{plan.name}.core", "fusesoc/core.j2", core)
    _render(design.folder / "synth" / "yosys.ys", "synth/yosys.ys.j2", {**facts, "commands": YOSYS[family]})


def vectors(design: Design) -> set[str]:
    """Return what the test bench has vectors of: the ports, and the channels at the processes."""
    ends = {name for process in design.plan.processes for name in (*process.inputs, *process.outputs)}
    return {port.name for port in design.plan.ports} | ends


def _shells(design: Design) -> list[dict[str, Any]]:
    """Return the shells that the folder has, each with what it needs beside the core."""
    folder = design.folder / "rtl" / "shell"
    found = []
    for name, title in SHELLS.items():
        if (folder / f"{name}.f").is_file():
            lines = (folder / f"{name}.f").read_text().split()
            files = [f"rtl/shell/{line}" for line in lines if not line.startswith("../")]
            found.append({"name": name, "title": title, "files": files, "top": f"{design.plan.name}_{name}"})
    return found


def _render(path: Path, template: str, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(environment().get_template(template).render(values), encoding="utf-8", newline="\n")
