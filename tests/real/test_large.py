# SPDX-License-Identifier: Apache-2.0
"""Networks that are too large to simulate in a test, on smaller frames: every kind of layer of theirs in RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .harness import build, require
from .small_frames import on_small_frames


def test_super_resolution_whole(shared: Path, tmp_path: Path) -> None:
    model = on_small_frames(shared / "models" / "qonnx_espcn_quant" / "model.onnx", 16, 16, tmp_path / "espcn.onnx")
    result = build(tmp_path, model, lut=20_000, frames=1, input_types={"x.7": "uint8"})
    require(result, 1)


def test_a_float_face_detector_by_layers(shared: Path, tmp_path: Path) -> None:
    """Quantised to 8 bits; a depthwise layer, a Softmax of two classes and the join of four branches at an output."""
    model = on_small_frames(shared / "models" / "ultraface_slim320" / "model.onnx", 48, 64, tmp_path / "faces.onnx")
    frames = np.random.default_rng(0).uniform(-1, 1, (8, 3, 48, 64)).astype(np.float32)
    np.savez(tmp_path / "calib.npz", input=frames)
    layers = ("conv_3", "conv_198_thresholds", "concat_213")
    options = {"verify": "layers", "layers": layers, "calib": tmp_path / "calib.npz"}
    result = build(tmp_path, model, arrays={"input": frames[:1]}, lut=80_000, frames=1, **options)
    verify, parity = result.report["verify"], result.report["parity"]
    assert result.ok and tuple(verify["layers"]["names"]) == layers and verify["layers"]["processes"] > 100
    assert [verify[rung]["mismatches"] for rung in ("golden", "csim", "layers")] == [0, 0, 0]
    assert parity["max_lsb"] <= 1 and parity["exact_fraction"] > 0.999
    assert len(result.report["ports"]) == 3
