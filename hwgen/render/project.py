# SPDX-License-Identifier: Apache-2.0
"""Writes the HLS project and the AXI4-Stream shell of a plan."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hwgen.graph import Ints
from hwgen.hw import Family
from hwgen.plan.types import Channel, Plan, Port, Process
from hwgen.render import cpp
from hwgen.resources import data_folder
from hwgen.version import VERSION

WIDEST_DEFAULT = 1024
VITIS_FAMILIES: tuple[Family, ...] = ("xcup", "xc7")


@dataclass(frozen=True)
class _Rom:
    name: str
    ctype: str
    depth: int
    lanes: int
    comment: str
    lines: list[str]


@dataclass(frozen=True)
class _Process:
    name: str
    header: str
    comment: list[str]
    members: list[str]
    roms: list[_Rom]
    signature: str
    call: str


def render(plan: Plan, out: Path) -> None:
    """Write ``hls/`` (library, sources, test bench, Vitis project), the shell ``rtl/<name>.sv`` and ``weights/``.

    The files are a function of the plan and of hwgen's version: the same bytes every time.

    Parameters
    ----------
    plan
        What to write.
    out
        Output folder; it is made if need be, and other files in it are left alone.
    """
    pages = environment()
    title = f"{plan.name} for {plan.board.title} ({plan.board.part}) at {plan.clock_mhz:g} MHz"
    processes = [_process(plan, process) for process in plan.processes]
    common = {"version": VERSION, "name": plan.name, "title": title, "wide": _wide(plan)}
    files = {
        f"hls/src/{plan.name}.hpp": pages.get_template("hls/top.hpp.j2").render(
            common, top=_top(plan), processes=processes
        ),
        f"hls/src/{plan.name}.cpp": pages.get_template("hls/top.cpp.j2").render(common, top=_top(plan)),
        f"rtl/{plan.name}.sv": pages.get_template("rtl/top.sv.j2").render(common, ports=_axis(plan)),
        "hls/tb/test.cpp": pages.get_template("hls/test.cpp.j2").render(common, ports=_bench_ports(plan)),
    }
    for process in processes:
        files[f"hls/src/{process.name}.cpp"] = pages.get_template("hls/process.cpp.j2").render(common, p=process)
        files[f"hls/src/params/{process.name}.hpp"] = pages.get_template("hls/params.hpp.j2").render(common, p=process)
    if plan.board.family in VITIS_FAMILIES:
        sources = [f"src/{plan.name}.cpp", *(f"src/{p.name}.cpp" for p in processes)]
        vitis = {**common, "part": plan.board.part, "period": f"{1000 / plan.clock_mhz:.4g}", "sources": sources}
        for name in ("hls_config.cfg", "run_hls.tcl"):
            files[f"hls/{name}"] = pages.get_template(f"hls/{name}.j2").render(vitis)
    for name, text in files.items():
        _write(out / name, text)
    _copy_library(out / "hls" / "include" / "hwgen")
    for port in plan.ports:
        if port.feed:
            (out / "weights").mkdir(exist_ok=True)
            (out / "weights" / f"{port.name}.bin").write_bytes(plan.arrays[port.feed].astype(np.uint8).tobytes())


def vectors(plan: Plan, golden: dict[str, Ints], out: Path) -> None:
    """Write the golden words of every port to ``hls/tb/data/<port>.hex``, one word a line.

    Parameters
    ----------
    plan
        The plan.
    golden
        Tensors by name, int64, shape ``(frames, ...)``; those of the ports are used.
    out
        Output folder.
    """
    from hwgen.hw import pack, to_beats

    for port in plan.ports:
        stream = plan.channel(port.channel).type
        words = pack(to_beats(golden[port.tensor], stream), stream)
        digits = -(-stream.width // 4)
        lines = (row[::-1].tobytes().hex()[-digits:] for row in np.ascontiguousarray(words))
        _write(out / "hls" / "tb" / "data" / f"{port.name}.hex", "\n".join(lines) + "\n")


def environment() -> jinja2.Environment:
    """Return the Jinja environment of hwgen's templates: undefined names are errors."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_folder("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _copy_library(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for header in sorted((data_folder("hls") / "include" / "hwgen").glob("*.hpp")):
        shutil.copyfile(header, target / header.name)


