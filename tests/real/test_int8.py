# SPDX-License-Identifier: Apache-2.0
"""TFLite's int8 networks as QDQ: at most one LSB from onnxruntime, the count of inexact elements told, RTL equal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hwgen import cli
from hwgen.request import BuildResult

from .harness import build, require

FRAMES = 2
# LUT limits where the board has room for a design that takes minutes to compile.
NETWORKS = {"mlperf_ad_int8": 10_000, "mlperf_dscnn_int8": 16_000, "tflm_hello_world_int8": None}


@pytest.mark.parametrize("name, lut", NETWORKS.items())
def test_whole_network(shared: Path, tmp_path: Path, name: str, lut: int | None) -> None:
    result = build(tmp_path, shared / "models" / name / "model.onnx", lut=lut, frames=FRAMES)
    require(result, FRAMES, max_lsb=1)
    require_proofs(result)


def test_resnet8_whole_network_with_its_residuals(shared: Path, tmp_path: Path) -> None:
    """One frame; it is played twice, so that the II is measured."""
    model = shared / "models" / "mlperf_resnet8_int8" / "model.onnx"
    result = build(tmp_path, model, lut=32_000, frames=1)
    require(result, 1, max_lsb=1)
    require_proofs(result)
    operators = [layer["op"] for layer in result.report["layers"]]
    assert operators.count("add") == 3 and operators.count("fork") >= 3


def require_proofs(result: BuildResult) -> None:
    """Require that every requantisation is proven equal to the model's own, or says where it differs."""
    proofs = result.report["requantisations"]
    assert proofs
    for proof in proofs:
        assert proof["exact"] == (proof["differing"] == 0), proof


def test_the_count_of_inexact_elements_is_printed(
    shared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = shared / "models" / "tflm_hello_world_int8" / "model.onnx"
    arguments = ["build", str(model), "--board", "zcu102", "--out", str(tmp_path / "out"), "--verify", "golden"]
    assert cli.run([*arguments, "--json"]) == 0
    printed = capfd.readouterr()
    counts = re.search(r"(\d+) of (\d+) elements inexact, at most (\d+) LSB", printed.err)
    assert counts is not None
    parity = json.loads(printed.out)["parity"]
    assert [int(n) for n in counts.groups()] == [parity["inexact"], parity["elements"], parity["max_lsb"]]
