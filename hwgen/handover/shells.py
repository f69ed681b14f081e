# SPDX-License-Identifier: Apache-2.0
"""The two shells with registers: ``<name>_ip.sv`` with streams for Zynq, ``<name>_kernel.sv`` with memory for Alveo."""

from __future__ import annotations

import shutil
from typing import Any, Literal

from hwgen.handover.design import Design
from hwgen.handover.registers import pointer
from hwgen.handover.shell_ports import (
    Bus,
    Signal,
    frame_bytes,
    ip_ports,
    kernel_ports,
    memory_bits,
    stored_beats,
    stream_bits,
)
from hwgen.plan.types import Port
from hwgen.render.project import environment
from hwgen.resources import data_folder

Kind = Literal["gate", "pass", "fetch", "store"]
"""How frames reach the core, or leave it: as a stream that is held back or passed on, or from and to memory."""

CREDIT_BITS = 33
MODULES: dict[Kind, str] = {
    "gate": "hwgen_frame_gate", "pass": "", "fetch": "hwgen_frame_fetch", "store": "hwgen_frame_store",
}  # fmt: skip
ALWAYS = ("hwgen_join.sv", "hwgen_run.sv", "hwgen_frame_place.sv")
GATES = ("hwgen_frame_gate.sv",)
MOVERS = ("hwgen_fifo.sv", "hwgen_width.sv", "hwgen_axi_bursts.sv", "hwgen_frame_descriptors.sv")
FETCHES = ("hwgen_axi_read.sv", "hwgen_frame_fetch.sv")
STORES = ("hwgen_axi_write.sv", "hwgen_frame_store.sv")

IP_COMMENT = (
    "The accelerator with registers: streams as at the core, their beats padded to a power of two of bytes. Inputs",
    "wait until a run is started; streamed weights are read from memory again for every frame.",
)
KERNEL_COMMENT = (
    "The accelerator between registers and memory: a run reads its frames, writes its results, and is done when memory",
    "has answered. A frame in memory is its beats one behind the other, each padded to a power of two of bytes.",
)


def write(design: Design) -> None:
    """Write both shells, what they need of the library, and their file lists ``ip.f`` and ``kernel.f``."""
    feeds = _all(design.feeds, "fetch")
    inputs, outputs = _all(design.inputs, "gate"), _all(design.outputs, "pass")
    _write(design, "ip", ip_ports(design), (*inputs, *feeds), outputs)
    inputs, outputs = _all(design.inputs, "fetch"), _all(design.outputs, "store")
    _write(design, "kernel", kernel_ports(design), (*inputs, *feeds), outputs)


def _all(ports: tuple[Port, ...], kind: Kind) -> tuple[tuple[Port, Kind], ...]:
    return tuple((port, kind) for port in ports)


def _write(
    design: Design,
    shell: Literal["ip", "kernel"],
    buses: tuple[Bus, ...],
    inputs: tuple[tuple[Port, Kind], ...],
    outputs: tuple[tuple[Port, Kind], ...],
) -> None:
    folder, name = design.folder / "rtl" / "shell", design.plan.name
    folder.mkdir(parents=True, exist_ok=True)
    ports = [_port(design, port, kind, i, buses) for i, (port, kind) in enumerate((*inputs, *outputs))]
    masks = {kind: sum(1 << p["index"] for p in ports if p["kind"] == kind) for kind in MODULES}
    text = environment().get_template("shell/axi.sv.j2").render(
        version=design.version,
        title=f"{name} for {design.plan.board.title} at {design.plan.clock_mhz:g} MHz",
        comment=IP_COMMENT if shell == "ip" else KERNEL_COMMENT,
        name=name,
        module=f"{name}_{shell}",
        regs=f"{name}_regs",
        signals=[_declared(signal, bus) for bus in buses for signal in bus.signals],
        lite=[s.name.removeprefix("s_axi_control_") for bus in buses if bus.protocol == "axilite" for s in bus.signals],
        ports=ports,
        inputs=len(inputs),
        outputs=len(outputs),
        credits_msb=CREDIT_BITS * len(ports) - 1,
        last_port=len(ports) - 1,
        streams_out=shell == "ip",
        stream_mask=f"{len(ports)}'h{masks['gate']:x}",
        read_mask=f"{len(ports)}'h{masks['fetch']:x}",
        write_mask=f"{len(ports)}'h{masks['store']:x}",
    )  # fmt: skip
    (folder / f"{name}_{shell}.sv").write_text(text, encoding="utf-8", newline="\n")
    _file_list(design, shell, {port["kind"] for port in ports})


def _declared(signal: Signal, bus: Bus) -> dict[str, Any]:
    padded = bus.port is not None and bus.protocol == "axis" and bus.port.tdata_bits < bus.data_bits
    unused = padded and bus.role == "slave" and signal.name.endswith(("_tdata", "_tkeep"))
    return {
        "name": signal.name,
        "direction": signal.direction,
        "range": f"[{signal.bits - 1}:0] " if signal.bits > 1 or signal.name.endswith("_tkeep") else "",
        "waiver": "SYMRSVDWORD" if signal.name == "interrupt" else "UNUSEDSIGNAL" if unused else "",
    }


def _port(design: Design, port: Port, kind: Kind, index: int, buses: tuple[Bus, ...]) -> dict[str, Any]:
    bits, size = stream_bits(port), frame_bytes(design.plan, port)
    bus = next(bus for bus in buses if bus.port == port)
    beats = design.plan.channel(port.channel).type.beats
    padding = (bits - port.tdata_bits) // 8
    return {
        "name": port.name,
        "kind": kind,
        "index": index,
        "credit": CREDIT_BITS * index,
        "beats": beats,
        "repeats": beats // stored_beats(design.plan, port),
        "core_msb": port.tdata_bits - 1,
        "core_keep_msb": port.tdata_bits // 8 - 1,
        "stream_bits": bits,
        "stream_msb": bits - 1,
        "keep_msb": bits // 8 - 1,
        "padding_ones": f"{padding}'b{'1' * padding}, " if padding else "",
        "memory_bits": memory_bits(port),
        "bytes": size,
        "step": 0 if port.feed else size,
        "pointer": pointer(port),
        "module": MODULES[kind],
        "bundle": bus.name,
        "memory": [signal.name.removeprefix(f"{bus.name}_") for signal in bus.signals],
    }


def _file_list(design: Design, shell: str, kinds: set[Kind]) -> None:
    """Copy the library's files that the core does not have, and list all files in an order that compiles."""
    folder, name = design.folder / "rtl" / "shell", design.plan.name
    core = (design.folder / "rtl" / "top.f").read_text().split()
    needed = [
        *ALWAYS,
        *(GATES if "gate" in kinds else ()),
        *(MOVERS if kinds & {"fetch", "store"} else ()),
        *(FETCHES if "fetch" in kinds else ()),
        *(STORES if "store" in kinds else ()),
    ]
    library = [file for file in needed if file not in core]
    for file in library:
        shutil.copyfile(data_folder("hls") / "rtl" / file, folder / file)
    own = [f"{name}_regs_pkg.sv", f"{name}_regs.sv", f"{name}_{shell}.sv"]
    lines = [*(f"../{file}" for file in core), *library, *own]
    (folder / f"{shell}.f").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
