# SPDX-License-Identifier: Apache-2.0
"""The Vivado project: Tcl that packages the IP, makes a block design around it, and builds the bitstream.

What is written depends on the board: every AMD part gets the packaged IP and the out-of-context run; a Zynq board that
`amd.yaml` knows gets a block design and a project; an Alveo card gets a kernel for v++ instead. Paths are relative to
the scripts. Vivado is never run here: `tests/handover` runs each script in tclsh against a model of Vivado's commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hwgen.handover import block_design
from hwgen.handover.amd import Card, ZynqBoard, card, zynq
from hwgen.handover.design import Design
from hwgen.handover.registers import (
    ADDRESS_BITS,
    FIRST_POINTER,
    IP_VERSION,
    LIBRARY,
    VENDOR,
    Register,
    pointer,
    register_map,
)
from hwgen.handover.shell_ports import POINTER_BITS, Bus, ip_ports, kernel_ports
from hwgen.render.project import VITIS_FAMILIES, environment

TYPES = {
    "clock": "signal:clock",
    "reset": "signal:reset",
    "interrupt": "signal:interrupt",
    "axis": "interface:axis",
    "axilite": "interface:aximm",
    "aximm": "interface:aximm",
}
LOGICAL = {"clock": "CLK", "reset": "RST", "interrupt": "INTERRUPT"}
KERNEL_NAMES = {"control": "CTRL", "gie": "GIER", "ier": "IP_IER", "isr": "IP_ISR"}
"""Registers of ap_ctrl_hs as v++ calls them (UG1399); an Alveo kernel has as arguments what follows them."""

COMMON = ("procedures.tcl", "interfaces.tcl", "ooc_synth.tcl")
OF_IP = ("package_ip.tcl",)
OF_PROJECT = ("project.tcl", "build.tcl", "reports.tcl")


def write(design: Design) -> None:
    """Write ``vivado/``, ``constraints/<name>.xdc`` and ``<name>_ooc.xdc``; nothing where the part is not AMD's."""
    if design.plan.board.family not in VITIS_FAMILIES:
        return
    board, alveo = zynq(design.plan.board.name), card(design.plan.board.name)
    facts = _facts(design)
    files: dict[str, Mapping[str, Any]] = dict.fromkeys(COMMON, facts)
    files["hooks/README.md"] = {**facts, "zynq": board is not None}
    files["README.md"] = {**facts, "kernel": alveo is not None, "design": None}
    if alveo is None:
        files |= {name: {**facts, **_packaged(design, "ip", ip_ports(design))} for name in OF_IP}
    else:
        kernel = {**facts, **_packaged(design, "kernel", kernel_ports(design))}
        files |= {
            "package_xo.tcl": kernel,
            "link.cfg": {
                **kernel,
                "card": alveo,
                "banks": _banks(design, alveo),
                "hertz": round(1e6 * design.plan.clock_mhz),
            },
        }
    if board is not None:
        files |= _project(design, board, facts)
    for name, values in files.items():
        _render(design.folder / "vivado" / name, name, values)
    _render(design.folder / "constraints" / f"{design.plan.name}_ooc.xdc", "ooc.xdc", facts, "constraints")
    if board is not None:
        _render(design.folder / "constraints" / f"{design.plan.name}.xdc", "top.xdc", facts, "constraints")


