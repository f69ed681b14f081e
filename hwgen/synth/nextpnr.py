# SPDX-License-Identifier: Apache-2.0
"""Place, route and pack a netlist with the open tools: nextpnr with ecppack or icepack, native or as WebAssembly."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from hwgen.errors import InfeasibleError, InternalError, UserError
from hwgen.hw import Board, Family

SEED, ROUTER = 1, "router2"
"""The other router tries for ever where a device is nearly full; this one has routed an iCE40UP5K 91 % full."""
REPORT, ROUTED = "nextpnr.json", "routed.txt"


@dataclass(frozen=True)
class Tool:
    """A program: its command, and its version."""

    command: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Flow:
    """The tools of a family.

    Parameters
    ----------
    place, pack
        Names of the programs.
    constraints, routed
        Options of the first for its constraints and its result.
    pack_options
        Of the second, before its files.
    ending
        Of a bitstream's file name.
    logic
        Cells of logic in nextpnr's words.
    """

    place: str
    pack: str
    constraints: str
    routed: str
    pack_options: tuple[str, ...]
    ending: str
    logic: str


FLOWS: Mapping[Family, Flow] = {
    "ecp5": Flow("nextpnr-ecp5", "ecppack", "--lpf", "--textcfg", ("--compress",), "bit", "TRELLIS_COMB"),
    "ice40": Flow("nextpnr-ice40", "icepack", "--pcf", "--asc", (), "bin", "ICESTORM_LC"),
}
CELLS: Mapping[str, str] = {
    "TRELLIS_COMB": "lut", "TRELLIS_FF": "ff", "MULT18X18D": "dsp", "DP16KD": "ebr", "ICESTORM_LC": "lut",
    "ICESTORM_RAM": "ebr", "ICESTORM_DSP": "dsp",
}  # fmt: skip
"""What nextpnr's cells are in the report; a cell of iCE40 is a LUT, a register, or both."""
_USED = re.compile(r"^Info:\s+(\w+):\s*(\d+)\s*/\s*(\d+)\s+\d+%", re.MULTILINE)


@dataclass(frozen=True)
class Fmax:
    """A clock: what place-and-route reached, and what it had to, in MHz."""

    achieved: float
    wanted: float


@dataclass(frozen=True)
class SlowPath:
    """The slowest path: the cells that it begins and ends at, its nanoseconds, its cells of logic."""

    start: str
    end: str
    logic_ns: float
    routing_ns: float
    levels: int


@dataclass(frozen=True)
class Placed:
    """What place-and-route reached.

    Parameters
    ----------
    clocks
        By the net's name.
    used
        Cells used and there by their type, those that the device has.
    slowest
        Path of the clock that has the least room.
    """

    clocks: Mapping[str, Fmax]
    used: Mapping[str, tuple[int, int]]
    slowest: SlowPath

    @property
    def design(self) -> Fmax:
        """The clock that has the least room."""
        return self.clocks[_tightest(self.clocks)]


def find(program: str) -> Tool:
    """Return a program on PATH, else its WebAssembly build among the Python packages.

    Raises
    ------
    UserError
        When there is none.
    """
    path = shutil.which(program)
    if path is not None:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        return Tool((path,), (said.stdout + said.stderr).strip().splitlines()[0] if said.returncode == 0 else program)
    family = "ecp5" if program in ("nextpnr-ecp5", "ecppack") else "ice40"
    package = f"yowasp_nextpnr_{family}"
    if importlib.util.find_spec(package) is None:
        hint = f"Try pip install yowasp-nextpnr-{family}."
        raise UserError(f"--bitstream needs {program}, and none was found.", hint=hint)
    run = f"run_{program.replace('-', '_')}"
    code = f"import sys; from {package} import {run} as run; sys.exit(run(sys.argv[1:]))"
    return Tool((sys.executable, "-c", code), f"yowasp {metadata.version(package.replace('_', '-'))}")


def place_options(board: Board, mhz: float) -> list[str]:
    """Return nextpnr's options that decide about the result, its files aside."""
    assert board.open is not None
    device = ["--speed", board.open.speed] if board.open.speed else []
    device = [f"--{board.open.device}", "--package", board.open.package, *device]
    return [*device, "--freq", f"{mhz:g}", "--seed", str(SEED), "--router", ROUTER]


def place(board: Board, netlist: Path, constraints: Path, mhz: float, folder: Path) -> Placed:
    """Place and route; the result is ``routed.txt`` in `folder`, the log ``nextpnr.log``.

    Parameters
    ----------
    netlist, constraints
        Files in `folder`.
    mhz
        What nets without a constraint are asked for.

    Raises
    ------
    InfeasibleError
        When the device is too small, with figures.
    InternalError
        When nextpnr fails otherwise.
    """
    flow = FLOWS[board.family]
    arguments = [*place_options(board, mhz), "--json", netlist.name, flow.constraints, constraints.name]
    arguments += [flow.routed, ROUTED, "--timing-allow-fail", "--report", REPORT]
    log = _run([*find(flow.place).command, *arguments], folder, folder / "nextpnr.log")
    used = {name: (int(own), int(all_)) for name, own, all_ in _USED.findall(log.read_text(errors="replace"))}
    full = [f"{own:,} of {all_:,} {name}" for name, (own, all_) in used.items() if own > all_]
    if full:
        text = f"The design with its shell must fit {board.part}, and it needs {', '.join(full)}."
        raise InfeasibleError(text, hint="Lower the limits of the budget, limits.lut for instance.")
    if not (folder / ROUTED).is_file():
        raise InternalError(f"{flow.place} failed: {_error(log)}")
    report = json.loads((folder / REPORT).read_text())
    clocks = {name: Fmax(float(c["achieved"]), float(c["constraint"])) for name, c in report["fmax"].items()}
    slowest = _slowest(report["critical_paths"], f"posedge {_tightest(clocks)}")
    return Placed(clocks, {name: pair for name, pair in used.items() if pair[1]}, slowest)


def _tightest(clocks: Mapping[str, Fmax]) -> str:
    return min(clocks, key=lambda name: clocks[name].achieved / clocks[name].wanted)


def _slowest(paths: Sequence[Mapping[str, Any]], edge: str) -> SlowPath:
    """Return the path from a clock's edge to the next."""
    steps = next(path["path"] for path in paths if path["from"] == path["to"] == edge)
    routing = sum(step["delay"] for step in steps if step["type"] == "routing")
    return SlowPath(
        start=steps[0]["from"]["cell"],
        end=steps[-1]["to"]["cell"],
        logic_ns=round(sum(step["delay"] for step in steps) - routing, 2),
        routing_ns=round(routing, 2),
        levels=sum(step["type"] == "logic" for step in steps),
    )


def pack(board: Board, target: Path, folder: Path) -> None:
    """Make ``routed.txt`` of `folder` a bitstream.

    Raises
    ------
    InternalError
        When the packer fails.
    """
    flow = FLOWS[board.family]
    log = _run([*find(flow.pack).command, *flow.pack_options, ROUTED, target.name], folder, folder / "pack.log")
    if not (folder / target.name).is_file():
        raise InternalError(f"{flow.pack} failed: {_error(log)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / target.name, target)


def _run(command: Sequence[str], folder: Path, log: Path) -> Path:
    with log.open("w") as file:
        subprocess.run(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=False)
    return log


def _error(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "it said nothing")
