# SPDX-License-Identifier: Apache-2.0
"""A top with AXI4-Lite registers and an AXI4 master: memory to compiled process to memory, against C simulation."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwgen.hlsc import Target, compile_dataflow, compile_process
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.verify.toolchain import find_verilator

from .simulator import RTL, run

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "hlsc" / "boxes" / "copier.cpp"
INCLUDE = [ROOT / "hls" / "include"]
TARGET = Target("xcup", 300.0)
RUNS = [(0x40, 0x8000, 800), (0x1FF8, 0x9008, 4096), (0x13, 0xA0A5, 64), (3, 0xC001, 1), (0, 0xD000, 0)]


def lint(sources: list[Path], top: str, folder: Path) -> str:
    """Return what Verilator has to say about a design."""
    found = find_verilator()
    command = [str(found.program), "--lint-only", "--quiet", "-Wall", "-Wno-DECLFILENAME", "--top-module", top]
    done = subprocess.run(
        [*command, *map(str, sources)], capture_output=True, text=True, env=found.environment, cwd=folder
    )
    return done.stderr


def test_tops_of_black_boxes_lint(tmp_path: Path) -> None:
    names = {"reader": "axi_read", "writer": "axi_write", "channel": "cdc_fifo"}
    boxes = {name: RTL / f"hwgen_{module}.json" for name, module in names.items()}
    top = compile_dataflow(SOURCE.with_name("engine.cpp"), "engine", INCLUDE, TARGET, black_boxes=boxes)
    (tmp_path / "engine.sv").write_text(top.rtl)
    assert not lint([*top.rtl_files, tmp_path / "engine.sv"], "engine", tmp_path)


def expected(memory: np.ndarray, runs: list[tuple[int, int, int]]) -> np.ndarray:
    """Return the memory after the runs, by the C++ models and the process."""
    memory = memory.copy()
    for source, destination, count in runs:
        taken = memory[source:].copy()
        words = csim_many([CsimJob(SOURCE, "load", INCLUDE, [], 1, {"bytes": count}, {"memory": taken})])[0]
        words = csim_many([CsimJob(SOURCE, "raise", INCLUDE, words, 1)])[0] if count else words
        given = memory[destination:].copy()
        csim_many([CsimJob(SOURCE, "store", INCLUDE, words, 1, {"bytes": count}, {"memory": given})])
        memory[destination:] = given
    return memory


@pytest.mark.parametrize("stall", [0, 40])
def test_copier_equals_csim(stall: int, tmp_path: Path) -> None:
    top = compile_dataflow(SOURCE, "copier", INCLUDE, TARGET)
    (tmp_path / "raise.sv").write_text(compile_process(SOURCE, "raise", INCLUDE, TARGET).rtl)
    (tmp_path / "copier.sv").write_text(top.rtl)
    memory = np.random.default_rng(1).integers(0, 256, 1 << 16, dtype=np.uint8)
    (tmp_path / "memory.bin").write_bytes(memory.tobytes())
    sources = [*top.rtl_files, tmp_path / "raise.sv", tmp_path / "copier.sv"]
    assert not lint(sources, "copier", tmp_path)
    registers = {name: address for name, address, _ in top.registers}
    figures = run(tmp_path, sources, "copier", "cocotb_copier", stall=stall, runs=RUNS, registers=registers)
    after = np.frombuffer((tmp_path / "after.bin").read_bytes(), np.uint8)
    assert np.array_equal(after, expected(memory, RUNS))
    assert figures["reads"] > 1 or stall
