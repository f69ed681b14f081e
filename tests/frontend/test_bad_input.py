# SPDX-License-Identifier: Apache-2.0
"""Every bad file gets a clear sentence and the right kind of error; everything wrong is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto

from hwgen.errors import HwgenError, UnsupportedError, UserError
from hwgen.frontend import load


def message(path: Path, kind: type[HwgenError] = UserError) -> str:
    with pytest.raises(kind) as caught:
        load(path)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert all(line.rstrip().endswith((".", "?")) for line in text.splitlines()), text
    assert "Traceback" not in text
    return text


def of(tmp_path: Path, *args: Any, kind: type[HwgenError] = UserError, **kwargs: Any) -> str:
    return message(m.save(m.make(*args, **kwargs), tmp_path), kind)


def relu(**kwargs: Any) -> onnx.ModelProto:
    return m.make([m.node("Relu", ["x"], "y")], {"x": [1, 2]}, ["y"], **kwargs)


def test_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    assert "does not exist. Check the path." in message(tmp_path / "no.onnx")
    m.save(relu(), tmp_path, "yes.onnx")
    assert "In that folder: yes.onnx." in message(tmp_path / "no.onnx")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder. Give the path of an .onnx file." in message(tmp_path)
    m.save(relu(), tmp_path)
    assert f"Did you mean {tmp_path}/net.onnx?" in message(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.write_bytes(b"")
    assert "is empty (0 bytes)" in message(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x1c\x00\x00\x00TFL3" + bytes(50), "a TensorFlow Lite model. Convert it with tf2onnx"),
        (b"PK\x03\x04" + bytes(50), "a zip archive"),
        (b"\x89HDF\r\n" + bytes(50), "a Keras HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"hello, world", "is not an ONNX file, or it is truncated or damaged (12 bytes do not parse)."),
        (bytes(range(256)) * 8, "is not an ONNX file"),
    ],
)
def test_other_files_are_recognised(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    assert what in message(path)


def test_truncated_file(shared: Path, tmp_path: Path) -> None:
    data = (shared / "models" / "tflm_hello_world_int8" / "model.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(data[: len(data) // 2])
    assert "is not an ONNX file, or it is truncated or damaged" in message(path)


def test_empty_graph(tmp_path: Path) -> None:
    text = of(tmp_path, [], {"x": [1, 2]}, [])
    assert "holds an empty graph: it has no nodes." in text
    assert "it has no outputs." in text


@pytest.mark.parametrize("opset", [7, 8, 24, 25])
def test_opset_out_of_range(opset: int, tmp_path: Path) -> None:
    text = message(m.save(relu(opset=opset), tmp_path), UnsupportedError)
    assert f"The model's opset must be 9 to 23, not {opset}." in text


def test_all_unknown_operators_are_listed(tmp_path: Path) -> None:
    nodes = [
        m.node("QAttention", ["x", "x"], "a", "first", domain="com.microsoft"),
        m.node("Wobble", ["a"], "b", "second"),
        m.node("MultiThreshold", ["b", "b"], "y", "third", domain="qonnx.custom_op.general"),
    ]
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y"], kind=UnsupportedError)
    assert "Operator QAttention of domain com.microsoft is not supported (node first)." in text
    assert "Operator Wobble is not an ONNX operator of opset 13 (node second)." in text
    assert "Operator MultiThreshold of domain qonnx.custom_op.general is not supported (node third)." in text
    assert "hwgen reads BipolarQuant, IntQuant, Quant, Trunc." in text


def test_unsupported_standard_operators_are_listed_with_the_unknown_ones(tmp_path: Path) -> None:
    """Einsum and CumSum would be refused by lowering; Gather of a shape is folded, so it is no problem."""
    nodes = [
        m.node("QAttention", ["x", "x"], "a", "first", domain="com.microsoft"),
        m.node("CumSum", ["a"], "b", "second"),
        m.node("Shape", ["b"], "shape", "third"),
        m.node("Gather", ["shape", "zero"], "n", "fourth"),
        m.node("Einsum", ["b"], "y", "fifth", equation="ij->ij"),
    ]
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y", "n"], {"zero": np.asarray([0])}, kind=UnsupportedError)
    assert "Operator QAttention of domain com.microsoft is not supported (node first)." in text
    assert "Operator CumSum is not supported (node second)." in text
    assert "Operator Einsum is not supported (node fifth)." in text
    assert "third" not in text and "fourth" not in text


def test_fixed_batch_and_dynamic_axes_are_told_together(tmp_path: Path) -> None:
    node = m.node("Concat", ["x", "z", "v"], "y", axis=0)
    text = of(tmp_path, [node], {"x": [8, 2], "z": ["n", "length"], "v": ["n", None]}, ["y"])
    assert "The batch (axis 0) of model input x must be 1 or symbolic, not 8." in text
    assert "Axis 1 (length) of model input z is dynamic; hardware needs a fixed size." in text
    assert "Axis 1 of model input v is dynamic" in text


def test_input_without_a_shape(tmp_path: Path) -> None:
    model = relu()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert "Model input x has no shape." in message(m.save(model, tmp_path))


def test_shape_that_depends_on_data(tmp_path: Path) -> None:
    nodes = [m.node("NonZero", ["x"], "where"), m.node("Cast", ["where"], "y", to=TensorProto.FLOAT)]
    text = of(tmp_path, nodes, {"x": [1, 4]}, ["y"])
    assert "The shape of tensor where depends on data; hardware needs fixed shapes (node where)." in text


def test_all_nan_and_infinite_weights_are_named(tmp_path: Path) -> None:
    nodes = [m.node("Add", ["x", "a"], "t"), m.node("Mul", ["t", "b"], "y")]
    constants = {"a": m.f32([1, np.nan]), "b": m.f32([np.inf, -np.inf]), "unread": m.f32(np.nan)}
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y"], constants)
    assert "Tensor a must hold finite numbers, not 1 NaN of 2." in text
    assert "Tensor b must hold finite numbers, not 2 infinite of 2." in text
    assert "unread" not in text


def test_a_constant_that_becomes_nan_is_named(tmp_path: Path) -> None:
    nodes = [m.node("Log", ["a"], "b"), m.node("Add", ["x", "b"], "y")]
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y"], {"a": m.f32([1, -1])})
    assert "Tensor b must hold finite numbers, not 1 NaN of 2." in text


def test_infinite_clip_bounds_are_fine(tmp_path: Path) -> None:
    model = m.make(
        [m.node("Clip", ["x", "lo", "hi"], "y")], {"x": [1, 2]}, ["y"], {"lo": m.f32(0), "hi": m.f32(np.inf)}
    )
    assert load(m.save(model, tmp_path)).nodes[0].op == "Clip"


def test_contradicting_shapes(tmp_path: Path) -> None:
    text = of(tmp_path, [m.node("MatMul", ["x", "w"], "y")], {"x": [1, 3]}, ["y"], {"w": m.f32(np.ones((4, 2)))})
    assert "The shapes or types of the model contradict each other:" in text
    assert ".cc" not in text and ".h:" not in text


def test_tensor_made_twice_and_tensor_made_never(tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "y"), m.node("Neg", ["ghost"], "y", "second")]
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y"])
    assert "Tensor y is made by 2 nodes." in text
    assert "Tensor ghost is read but nothing makes it (node second)." in text


def test_output_that_nothing_makes(tmp_path: Path) -> None:
    assert "Model output z is made by no node." in of(tmp_path, [m.node("Relu", ["x"], "y")], {"x": [1, 2]}, ["z"])


def test_output_that_is_constant(tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "y"), m.node("Neg", ["c"], "z")]
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y", "z"], {"c": m.f32(1)})
    assert "Model output z is a constant; it depends on no model input." in text


def test_cycle(tmp_path: Path) -> None:
    nodes = [m.node("Add", ["x", "b"], "a"), m.node("Relu", ["a"], "b"), m.node("Neg", ["b"], "y")]
    assert "These nodes wait for each other in a cycle: a, b, y." in of(tmp_path, nodes, {"x": [1, 2]}, ["y"])


def test_external_data_outside_missing_and_short(tmp_path: Path) -> None:
    model = m.make([m.node("Add", ["x", "c"], "y")], {"x": [1, 4]}, ["y"], {"c": m.f32([1, 2, 3, 4])})
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location="net.data", size_threshold=0)
    (tmp_path / "net.data").write_bytes(b"1234")
    assert "External data of tensor c in net.data are too short or damaged." in message(path)
    (tmp_path / "net.data").unlink()
    assert "External data file net.data is missing from the model's folder" in message(path)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../secret.data"
    path.write_bytes(model.SerializeToString())
    assert "External data file '../secret.data' lies outside the model's folder" in message(path)


def test_damaged_initialiser(tmp_path: Path) -> None:
    model = m.make([m.node("Add", ["x", "c"], "y")], {"x": [1, 2]}, ["y"], {"c": m.f32([1, 2])})
    model.graph.initializer[0].dims[0] = 3
    assert "Initialiser c is damaged: its data do not fit its type and shape." in message(m.save(model, tmp_path))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"s": m.f32(0)}, "The scale of Quant must be positive, not 0 (node Quant_y)."),
        ({"s": m.f32([0.5, -1])}, "The scale of Quant must be positive, not -1 (node Quant_y)."),
        ({"b": m.f32(0)}, "The bit width of Quant must be one number from 1 to 32, not 0.0 (node Quant_y)."),
        ({"b": m.f32([4, 3])}, "The bit width of Quant must be one number from 1 to 32, not [4.0, 3.0]"),
    ],
)
def test_bad_quantiser_values(changed: dict[str, Any], text: str, tmp_path: Path) -> None:
    constants = {"s": m.f32(1), "z": m.f32(0), "b": m.f32(4), **changed}
    assert text in of(tmp_path, [m.quant("x", "y", ["s", "z", "b"])], {"x": [1, 2]}, ["y"], constants)


def test_quantiser_with_computed_scale_and_unknown_rounding(tmp_path: Path) -> None:
    nodes = [
        m.node("ReduceMax", ["x"], "s", keepdims=0),
        m.quant("x", "a", ["s", "z", "b"]),
        m.quant("x", "c", ["z", "z"]),
        m.quant("x", "d", ["one", "z", "b"], rounding_mode="HALF_UPP"),
        m.node("Sum", ["a", "c", "d"], "y"),
    ]
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y"], {"z": m.f32(0), "b": m.f32(4), "one": m.f32(1)})
    assert "Parameter s of Quant must be a constant, not computed at run time (node Quant_a)." in text
    assert "Quant must have 4 inputs, not 3 (node Quant_c)." in text
    assert "Rounding mode HALF_UPP is unknown (node Quant_d). Did you mean HALF_UP" in text


def test_a_constant_too_large_to_fold(tmp_path: Path) -> None:
    nodes = [
        m.node("ConstantOfShape", ["n"], "big"),
        m.node("ReduceSum", ["big"], "s", keepdims=0),
        m.node("Add", ["x", "s"], "y"),
    ]
    constants = {"n": np.asarray([1 << 20, 1 << 20])}
    text = of(tmp_path, nodes, {"x": [1, 2]}, ["y"], constants, kind=UnsupportedError)
    assert "The constant that ConstantOfShape computes is too large" in text
