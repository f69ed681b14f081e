# SPDX-License-Identifier: Apache-2.0
"""The Makefile and the README of the output folder: every target, with stand-ins for the tools that are not here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hwgen.handover import Design

TARGETS = {
    "ip": ("vivado", "../package_ip.tcl"),
    "bd": ("vivado", "../project.tcl"),
    "bit": ("vivado", "../build.tcl"),
    "reports": ("vivado", "../reports.tcl"),
    "ooc": ("vivado", "../ooc_synth.tcl"),
    "csynth": ("v++", "hls_config.cfg"),
    "synth": ("yosys", "yosys.ys"),
}
"""What each target runs, and the file that it gives it."""


@pytest.fixture
def folder(design: Design, tmp_path: Path) -> Path:
    """A copy of the output folder."""
    return Path(shutil.copytree(design.folder, tmp_path / "out"))


def make(folder: Path, *arguments: str, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run make where no tool is on PATH but those of `tools`."""
    program = shutil.which("make") or shutil.which("gmake")
    if program is None:
        pytest.skip("make is absent")
    path = f"{tools}:/usr/bin:/bin" if tools else "/usr/bin:/bin"
    command = [program, *arguments, f"PYTHON={sys.executable}"]
    return subprocess.run(
        command, cwd=folder, env={"PATH": path, "HOME": str(folder)}, capture_output=True, text=True, timeout=60
    )


def stand_in(tools: Path, name: str) -> Path:
    """Make a program that writes down where it was called and with what; return the file it writes."""
    tools.mkdir(exist_ok=True)
    record = tools / f"{name}.txt"
    program = tools / name
    program.write_text(f'#!/bin/sh\npwd > {record}\nprintf "%s\\n" "$@" >> {record}\ntouch stat.txt\n')
    program.chmod(0o755)
    return record


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_its_tool_on_a_file_that_is_there(folder: Path, tmp_path: Path, target: str) -> None:
    tool, script = TARGETS[target]
    record = stand_in(tmp_path / "tools", tool)
    done = make(folder, target, tools=tmp_path / "tools")
    assert done.returncode == 0, done.stderr
    where, *arguments = record.read_text().splitlines()
    assert script in arguments and (Path(where) / script).is_file()


@pytest.mark.parametrize("target", [t for t in TARGETS if t != "synth"])
def test_a_tool_that_is_absent_is_named(folder: Path, target: str) -> None:
    if shutil.which(TARGETS[target][0], path="/usr/bin:/bin"):
        pytest.skip(f"{TARGETS[target][0]} is here")
    done = make(folder, target)
    assert done.returncode != 0
    assert f"make {target} needs {TARGETS[target][0]}, which is not on PATH: it is part of AMD Vi" in done.stderr


def test_what_the_board_does_not_have_is_said(folder: Path) -> None:
    assert "make xo: only an Alveo card takes a kernel" in make(folder, "xo").stderr
    assert "make sim: there is no test bench" in make(folder, "sim").stderr
    shutil.rmtree(folder / "vivado")
    assert "make bit: there is no block design for this board" in make(folder, "bit").stderr


def test_a_kernel_is_packaged_where_there_is_one(folder: Path, tmp_path: Path) -> None:
    (folder / "vivado" / "package_xo.tcl").write_text("")
    record = stand_in(tmp_path / "tools", "vivado")
    assert make(folder, "xo", tools=tmp_path / "tools").returncode == 0
    assert record.read_text().splitlines()[-1] == "../package_xo.tcl"


def test_sim_and_waves_are_those_of_the_sim_folder(folder: Path) -> None:
    (folder / "sim").mkdir(exist_ok=True)
    (folder / "sim" / "Makefile").write_text("sim waves clean:\n\t@echo run $@\n")
    assert make(folder, "sim").stdout == "run sim\n" and make(folder, "waves").stdout == "run waves\n"
    assert make(folder, "clean").stdout == "run clean\n"


def test_help_lists_every_target(folder: Path) -> None:
    told = {line.split()[1] for line in make(folder).stdout.splitlines()}
    assert {"check", "synth", "clean", *TARGETS} == told
    phony = re.search(r"^\.PHONY: (.*)$", (folder / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None and told <= set(phony[1].split())


def test_check_finds_a_changed_file(folder: Path) -> None:
    assert "all files are as hwgen wrote them" in make(folder, "check").stdout
    (folder / "vivado" / "build.tcl").write_text("exit\n")
    done = make(folder, "check")
    assert done.returncode != 0 and "changed or missing: vivado/build.tcl" in done.stdout


def test_the_readme_says_what_was_not_run_and_names_what_is_there(folder: Path, design: Design) -> None:
    text = (folder / "README.md").read_text()
    assert "not run in Vivado" in text and "nothing of them has been run in Vivado itself" in text
    for name in re.findall(r"^\| `([\w./]+)`", text, re.MULTILINE):
        assert (folder / name).exists() or name.startswith(design.plan.name) or "_axis_" in name, name
    for name in re.findall(r"`((?:regs|rtl|hls|driver)/[\w./]+)`", text):
        assert (folder / name).exists(), name
    vivado = (folder / "vivado" / "README.md").read_text()
    assert "**not run in Vivado**" in vivado and "| 0xA0000000 | 0x10000 |" in vivado
    for name in re.findall(r"`(\w+\.(?:tcl|cfg))`", vivado):
        assert (folder / "vivado" / name).is_file(), name
