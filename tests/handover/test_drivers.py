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
from hwgen.handover import Design
from hwgen.ops.lowered import Lowered
from hwgen.passes import golden
from tests.handover.simulation import shell_sources
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
    run(tmp_path, shell_sources(design, "ip"), f"{name}_ip", "cocotb_c", library=library, name=name)
