# SPDX-License-Identifier: Apache-2.0
"""The register map: one table, from which SystemRDL and everything behind it is made.

Both shells (`hwgen.handover.shells`) carry the same block at `s_axi_control`; their ports are in
`hwgen.handover.shell_ports`. 0x00 to 0x0c are laid out as UG1399 lays out ap_ctrl_hs, so that XRT and drivers for Vitis
HLS kernels find what they know.

| address | register | |
|---|---|---|
| 0x00 | control | 0 ap_start, 1 ap_done, 2 ap_idle, 3 ap_ready, 7 auto_restart, 9 interrupt |
| 0x04 | gie | 0 all interrupts |
| 0x08 | ier | 0 ap_done, 1 ap_ready, 2 error |
| 0x0c | isr | the same bits, toggled by writing 1 |
| 0x10 | frames | frames of a run |
| 0x14 | errors | 0 stream, 1 read, 2 write; cleared by writing 1 |
| 0x18 | reset | 0 request a soft reset; reads 1 until it is over |
| 0x1c | frame_count | frames that have left since reset |
| 0x20 | cycles | 64 bits: clocks of the run |
| 0x28 | frame_cycles | clocks from the end of the frame before the last to the end of the last |
| 0x2c | id | "HWGN" |
| 0x30 | version | hwgen's: major, minor, patch in bytes 2, 1, 0 |
| 0x34 | build | of the RTL: the first 32 bits of its hash |
| 0x40 | model0 .. model7 | sha256 of the model, its first digits in model0 |
| 0x60 | ptr_<port> | 64 bits each: address of the data of every port: inputs, outputs, feeds |
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hwgen.handover.design import Design
from hwgen.plan.types import Port
from hwgen.render.project import environment

ADDRESS_BITS = 12
FIRST_POINTER = 0x60
VENDOR, LIBRARY, IP_VERSION = "hwgen", "accelerators", "1.0"
IDENTITY = int.from_bytes(b"HWGN", "big")

Access = Literal["start", "event", "toggle", "flag", "config", "busy", "status", "constant"]
PROPERTIES: dict[Access, str] = {
    "start": "sw = rw; onwrite = woset; hw = r; hwclr;",
    "event": "sw = r; onread = rclr; hw = r; hwset; precedence = hw;",
    "toggle": "sw = rw; onwrite = wot; hw = r; hwset; precedence = hw;",
    "flag": "sw = rw; onwrite = woclr; hw = r; hwset; precedence = hw;",
    "config": "sw = rw; hw = r;",
    "busy": "sw = rw; onwrite = woset; hw = r; hwclr;",
    "status": "sw = r; hw = w;",
    "constant": "sw = r; hw = na;",
}
"""What each kind of field means in SystemRDL."""


@dataclass(frozen=True)
class Field:
    """Some bits of a register; `reset` is the value of a constant too."""

    name: str
    lsb: int
    bits: int
    access: Access
    text: str
    reset: int = 0

    @property
    def msb(self) -> int:
        """The highest bit."""
        return self.lsb + self.bits - 1

    @property
    def reset_clause(self) -> str:
        """The reset value as SystemRDL has it; nothing where hardware drives the field."""
        return "" if self.access == "status" else f" = {self.bits}'h{self.reset:x}"


@dataclass(frozen=True)
class Register:
    """A register of 32 or 64 bits; with a `snapshot`, reading the low half keeps the high half for the next read."""

    name: str
    address: int
    text: str
    fields: tuple[Field, ...]
    bits: int = 32
    snapshot: bool = False

    @property
    def hex(self) -> str:
        """The address."""
        return f"0x{self.address:02x}"


def register_map(design: Design) -> tuple[Register, ...]:
    """Return all registers of a design, in the order of their addresses."""
    return (*_control(), *_run(), *_identity(design), *_pointers(design))


def pointer(port: Port) -> str:
    """Return the name of the register that holds the address of a port's data."""
    return f"ptr_{port.name}"


def _control() -> Iterator[Register]:
    yield Register(
        "control",
        0x00,
        "Start and state of a run, as UG1399 lays it out.",
        (
            Field("ap_start", 0, 1, "start", "Writing 1 starts a run; reads 1 until its frames are taken in."),
            Field("ap_done", 1, 1, "event", "All frames of a run have left; cleared by reading."),
            Field("ap_idle", 2, 1, "status", "No run is under way."),
            Field("ap_ready", 3, 1, "event", "All frames of a run are taken in; cleared by reading."),
            Field("auto_restart", 7, 1, "config", "A run that is taken in starts the next one."),
            Field("interrupt", 9, 1, "status", "State of the interrupt pin."),
        ),
    )
    yield Register("gie", 0x04, "Global interrupt enable.", (Field("enable", 0, 1, "config", "All interrupts."),))
    causes = (("ap_done", "A run is done."), ("ap_ready", "A run is taken in."), ("error", "A bit of errors was set."))
    enables = tuple(Field(name, bit, 1, "config", text) for bit, (name, text) in enumerate(causes))
    yield Register("ier", 0x08, "Which events raise the interrupt.", enables)
    flags = tuple(Field(name, bit, 1, "toggle", text) for bit, (name, text) in enumerate(causes))
    yield Register("isr", 0x0C, "Events that raised the interrupt; writing 1 toggles.", flags)


