# SPDX-License-Identifier: Apache-2.0
"""One small network, written as each opset from 9 to 23 wants it, computes after import what it did before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto

from hwgen.frontend import load
from hwgen.frontend.reference import Reference, run_once

OPSETS = range(9, 24)


class Written:
    """Nodes and constants of a network, with what changed between opsets as attribute or as input."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Any] = {}

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attrs: Any) -> str:
        made = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(m.node(op, inputs, made, **attrs))
        return made[0]

    def changed(self, op: str, x: str, since: int, values: dict[str, Any], dtype: Any, **attrs: Any) -> str:
        """Add a node whose `values` are attributes before opset `since` and inputs from there on."""
        if self.opset < since:
            return self.node(op, x, **values, **attrs)
        return self.node(op, x, *(self.const(value, dtype) for value in values.values()), **attrs)


def network(opset: int) -> onnx.ModelProto:
    w, rng = Written(opset), np.random.default_rng(opset)
    x = w.changed("Pad", "x", 11, {"pads": [0, 0, 1, 1, 0, 0, 1, 1]}, np.int64, mode="constant")
    x = w.node("Conv", x, w.const(rng.normal(size=(4, 3, 3, 3))), w.const(rng.normal(size=4)))
    norm = [w.const(rng.uniform(0.5, 1.5, 4)) for _ in range(4)]
    x = w.node("BatchNormalization", x, *norm, epsilon=1e-3)
    x = w.changed("Clip", x, 11, {"min": 0.0, "max": 6.0}, np.float32)
    x = w.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    if opset >= 18:
        halves = w.node("Split", x, outputs=2, axis=1, num_outputs=2)
    else:
        halves = w.changed("Split", x, 13, {"split": [2, 2]}, np.int64, axis=1)
        w.nodes[-1].output.append(f"t{len(w.nodes) - 1}_1")
    x = w.node("Sub", halves, halves.replace("_0", "_1"))
    x = resize(w, x)
    x = w.changed("ReduceMean", x, 18, {"axes": [2, 3]}, np.int64, keepdims=1)
    x = w.changed("Squeeze", x, 13, {"axes": [2, 3]}, np.int64)
    x = w.node("Dropout", x, **({"ratio": 0.25} if opset < 12 else {}))
    x = w.changed("Unsqueeze", x, 13, {"axes": [1]}, np.int64)
    x = w.node("Flatten", x)
    x = w.node("Gemm", x, w.const(rng.normal(size=(2, 5))), w.const(rng.normal(size=5)))
    w.node("Softmax", x, axis=1)
    end = w.nodes[-1].output[0]
    return m.make(w.nodes, {"x": [1, 3, 6, 6]}, [end], w.constants, opset=opset)


def resize(w: Written, x: str) -> str:
    scales = w.const([1, 1, 2, 2])
    if w.opset < 10:
        return w.node("Upsample", x, scales, mode="nearest")
    if w.opset < 11:
        return w.node("Resize", x, scales, mode="nearest")
    modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return w.node("Resize", x, "" if w.opset >= 13 else w.const([]), scales, mode="nearest", **modes)


@pytest.mark.parametrize("opset", OPSETS)
def test_import_keeps_what_the_network_computes(opset: int, tmp_path: Path) -> None:
    written = network(opset)
    x = np.random.default_rng(0).normal(size=(4, 3, 6, 6)).astype(np.float32)
    (end,) = (output.name for output in written.graph.output)
    wanted = [run_once(written.SerializeToString(), {"x": frame[np.newaxis]}, [end])[end] for frame in x]
    model = load(m.save(written, tmp_path))
    assert model.opset == max(opset, 13)
    assert onnx.load_model_from_string(model.serialized).ir_version == (11 if opset >= 23 else 10)
    np.testing.assert_allclose(Reference(model).run({"x": x}, [end])[end], np.concatenate(wanted), rtol=1e-6)


@pytest.mark.parametrize(("kind", "low", "high"), [("INT4", -8, 7), ("UINT4", 0, 15)])
@pytest.mark.parametrize("opset", [21, 22, 23])
def test_four_bit_weights(kind: str, low: int, high: int, opset: int, tmp_path: Path) -> None:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind))
    weights = np.array([[low, high], [1, 2]]).astype(dtype)
    nodes = [m.node("DequantizeLinear", ["w", "s", "z"], "d"), m.node("MatMul", ["x", "d"], "y")]
    constants = {"w": weights, "s": m.f32(0.5), "z": np.array(3 if low == 0 else 0).astype(dtype)}
    model = load(m.save(m.make(nodes, {"x": [1, 2]}, ["y"], constants, opset=opset), tmp_path))
    assert model.constants["w"].astype(int).tolist() == [[low, high], [1, 2]]
    zero = 3 if low == 0 else 0
    found = Reference(model).run({"x": m.f32([[1, 10]])}, ["y"])["y"]
    assert found.tolist() == [[0.5 * (low + 10 - 11 * zero), 0.5 * (high + 20 - 11 * zero)]]
