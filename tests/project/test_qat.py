# SPDX-License-Identifier: Apache-2.0
"""Retraining: two epochs of each design, exported and imported again. `make test-qat` runs this; it needs torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwgen.frontend import load

DESIGNS = Path(__file__).resolve().parents[2] / "designs"


@pytest.mark.qat
@pytest.mark.parametrize(("design", "least"), [("digits-cnn", 0.85), ("digits-mlp", 0.5)])
def test_a_design_can_be_made_again(design: str, least: float, tmp_path: Path) -> None:
    pytest.importorskip("brevitas", reason="the qat extra is not installed: make test-qat")
    command = [sys.executable, str(DESIGNS / design / "train.py"), "--epochs", "3", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > least
    model, committed = load(tmp_path / "model.onnx"), load(DESIGNS / design / "model.onnx")
    assert [n.op for n in model.nodes] == [n.op for n in committed.nodes]
    assert model.shapes == committed.shapes
    with np.load(tmp_path / "inputs.npz") as new, np.load(DESIGNS / design / "inputs.npz") as old:
        for name in ("pixels", "labels"):
            np.testing.assert_array_equal(new[name], old[name])
