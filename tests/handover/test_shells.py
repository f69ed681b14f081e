# SPDX-License-Identifier: Apache-2.0
"""The two shells with registers as text: what Verilator says, what they declare, what their file lists name."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwgen.handover import Design, registers, shells
from hwgen.handover.shell_ports import ip_ports, kernel_ports
from hwgen.plan.types import Plan
from hwgen.verify.toolchain import find_verilator

SHELLS = pytest.mark.parametrize("shell", ["ip", "kernel"])


def lint(design: Design, shell: str) -> str:
    """Return what Verilator has to say about a shell, PeakRDL's block left out."""
    found, name, folder = find_verilator(), design.plan.name, design.folder / "rtl" / "shell"
    command = [str(found.program), "--lint-only", "--quiet", "-Wall", "-Wno-DECLFILENAME"]
    command += ["--top-module", f"{name}_{shell}", f"{name}_regs.vlt", "-f", f"{shell}.f"]
    return subprocess.run(command, capture_output=True, text=True, env=found.environment, cwd=folder).stderr


@SHELLS
def test_verilator_is_silent(design: Design, shell: str) -> None:
    assert not lint(design, shell)


@SHELLS
def test_every_port_is_declared_on_a_line_of_its_own(design: Design, shell: str) -> None:
    text = (design.folder / "rtl" / "shell" / f"{design.plan.name}_{shell}.sv").read_text()
    found = re.findall(r"^    (input|output) +logic (?:\[(\d+):0\] )?(\w+),?$", text, re.MULTILINE)
    wanted = [signal for bus in (ip_ports if shell == "ip" else kernel_ports)(design) for signal in bus.signals]
    assert [(way, int(msb or 0) + 1, name) for way, msb, name in found] == [
        (s.direction, s.bits, s.name) for s in wanted
    ]


def of_eight_beats(plan: Plan) -> Plan:
    """Return a plan all of whose streams have eight beats a frame."""
    types = {c.name: dataclasses.replace(c.type, beats=8) for c in plan.channels}
    channels = tuple(dataclasses.replace(c, type=types[c.name]) for c in plan.channels)
    return dataclasses.replace(plan, channels=channels)


def reshaped(design: Design, folder: Path, in_bits: int, weight_bits: int, out_bits: int) -> Design:
    """Return a design whose core is only a module header with beats of so many bits."""
    into, out = design.inputs[0], design.outputs[0]
    ports = (
        dataclasses.replace(into, tdata_bits=in_bits),
        dataclasses.replace(into, tdata_bits=weight_bits, name="s_axis_w0", feed="weights"),
        dataclasses.replace(out, tdata_bits=out_bits),
    )
    (folder / "rtl").mkdir()
    name = design.plan.name
    lines = ["input logic ap_clk", "input logic ap_rst_n", "output logic error"]
    for port in ports:
        ours, theirs = ("input", "output") if port.direction == "in" else ("output", "input")
        lines += [f"{ours} logic [{port.tdata_bits - 1}:0] {port.name}_tdata"]
        lines += [f"{ours} logic [{port.tdata_bits // 8 - 1}:0] {port.name}_tkeep"]
        lines += [f"{ours} logic {port.name}_tvalid, {ours} logic {port.name}_tlast"]
        lines += [f"{theirs} logic {port.name}_tready"]
    quiet = "// verilator lint_off UNUSEDSIGNAL\n// verilator lint_off UNDRIVEN\n"
    core = f"{quiet}module {name} ({', '.join(lines)});\nendmodule\n"
    (folder / "rtl" / "core.sv").write_text(core)
    (folder / "rtl" / "top.f").write_text("core.sv\n")
    arrays = {"weights": np.zeros((4, weight_bits // 8), np.int64)}
    plan = dataclasses.replace(of_eight_beats(design.plan), ports=ports, arrays=arrays)
    return dataclasses.replace(design, plan=plan, folder=folder)


@pytest.mark.parametrize("bits", [(24, 40, 40), (8, 8, 8), (1024, 2048, 1032)])
def test_any_width_and_streamed_weights(design: Design, bits: tuple[int, int, int], tmp_path: Path) -> None:
    odd = reshaped(design, tmp_path, *bits)
    registers.write(odd)
    shells.write(odd)
    for shell, masters in (("ip", ["gmem0"]), ("kernel", ["gmem0", "gmem1", "gmem2"])):
        assert not lint(odd, shell)
        text = (tmp_path / "rtl" / "shell" / f"{design.plan.name}_{shell}.sv").read_text()
        assert sorted(set(re.findall(r"m_axi_(gmem\d)", text))) == masters
        assert ".STEP(0)" in text and ".REPEATS(2)" in text


@SHELLS
def test_file_lists_name_every_file_once(design: Design, shell: str) -> None:
    folder = design.folder / "rtl" / "shell"
    lines = (folder / f"{shell}.f").read_text().split()
    assert len({Path(line).name for line in lines}) == len(lines)
    assert all((folder / line).is_file() for line in lines)


def test_same_bytes_again(design: Design, tmp_path: Path) -> None:
    shutil.copytree(design.folder / "rtl", tmp_path / "rtl", ignore=shutil.ignore_patterns("shell"))
    shells.write(dataclasses.replace(design, folder=tmp_path))
    for path in (tmp_path / "rtl" / "shell").iterdir():
        assert path.read_bytes() == (design.folder / "rtl" / "shell" / path.name).read_bytes()
