# SPDX-License-Identifier: Apache-2.0
"""The reference gives QONNX's own numbers for quantisers, and TensorFlow Lite's for the int8 models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto, helper

from hwgen.errors import UnsupportedError, UserError
from hwgen.frontend import load
from hwgen.frontend import reference as reference_module
from hwgen.frontend.reference import Reference

VALUES = m.f32(
    [
        -9.5,
        -8.0,
        -4.5,
        -3.5,
        -2.5,
        -1.75,
        -1.5,
        -1.25,
        -1.0,
        -0.5,
        -0.25,
        -0.0,
        0.0,
        0.25,
        0.5,
        0.75,
        1.0,
        1.5,
        2.5,
        3.4999998,
        3.5,
        7.5,
        99.0,
    ]
).reshape(1, -1)


def executed(model: onnx.ModelProto, feeds: dict[str, Any]) -> dict[str, Any]:
    """What QONNX's own executor says."""
    core = pytest.importorskip("qonnx.core.modelwrapper", reason="qonnx is not installed")
    execute = pytest.importorskip("qonnx.core.onnx_exec").execute_onnx
    shapes = pytest.importorskip("qonnx.transformation.infer_shapes")
    for node in model.graph.node:
        if node.domain:
            node.domain = "qonnx.custom_op.general"
    wrapped = core.ModelWrapper(model).transform(shapes.InferShapes())
    return execute(wrapped, feeds)


