# SPDX-License-Identifier: Apache-2.0
"""The register map and what PeakRDL makes of it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree

from hwgen.handover import Design
from hwgen.handover.registers import FIRST_POINTER, pointer, register_map, write
from hwgen.handover.shell_ports import frame_bytes, ip_ports, kernel_ports, stream_bits

XML = "{http://www.accellera.org/XMLSchema/IPXACT/1685-2014}"


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_registers_do_not_overlap(design: Design) -> None:
    taken = [register.address + 4 * half for register in register_map(design) for half in range(register.bits // 32)]
    assert len(taken) == len(set(taken)) and taken == sorted(taken)
    for register in register_map(design):
        assert register.address % (register.bits // 8) == 0
        bits = [bit for field in register.fields for bit in range(field.lsb, field.msb + 1)]
        assert len(bits) == len(set(bits)) and max(bits) < register.bits


def test_the_control_register_is_that_of_vitis_hls(design: Design) -> None:
    control = register_map(design)[0]
    places = {"ap_start": 0, "ap_done": 1, "ap_idle": 2, "ap_ready": 3, "auto_restart": 7, "interrupt": 9}
    assert control.address == 0 and {field.name: field.lsb for field in control.fields} == places


def test_header_and_ip_xact_have_every_register_at_its_address(design: Design) -> None:
    name, registers = design.plan.name, register_map(design)
    header = (design.folder / "regs" / f"{name}.h").read_text()
    xml = ElementTree.parse(design.folder / "regs" / f"{name}.xml")
    found = {r.findtext(f"{XML}name"): r.findtext(f"{XML}addressOffset") for r in xml.iter(f"{XML}register")}
    assert {n: int(str(at).replace("'h", ""), 16) for n, at in found.items()} == {r.name: r.address for r in registers}
    for register in registers:
        for field in register.fields:
            word = f"{name}_regs__{register.name}__{field.name}_bp".upper().replace("_BP", "_bp")
            assert re.search(rf"#define {word} {field.lsb}\n", header), word


def test_the_model_can_be_read_back(design: Design) -> None:
    words = [r.fields[0].reset for r in register_map(design) if r.name.startswith("model")]
    assert "".join(f"{word:08x}" for word in words) == design.model_sha256


def test_everything_is_made_again_with_the_same_bytes(design: Design, tmp_path: Path) -> None:
    (tmp_path / "rtl").mkdir()
    for name in ["top.f", *(design.folder / "rtl" / "top.f").read_text().split()]:
        (tmp_path / "rtl" / name).write_bytes((design.folder / "rtl" / name).read_bytes())
    write(dataclasses.replace(design, folder=tmp_path))
    assert tree(tmp_path / "regs") == tree(design.folder / "regs")
    for name, data in tree(tmp_path / "regs").items():
        assert b"/" not in name.encode() or name.startswith("html/")
        assert str(tmp_path).encode() not in data, name


def test_ports_of_the_shells(design: Design) -> None:
    ip = {bus.name: bus for bus in ip_ports(design)}
    assert list(ip) == ["ap_clk", "ap_rst_n", "s_axi_control", "interrupt", "s_axis_0", "m_axis_0"]
    assert [signal.name for signal in ip["m_axis_0"].signals][:2] == ["m_axis_0_tdata", "m_axis_0_tkeep"]
    kernel = {bus.name: bus for bus in kernel_ports(design)}
    assert kernel["m_axi_gmem0"].reads and not kernel["m_axi_gmem1"].reads
    addresses = [
        s for bus in kernel_ports(design) for s in bus.signals if s.name.startswith("m_") and "waddr" in s.name
    ]
    assert [signal.bits for signal in addresses] == [64]


def test_beats_are_padded_to_powers_of_two(design: Design) -> None:
    port = dataclasses.replace(design.inputs[0], tdata_bits=24)
    assert stream_bits(port) == 32
    assert frame_bytes(design.plan, port) == 4 * design.plan.channel(port.channel).type.beats


def test_every_port_has_a_pointer(design: Design) -> None:
    found = {register.name: register.address for register in register_map(design)}
    assert [found[pointer(port)] for port in (*design.inputs, *design.outputs)] == [FIRST_POINTER, FIRST_POINTER + 8]
