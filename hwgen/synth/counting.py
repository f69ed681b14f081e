# SPDX-License-Identifier: Apache-2.0
"""Count the resources of RTL: of one module, or of a design process by process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from hwgen.errors import UserError
from hwgen.hw import Family
from hwgen.plan.types import Plan
from hwgen.resources import cache_folder, jobs
from hwgen.synth.cells import YosysCounts, tally
from hwgen.synth.yosys import find_yosys, statistics

LIBRARY = "hwgen_*.sv"
BLOCK = "hwgen_mul.sv"
"""The multiplier block of bound multiplications, which are DSPs whether or not Yosys may make others."""
_MACROS: dict[Family, str] = {
    "xcup": "-DHWGEN_DSP48E2 ", "xc7": "-DHWGEN_DSP48E1 ", "ecp5": "-DHWGEN_MULT18X18D ", "ice40": "-DHWGEN_SB_MAC16 "
}  # fmt: skip
_XILINX_CELLS = ("read_verilog -lib -specify +/xilinx/cells_sim.v", "read_verilog -lib +/xilinx/cells_xtra.v")
_PRIMITIVES: dict[Family, tuple[str, ...]] = {
    "xcup": _XILINX_CELLS,
    "xc7": _XILINX_CELLS,
    "ecp5": ("read_verilog -lib -specify +/lattice/cells_sim_ecp5.v", "read_verilog -lib +/lattice/cells_bb_ecp5.v"),
    "ice40": ("read_verilog -D ICE40_U -lib -specify +/ice40/cells_sim.v",),
}
_ELABORATED = ("proc", "flatten", "write_rtlil elaborated.il", "design -reset", "read_rtlil elaborated.il")
"""Without its source, a module is not elaborated again when a primitive's parameters are."""
WITHOUT_LUT_RAM = ('setattr -set ram_style "registers" a:ram_style=distributed',)
"""What a family without LUT RAM has to be told of memories that ask for it."""
NO_PROOF = "scratchpad -set abc9.verify false"
"""ABC's proof that its mapping is equal takes longer than the mapping of a large sum, and changes no count."""
DATA = ("*.memory", "*.mem", "*.hex", "*.vh", "*.svh")


@dataclass(frozen=True)
class DesignCounts:
    """What a design costs.

    Parameters
    ----------
    total
        Everything: processes and glue.
    processes
        Each process, synthesised alone.
    glue
        FIFOs, wiring and port adapters: the top without its processes.
    """

    total: YosysCounts
    processes: Mapping[str, YosysCounts]
    glue: YosysCounts

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        processes = {name: counts.to_json() for name, counts in self.processes.items()}
        return {"total": self.total.to_json(), "processes": processes, "glue": self.glue.to_json()}


def count(
    files: Sequence[Path], top: str, family: Family, *, dsp: bool = False, boxes: Sequence[str] = ()
) -> YosysCounts:
    """Synthesise a module, flattened, and count its cells; results are cached by content.

    Parameters
    ----------
    files
        SystemVerilog files. Memory files (``*.memory`` ...) beside them are found by their names alone.
    top
        Module to count.
    family
        Decides cells and counting rules.
    dsp
        Whether Yosys may turn multiplications into DSPs; where it may not, they cost LUTs.
    boxes
        Modules to leave out of the count.

    Raises
    ------
    UserError
        When a file is missing, or there is no Yosys.
    InternalError
        When Yosys refuses the RTL.
    """
    sources = with_data(files)
    lines = script([path.name for path in files], top, family, dsp, boxes)
    entry = cache_folder() / "yosys" / f"{_key(lines, sources)}.json"
    if not entry.is_file():
        with tempfile.TemporaryDirectory(prefix="hwgen-yosys-") as name:
            for path in sources:
                shutil.copyfile(path, Path(name) / path.name)
            _keep(entry, statistics([NO_PROOF, *lines], Path(name)))
    cells = json.loads(entry.read_text())
    return tally({name: number for name, number in cells.items() if name not in boxes}, family)


def count_design(plan: Plan, files: Sequence[Path]) -> DesignCounts:
    """Count a design: every process alone, then the top without them; the sum keeps the hierarchy between them.

    Parameters
    ----------
    plan
        The design.
    files
        All of its SystemVerilog: ``<process>.sv`` for each process, the top, the library ``hwgen_*.sv``.
    """
    family, names = plan.board.family, [process.name for process in plan.processes]
    library = [path for path in files if path.match(LIBRARY)]
    by_name = {path.stem: path for path in files}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise UserError(f"There must be RTL for every process, and there is none for {', '.join(missing)}.")

    def alone(name: str) -> YosysCounts:
        return count([*library, by_name[name]], name, family)

    with ThreadPoolExecutor(jobs()) as pool:
        counted = dict(zip(names, pool.map(alone, names), strict=True))
    glue = count(files, plan.name, family, boxes=names)
    return DesignCounts(reduce(add, counted.values(), glue), counted, glue)


def script(
    names: Sequence[str], top: str, family: Family, dsp: bool = False, boxes: Sequence[str] = (), netlist: str = ""
) -> list[str]:
    """Return the lines of a Yosys script that synthesises files; the last one does it, and writes `netlist` if any.

    A netlist is for place-and-route, and may have cells of the family in its source.
    """
    blocks = [name for name in names if name.rpartition("/")[2] == BLOCK]
    primitives = blocks or netlist
    lines = list(_PRIMITIVES[family] if primitives else ())
    lines += [f"read_verilog -sv {_MACROS[family] if name in blocks else ''}{name}" for name in names]
    lines += [f"blackbox {' '.join(boxes)}"] if boxes else []
    lines += [f"hierarchy -check -top {top}"]
    lines += _ELABORATED if primitives else ()
    written = f" -json {netlist}" if netlist else ""
    limit = "" if dsp else " -nodsp"
    if family == "ecp5":
        return [*lines, f"synth_ecp5{limit} -top {top}{written}"]
    if family == "ice40":
        return [*lines, *WITHOUT_LUT_RAM, f"synth_ice40{' -dsp' if dsp else ''} -device u -top {top}{written}"]
    return [*lines, f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf{limit} -top {top}"]


def with_data(files: Sequence[Path]) -> list[Path]:
    """Return the files and the memory files beside them."""
    for path in files:
        if not path.is_file():
            raise UserError(f"RTL file {path} must exist before it can be counted.")
    folders = sorted({path.parent for path in files})
    return [*files, *(data for folder in folders for pattern in DATA for data in sorted(folder.glob(pattern)))]


def _key(lines: Sequence[str], sources: Sequence[Path]) -> str:
    digest = hashlib.sha256("\0".join([find_yosys().version, *lines]).encode())
    for path in sources:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _keep(entry: Path, cells: Mapping[str, int]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=entry.parent, prefix=".making-", delete=False) as file:
        json.dump(dict(cells), file, sort_keys=True)
    os.replace(file.name, entry)
