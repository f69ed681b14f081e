# SPDX-License-Identifier: Apache-2.0
"""The TFC networks of 1 and 2 bits on MNIST: RTL on images, and the accuracy that the model itself has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .harness import build, require

ACCURACY_FRAMES = 200
RTL_FRAMES = 20


@pytest.mark.parametrize("name", ["qonnx_tfc_1w1a", "qonnx_tfc_1w2a", "qonnx_tfc_2w2a"])
def test_images_in_rtl_and_accuracy_in_integers(shared: Path, tmp_path: Path, name: str) -> None:
    folder = shared / "models" / name
    data = np.load(shared / "data" / "mnist_test.npz")
    images = data["x"][:ACCURACY_FRAMES].reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255)
    labels = data["y"][:ACCURACY_FRAMES].astype(np.int64)
    arrays = {"0": images, "labels": labels}
    result = build(tmp_path, folder / "model.onnx", lut=10_000, arrays=arrays, frames=RTL_FRAMES)
    require(result, RTL_FRAMES)
    measured = json.loads((folder / "meta.json").read_text())["measured_accuracy"]["mnist_test first 200"]
    assert measured["note"] == "x/255"
    assert result.report["accuracy"] == pytest.approx(measured["top1"], abs=1e-9)
    assert result.report["parity"]["top1_agreement"] == 1.0
