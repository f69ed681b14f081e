# SPDX-License-Identifier: Apache-2.0
"""An installed wheel works outside the checkout: the data it needs travels inside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it, as pip does, into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = folder.glob("hwgen-*.whl")
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return target


def hwgen(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    program = f"import sys; sys.path.insert(0, {str(installed)!r}); from hwgen.cli import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def test_the_wheel_holds_the_data(installed: Path) -> None:
    data = installed / "hwgen" / "_data"
    assert (data / "hls" / "include" / "hwgen" / "matvec.hpp").is_file()
    assert (data / "templates" / "report" / "README.md.j2").is_file()
    assert any((data / "sim").iterdir())
    assert (installed / "hwgen" / "hw" / "boards" / "zcu102.yaml").is_file()
    assert (installed / "hwgen" / "py.typed").is_file()


def test_the_wheel_holds_nothing_else(installed: Path) -> None:
    (wheel,) = installed.parent.glob("*.whl")
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"hwgen", next(t for t in tops if t.endswith(".dist-info"))}


def test_it_runs_from_its_own_place(installed: Path, tmp_path: Path) -> None:
    done = hwgen(installed, tmp_path, "boards", "--json")
    assert done.returncode == 0, done.stderr
    assert {b["name"] for b in json.loads(done.stdout)["boards"]} >= {"zcu102", "pynq-z2", "ulx3s"}


def test_it_builds_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    model = ROOT / "designs" / "digits-mlp" / "model.onnx"
    done = hwgen(installed, tmp_path, "build", str(model), "--board", "zcu102", "--verify", "csim", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] is True and answer["verify"]["csim"]["mismatches"] == 0
    assert (tmp_path / "build" / "digits_mlp" / "rtl" / "top.f").is_file()
