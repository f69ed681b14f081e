# SPDX-License-Identifier: Apache-2.0
"""`hwgen quantize`, and float models in `check` and `build`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwgen
from hwgen import cli
from hwgen.errors import ExitCode, UnsupportedError, UserError
from tests.quantize.nets import conv_net, frames


@pytest.fixture
def model(tmp_path: Path) -> Path:
    conv_net(tmp_path)
    return tmp_path / "conv_net.onnx"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, labels=np.zeros(24, int), **frames((1, 2, 8, 8)))
    return path


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    code = cli.run([*map(str, arguments), "--json"])
    return code, json.loads(capfd.readouterr().out)


def budget(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "budget.yaml"
    path.write_text(text)
    return path


def test_the_command_writes_a_file_that_builds(
    tmp_path: Path, model: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "q.onnx"
    code, said = run(
        capfd, "quantize", model, "--calib", data, "--eval", data, "--weights", 4, "--acts", 4, "--out", out
    )
    facts = said["quantize"]
    assert code == ExitCode.OK and out.is_file()
    assert (facts["calibration"], facts["frames"], facts["options"]["weights"]) == ("data.npz", 24, 4)
    assert facts["evaluation"]["output_sqnr_db"] == facts["output_sqnr_db"]
    assert facts["worst_layer"] in [layer["name"] for layer in facts["layers"]]
    code, said = run(capfd, "check", out)
    assert code == ExitCode.OK and said["inexact"] == []
    code, said = run(capfd, "quantize", out, "--calib", data, "--out", tmp_path / "again.onnx")
    assert code == ExitCode.USER and "quantised already" in said["errors"][0]["message"]
    assert not (tmp_path / "again.onnx").exists()


def test_the_table_names_the_worst_layer(
    tmp_path: Path, model: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["quantize", str(model), "--calib", str(data), "--out", str(tmp_path / "q.onnx")]) == ExitCode.OK
    said = capfd.readouterr()
    assert "SQNR dB" in said.out and "hurts most" in said.out and "the_c3" in said.out
    assert "WARNING" not in said.err


def test_random_calibration_is_said_aloud(tmp_path: Path, model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = cli.run(["quantize", str(model), "--out", str(tmp_path / "q.onnx"), "--json"])
    said = capfd.readouterr()
    assert code == ExitCode.OK and json.loads(said.out)["quantize"]["calibration"] == "random"
    assert "WARNING" in said.err and "--calib" in said.err


def test_a_float_model_is_told_what_to_do(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, said = run(capfd, "check", model)
    assert code == ExitCode.UNSUPPORTED and len(said["errors"]) == 1
    assert "hwgen quantize" in said["errors"][0]["hint"] and "--calib" in said["errors"][0]["hint"]


def test_check_quantises_in_passing(tmp_path: Path, model: Path, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, said = run(capfd, "check", model, "--calib", data)
    assert code == ExitCode.OK and said["operators"]["matvec"] >= 3
    assert sorted(tmp_path.rglob("*")) == before


def test_build_takes_bits_from_the_budget_and_reuses_the_quantised_model(
    tmp_path: Path, model: Path, data: Path
) -> None:
    text = "board: zcu102\nquantize: {weights: 4, acts: 4, layers: {the_c2: {weights: 6}}}\n"
    given: dict[str, Any] = {
        "budget": budget(tmp_path, text),
        "out": tmp_path / "out",
        "calib": data,
        "verify": "golden",
    }
    first = hwgen.build(model, **given)
    facts = first.report["quantize"]
    assert first.ok and [layer["weights"] for layer in facts["layers"]] == [8, 6, 4, 8]
    assert first.report["parity"]["max_lsb"] == 0
    assert (tmp_path / "out" / "models" / "quantized.onnx").is_file()
    assert hwgen.build(model, **given).up_to_date
    other = hwgen.build(model, **{**given, "inputs": data})
    assert other.stages["import"] == "reused" and other.stages["verify"] == "built" and other.ok
    np.savez(data, x=frames((1, 2, 8, 8), seed=8)["x"])
    assert hwgen.build(model, **given).stages["import"] == "built"


def test_build_without_data_is_random_and_repeats_for_another_seed(tmp_path: Path, model: Path) -> None:
    given: dict[str, Any] = {
        "budget": budget(tmp_path, "board: zcu102\nquantize: {}\n"),
        "out": tmp_path / "out",
        "last": "lower",
    }
    result = hwgen.build(model, **given)
    assert result.ok
    facts = json.loads((tmp_path / "out" / "report" / "quantize.json").read_text())
    assert facts["calibration"] == "random"
    assert hwgen.build(model, **given).up_to_date
    assert hwgen.build(model, seed=1, **given).stages["import"] == "built"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("quantize: {weight: 4}", "unknown key 'quantize.weight'", "weights"),
        ("quantize: {weights: 9}", "quantize.weights must be a whole number from 2 to 8, not 9", ""),
        ("quantize: {method: best}", "quantize.method must be adaptive or nearest, not 'best'", ""),
        ("quantize: {layers: {a: {bits: 4}}}", "unknown key 'quantize.layers.a.bits'", ""),
        ("quantize: 4", "quantize must be a mapping with keys among weights, acts", ""),
        ("quantize: {layers: [1]}", "quantize.layers must be a mapping", ""),
    ],
)
def test_bad_options_are_sentences(tmp_path: Path, model: Path, data: Path, text: str, message: str, hint: str) -> None:
    path = budget(tmp_path, f"board: zcu102\n{text}\n")
    with pytest.raises(UserError) as caught:
        hwgen.build(model, budget=path, calib=data, out=tmp_path / "out")
    assert message in str(caught.value) and hint in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_layer_that_is_not_there_names_the_nearest(tmp_path: Path, model: Path, data: Path) -> None:
    path = budget(tmp_path, "board: zcu102\nquantize: {layers: {the_c9: {acts: 4}}}\n")
    with pytest.raises(UserError, match=r"the_c9.*Did you mean"):
        hwgen.build(model, budget=path, calib=data, out=tmp_path / "out")


def test_calibration_data_must_fit(tmp_path: Path, model: Path) -> None:
    np.savez(tmp_path / "bad.npz", x=np.zeros((4, 3, 8, 8), np.float32))
    with pytest.raises(UserError, match="must have the shape"):
        hwgen.build(model, "zcu102", calib=tmp_path / "bad.npz", out=tmp_path / "out")
    with pytest.raises(UnsupportedError, match="hwgen quantize"):
        hwgen.build(model, "zcu102", out=tmp_path / "out")
