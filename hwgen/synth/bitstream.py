# SPDX-License-Identifier: Apache-2.0
"""From RTL with its board's top to a bitstream: Yosys, nextpnr, packer."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwgen.hw import Board
from hwgen.synth import nextpnr
from hwgen.synth.counting import NO_PROOF, script, with_data
from hwgen.synth.nextpnr import CELLS, FLOWS, Placed
from hwgen.synth.yosys import find_yosys, statistics

NETLIST = "netlist.json"
LOGS = ("synth.log", "nextpnr.log", "pack.log")


@dataclass(frozen=True)
class Project:
    """What a bitstream is made of.

    Parameters
    ----------
    name
        Of the design.
    board
        With its open pins.
    top
        The module at the pins.
    sources
        Every SystemVerilog file, ``rtl/shell/board.f`` resolved.
    constraints
        The file with the pins.
    mhz
        The clock to meet.
    """

    name: str
    board: Board
    top: str
    sources: tuple[Path, ...]
    constraints: Path
    mhz: float


@dataclass(frozen=True)
class Bitstream:
    """What came out.

    Parameters
    ----------
    file
        The bitstream.
    placed
        Utilisation, and every clock.
    seconds
        Wall clock of ``synth``, ``place`` and ``pack``.
    """

    file: Path
    placed: Placed
    seconds: Mapping[str, float]

    def to_json(self, project: Project) -> dict[str, Any]:
        """Return what ``report/bitstream.json`` says: a function of the project and of the tools' versions."""
        board = project.board
        named: dict[str, dict[str, int]] = {}
        for cell, (used, available) in self.placed.used.items():
            if cell in CELLS:
                named[CELLS[cell]] = {"used": used, "available": available}
        return {
            "file": f"bitstream/{self.file.name}",
            "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
            "bytes": self.file.stat().st_size,
            "top": project.top,
            "part": board.part,
            "clock_mhz": project.mhz,
            "fmax_mhz": round(self.placed.design.achieved, 2),
            "clocks": {name: asdict(fmax) for name, fmax in self.placed.clocks.items()},
            "slowest_path": asdict(self.placed.slowest),
            "utilisation": named,
            "cells": {cell: list(pair) for cell, pair in self.placed.used.items()},
            "seed": nextpnr.SEED,
            "tools": tools(board),
        }


def tools(board: Board) -> dict[str, str]:
    """Return the version of every tool for a board, or raise `UserError` where one is missing."""
    flow = FLOWS[board.family]
    placers = {program: nextpnr.find(program).version for program in (flow.place, flow.pack)}
    return {"yosys": find_yosys().version, **placers}


def make(project: Project, out: Path, logs: Path) -> Bitstream:
    """Write ``<name>.bit`` or ``<name>.bin`` into the folder `out`, and the tools' logs into `logs`.

    Raises
    ------
    InfeasibleError
        When the device is too small.
    InternalError
        When a tool fails.
    """
    flow, seconds = FLOWS[project.board.family], {}
    target = out / f"{project.name}.{flow.ending}"
    with tempfile.TemporaryDirectory(prefix="hwgen-bitstream-") as name:
        folder = Path(name)
        try:
            start = time.perf_counter()
            _synthesise(project, folder)
            seconds["synth"] = time.perf_counter() - start
            shutil.copyfile(project.constraints, folder / project.constraints.name)
            placed = nextpnr.place(project.board, folder / NETLIST, project.constraints, project.mhz, folder)
            seconds["place"] = time.perf_counter() - start - seconds["synth"]
            nextpnr.pack(project.board, target, folder)
            seconds["pack"] = time.perf_counter() - start - seconds["synth"] - seconds["place"]
        finally:
            logs.mkdir(parents=True, exist_ok=True)
            for log in LOGS:
                if (folder / log).is_file():
                    shutil.copyfile(folder / log, logs / log)
    return Bitstream(target, placed, seconds)


def _synthesise(project: Project, folder: Path) -> None:
    for path in with_data(project.sources):
        shutil.copyfile(path, folder / path.name)
    names = [path.name for path in project.sources]
    lines = script(names, project.top, project.board.family, netlist=NETLIST)
    statistics([NO_PROOF, *lines[:-1], f"tee -q -o {LOGS[0]} {lines[-1]}"], folder)
