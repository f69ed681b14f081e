# SPDX-License-Identifier: Apache-2.0
"""The project's own designs on a Xilinx and on a Lattice board: 50 images in RTL, all test images in integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.verify.scenarios import SCENARIOS

from .harness import build, require

DESIGNS = Path(__file__).resolve().parents[2] / "designs"
FRAMES = 50


@pytest.mark.parametrize("board", ["zcu102", "ulx3s"])
@pytest.mark.parametrize("name, accuracy", [("digits-cnn", 0.96), ("digits-mlp", 0.96)])
def test_design_on_board(tmp_path: Path, name: str, accuracy: float, board: str) -> None:
    design = DESIGNS / name
    files = {"budget": design / "budget.yaml", "inputs": design / "inputs.npz"}
    result = build(tmp_path, design / "model.onnx", board=board, frames=FRAMES, **files)
    require(result, FRAMES, board=board)
    assert len(np.load(files["inputs"])["labels"]) == 450
    assert result.report["accuracy"] > accuracy
    assert result.report["verify"]["rtl"]["runs"] % len(SCENARIOS) == 1  # the run of all frames beside the scenarios
