# SPDX-License-Identifier: Apache-2.0
"""A float network of modern activation functions and a gate: quantised after training, built down to RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import hwgen
from hwgen.config import Quantize
from hwgen.graph.source import SourceModel
from hwgen.quantize import quantise
from tests.quantize.nets import frames, load, node


def mobile_block(tmp_path: Path) -> SourceModel:
    """Return Conv, HardSwish, a squeeze-and-excite gate, Conv, PRelu, Conv, SiLU, Gelu in parts, pool."""
    r = np.random.default_rng(2)
    constants = {
        "w1": r.normal(size=(4, 2, 3, 3)), "w2": r.normal(size=(2, 4, 1, 1)), "w3": r.normal(size=(4, 2, 1, 1)),
        "w4": r.normal(size=(4, 4, 1, 1)), "slope": r.uniform(0.05, 0.4, (4, 1, 1)), "w5": r.normal(size=(4, 4, 1, 1)),
        "root": np.sqrt(2), "one": 1.0, "half": 0.5,
    }  # fmt: skip
    nodes = [
        node("Conv", "x w1", "c1", pads=(1, 1, 1, 1)), node("HardSwish", "c1", "h1"),
        node("GlobalAveragePool", "h1", "mean"), node("Conv", "mean w2", "c2"), node("Relu", "c2", "r2"),
        node("Conv", "r2 w3", "c3"), node("HardSigmoid", "c3", "gate", alpha=1 / 6), node("Mul", "h1 gate", "m"),
        node("Conv", "m w4", "c4"), node("PRelu", "c4 slope", "p4"), node("Conv", "p4 w5", "c5"),
        node("Sigmoid", "c5", "s5"), node("Mul", "c5 s5", "silu"), node("Div", "silu root", "d"),
        node("Erf", "d", "e"), node("Add", "e one", "a"), node("Mul", "silu a", "g"), node("Mul", "g half", "gelu"),
        node("GlobalAveragePool", "gelu", "y"),
    ]  # fmt: skip
    return load(tmp_path / "net.onnx", nodes, constants, x=(1, 2, 4, 4))


def test_activation_functions_become_tables_and_gates_products(tmp_path: Path) -> None:
    model, feeds = mobile_block(tmp_path), frames((1, 2, 4, 4), 40)
    result = quantise(model, feeds, Quantize(weights=8, acts=8))
    assert (result.calibration.sqnr_db or 0) > 25
    path = tmp_path / "quantised.onnx"
    path.write_bytes(result.onnx)
    np.savez(tmp_path / "x.npz", x=feeds["x"][:9])
    built = hwgen.build(path, "zcu102", inputs=tmp_path / "x.npz", out=tmp_path / "out")
    used = [layer["op"] for layer in built.report["layers"]]
    assert (used.count("table"), used.count("multiply")) == (4, 1)
    assert built.ok and built.report["parity"]["max_lsb"] <= 1
    assert [built.report["verify"][rung]["mismatches"] for rung in ("csim", "rtl")] == [0, 0]
    assert built.report["cycles"]["ii_rtl"] == built.report["cycles"]["ii_plan"]


def test_class_tokens_and_extremes(tmp_path: Path) -> None:
    r = np.random.default_rng(4)
    constants = {
        "class": r.normal(size=(1, 1, 6)), "place": r.normal(size=(1, 4, 6)) / 4,
        **{name: r.normal(size=(6, 6)) for name in ("w1", "w2", "w3", "w4")},
    }  # fmt: skip
    nodes = [
        node("MatMul", "x w1", "t"), node("Concat", "class t", "c", axis=1), node("Add", "c place", "p"),
        node("MatMul", "p w2", "a"), node("MatMul", "p w3", "b"), node("Max", "a b", "m"), node("MatMul", "m w4", "y"),
    ]  # fmt: skip
    model, feeds = load(tmp_path / "net.onnx", nodes, constants, x=(1, 3, 6)), frames((1, 3, 6), 40)
    result = quantise(model, feeds, Quantize(weights=8, acts=8))
    assert (result.calibration.sqnr_db or 0) > 25
    path = tmp_path / "quantised.onnx"
    path.write_bytes(result.onnx)
    np.savez(tmp_path / "x.npz", x=feeds["x"][:9])
    built = hwgen.build(path, inputs=tmp_path / "x.npz", out=tmp_path / "out", verify="golden")
    assert built.ok and built.report["parity"]["max_lsb"] <= 1
