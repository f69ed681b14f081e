# SPDX-License-Identifier: Apache-2.0
"""Compile points of `kernel_points` alone and count their cells with Yosys, some modules in one run."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kernel_points import Point

from hwgen.errors import HwgenError
from hwgen.graph import Ints
from hwgen.hlsc import Target, compile_process
from hwgen.hlsc.back.storage import fifo_style
from hwgen.hw import Board, Choice, Folding, KernelCall, Resources
from hwgen.plan import Channel, Plan, Process
from hwgen.plan.glue import FIFO, INGRESS
from hwgen.render import render
from hwgen.resources import data_folder
from hwgen.synth import count
from hwgen.synth.cells import tally
from hwgen.synth.yosys import statistics

BLOCK = data_folder("hls") / "rtl" / "hwgen_mul.sv"
Ports = tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Source:
    """The SystemVerilog of a point, with the ports that a parent must connect."""

    text: str
    ports: Ports
    depth: int

    @property
    def digest(self) -> str:
        """A short hash of the text without its comments."""
        return hashlib.sha256(re.sub(r"//.*", "", self.text).encode()).hexdigest()[:12]


def plan_of(found: Sequence[Point], board: Board) -> Plan:
    """Return a plan that holds every kernel call of some points, unconnected."""
    channels: list[Channel] = []
    processes: list[Process] = []
    arrays: dict[str, Ints] = {}
    for point in found:
        assert point.built is not None
        call = point.built.call
        ends: list[tuple[str, ...]] = []
        for side, streams in (("in", point.built.call.inputs), ("out", point.built.call.outputs)):
            names = tuple(f"{point.name}_{side}{i}" for i in range(len(streams)))
            ends.append(names)
            channels += [Channel(n, n, (), s, 0, None, None) for n, s in zip(names, streams, strict=True)]
        choice = Choice(Folding(1, 1))
        processes.append(
            Process(point.name, point.name, call.function, (), choice, call, ends[0], ends[1], 0, 0, Resources(), "")
        )
        arrays.update(point.built.arrays)
    return Plan(
        "points", board, board.clock_mhz, board.resources, tuple(processes), tuple(channels), (), 0, 0, Resources(),
        "", "", (), arrays=arrays,
    )  # fmt: skip


def compiled(found: Sequence[Point], board: Board) -> dict[str, Source]:
    """Compile the points that are kernel calls."""
    calls = [point for point in found if point.built is not None]
    target = Target(board.family, board.clock_mhz)
    sources: dict[str, Source] = {}
    if not calls:
        return sources
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render(plan_of(calls, board), folder)
        for point in calls:
            path = folder / "hls/src" / f"{point.name}.cpp"
            try:
                module = compile_process(path, point.name, [folder / "hls/include"], target)
            except HwgenError as error:
                print(f"{point.name} on {board.family}: {error}", file=sys.stderr)
                continue
            assert point.built is not None
            sources[point.name] = Source(module.rtl, stream_ports(point.built.call), module.depth)
    return sources


def stream_ports(call: KernelCall) -> Ports:
    """Return the ports of a process."""
    ports: Ports = (("ap_clk", "input", 1), ("ap_rst_n", "input", 1))
    for side, direction, streams in (("in", "input", call.inputs), ("out", "output", call.outputs)):
        for i, stream in enumerate(streams):
            ports += _stream(f"{side}{i}", stream.width, direction)
    return ports


def library(point: Point) -> Source:
    """Return an instance of a hand-written module under the point's name."""
    p = point.parameters
    values = ", ".join(f".{key}({value})" for key, value in p.items())
    if point.kernel == FIFO:
        names = _stream("s", p["WIDTH"], "input") + _stream("m", p["WIDTH"], "output")
        values += f', .STYLE("{fifo_style(p["WIDTH"], p["DEPTH"])}")'
    else:
        outer, inner, is_input = p["LANES"] * p["ELEMENT_BITS"], p["LANES"] * p["BITS"], point.kernel == INGRESS
        here, back, axis, word = (
            ("input", "output", "s_axis", "out") if is_input else ("output", "input", "m_axis", "in")
        )
        names = _stream(axis, outer, here) + _stream(word, inner, back)
        names += ((f"{axis}_tkeep", here, outer // 8), (f"{axis}_tlast", here, 1))
        names += (("error", "output", 1),) if is_input else ()
    ports = (("ap_clk", "input", 1), ("ap_rst_n", "input", 1), *names)
    heads = ", ".join(f"{direction} logic [{bits - 1}:0] {name}" for name, direction, bits in ports)
    text = f"module {point.name} ({heads});\n  {point.kernel} #({values}) i (.*);\nendmodule\n"
    return Source(text, ports, 0)


def _stream(name: str, bits: int, direction: str) -> Ports:
    back = "output" if direction == "input" else "input"
    return (f"{name}_tdata", direction, bits), (f"{name}_tvalid", direction, 1), (f"{name}_tready", back, 1)


def counted(sources: Mapping[str, Source], board: Board) -> dict[str, Resources]:
    """Synthesise some modules in one run of Yosys, each for itself, and count them; those with blocks in runs apart."""
    family = board.family
    apart = {name: _alone(name, source, board) for name, source in sources.items() if BLOCK.stem in source.text}
    sources = {name: source for name, source in sources.items() if name not in apart}
    if not sources:
        return apart
    wires: list[str] = []
    instances: list[str] = []
    for name, source in sources.items():
        wires += [f"{direction} logic [{bits - 1}:0] {name}_{port}" for port, direction, bits in source.ports]
        links = ", ".join(f".{port}({name}_{port})" for port, _, _ in source.ports)
        instances.append(f"  {name} i_{name} ({links});")
    top = f"module all_points (\n  {', '.join(wires)});\n" + "\n".join(instances) + "\nendmodule\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "points.sv").write_text(top + "\n".join(source.text for source in sources.values()))
        library = sorted(path for path in BLOCK.parent.glob("*.sv") if path != BLOCK)
        lines = [f"read_verilog -sv {path}" for path in library] + ["read_verilog -sv points.sv"]
        lines += ["hierarchy -check -top all_points"]
        lines += [f"setattr -mod -set keep_hierarchy 1 {name}" for name in sources]
        if family == "ecp5":
            lines.append("synth_ecp5 -nodsp -top all_points")
        else:
            lines.append(f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -nodsp -top all_points")
        statistics(lines, folder)
        modules = json.loads((folder / "stat.json").read_text())["modules"]
    cells = {name.lstrip("\\"): data["num_cells_by_type"] for name, data in modules.items()}
    return apart | {name: tally(_flat(name, cells), family).resources for name in sources}


def _alone(name: str, source: Source, board: Board) -> Resources:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.sv"
        path.write_text(source.text)
        return count([BLOCK, path], name, board.family).resources


def _flat(name: str, cells: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the cells of a module and of all modules in it."""
    total: dict[str, int] = {}
    for cell, number in cells[name].items():
        inner = _flat(cell, cells) if cell in cells else {cell: 1}
        for kind, each in inner.items():
            total[kind] = total.get(kind, 0) + each * int(number)
    return total
