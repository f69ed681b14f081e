# SPDX-License-Identifier: Apache-2.0
"""`--verify golden`: parity with onnxruntime needs no hardware, and no board that the network fits on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hwgen
from hwgen import cli
from hwgen.errors import InfeasibleError
from hwgen.request import Request

DESIGN = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp"
MODEL = DESIGN / "model.onnx"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a budget that the model exceeds by far."""
    path = tmp_path / "small.yaml"
    path.write_text("board: zcu102\nlimits:\n  lut: 100\n")
    return path


def test_a_network_too_big_for_the_board_is_warned_about(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["build", str(MODEL), "--budget", str(small), "--verify", "golden", "--out", str(out)]
    assert cli.run(arguments) == 0
    printed = capsys.readouterr()
    assert "warning: The design must fit 100 LUT" in printed.out and "must fit 100 LUT" in printed.err
    assert (
        "2 of 2 requantisations proven equal" in printed.out and "Parity with onnxruntime: at most 0 LSB" in printed.out
    )
    report = json.loads((out / "report" / "report.json").read_text())
    assert report["ok"] is True and len(report["warnings"]) == 1
    assert report["board"] == "zcu102" and report["fps"] is None and report["cycles"]["ii_plan"] is None
    assert report["proofs"] == {"count": 2, "exact": 2, "inexact": []}
    assert {path.name for path in out.iterdir()} == {"README.md", "golden", "manifest.json", "models", "report", "run"}
    page = (out / "README.md").read_text()
    assert "**Warning.** The design must fit 100 LUT" in page and "2 of 2 proven equal" in page


def test_other_levels_refuse_the_same_budget(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InfeasibleError, match="must fit 100 LUT"):
        hwgen.build(MODEL, budget=small, out=tmp_path / "out", verify="csim")
    assert not (tmp_path / "out").exists()


def test_parity_needs_no_board_at_all(tmp_path: Path) -> None:
    result = hwgen.build(MODEL, out=tmp_path / "out", inputs=DESIGN / "inputs.npz", verify="golden")
    assert result.ok and list(result.stages) == ["import", "lower", "verify", "report"]
    answer = result.to_json()
    assert answer["board"] is None and answer["warnings"] == [] and answer["accuracy"] > 0.96
    layers = answer["parity"]["layers"]
    assert len(layers) == answer["verify"]["golden"]["tensors"] == 3
    assert all(layer["teacher"]["max_lsb"] == layer["free"]["max_lsb"] == 0 for layer in layers)
    assert answer["parity"]["output_max_lsb"] == 0 and answer["parity"]["top1_agreement"] == 1.0


def test_a_plan_that_is_feasible_is_reported_and_not_built(tmp_path: Path) -> None:
    result = hwgen.build(MODEL, "zcu102", out=tmp_path / "out", verify="golden")
    assert list(result.stages) == ["import", "lower", "plan", "verify", "report"]
    assert result.report["cycles"]["ii_plan"] > 0 and result.report["cycles"]["ii_rtl"] is None
    assert not {"rtl", "hls", "sim", "Makefile"} & {path.name for path in result.out.iterdir()}
    assert hwgen.build(MODEL, "zcu102", out=tmp_path / "out", verify="golden").up_to_date


@pytest.mark.parametrize(
    "options, alone",
    [
        ({}, True),
        ({"last": "verify"}, True),
        ({"last": "hlsc"}, False),
        ({"last": "plan"}, False),
        ({"first": "hlsc"}, False),
        ({"synth": True}, False),
        ({"verify": "csim"}, False),
    ],
)
def test_who_asks_for_hardware_gets_it(options: dict[str, object], alone: bool) -> None:
    assert Request(MODEL, **{"verify": "golden", **options}).parity_only is alone  # type: ignore[arg-type]
