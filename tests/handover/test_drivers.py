# SPDX-License-Identifier: Apache-2.0
"""Both drivers against the simulated shell, with DMA, memory and interrupt around it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwgen import artifacts, frontend
from hwgen.frontend.reference import Reference
from hwgen.handover import Design, drivers, registers
from hwgen.handover.pynq_driver import Accelerator
from hwgen.ops.lowered import Lowered
from hwgen.passes import golden
from tests.handover.simulation import shell_sources
from tests.handover.test_shells import reshaped
from tests.handover.zynq import Memory
from tests.rtl.simulator import run

MODEL = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp"
FRAMES = 40


@pytest.fixture(scope="module")
def frames(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File with integers that enter the design, those that leave it, and frames of the model with its answers."""
    graph = artifacts.restore(design.folder / "models" / "integer", Lowered).graph
    entering = np.random.default_rng(0).integers(0, 16, (FRAMES, 64))
    leaving = golden.run(graph, {graph.inputs[0]: entering}, graph.outputs)[graph.outputs[0]]
    pixels = np.load(MODEL / "inputs.npz")["pixels"][:5]
    logits = Reference(frontend.load(MODEL / "model.onnx")).run({"pixels": pixels}, ["logits"])["logits"]
    path = tmp_path_factory.mktemp("frames") / "frames.npz"
    np.savez(path, entering=entering, leaving=leaving, pixels=pixels, logits=logits)
    return path


def test_pynq(design: Design, frames: Path, tmp_path: Path) -> None:
    name = design.plan.name
    (tmp_path / "frames.npz").write_bytes(frames.read_bytes())
    figures = run(
        tmp_path,
        shell_sources(design, "ip"),
        f"{name}_ip",
        "cocotb_pynq",
        driver=str(design.folder / "driver" / "pynq" / f"{name}.py"),
        vlnv=f"hwgen:accelerators:{name}:1.0",
    )
    assert figures["frame_cycles"] == design.plan.ii


def shared_library(design: Design, folder: Path) -> Path:
    """Compile the C driver without a warning, and its example too."""
    compiler = shutil.which("cc")
    command = [compiler] if compiler else [sys.executable, "-m", "ziglang", "cc"]
    source = design.folder / "driver" / "c"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-I", str(source)]
    library = folder / "driver.so"
    driver = str(source / f"{design.plan.name}.c")
    subprocess.run([*command, *flags, "-shared", "-fPIC", driver, "-o", str(library)], check=True)
    subprocess.run([*command, *flags, "-c", str(source / "main.c"), "-o", str(folder / "main.o")], check=True)
    return library


def test_c(design: Design, frames: Path, tmp_path: Path) -> None:
    name = design.plan.name
    (tmp_path / "frames.npz").write_bytes(frames.read_bytes())
    library = str(shared_library(design, tmp_path))
    facts = str(design.folder / "driver" / "pynq" / f"{name}.json")
    told = {"library": library, "name": name, "facts": facts, "ii": design.plan.ii, "latency": design.plan.latency}
    run(tmp_path, shell_sources(design, "ip"), f"{name}_ip", "cocotb_c", **told)


def test_c_with_streamed_weights_compiles(design: Design, tmp_path: Path) -> None:
    odd = reshaped(design, tmp_path, 24, 40, 40)
    registers.write(odd)
    drivers.write(odd)
    shared_library(odd, tmp_path)
    header = (tmp_path / "driver" / "c" / f"{design.plan.name}.h").read_text()
    assert "_weights_s_axis_w0(" in header and "S_AXIS_W0_FRAME_BYTES 32u" in header


class Silent:
    """Registers that keep what is written, and memory; nothing happens behind them."""

    def __init__(self, values: dict[int, int]) -> None:
        self.values = values

    def read(self, offset: int) -> int:
        return self.values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        self.values[offset] = value if offset >= 0x60 else self.values.get(offset, 0)


class SilentBoard:
    length_bits = 26

    def __init__(self, control: Silent) -> None:
        self.control, self.dmas, self.buffers = control, [Silent({})], []

    def allocate(self, size: int) -> Memory:
        buffer = np.zeros(size, np.uint8).view(Memory)
        buffer.physical_address = 0x8_0000_1000
        self.buffers.append(buffer)
        return buffer

    def wait(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_pynq_puts_streamed_weights_into_memory(design: Design, tmp_path: Path) -> None:
    facts = artifacts.read_json(design.folder / "driver" / "pynq" / f"{design.plan.name}.json")
    rows = np.arange(1, 13, dtype=np.uint8).reshape(4, 3)
    rows.tofile(tmp_path / "rows.bin")
    feed = {"name": "s_axis_w0", "beats": 4, "beat_bytes": 4, "register": "ptr_m_axis_0", "file": "rows.bin"}
    artifacts.write_json(tmp_path / "facts.json", {**facts, "feeds": [feed]})
    at = facts["registers"]
    board = SilentBoard(Silent({at[name]: value for name, value in facts["identity"].items()}))
    Accelerator(board, tmp_path / "facts.json")
    assert board.control.read(at["ptr_m_axis_0"]) == 0x1000 and board.control.read(at["ptr_m_axis_0"] + 4) == 8
    assert np.array_equal(board.buffers[0].reshape(4, 4), np.pad(rows, ((0, 0), (0, 1))))
