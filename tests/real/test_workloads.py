# SPDX-License-Identifier: Apache-2.0
"""The workloads with exact integers: golden and RTL give the recorded outputs on every recorded vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .harness import build, ports, require

MIN_RTL_VECTORS = 64
# LUT limits where the board has room for a design that takes minutes to compile: w3 would take 144,000 LUT of a zcu102.
BUDGETS = {"w1_jets": 12_000, "w2_digits": 10_000, "w3_can": 12_000, "w4_mv64_int4": 8_000, "w4_mv64_int8": 16_000}


INPUTS = {"w1_jets": "int6", "w2_digits": "uint4", "w3_can": "uint1", "w4_mv64_int4": "int4", "w4_mv64_int8": "int8"}


@pytest.mark.parametrize("dialect", ["qonnx", "int"])
@pytest.mark.parametrize("name, lut", BUDGETS.items())
def test_every_recorded_vector(shared: Path, tmp_path: Path, name: str, lut: int, dialect: str) -> None:
    """The file with QONNX quantisers, and the one with plain Floor and Clip whose input has to be declared."""
    data = np.load(shared / "workloads" / f"{name}.npz")
    inputs, outputs = data["X"], data["Y"]
    if inputs.ndim == 4:
        inputs = inputs.transpose(0, 3, 1, 2)  # recorded NHWC; the network takes NCHW
    model = shared / "workloads" / f"{name}_{dialect}.onnx"
    types = {"inp": INPUTS[name]} if dialect == "int" else None
    result = build(tmp_path, model, lut=lut, arrays={"inp": inputs.astype(np.float32)}, input_types=types)
    require(result, len(inputs))
    assert len(inputs) >= MIN_RTL_VECTORS
    np.testing.assert_array_equal(ports(result, "in").reshape(inputs.shape), inputs)
    np.testing.assert_array_equal(ports(result, "out").reshape(outputs.shape), outputs)
    assert result.report["parity"]["free_max_lsb"] == 0