def _run() -> Iterator[Register]:
    frames = Field("count", 0, 32, "config", "Frames; 0 is done at once.", 1)
    yield Register("frames", 0x10, "Frames of a run, taken over when it starts.", (frames,))
    yield Register(
        "errors",
        0x14,
        "What went wrong; writing 1 clears.",
        (
            Field("stream", 0, 1, "flag", "TLAST or TKEEP of an input did not fit its frame: reset to go on."),
            Field("read", 1, 1, "flag", "Memory answered a read with an error."),
            Field("write", 2, 1, "flag", "Memory answered a write with an error."),
        ),
    )
    soft = Field("request", 0, 1, "busy", "Writing 1 ends the run and resets the core; reads 1 until that is over.")
    yield Register("reset", 0x18, "Soft reset; the registers keep their values.", (soft,))
    yield _counter("frame_count", 0x1C, "Frames that have left since reset.")
    yield _counter("cycles", 0x20, "Clocks of the run: it stands still when the run is done.", 64)
    yield _counter(
        "frame_cycles", 0x28, "Clocks from the end of the frame before the last, or the start, to the last's end."
    )


def _counter(name: str, address: int, text: str, bits: int = 32) -> Register:
    return Register(name, address, text, (Field("count", 0, bits, "status", text),), bits, snapshot=bits > 32)


def _identity(design: Design) -> Iterator[Register]:
    major, minor, patch = (int(part) for part in design.version.split(".")[:3])
    yield _constant("id", 0x2C, "HWGN in ASCII.", IDENTITY)
    yield _constant("version", 0x30, "Of hwgen: major, minor, patch.", major << 16 | minor << 8 | patch)
    yield _constant("build", 0x34, "The first bits of the hash of the RTL.", build_id(design))
    for index in range(8):
        word = int(design.model_sha256[8 * index :][:8], 16)
        yield _constant(f"model{index}", 0x40 + 4 * index, f"Word {index} of the model's sha256.", word)


def _constant(name: str, address: int, text: str, value: int) -> Register:
    return Register(name, address, text, (Field("value", 0, 32, "constant", text, value),))


def _pointers(design: Design) -> Iterator[Register]:
    for index, port in enumerate((*design.inputs, *design.outputs, *design.feeds)):
        halves = (Field("low", 0, 32, "config", "Bits 31..0."), Field("high", 32, 32, "config", "Bits 63..32."))
        text = f"Byte address of the data of {port.name}."
        yield Register(pointer(port), FIRST_POINTER + 8 * index, text, halves, 64)


def build_id(design: Design) -> int:
    """Return 32 bits that tell one design's RTL from another's: of the hash of the files of ``rtl/top.f``."""
    rtl = design.folder / "rtl"
    digest = hashlib.sha256()
    for name in (rtl / "top.f").read_text().split():
        digest.update(hashlib.sha256((rtl / name).read_bytes()).digest())
    return int(digest.hexdigest()[:8], 16)


def write(design: Design) -> None:
    """Write ``regs/<name>.rdl``, and by PeakRDL ``rtl/shell/<name>_regs.sv``, its package, header, pages, IP-XACT."""
    name = f"{design.plan.name}_regs"
    source = design.folder / "regs" / f"{design.plan.name}.rdl"
    source.parent.mkdir(parents=True, exist_ok=True)
    text = environment().get_template("regs/map.rdl.j2").render(
        version=design.version,
        design=design.plan.name,
        name=name,
        text=f"Made from {design.model}.",
        registers=register_map(design),
        properties=PROPERTIES,
    )  # fmt: skip
    source.write_text(text, encoding="utf-8", newline="\n")
    shell = design.folder / "rtl" / "shell"
    shell.mkdir(parents=True, exist_ok=True)
    waiver = environment().get_template("regs/lint.vlt.j2").render(version=design.version, name=name)
    (shell / f"{name}.vlt").write_text(waiver, encoding="utf-8", newline="\n")
    _peakrdl(source, shell, name, design)


def _peakrdl(source: Path, shell: Path, name: str, design: Design) -> None:
    """Have PeakRDL write everything that follows from a SystemRDL file."""
    from peakrdl_cheader.exporter import CHeaderExporter
    from peakrdl_ipxact import IPXACTExporter
    from peakrdl_regblock import RegblockExporter
    from peakrdl_regblock.cpuif.axi4lite import AXI4Lite_Cpuif_flattened
    from peakrdl_regblock.udps import ALL_UDPS
    from systemrdl.compiler import RDLCompiler

    compiler = RDLCompiler()
    for property_ in ALL_UDPS:
        compiler.register_udp(property_)
    compiler.compile_file(str(source))
    root = compiler.elaborate()
    RegblockExporter().export(root, str(shell), cpuif_cls=AXI4Lite_Cpuif_flattened, address_width=ADDRESS_BITS)
    CHeaderExporter().export(root, str(source.with_suffix(".h")))
    vlnv = IPXACTExporter(vendor=VENDOR, library=LIBRARY, version=IP_VERSION)
    vlnv.export(root, str(source.with_suffix(".xml")), component_name=name)
    _pages(root, source.parent / "html", build_id(design))


def _pages(root: Any, folder: Path, stamp: int) -> None:
    """Write the HTML pages, without what PeakRDL adds of its own: the time, a web address, and fonts in old formats."""
    from peakrdl_html import HTMLExporter

    HTMLExporter(user_context={"build_ts": stamp}).export(root, str(folder))
    index = folder / "index.html"
    lines = index.read_text(encoding="utf-8").splitlines(keepends=True)
    index.write_text("".join(line for line in lines if 'src="https://' not in line), encoding="utf-8", newline="\n")
    for font in sorted((folder / "fonts").rglob("*")):
        if font.is_file() and font.suffix != ".woff2":
            font.unlink()
