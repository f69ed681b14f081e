# SPDX-License-Identifier: Apache-2.0
"""The UART shell: the design behind a serial line, so that a board with a USB socket is enough to use it."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from hwgen.artifacts import write_json
from hwgen.handover.design import Design, Host
from hwgen.handover.driver_files import copy_driver, model_facts, port_facts
from hwgen.plan.types import Plan, Port
from hwgen.render.project import environment
from hwgen.resources import data_folder

PARTS = ("crc", "rx", "tx", "frame_rx", "frame_tx", "server")
SHELL = Path("rtl") / "shell"
DRIVER = Path("driver")
FACTS = DRIVER / "uart.json"
BAUDS = (1_000_000, 115_200, 9_600)
"""The fastest that leaves at least `CLOCKS` clocks to a bit is the shell's default."""
CLOCKS = 10
LONGEST = 65_534
"""Bytes of a frame: the length on the line has 16 bits and counts the tag too."""
HEAD = 2
"""Bytes that a request takes in the buffer beside its frame: type and tag."""
LEAST_DEPTH = 512
"""The smallest block RAM of the families, in bytes."""
MOST_WAITING = 255
BRAM36_BYTES = 4096


@dataclass(frozen=True)
class Shell:
    """What the UART shell of a design is made of.

    Parameters
    ----------
    in_port, out_port
        The ports that the frames go through.
    in_bytes, out_bytes
        Bytes of a frame.
    in_bits, out_bits
        Widths of tdata.
    depth
        Bytes of the buffer of requests, a power of two.
    queue
        Requests that may wait for their answers.
    baud
        Default rate.
    clock_hz
        The plan's clock.
    """

    in_port: str
    out_port: str
    in_bytes: int
    out_bytes: int
    in_bits: int
    out_bits: int
    depth: int
    queue: int
    baud: int
    clock_hz: int


def obstacle(plan: Plan) -> str | None:
    """Return why a design gets no UART shell, as a sentence; None where it gets one."""
    feeds = [port.name for port in plan.ports if port.feed]
    if feeds:
        return f"No UART shell: port {feeds[0]} wants weights all the time, and a serial line is too slow for them."
    counts = {way: sum(port.direction == way for port in plan.ports) for way in ("in", "out")}
    if counts != {"in": 1, "out": 1}:
        have = f"{counts['in']} and {counts['out']}"
        return f"No UART shell: it serves designs with one input and one output, and this one has {have}."
    longest = max(frame_bytes(plan, port) for port in plan.ports)
    if longest > LONGEST:
        return f"No UART shell: a frame may have {LONGEST} bytes, and this design's has {longest}."
    if _depth(plan) is None:
        needed = frame_bytes(plan, plan.ports[0])
        return f"No UART shell: the memory that the design leaves free cannot hold a frame of {needed} bytes."
    return None


def frame_bytes(plan: Plan, port: Port) -> int:
    """Return the bytes of a frame at a port, elements extended to whole bytes."""
    return plan.channel(port.channel).type.beats * port.tdata_bits // 8


def _depth(plan: Plan) -> int | None:
    """Return the bytes of a buffer for two requests, or for one where two do not fit; None where none does."""
    request = frame_bytes(plan, next(p for p in plan.ports if p.direction == "in")) + HEAD
    free = (plan.board.resources - plan.resources).bram36 * BRAM36_BYTES
    depths = (max(LEAST_DEPTH, 1 << (count * request).bit_length()) for count in (2, 1))
    return next((depth for depth in depths if depth <= free), None)


def shell(plan: Plan) -> Shell:
    """Return the UART shell of a design that `obstacle` has nothing against."""
    source, sink = (next(p for p in plan.ports if p.direction == way) for way in ("in", "out"))
    in_bytes, depth, clock_hz = frame_bytes(plan, source), _depth(plan), round(plan.clock_mhz * 1e6)
    assert depth is not None
    baud = next((b for b in BAUDS if clock_hz >= CLOCKS * b), BAUDS[-1])
    return Shell(
        in_port=source.name,
        out_port=sink.name,
        in_bytes=in_bytes,
        out_bytes=frame_bytes(plan, sink),
        in_bits=source.tdata_bits,
        out_bits=sink.tdata_bits,
        depth=depth,
        queue=min((depth - 1) // (in_bytes + HEAD), MOST_WAITING),
        baud=baud,
        clock_hz=clock_hz,
    )


def build_id(design: Design) -> bytes:
    """Return the eight bytes by which a board says which design it holds."""
    return bytes.fromhex(design.model_sha256)[:8]


def write(design: Design) -> None:
    """Write the shell with its file list, and the driver; nothing where `obstacle` has a reason."""
    if obstacle(design.plan) is not None:
        return
    found = shell(design.plan)
    _write_rtl(design, found)
    if design.host is not None:
        _write_driver(design, found, design.host)


def _write_rtl(design: Design, found: Shell) -> None:
    folder, name = design.folder / SHELL, design.plan.name
    folder.mkdir(parents=True, exist_ok=True)
    facts = asdict(found) | {"name": name, "version": design.version, "clock_mhz": design.plan.clock_mhz}
    facts["build_id"] = build_id(design)[::-1].hex()
    text = environment().get_template("shell/uart.sv.j2").render(facts)
    (folder / f"{name}_uart.sv").write_text(text, encoding="utf-8", newline="\n")
    library = [f"hwgen_uart_{part}.sv" for part in PARTS]
    for file in library:
        shutil.copyfile(data_folder("hls") / "rtl" / file, folder / file)
    core = [f"../{line}" for line in (design.folder / "rtl" / "top.f").read_text().split()]
    (folder / "uart.f").write_text("\n".join([*core, *library, f"{name}_uart.sv"]) + "\n")


def _write_driver(design: Design, found: Shell, host: Host) -> None:
    """Write the driver, which is hwgen's own modules made to stand alone, and what it has to know of this design."""
    ports = {port.name: port for port in design.plan.ports}
    source, sink = ports[found.in_port], ports[found.out_port]
    facts = {
        "name": design.plan.name,
        "version": design.version,
        "build_id": build_id(design).hex(),
        "baud": found.baud,
        "in_bytes": found.in_bytes,
        "out_bytes": found.out_bytes,
        "queue": found.queue,
        "inputs": [port_facts(design.plan, host, source, source.tdata_bits // 8)],
        "outputs": [port_facts(design.plan, host, sink, sink.tdata_bits // 8)],
        **model_facts(host),
    }
    write_json(design.folder / FACTS, facts)
    copy_driver(design.folder / DRIVER, {"uart_driver": "uart", "uart_protocol": "uart_protocol"}, design.version)