def same_as_qonnx(node: onnx.NodeProto, constants: dict[str, Any], x: Any, tmp_path: Path) -> None:
    model = m.make([node], {"x": list(x.shape)}, ["y"], constants)
    ours = Reference(load(m.save(model, tmp_path))).run({"x": x}, ["y"])["y"]
    theirs = executed(model, {"x": x})["y"]
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("mode", ["ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "floor"])
@pytest.mark.parametrize(
    ("signed", "narrow", "bits", "scale", "zero"),
    [
        (1, 0, 4, 1.0, 0.0),
        (1, 1, 4, 0.3, 0.0),
        (0, 0, 3, 0.25, 0.0),
        (0, 1, 3, 0.7, 2.0),
        (1, 0, 2.5, 1.0, 0.0),
        (1, 1, 8, 0.1, -3.0),
    ],
)
def test_quant_equals_qonnx(
    mode: str, signed: int, narrow: int, bits: float, scale: float, zero: float, tmp_path: Path
) -> None:
    node = m.quant("x", "y", ["s", "z", "b"], signed=signed, narrow=narrow, rounding_mode=mode)
    same_as_qonnx(node, {"s": m.f32(scale), "z": m.f32(zero), "b": m.f32(bits)}, VALUES, tmp_path)


def test_one_signed_bit_is_bipolar(tmp_path: Path) -> None:
    same_as_qonnx(m.quant("x", "y", ["s", "z", "b"]), {"s": m.f32(0.5), "z": m.f32(0), "b": m.f32(1)}, VALUES, tmp_path)


def test_channelwise_scale_equals_qonnx(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(0, 3, (1, 3, 4, 4)).astype(np.float32)
    scale = m.f32([0.1, 0.5, 0.03]).reshape(1, 3, 1, 1)
    node = m.quant("x", "y", ["s", "z", "b"], "IntQuant")
    model = m.make([node], {"x": [1, 3, 4, 4]}, ["y"], {"s": scale, "z": m.f32(0), "b": m.f32(5)})
    source = load(m.save(model, tmp_path))
    assert source.nodes[0].op == "Quant"
    np.testing.assert_array_equal(Reference(source).run({"x": x}, ["y"])["y"], executed(model, {"x": x})["y"])


def test_bipolar_quant_of_zero_is_plus_one(tmp_path: Path) -> None:
    same_as_qonnx(m.quant("x", "y", ["s"], "BipolarQuant"), {"s": m.f32(0.25)}, VALUES, tmp_path)
    model = m.make([m.quant("x", "y", ["s"], "BipolarQuant")], {"x": [1, 2]}, ["y"], {"s": m.f32(2)})
    source = load(m.save(model, tmp_path))
    assert Reference(source).run({"x": m.f32([[0.0, -0.0]])}, ["y"])["y"].tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL"])
def test_trunc_equals_qonnx(mode: str, tmp_path: Path) -> None:
    constants = {"s": m.f32(0.25), "z": m.f32(0), "i": m.f32(8), "o": m.f32(4)}
    same_as_qonnx(m.quant("x", "y", ["s", "z", "i", "o"], "Trunc", rounding_mode=mode), constants, VALUES, tmp_path)


def test_trunc_version_2_equals_qonnx(tmp_path: Path) -> None:
    trunc = pytest.importorskip("qonnx.custom_op.general.trunc")
    c = {"s": m.f32(0.25), "z": m.f32(4), "i": m.f32(8), "t": m.f32(1), "o": m.f32(4)}
    node = m.quant("x", "y", list(c), "Trunc", rounding_mode="FLOOR", signed=1, narrow=0)
    source = load(m.save(m.make([node], {"x": list(VALUES.shape)}, ["y"], c), tmp_path))
    theirs = trunc.trunc_v2(VALUES, c["s"], c["z"], c["i"], 0, 1, c["t"], c["o"], "FLOOR")
    np.testing.assert_array_equal(Reference(source).run({"x": VALUES}, ["y"])["y"], theirs)


@pytest.mark.parametrize("name", ["qonnx_tfc_1w1a", "qonnx_tfc_1w2a", "qonnx_tfc_2w2a"])
def test_tfc_equals_qonnx(shared: Path, name: str) -> None:
    path = shared / "models" / name / "model.onnx"
    images = np.load(shared / "data" / "mnist_test.npz")["x"][:3].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    source = load(path)
    ours = Reference(source).run({source.inputs[0]: images}, source.outputs)
    cleanup = pytest.importorskip("qonnx.util.cleanup", reason="qonnx is not installed").cleanup_model
    core = pytest.importorskip("qonnx.core.modelwrapper")
    execute = pytest.importorskip("qonnx.core.onnx_exec").execute_onnx
    model = onnx.load(path)
    for node in model.graph.node:
        node.domain = "qonnx.custom_op.general" if node.domain else ""
    model.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))
    theirs = cleanup(core.ModelWrapper(model))
    for index, image in enumerate(images):
        output = execute(theirs, {"global_in": image[None]})["global_out"]
        np.testing.assert_array_equal(ours[source.outputs[0]][index : index + 1], output)


@pytest.mark.parametrize(
    ("name", "top1"), [("qonnx_tfc_1w1a", 0.965), ("qonnx_tfc_1w2a", 0.955), ("qonnx_tfc_2w2a", 0.99)]
)
def test_tfc_accuracy_is_the_published_one(shared: Path, name: str, top1: float) -> None:
    data = np.load(shared / "data" / "mnist_test.npz")
    source = load(shared / "models" / name / "model.onnx")
    images = data["x"][:200].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    logits = Reference(source).run({source.inputs[0]: images}, source.outputs)[source.outputs[0]]
    assert float(np.mean(np.argmax(logits, axis=1) == data["y"][:200])) == pytest.approx(top1)


@pytest.mark.parametrize(
    "name", ["mlperf_ad_int8", "mlperf_dscnn_int8", "mlperf_resnet8_int8", "tflm_hello_world_int8"]
)
def test_int8_models_equal_tensorflow_lite(shared: Path, name: str) -> None:
    source = load(shared / "models" / name / "model.onnx")
    golden = np.load(shared / "models" / name / "golden_tflite.npz")
    output = Reference(source).run({source.inputs[0]: golden["in_0"]}, source.outputs)[source.outputs[0]]
    assert output.dtype == np.int8
    np.testing.assert_array_equal(output, golden["out_0"])


@pytest.mark.parametrize("name", ["w1_jets", "w2_digits", "w3_can", "w4_mv64_int4", "w4_mv64_int8"])
def test_workloads_equal_their_integers(shared: Path, name: str) -> None:
    source = load(shared / "workloads" / f"{name}_qonnx.onnx")
    data = np.load(shared / "workloads" / f"{name}.npz")
    x = data["X"][:64].astype(np.float32)
    x = x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
    real = Reference(source).run({"inp": x}, ["out"])["out"]
    scale = float(np.max(np.abs(real)) / np.max(np.abs(data["Y"][:64])))
    assert scale == 2.0 ** round(np.log2(scale))
    np.testing.assert_array_equal(real, data["Y"][:64] * scale)


def test_any_tensor_and_any_part_can_be_asked_for(tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "a"), m.node("Mul", ["a", "c"], "b"), m.node("Add", ["b", "a"], "y")]
    source = load(m.save(m.make(nodes, {"x": ["N", 2]}, ["y"], {"c": m.f32([2, 3])}), tmp_path))
    reference = Reference(source)
    x = m.f32([[1, -1], [2, 3]])
    got = reference.run({"x": x}, ["x", "a", "b", "y"])
    assert got["x"].tolist() == x.tolist()
    assert got["b"].tolist() == [[2, 0], [4, 9]]
    assert got["y"].tolist() == [[3, 0], [6, 12]]
    assert reference.continue_from({"b": x, "a": x}, ["y"])["y"].tolist() == [[2, -2], [4, 6]]


