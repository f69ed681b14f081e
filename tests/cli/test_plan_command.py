# SPDX-License-Identifier: Apache-2.0
"""`hwgen plan`: a table for people, the keys of a build for machines, pictures that repeat byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hwgen import cli, manifest

ROOT = Path(__file__).resolve().parents[2]
MLP = ROOT / "designs" / "digits-mlp" / "model.onnx"
CNN = ROOT / "designs" / "digits-cnn" / "model.onnx"
Capture = pytest.CaptureFixture[str]


def plan(capfd: Capture, *arguments: object, code: int = 0) -> dict[str, Any]:
    assert cli.run(["plan", *map(str, arguments), "--json"]) == code
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_a_plan_has_what_a_build_has(capfd: Capture) -> None:
    found = plan(capfd, CNN, "--board", "zcu102", "--set", "limits.lut=20000")
    assert found["ok"] is True and found["board"] == "zcu102" and found["out"] is None
    ii = found["cycles"]["ii_plan"]
    assert 0 < ii <= 576 and found["cycles"]["ii_rtl"] is None
    assert found["fps"] == 200e6 / ii and found["fps_note"] == "projected at 200 MHz"
    assert found["accuracy"] is None and found["accuracy_note"] == "accuracy not measured"
    assert found["resources"]["yosys"] is None and found["limits"]["lut"] == 20000
    assert 0 < found["resources"]["plan"]["lut"] <= 20000
    assert found["binding"] and found["bottleneck"] in [layer["name"] for layer in found["layers"]]
    (slowest,) = [layer for layer in found["layers"] if layer["bottleneck"]]
    assert slowest["name"] == found["bottleneck"] and slowest["cycles"] == ii


def test_the_table_marks_the_bottleneck_and_the_shares(capfd: Capture) -> None:
    assert cli.run(["plan", str(CNN), "--board", "zcu102", "--set", "limits.lut=10000"]) == 0
    lines = capfd.readouterr().out.splitlines()
    columns = ["process", "operator", "unit", "PE x SIMD", "pixels", "II", "LUT", "DSP", "BRAM36", "of budget"]
    assert all(name in lines[0] for name in columns)
    assert sum("<- bottleneck" in line for line in lines) == 1
    assert any(line.startswith("Budget: ") and " of 10,000 LUT" in line for line in lines)
    assert any(line.startswith("What binds: ") for line in lines)
    assert "The area for this speed is proven to be the least." in lines
    assert any("frames/s projected at 200 MHz." in line for line in lines)
    assert "Accuracy not measured." in lines
    for roof in ("LUT, lut_generic", "DSP", "bandwidth"):
        assert any(line.startswith(f"  {roof}: ") and "GOP/s" in line for line in lines), roof


def test_a_board_without_memories_has_no_bandwidth_roof(capfd: Capture, tmp_path: Path) -> None:
    text = (ROOT / "hwgen/hw/boards/ulx3s.yaml").read_text()
    start = text.index("memories:")
    (tmp_path / "bare.yaml").write_text(text[:start] + text[text.index("source:") :])
    known = plan(capfd, MLP, "--board", "ulx3s")["roofline"]["roofs"]
    unknown = plan(capfd, MLP, "--board", tmp_path / "bare.yaml")["roofline"]["roofs"]
    assert [roof["name"] for roof in known] == [*(roof["name"] for roof in unknown), "bandwidth"]


def test_what_is_odd_about_a_board_is_told(capfd: Capture) -> None:
    (warning,) = plan(capfd, MLP, "--board", "vck190")["warnings"]
    assert warning.startswith("vck190: planned and compiled with the units and delays of UltraScale+")


def test_out_holds_plan_and_pictures_the_same_bytes_twice(capfd: Capture, tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        out = tmp_path / name
        found = plan(capfd, MLP, "--board", "ulx3s", "--out", out)
        assert json.loads((out / "report/plan.json").read_text()) == {k: v for k, v in found.items() if k != "out"}
        assert {"plan.json", "plan.npz", "report/roofline.png", "report/roofline.svg"} <= set(manifest.files(out))
        hashes.append({name: manifest.sha256(out / name) for name in manifest.files(out)})
    assert hashes[0] == hashes[1]
    assert (tmp_path / "a/report/roofline.png").read_bytes().startswith(b"\x89PNG")
    svg = (tmp_path / "a/report/roofline.svg").read_text()
    for word in ("matmul", "GOP/s", "LUT, ", "bandwidth", "projected at 50 MHz"):
        assert word in svg, word


def test_a_build_is_not_replaced_by_a_plan(capfd: Capture, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.run(["build", str(MLP), "--board", "zcu102", "--to", "lower", "--out", str(out)]) == 0
    before = {name: manifest.sha256(out / name) for name in manifest.files(out)}
    capfd.readouterr()
    answer = plan(capfd, MLP, "--board", "zcu102", "--out", out, code=2)
    assert "The output folder must not be that of a build" in answer["errors"][0]["message"]
    assert before == {name: manifest.sha256(out / name) for name in manifest.files(out)}


def test_a_plan_that_cannot_be_is_told_and_nothing_written(capfd: Capture, tmp_path: Path) -> None:
    answer = plan(capfd, MLP, "--board", "zcu102", "--set", "limits.lut=10", "--out", tmp_path / "out", code=4)
    assert "LUT" in answer["errors"][0]["message"]
    assert list(tmp_path.iterdir()) == []


def test_where_one_stands_does_not_matter(capfd: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    assert cli.run(["build", str(MLP), "--board", "zcu102", "--to", "plan", "--out", str(out)]) == 0
    capfd.readouterr()
    monkeypatch.chdir(out)
    assert plan(capfd, CNN, "--board", "ulx3s")["board"] == "ulx3s"
