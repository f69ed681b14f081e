# SPDX-License-Identifier: Apache-2.0
"""`--verify layers`: processes alone in RTL, never the whole; the report says which."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import hwgen
from hwgen import cli
from hwgen.errors import UserError
from hwgen.verify import rtl

DESIGN = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp"
MODEL = DESIGN / "model.onnx"
SETTINGS: dict[str, Any] = {"budget": DESIGN / "budget.yaml", "frames": 2, "sim": "fast", "verify": "layers"}


def test_only_the_chosen_process_is_compiled_and_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["build", str(MODEL), "--budget", str(DESIGN / "budget.yaml"), "--out", str(out), "--sim", "fast"]
    assert cli.run([*arguments, "--frames", "2", "--verify", "layers", "--layers", "1"]) == 0
    verify = json.loads((out / "report" / "report.json").read_text())["verify"]
    (name,), total = verify["layers"]["names"], verify["layers"]["processes"]
    assert total > 1 and verify["layers"]["mismatches"] == 0 and verify["rtl"] is None
    assert verify["csim"]["tensors"] > verify["layers"]["tensors"] == 1
    note = f"RTL: 1 of {total} processes alone ({name}), 1 tensors compared, equal; the whole was not simulated."
    assert note in capsys.readouterr().out
    page = (out / "README.md").read_text()
    assert note in page and "Not compiled: " in page and note in (out / "report" / "index.html").read_text()
    assert set(json.loads((out / "report" / "hlsc.json").read_text())) == {name}
    assert not (out / "rtl" / "top.f").exists() and (out / "rtl" / f"{name}.sv").is_file()


def test_all_layers_leave_a_complete_folder_and_rtl_can_follow(tmp_path: Path) -> None:
    result = hwgen.build(MODEL, out=tmp_path / "out", **SETTINGS)
    layers = result.report["verify"]["layers"]
    assert result.ok and len(layers["names"]) == layers["processes"] and (result.out / "rtl" / "top.f").is_file()
    assert layers["note"].startswith(f"RTL: {layers['processes']} of {layers['processes']} processes alone, ")
    assert result.report["cycles"]["ii_rtl"] is None
    assert "Not compiled" not in (result.out / "README.md").read_text()
    after = hwgen.build(MODEL, out=tmp_path / "out", **{**SETTINGS, "verify": "golden", "last": "hlsc"})
    assert after.stages["hlsc"] == "reused"


def test_a_difference_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(plan: Any, golden: Any, folder: Path, options: rtl.Options) -> rtl.RtlResult:
        assert options.alone is not None
        (path,) = ((folder / "rtl") / f"{name}.sv" for name in options.alone)
        text, places = re.subn(r"out0_tdata <= (?=[\w{])", "out0_tdata <= ~", path.read_text())
        assert places == 1
        path.write_text(text)
        return check(plan, golden, folder, options)

    check = rtl.check
    monkeypatch.setattr(rtl, "check", damaged)
    result = hwgen.build(MODEL, out=tmp_path / "out", layers=1, waves=True, **SETTINGS)
    assert not result.ok and "1 DIFFER" in result.report["verify"]["layers"]["note"]
    (problem,), (name,) = result.report["verify"]["problems"], result.report["verify"]["layers"]["names"]
    assert "alone" in problem["message"]
    waves = result.out / "run" / "waves" / f"{name}.fst"
    assert problem["hint"] == f"Its waves are in {waves}." and waves.read_bytes()[:9] == b"\0" + (329).to_bytes(8)
    assert "run/waves" not in (result.out / "manifest.json").read_text()
    assert cli.run(["debug", name, str(result.out), "--scenario", "free-flow"]) == 5


def test_an_unknown_process_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--layers must name processes of digits_mlp, not fc9\."):
        hwgen.build(MODEL, out=tmp_path / "out", layers=["fc9"], **SETTINGS)
    assert not (tmp_path / "out").exists()