def test_the_extracted_part_is_a_valid_model(tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "a"), m.node("Softmax", ["a"], "y", axis=1)]
    reference = Reference(load(m.save(m.make(nodes, {"x": [1, 4]}, ["y"]), tmp_path)))
    part = reference.part(["a"], ["y"], "post")
    onnx.checker.check_model(part, full_check=True)
    assert [port.name for port in part.graph.input] == ["a"]
    assert part.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT


def test_an_operator_that_onnxruntime_lacks(tmp_path: Path) -> None:
    node = m.node("BitShift", ["x", "c"], "y", direction="LEFT")
    kind = TensorProto.UINT16
    model = m.make([node], {"x": [1, 2]}, ["y"], {"c": np.ones(2, np.uint16)}, kind=kind, out_kind=kind)
    reference = Reference(load(m.save(model, tmp_path)))
    with pytest.raises(UnsupportedError, match=r"onnxruntime cannot run the model: .*BitShift"):
        reference.run({"x": np.ones((1, 2), np.uint16)}, ["y"])


def test_weights_of_four_bits_and_clipped_weights(tmp_path: Path) -> None:
    """QCDQ: a Clip between QuantizeLinear and DequantizeLinear narrows eight bits to four."""
    nodes = [
        m.node("QuantizeLinear", ["w", "s", "z"], "wq"),
        m.node("Clip", ["wq", "lo", "hi"], "wc"),
        m.node("DequantizeLinear", ["wc", "s", "z"], "wd"),
        m.node("MatMul", ["x", "wd"], "y"),
    ]
    constants = {
        "w": m.f32([[9.0, -9.0], [0.5, 1.0]]), "s": m.f32(0.5), "z": np.int8(0), "lo": np.int8(-8), "hi": np.int8(7)
    }  # fmt: skip
    source = load(m.save(m.make(nodes, {"x": [1, 2]}, ["y"], constants), tmp_path))
    assert source.constants["wc"].tolist() == [[7, -8], [1, 2]]
    assert Reference(source).run({"x": m.f32([[1, 2]])}, ["y"])["y"].tolist() == [[4.5, -2.0]]


def test_a_crash_of_onnxruntime_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = load(m.save(m.make([m.node("Relu", ["x"], "y")], {"x": [1, 3]}, ["y"]), tmp_path))
    reference = Reference(model)
    feeds = {"x": m.f32([[1, -2, 3], [-4, 5, -6]])}
    monkeypatch.setattr(reference_module, "MAX_BYTES", 1)
    assert reference.run(feeds, ["y"])["y"].tolist() == [[1, 0, 3], [0, 5, 0]]
    monkeypatch.setattr(reference_module, "session", lambda data: os.abort())
    with pytest.raises(UserError, match=r"Running .* in onnxruntime crashes an ONNX library \(SIGABRT\)"):
        reference.run(feeds, ["y"])

    def hungry(data: bytes) -> None:
        np.zeros(1 << 50, np.uint8)

    monkeypatch.setattr(reference_module, "session", hungry)
    with pytest.raises(UnsupportedError, match="onnxruntime cannot run the model: "):
        reference.run(feeds, ["y"])
