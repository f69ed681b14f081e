# SPDX-License-Identifier: Apache-2.0
"""A real float network, quantised to 4 bits inside the build, whole in RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .harness import build, require


def test_anomaly_detection_at_four_bits(shared: Path, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(-4, 3, (130, 640)).astype(np.float32)
    np.savez(tmp_path / "calib.npz", input_1=frames[:128])
    np.savez(tmp_path / "inputs.npz", input_1=frames[128:])
    budget = tmp_path / "budget.yaml"
    budget.write_text("board: zcu102\nlimits: {lut: 12000}\nquantize: {weights: 4, acts: 4}\n")
    model = shared / "models" / "mlperf_ad_fp32" / "model.onnx"
    files = {"budget": budget, "inputs": tmp_path / "inputs.npz", "calib": tmp_path / "calib.npz"}
    result = build(tmp_path, model, frames=2, **files)
    require(result, 2, max_lsb=1)
    found = result.report["quantize"]
    assert found["calibration"] == "calib.npz" and found["output_sqnr_db"] > 25
    widths = {(layer["weights"], layer["acts"]) for layer in found["layers"][1:-1]}
    assert len(found["layers"]) == 10 and widths == {(4, 4)}