def bus_parameters(bus: Bus, buses: Iterable[Bus]) -> dict[str, str]:
    """Return what Vivado's bus definitions want to know about an interface of a module with `buses`."""
    if bus.protocol == "clock":
        streams = (b.name for b in buses if b.protocol in ("axis", "axilite", "aximm"))
        return {"ASSOCIATED_BUSIF": ":".join(streams), "ASSOCIATED_RESET": "ap_rst_n"}
    if bus.protocol == "reset":
        return {"POLARITY": "ACTIVE_LOW"}
    if bus.protocol == "interrupt":
        return {"SENSITIVITY": "LEVEL_HIGH"}
    if bus.protocol == "axis":
        flags = dict.fromkeys(("HAS_TREADY", "HAS_TKEEP", "HAS_TLAST"), "1")
        return {"TDATA_NUM_BYTES": str(bus.data_bits // 8), **flags}
    if bus.protocol == "axilite":
        return {"PROTOCOL": "AXI4LITE", "ADDR_WIDTH": str(ADDRESS_BITS), "DATA_WIDTH": str(bus.data_bits)}
    return {
        "PROTOCOL": "AXI4",
        "READ_WRITE_MODE": "READ_ONLY" if bus.reads else "WRITE_ONLY",
        "ADDR_WIDTH": str(POINTER_BITS),
        "DATA_WIDTH": str(bus.data_bits),
        "SUPPORTS_NARROW_BURST": "0",
    }


def quoted(text: str) -> str:
    """Return a text as one word of Tcl."""
    if not set(text) & set("{}\\"):
        return f"{{{text}}}"
    return "".join(letter if letter.isalnum() or letter in "._-/:" else f"\\{letter}" for letter in text)


def _facts(design: Design) -> dict[str, Any]:
    plan = design.plan
    return {
        "version": design.version,
        "name": plan.name,
        "part": plan.board.part,
        "board": plan.board,
        "mhz": f"{plan.clock_mhz:g}",
        "period": f"{1000 / plan.clock_mhz:.3f}",
        "title": quoted(f"{plan.name} (hwgen)"),
        "description": quoted(f"Neural network accelerator made from {design.model} by hwgen {design.version}."),
        "ip_version": IP_VERSION,
        "vlnv": f"{VENDOR}:{LIBRARY}:{plan.name}:{IP_VERSION}",
        "bd": f"{plan.name}_bd",
    }


def _packaged(design: Design, shell: str, buses: tuple[Bus, ...]) -> dict[str, Any]:
    masters = [bus for bus in buses if bus.protocol == "aximm"]
    held = {pointer(bus.port): bus.name for bus in masters if bus.port is not None}
    registers = register_map(design)
    if shell == "kernel":
        registers = tuple(r for r in registers if r.name in KERNEL_NAMES or r.name in ("frames", *held))
    else:
        registers = tuple(r for r in registers if r.address < FIRST_POINTER or r.name in held)
    return {
        "module": f"{design.plan.name}_{shell}",
        "list": f"{shell}.f",
        "buses": [_bus(bus, buses) for bus in buses],
        "registers": [_register(r, held, KERNEL_NAMES if shell == "kernel" else {}) for r in registers],
        "range": 1 << ADDRESS_BITS,
        "masters": [bus.name for bus in masters],
        "pointer_bits": POINTER_BITS,
        "pointer_range": hex((1 << POINTER_BITS) - 1),
    }


def _bus(bus: Bus, buses: tuple[Bus, ...]) -> dict[str, Any]:
    single = LOGICAL.get(bus.protocol)
    ports = [(single or signal.name.removeprefix(f"{bus.name}_").upper(), signal.name) for signal in bus.signals]
    parameters = [word for pair in bus_parameters(bus, buses).items() for word in pair]
    return {
        "name": bus.name,
        "type": TYPES[bus.protocol],
        "mode": bus.role,
        "ports": ports,
        "parameters": parameters,
    }


def _register(register: Register, held: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    fixed = all(field.access in ("status", "constant", "event") for field in register.fields)
    return {
        "name": names.get(register.name, register.name),
        "offset": register.hex,
        "bits": register.bits,
        "access": "read-only" if fixed else "read-write",
        "bus": quoted(held.get(register.name, "")),
        "text": quoted(register.text),
    }


def _banks(design: Design, alveo: Card) -> list[tuple[str, str]]:
    """Return a memory bank for each master, in turn."""
    masters = [bus.name for bus in kernel_ports(design) if bus.protocol == "aximm"]
    return [(name, f"{alveo.bank}[{number % alveo.banks}]") for number, name in enumerate(masters)]


def _project(design: Design, board: ZynqBoard, facts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    plan = design.plan
    decided = block_design.decide(plan.name, plan.clock_mhz, board, ip_ports(design))
    if decided is None:
        return {}
    ps = board.processor
    wiring = {
        **facts,
        "design": decided,
        "ps": ps,
        "ps_cell": block_design.PS,
        "interrupt_controller": block_design.INTC,
        "interrupts": decided.interrupts,
        "ps_config": [*ps.config.items(), (ps.clock_config, f"{plan.clock_mhz:g}")],
        "addresses": [_address(a) for a in decided.addresses if not a.optional],
        "optional": [_address(a) for a in decided.addresses if a.optional],
    }
    scripts = {name: {**facts, "pattern": board.board_part} for name in OF_PROJECT}
    return {"bd.tcl": wiring, "README.md": {**wiring, "kernel": False}, **scripts}


def _address(address: block_design.Address) -> dict[str, str]:
    where = {"offset": f"0x{address.offset:X}", "size": f"0x{address.size:X}"}
    return {"space": address.space, "segment": address.segment, **where}


def _render(path: Path, name: str, values: Mapping[str, Any], room: str = "vivado") -> None:
    template = "hooks.md.j2" if name == "hooks/README.md" else f"{name}.j2"
    text = environment().get_template(f"{room}/{template}").render(values)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
