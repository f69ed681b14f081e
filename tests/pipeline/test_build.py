# SPDX-License-Identifier: Apache-2.0
"""The whole way: one command from ONNX to verified RTL, and the folder that it leaves."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwgen
from hwgen import cli, manifest
from hwgen.planning import plan_model
from hwgen.request import BuildResult, Request
from hwgen.verify import csim

ROOT = Path(__file__).resolve().parents[2]
DESIGN = ROOT / "designs" / "digits-mlp"
MLP = DESIGN / "model.onnx"
SETTINGS: dict[str, Any] = {
    "budget": DESIGN / "budget.yaml",
    "inputs": DESIGN / "inputs.npz",
    "frames": 4,
    "sim": "fast",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildResult]:
    """Build digits-mlp to verified RTL once; tests must leave it as it is."""
    yield hwgen.build(MLP, out=tmp_path_factory.mktemp("built") / "out", **SETTINGS)


def tree(folder: Path) -> dict[str, str]:
    return {name: manifest.sha256(folder / name) for name in [*manifest.files(folder), manifest.NAME]}


def test_three_witnesses_agree(built: BuildResult) -> None:
    assert built.ok
    for rung in ("golden", "csim", "rtl"):
        assert built.report["verify"][rung]["mismatches"] == 0
        assert built.report["verify"][rung]["tensors"] > 0
    assert built.report["parity"]["max_lsb"] == 0 and built.report["parity"]["top1_agreement"] == 1.0
    assert built.report["accuracy"] > 0.96


def test_the_plan_predicts_the_cycles(built: BuildResult) -> None:
    cycles = built.report["cycles"]
    for figure in ("ii", "latency"):
        plan, rtl = cycles[f"{figure}_plan"], cycles[f"{figure}_rtl"]
        assert abs(plan - rtl) <= max(0.02 * rtl, 2), f"{figure}: {plan} planned, {rtl} measured"


def test_the_json_holds_what_was_promised(built: BuildResult) -> None:
    data = json.loads(json.dumps(built.to_json()))
    assert data["ok"] is True and data["board"] == "zcu102" and data["clock_mhz"] == 200
    assert data["seconds"] > 0 and set(data["stage_seconds"]) == set(data["stages"])
    assert data["fps"] == data["clock_mhz"] * 1e6 / data["cycles"]["ii_rtl"]
    assert set(data["resources"]["plan"]) == {"lut", "ff", "dsp", "bram36", "uram"}
    assert data["resources"]["yosys"] is None
    assert data["up_to_date"] is False


def test_a_plan_knows_what_the_build_planned(built: BuildResult) -> None:
    planned = plan_model(Request(MLP, budget=DESIGN / "budget.yaml")).report
    measured = ("verify", "parity", "accuracy", "accuracy_note", "layers", "fps", "cycles", "timeline")
    assert set(planned) == set(built.report)
    assert {k: v for k, v in planned.items() if k not in measured} == {
        k: v for k, v in built.report.items() if k not in measured
    }
    for figure in ("ii_plan", "latency_plan"):
        assert planned["cycles"][figure] == built.report["cycles"][figure] is not None
    for before, after in zip(planned["layers"], built.report["layers"], strict=True):
        assert {**before, "depth_hlsc": after["depth_hlsc"], "mhz_hlsc": after["mhz_hlsc"]} == after


def test_the_folder_holds_what_an_engineer_needs(built: BuildResult) -> None:
    for name in (
        "README.md",
        "Makefile",
        "plan.json",
        "models/00_import.onnx",
        "models/01_integer.onnx",
        "golden/tensors.npz",
        "hls/hls_config.cfg",
        "hls/include/hwgen/matvec.hpp",
        "hls/src/digits_mlp.cpp",
        "rtl/top.f",
        "rtl/digits_mlp.sv",
        "rtl/digits_mlp_core.sv",
        "sim/Makefile",
        "driver/host_pre.onnx",
        "report/index.html",
        "report/report.json",
        "report/roofline.png",
        "report/roofline.svg",
    ):
        assert (built.out / name).is_file(), name
    listed = (built.out / "rtl" / "top.f").read_text().split()
    assert sorted(listed) == sorted(p.name for p in (built.out / "rtl").glob("*.sv"))


def test_the_manifest_covers_every_file(built: BuildResult) -> None:
    found = manifest.read(built.out)
    assert found is not None and sorted(found["files"]) == manifest.files(built.out)
    assert manifest.intact(built.out, found["files"])


def test_the_readme_tells_ports_and_figures(built: BuildResult) -> None:
    text = (built.out / "README.md").read_text()
    assert "s_axis_0" in text and "m_axis_0" in text and "projected at 200 MHz" in text
    assert f"{built.report['cycles']['ii_rtl']} measured in RTL" in text


def test_golden_tensors_are_integers_in_onnx_layout(built: BuildResult) -> None:
    with np.load(built.out / "golden" / "ports.npz") as ports:
        assert {a.dtype for a in ports.values()} == {np.dtype(np.int64)}
        assert {a.shape for a in ports.values()} == {(4, 64), (4, 10)}


def test_no_file_names_this_machine(built: BuildResult) -> None:
    for name in manifest.files(built.out):
        data = (built.out / name).read_bytes()
        assert str(built.out.parent).encode() not in data and str(ROOT).encode() not in data, name


def test_another_folder_gets_the_same_bytes(built: BuildResult, tmp_path: Path) -> None:
    hwgen.build(MLP, out=tmp_path / "other", **SETTINGS)
    assert tree(tmp_path / "other") == tree(built.out)


def test_a_second_run_does_nothing_and_says_so(built: BuildResult, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.stat().st_mtime_ns for p in built.out.rglob("*")}
    start = time.perf_counter()
    arguments = ["build", str(MLP), "--out", str(built.out), "--sim", "fast", "--frames", "4"]
    arguments += ["--budget", str(SETTINGS["budget"]), "--inputs", str(SETTINGS["inputs"])]
    assert cli.run(arguments) == 0
    assert time.perf_counter() - start < 3
    assert f"Nothing has changed: {built.out} is up to date." in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in built.out.rglob("*")} == before


def test_other_frames_repeat_verification_alone(built: BuildResult, tmp_path: Path) -> None:
    shutil.copytree(built.out, tmp_path / "out", symlinks=True)
    result = hwgen.build(MLP, out=tmp_path / "out", **{**SETTINGS, "frames": 3, "verify": "csim"})
    again = [name for name, how in result.stages.items() if how == "built"]
    assert again == ["verify", "report"]


def test_the_folder_checks_and_simulates_itself(built: BuildResult, tmp_path: Path) -> None:
    out = tmp_path / "moved"
    shutil.copytree(built.out, out, symlinks=True)
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(["make", "check"], cwd=out, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "all files are as hwgen wrote them" in done.stdout, done.stderr
    done = subprocess.run(["make", "sim"], cwd=out, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (out / "plan.json").write_text("{}")
    done = subprocess.run(["make", "check"], cwd=out, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "changed or missing: plan.json" in done.stdout


def broken(plan: Any, golden: dict[str, Any], *rest: Any) -> Any:
    """Compare with a golden model that is wrong in one place."""
    name = plan.channels[-1].tensor
    wrong = golden[name].copy()
    wrong[1, 2] += 1
    return REAL_CHECK(plan, {**golden, name: wrong}, *rest)


REAL_CHECK = csim.check


def test_a_mismatch_is_published_with_exit_code_5(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(csim, "check", broken)
    arguments = ["build", str(MLP), "--out", str(tmp_path / "out"), "--verify", "csim", "--board", "zcu102", "--json"]
    assert cli.run(arguments) == 5
    answer = json.loads(capfd.readouterr().out)
    assert answer["ok"] is False and answer["exit_code"] == 5
    assert answer["verify"]["csim"]["mismatches"] == 1
    assert "frame 1, channel 2" in answer["errors"][0]["message"]
    assert (tmp_path / "out" / "golden" / "tensors.npz").is_file()
    assert json.loads((tmp_path / "out" / "report" / "report.json").read_text())["ok"] is False
    monkeypatch.undo()
    result = hwgen.build(MLP, "zcu102", out=tmp_path / "out", verify="csim")
    assert result.ok and result.stages["hlsc"] == "reused" and result.stages["verify"] == "built"


def test_an_impossible_budget_names_what_binds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = tmp_path / "tiny.yaml"
    budget.write_text("board: zcu102\nlimits: {lut: 50}\n")
    assert cli.run(["build", str(MLP), "--budget", str(budget), "--out", str(tmp_path / "out")]) == 4
    text = capsys.readouterr().err
    assert "50" in text and "LUT" in text
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.yaml"]


def heed_interrupts() -> None:
    """Undo what a shell does to the jobs it runs in the background: there SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("previous", ["lower ", "render ", "hlsc "])
def test_ctrl_c_leaves_nothing_half_written(previous: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HWGEN_CACHE": str(tmp_path / "cache")}
    work = tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-m", "hwgen.cli", "build", str(MLP), "--board", "zcu102", "--out", str(work / "out")]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed_interrupts)
    assert child.stderr is not None
    try:
        while previous not in (line := child.stderr.readline()):
            assert line, "the build ended early"
        time.sleep(0.4)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, errors
    assert "Interrupted; the output folder is as it was before." in errors and "Traceback" not in errors
    assert list(work.iterdir()) == []


def test_the_result_is_typed(built: BuildResult) -> None:
    assert dataclasses.is_dataclass(built) and built.stages["verify"] == "built" and built.seconds["verify"] > 0
