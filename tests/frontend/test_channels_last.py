# SPDX-License-Identifier: Apache-2.0
"""Models of TensorFlow and Keras: channels last, with Transposes around what ONNX wants channels first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest

from hwgen.frontend import load
from hwgen.frontend.reference import Reference, run_once
from hwgen.graph.source import SourceModel

RNG = np.random.default_rng(2)
FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def weights(*shape: int) -> Any:
    return m.f32(RNG.normal(size=shape))


class Keras:
    """Writes layers as tf2onnx does without its optimiser: every convolution between two Transposes."""

    def __init__(self, opset: int = 15) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Any] = {}
        self.opset = opset

    def const(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attrs: Any) -> str:
        made = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(m.node(op, inputs, made, **attrs))
        return made[0]

    def conv(self, x: str, inputs: int, outputs: int) -> str:
        x = self.node("Transpose", x, perm=FIRST)
        x = self.node("Conv", x, self.const(weights(outputs, inputs, 3, 3)), pads=[1, 1, 1, 1])
        return self.node("Add", self.node("Transpose", x, perm=LAST), self.const(weights(outputs)))

    def kept(self, tmp_path: Path, end: str, shape: tuple[int, ...] = (6, 6, 2)) -> SourceModel:
        written = m.make(self.nodes, {"x": ["batch", *shape]}, [end], self.constants, opset=self.opset)
        model = load(m.save(written, tmp_path))
        x = RNG.normal(size=(3, *shape)).astype(np.float32)
        wanted = [run_once(written.SerializeToString(), {"x": frame[np.newaxis]}, [end])[end] for frame in x]
        found = Reference(model).run({"x": x}, [end])[end]
        np.testing.assert_allclose(found, np.concatenate(wanted), rtol=1e-5, atol=1e-5)
        return model


def ops(model: SourceModel) -> list[str]:
    return [node.op for node in model.nodes]


@pytest.mark.parametrize("opset", [13, 18])
def test_a_classifier_keeps_one_transpose(opset: int, tmp_path: Path) -> None:
    k = Keras(opset)
    x = k.node("Relu", k.conv("x", 2, 4))
    shortcut = x
    norm = [k.const(np.abs(weights(4))) for _ in range(4)]
    x = k.node("Transpose", k.conv(x, 4, 4), perm=FIRST)
    x = k.node("Transpose", k.node("BatchNormalization", x, *norm), perm=LAST)
    x = k.node("LeakyRelu", k.node("Add", x, shortcut), alpha=0.125)
    pooled = k.node("ReduceMean", x, keepdims=0, axes=[1, 2]) if opset < 18 else ""
    x = pooled or k.node("ReduceMean", x, k.const([1, 2]), keepdims=0)
    y = k.node("Add", k.node("MatMul", x, k.const(weights(4, 3))), k.const(weights(3)))
    model = k.kept(tmp_path, y)
    assert ops(model).count("Transpose") == 1 and ops(model)[0] == "Transpose"
    assert ops(model)[-3:] == ["ReduceMean", "MatMul", "Add"]


def test_operators_that_name_axes(tmp_path: Path) -> None:
    k = Keras()
    a, b = k.conv("x", 2, 3), k.conv("x", 2, 2)
    x = k.node("Concat", a, b, axis=3)
    x = k.node("Pad", x, k.const([0, 1, 2, 0, 0, 0, 1, 0]), mode="constant")
    x = k.node("Slice", x, k.const([0, 1]), k.const([4, 5]), k.const([1, -1]))
    x = k.node("Resize", x, "", k.const(m.f32([1, 2, 3, 1])), mode="nearest", nearest_mode="floor",
               coordinate_transformation_mode="asymmetric")  # fmt: skip
    x = k.node("Split", x, k.const([2, 2]), axis=-1, outputs=2)
    x = k.node("Mul", x, x.replace("_0", "_1"))
    x = k.node("Softmax", x, axis=-1)
    y = k.node("Flatten", k.node("Transpose", k.conv(x, 2, 1), perm=FIRST))
    assert ops(k.kept(tmp_path, y)).count("Transpose") == 1


def test_quantised_layers(tmp_path: Path) -> None:
    """Per-axis parameters keep their values and get a new axis."""
    k = Keras()
    scales, zeros = k.const(m.f32([0.5, 0.25, 1.0])), k.const(np.zeros(3, np.int8))
    x = k.node("QuantizeLinear", k.conv("x", 2, 3), scales, zeros, axis=3)
    x = k.node("DequantizeLinear", x, scales, zeros, axis=3)
    model = k.kept(tmp_path, k.node("Flatten", k.node("Transpose", k.conv(x, 3, 2), perm=FIRST)))
    assert ops(model).count("Transpose") == 1
    assert {node.attrs["axis"] for node in model.nodes if node.op == "QuantizeLinear"} == {1}


def test_one_dimension(tmp_path: Path) -> None:
    k = Keras()
    x = k.node("Transpose", "x", perm=[0, 2, 1])
    x = k.node("Conv", x, k.const(weights(4, 2, 3)))
    x = k.node("Relu", k.node("Add", k.node("Transpose", x, perm=[0, 2, 1]), k.const(weights(4))))
    x = k.node("Conv", k.node("Transpose", x, perm=[0, 2, 1]), k.const(weights(2, 4, 3)))
    model = k.kept(tmp_path, k.node("GlobalAveragePool", x), (9, 2))
    assert ops(model) == ["Transpose", "Conv", "Add", "Relu", "Conv", "GlobalAveragePool"]


def test_an_input_that_is_worked_on_before_it_is_turned(tmp_path: Path) -> None:
    k = Keras()
    x = k.node("Pad", k.node("Sub", "x", k.const(m.f32([0.5, 0.25]))), k.const([0, 1, 1, 0, 0, 1, 1, 0]))
    model = k.kept(tmp_path, k.node("Transpose", k.conv(x, 2, 3), perm=FIRST))
    assert ops(model) == ["Transpose", "Sub", "Pad", "Conv", "Add"]


def test_an_output_that_has_its_channels_last_keeps_its_name_and_shape(tmp_path: Path) -> None:
    k = Keras()
    y = k.node("Relu", k.conv("x", 2, 3))
    model = k.kept(tmp_path, y)
    assert ops(model) == ["Transpose", "Conv", "Add", "Relu", "Transpose"]
    assert model.outputs == (y,) and model.shapes[y] == (1, 6, 6, 3)


def test_transposes_of_attention_are_left_alone(tmp_path: Path) -> None:
    nodes = [
        m.node("Transpose", ["x"], "t", perm=LAST),
        m.node("Mul", ["t", "c"], "scaled"),
        m.node("Transpose", ["scaled"], "y", perm=FIRST),
    ]
    model = load(m.save(m.make(nodes, {"x": [1, 2, 3, 4]}, ["y"], {"c": m.f32(2)}), tmp_path))
    assert ops(model) == ["Transpose", "Mul", "Transpose"]