def _wide(plan: Plan) -> str:
    """Return the definition that Vitis wants before `ap_int.h` when a word is wider than its default limit."""
    widest = max(channel.type.width for channel in plan.channels)
    if widest <= WIDEST_DEFAULT:
        return ""
    return f"#define AP_INT_MAX_W {1 << (widest - 1).bit_length()}\n"


def _process(plan: Plan, process: Process) -> _Process:
    call = process.call
    made_of = f" (ONNX: {', '.join(process.source)})" if process.source else ""
    choice = process.folding.words(call.function == "matvec")
    comment = cpp.comment(f"{process.op} of layer {process.layer}{made_of}: {choice}. {process.reason}.")
    roms = []
    for rom in call.roms:
        values = plan.arrays[rom.key]
        text = f"{rom.name}: {rom.shape[0]} words of {rom.shape[1]} lanes."
        name = f"{process.name}_{rom.name}"
        roms.append(_Rom(name, str(rom.ctype), rom.shape[0], rom.shape[1], text, cpp.table(values)))
    streams = [f"in{i}" for i in range(len(call.inputs))] + [f"out{i}" for i in range(len(call.outputs))]
    kinds = [*call.inputs, *call.outputs]
    parameters = [f"{cpp.stream_type(kind)}& {name}" for kind, name in zip(kinds, streams, strict=True)]
    arguments = [*streams, *(rom.name for rom in roms)]
    return _Process(
        process.name,
        call.header,
        comment,
        [cpp.member(name, value) for name, value in call.config.items()],
        roms,
        cpp.wrapped(f"void {process.name}", parameters, ""),
        cpp.wrapped(f"hwgen::{call.function}<{process.name}_cfg>", arguments, ";", 2),
    )


def _top(plan: Plan) -> dict[str, Any]:
    names = {c.name: c.name for c in plan.channels} | {p.channel: p.name for p in plan.ports}
    ports = [(port.name, plan.channel(port.channel).type) for port in _ordered(plan)]
    inner = [c for c in plan.channels if c.producer is not None and c.consumer is not None]
    return {
        "ports": [name for name, _ in ports],
        "signature": cpp.wrapped(
            f"void {plan.name}_core", [f"{cpp.stream_type(kind)}& {name}" for name, kind in ports], ""
        ),
        "channels": [_declared(c) for c in inner],
        "calls": [cpp.wrapped(p.name, [names[c] for c in (*p.inputs, *p.outputs)], ";", 2) for p in plan.processes],
    }


def _declared(channel: Channel) -> dict[str, Any]:
    text = f'{cpp.stream_type(channel.type)} {channel.name}("{channel.name}");'
    return {"name": channel.name, "declaration": text, "depth": max(1, channel.depth), "wires": not channel.depth}


def _ordered(plan: Plan) -> list[Port]:
    """Return the ports, inputs first, each in the order of its number."""
    return sorted(plan.ports, key=lambda p: (p.direction != "in", p.feed != "", int(re.sub(r"\D", "", p.name))))


def _bench_ports(plan: Plan) -> list[dict[str, Any]]:
    found = []
    for port in _ordered(plan):
        kind = plan.channel(port.channel).type
        found.append({"name": port.name, "bits": kind.width, "beats": kind.beats, "is_input": port.direction == "in"})
    return found


def _axis(plan: Plan) -> list[dict[str, Any]]:
    found = []
    for port in _ordered(plan):
        kind = plan.channel(port.channel).type
        is_input = port.direction == "in"
        sign = "bipolar" if port.type.bipolar else f"{'int' if port.type.signed else 'uint'}{port.type.bits}"
        found.append(
            {
                "name": port.name,
                "comment": f"{port.tensor}, {sign} in {port.element_bits} bits, {port.layout}, {kind.beats} a frame",
                "is_input": is_input,
                "from_host": "input " if is_input else "output",
                "to_host": "output" if is_input else "input ",
                "tdata_msb": port.tdata_bits - 1,
                "tkeep_msb": port.tdata_bits // 8 - 1,
                "word_msb": kind.width - 1,
                "lanes": kind.lanes,
                "bits": kind.bits,
                "element_bits": port.element_bits,
                "signed": int(kind.signed),
                "bipolar": int(port.type.bipolar),
                "beats": kind.beats,
            }
        )
    return found
