# SPDX-License-Identifier: Apache-2.0
"""Both shells in simulation, around a core with odd widths and streamed weights."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from hwgen.handover import Design, registers, shells
from hwgen.handover.registers import register_map
from hwgen.handover.shell_ports import ip_ports, kernel_ports
from tests.handover.simulation import shell_sources
from tests.handover.test_shells import of_eight_beats
from tests.rtl.simulator import run


@pytest.fixture
def tiny(design: Design, tmp_path: Path) -> Design:
    """A design of the same name whose core is `tiny_core.sv`."""
    port = dataclasses.replace(design.inputs[0], tdata_bits=24)
    weights = dataclasses.replace(port, name="s_axis_w0", feed="weights")
    result = dataclasses.replace(port, name="m_axis_0", direction="out")
    (tmp_path / "rtl").mkdir()
    shutil.copyfile(Path(__file__).with_name("tiny_core.sv"), tmp_path / "rtl" / "core.sv")
    (tmp_path / "rtl" / "top.f").write_text("core.sv\n")
    arrays = {"weights": np.zeros((4, 3), np.int64)}
    plan = dataclasses.replace(of_eight_beats(design.plan), ports=(port, weights, result), arrays=arrays)
    made = dataclasses.replace(design, plan=plan, folder=tmp_path)
    registers.write(made)
    shells.write(made)
    return made


@pytest.mark.parametrize("shell", ["ip", "kernel"])
def test_shell(tiny: Design, shell: str, tmp_path: Path) -> None:
    buses = ip_ports(tiny) if shell == "ip" else kernel_ports(tiny)
    run(
        tmp_path,
        shell_sources(tiny, shell),
        f"{tiny.plan.name}_{shell}",
        "cocotb_shells",
        shell=shell,
        memories=["in" if bus.reads else "out" for bus in buses if bus.protocol == "aximm"],
        pointers={r.name: r.address for r in register_map(tiny) if r.name.startswith("ptr_")},
    )
