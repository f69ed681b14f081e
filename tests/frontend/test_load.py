# SPDX-License-Identifier: Apache-2.0
"""What loading makes of a model: folded chains, resolved batch, weights in place, names kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto, helper

from hwgen.frontend import load
from hwgen.frontend.reference import Reference
from hwgen.graph.source import SourceModel

INT8 = ["mlperf_ad_int8", "mlperf_dscnn_int8", "mlperf_resnet8_int8", "mlperf_vww_int8", "tflm_hello_world_int8"]
TFC = ["qonnx_tfc_1w1a", "qonnx_tfc_1w2a", "qonnx_tfc_2w2a"]
WORKLOADS = ["w1_jets", "w2_digits", "w3_can", "w4_mv64_int4", "w4_mv64_int8"]


def loaded(tmp_path: Path, *args: Any, **kwargs: Any) -> SourceModel:
    return load(m.save(m.make(*args, **kwargs), tmp_path))


def ops(model: SourceModel) -> list[str]:
    return [node.op for node in model.nodes]


def complete(model: SourceModel) -> None:
    """Every tensor of a loaded model is typed, ordered and made once."""
    known = {*model.inputs, *model.constants}
    for node in model.nodes:
        assert all(name in known for name in node.inputs if name), node
        assert not known & set(node.outputs), node
        known.update(node.outputs)
    assert set(model.outputs) <= known
    assert {name for name in known if name} <= set(model.shapes)
    assert set(model.shapes) == set(model.dtypes)
    assert all(isinstance(size, int) and size > 0 for shape in model.shapes.values() for size in shape)
    assert len({node.name for node in model.nodes}) == len(model.nodes)
    assert all(model.shapes[name][0] == 1 for name in model.inputs)
    onnx.checker.check_model(onnx.load_model_from_string(model.serialized), full_check=True)


@pytest.mark.parametrize("name", [*INT8, *TFC, "qonnx_espcn_quant", "ultraface_slim320", "mlperf_ad_fp32"])
def test_real_models_load_completely(shared: Path, name: str) -> None:
    model = load(shared / "models" / name / "model.onnx")
    complete(model)
    assert model.name == name
    assert not {"Shape", "Gather", "Constant", "Identity", "Cast"} & set(ops(model))


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("dialect", ["qonnx", "int"])
def test_workloads_load_completely(shared: Path, name: str, dialect: str) -> None:
    complete(load(shared / "workloads" / f"{name}_{dialect}.onnx"))


def test_exporter_chain_of_tfc_vanishes(shared: Path) -> None:
    model = load(shared / "models" / "qonnx_tfc_1w2a" / "model.onnx")
    assert ops(model)[:4] == ["Reshape", "Mul", "Sub", "Quant"]
    assert "Transpose" not in ops(model)
    assert model.opset == 13
    assert model.notes == ("Upgraded from opset 9 to 13 by onnx.version_converter.",)
    assert model.dtypes["39"] == np.float32


def test_loading_twice_gives_the_same_model(shared: Path) -> None:
    path = shared / "models" / "mlperf_dscnn_int8" / "model.onnx"
    first, second = load(path), load(path)
    assert first == second
    assert first.serialized == second.serialized
    assert first.constants.keys() == second.constants.keys()


def test_shape_chain_folds_to_one_reshape(tmp_path: Path) -> None:
    nodes = [
        m.node("Shape", ["x"], "shape"),
        m.node("Gather", ["shape", "zero"], "batch", axis=0),
        m.node("Unsqueeze", ["batch", "axes"], "batch1"),
        m.node("Constant", [], "rest", value_ints=[-1]),
        m.node("Concat", ["batch1", "rest"], "target", axis=0),
        m.node("Relu", ["x"], "r"),
        m.node("Reshape", ["r", "target"], "y"),
    ]
    constants = {"zero": np.int64(0), "axes": np.asarray([0])}
    model = loaded(tmp_path, nodes, {"x": ["batch", 2, 3, 4]}, ["y"], constants)
    assert ops(model) == ["Relu", "Reshape"]
    assert model.shapes["y"] == (1, 24)
    assert model.shapes["x"] == (1, 2, 3, 4)
    assert set(model.constants) == {"target"}
    assert model.constants["target"].tolist() == [1, -1]


def test_shape_slices_and_size_fold(tmp_path: Path) -> None:
    nodes = [
        m.node("Shape", ["x"], "tail", start=1),
        m.node("Size", ["x"], "size"),
        m.node("Unsqueeze", ["size", "axes"], "flat"),
        m.node("Reshape", ["x", "flat"], "vector"),
        m.node("Concat", ["one", "tail"], "target", axis=0),
        m.node("Reshape", ["vector", "target"], "back"),
        m.node("Relu", ["back"], "y"),
    ]
    constants = {"axes": np.asarray([0]), "one": np.asarray([1])}
    model = loaded(tmp_path, nodes, {"x": [1, 2, 3]}, ["y"], constants, opset=15)
    assert model.constants["flat"].tolist() == [6]
    assert model.shapes["y"] == (1, 2, 3)


def test_identity_dropout_and_idle_casts_vanish(tmp_path: Path) -> None:
    nodes = [
        m.node("Identity", ["x"], "a"),
        m.node("Dropout", ["a"], ["b", "mask"]),
        m.node("Relu", ["b"], "c"),
        m.node("Cast", ["c"], "d", to=TensorProto.FLOAT),
        m.node("Identity", ["d"], "y"),
    ]
    model = loaded(tmp_path, nodes, {"x": [1, 4]}, ["y"])
    assert ops(model) == ["Relu"]
    assert model.nodes[0].inputs == ("x",)
    assert model.nodes[0].outputs == ("y",)


def test_an_output_that_is_also_read_keeps_its_name(tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "a"), m.node("Identity", ["a"], "y"), m.node("Neg", ["a"], "z")]
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y", "z"])
    assert ops(model) == ["Relu", "Neg"]
    got = Reference(model).run({"x": m.f32([[1, -1]])}, ["y", "z"])
    assert got["y"].tolist() == [[1, 0]]
    assert got["z"].tolist() == [[-1, 0]]


def test_two_names_for_one_output_stay_apart(tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "y"), m.node("Identity", ["y"], "z")]
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y", "z"])
    assert ops(model) == ["Relu", "Identity"]
    complete(model)


def test_constant_arithmetic_folds_but_weight_quantisers_stay(tmp_path: Path) -> None:
    nodes = [
        m.node("Mul", ["w", "two"], "w2"),
        m.quant("w2", "wq", ["s", "z", "b"]),
        m.node("MatMul", ["x", "wq"], "y"),
    ]
    constants = {
        "w": m.f32(np.arange(6).reshape(2, 3)), "two": m.f32(2), "s": m.f32(1), "z": m.f32(0), "b": m.f32(4)
    }  # fmt: skip
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y"], constants)
    assert ops(model) == ["Quant", "MatMul"]
    assert model.constants["w2"].tolist() == [[0, 2, 4], [6, 8, 10]]


@pytest.mark.parametrize("channelwise", [False, True])
def test_transpose_of_a_quantised_weight_moves_before_the_quantiser(channelwise: bool, tmp_path: Path) -> None:
    nodes = [
        m.quant("w", "wq", ["s", "z", "b"]),
        m.node("Transpose", ["wq"], "wt", perm=[1, 0]),
        m.node("MatMul", ["x", "wt"], "y"),
    ]
    generator = np.random.default_rng(3)
    weight = generator.normal(0, 2, (3, 4)).astype(np.float32)
    scale = m.f32([[0.5], [0.25], [0.1]]) if channelwise else m.f32(0.3)
    constants = {"w": weight, "s": scale, "z": m.f32(0), "b": m.f32(4)}
    model = loaded(tmp_path, nodes, {"x": [1, 4]}, ["y"], constants)
    assert ops(model) == ["Quant", "MatMul"]
    assert model.shapes["wt"] == (4, 3)
    np.testing.assert_array_equal(model.constants[model.nodes[0].inputs[0]], weight.T)
    expected = np.clip(np.rint(weight / scale), -8, 7).astype(np.float32) * scale
    x = generator.normal(0, 1, (1, 4)).astype(np.float32)
    got = Reference(model).run({"x": x}, ["wt"])["wt"]
    np.testing.assert_array_equal(np.squeeze(got, 0) if got.ndim == 3 else got, expected.T)


def test_transpose_of_a_dequantised_weight_renumbers_its_axis(tmp_path: Path) -> None:
    nodes = [
        m.node("DequantizeLinear", ["w", "s", "z"], "wd", axis=0),
        m.node("Transpose", ["wd"], "wt", perm=[1, 0]),
        m.node("MatMul", ["x", "wt"], "y"),
    ]
    weight = np.arange(-3, 3, dtype=np.int8).reshape(2, 3)
    constants = {"w": weight, "s": m.f32([0.5, 2]), "z": np.zeros(2, np.int8)}
    model = loaded(tmp_path, nodes, {"x": [1, 3]}, ["y"], constants)
    assert ops(model) == ["DequantizeLinear", "MatMul"]
    assert model.nodes[0].attrs["axis"] == 1
    got = Reference(model).run({"x": m.f32(np.eye(3)[:1])}, ["y"])["y"]
    assert got.tolist() == [[-1.5, 0.0]]


def test_quantize_linear_of_a_constant_becomes_integers(tmp_path: Path) -> None:
    nodes = [
        m.node("QuantizeLinear", ["w", "s", "z"], "wi"),
        m.node("DequantizeLinear", ["wi", "s", "z"], "wd"),
        m.node("MatMul", ["x", "wd"], "y"),
    ]
    constants = {"w": m.f32([[0.26, -9], [0.74, 0.75]]), "s": m.f32(0.5), "z": np.int8(0)}
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y"], constants)
    assert ops(model) == ["DequantizeLinear", "MatMul"]
    assert model.constants["wi"].dtype == np.int8
    assert model.constants["wi"].tolist() == [[1, -18], [1, 2]]


@pytest.mark.parametrize("domain", ["onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general"])
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_every_qonnx_domain_is_read(domain: str, op: str, tmp_path: Path) -> None:
    constants = {"s": m.f32(1), "z": m.f32(0), "b": m.f32(4)}
    model = m.make([m.quant("x", "y", ["s", "z", "b"], op, domain)], {"x": [1, 2]}, ["y"], constants)
    source = load(m.save(model, tmp_path))
    assert ops(source) == ["Quant"]
    assert source.nodes[0].attrs == {"narrow": 0, "rounding_mode": "ROUND", "signed": 1}


def test_a_domain_without_an_import_is_read(tmp_path: Path) -> None:
    model = m.make([m.quant("x", "y", ["s"], "BipolarQuant", "onnx.brevitas")], {"x": [1, 2]}, ["y"], {"s": m.f32(1)})
    del model.opset_import[1:]
    assert ops(load(m.save(model, tmp_path))) == ["BipolarQuant"]


def test_quantiser_parameters_may_be_computed(tmp_path: Path) -> None:
    nodes = [
        m.node("Constant", [], "s", value_float=0.5),
        m.node("Exp", ["log"], "unit"),
        m.node("Mul", ["s", "unit"], "scale"),
        m.quant("x", "y", ["scale", "z", "b"]),
    ]
    constants = {"log": m.f32(0), "z": m.f32(0), "b": m.f32(4)}
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y"], constants)
    assert ops(model) == ["Quant"]
    assert model.constants["scale"] == 0.5


def test_old_files_list_initialisers_as_inputs(tmp_path: Path) -> None:
    model = m.make([m.node("Add", ["x", "c"], "y")], {"x": [1, 2], "c": [2]}, ["y"], {"c": m.f32([1, 2])}, opset=9)
    model.ir_version = 3
    source = load(m.save(model, tmp_path))
    assert source.inputs == ("x",)
    assert source.constants["c"].tolist() == [1, 2]


def test_old_ir_without_initialisers_among_the_inputs(tmp_path: Path) -> None:
    model = m.make([m.node("Add", ["x", "c"], "y")], {"x": [1, 2]}, ["y"], {"c": m.f32([1, 2])}, opset=9)
    model.ir_version = 3
    assert ops(load(m.save(model, tmp_path))) == ["Add"]


def test_opset_9_batch_normalization_with_five_outputs(tmp_path: Path) -> None:
    node = m.node("BatchNormalization", ["x", "g", "b", "mean", "var"], ["y", "m1", "v1", "m2", "v2"])
    constants = {name: m.f32([1, 2]) for name in ("g", "b", "mean", "var")}
    model = loaded(tmp_path, [node], {"x": [1, 2, 3, 3]}, ["y"], constants, opset=9)
    assert model.nodes[0].outputs == ("y",)
    complete(model)


def test_opset_9_attributes_become_inputs(tmp_path: Path) -> None:
    nodes = [m.node("Clip", ["x"], "a", min=0.0, max=6.0), m.node("Squeeze", ["a"], "y", axes=[1])]
    model = loaded(tmp_path, nodes, {"x": [1, 1, 4]}, ["y"], opset=9)
    assert ops(model) == ["Clip", "Squeeze"]
    low, high = (float(model.constants[name]) for name in model.nodes[0].inputs[1:])
    assert (low, high) == (0.0, 6.0)
    assert model.shapes["y"] == (1, 4)


@pytest.mark.parametrize("opset", range(9, 24))
def test_opsets_9_to_23(opset: int, tmp_path: Path) -> None:
    nodes = [m.node("Relu", ["x"], "a"), m.quant("a", "y", ["s", "z", "b"])]
    constants = {"s": m.f32(0.5), "z": m.f32(0), "b": m.f32(3)}
    model = loaded(tmp_path, nodes, {"x": [1, 3]}, ["y"], constants, opset=opset)
    assert model.opset == max(opset, 13)
    assert Reference(model).run({"x": m.f32([[-1, 0.7, 9]])}, ["y"])["y"].tolist() == [[0, 0.5, 1.5]]


def test_nodes_out_of_order_are_sorted_and_dead_ones_dropped(tmp_path: Path) -> None:
    nodes = [m.node("Neg", ["a"], "y"), m.node("Relu", ["x"], "a"), m.node("Abs", ["x"], "unread")]
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y"], {"unread_too": m.f32(1)})
    assert ops(model) == ["Relu", "Neg"]
    assert dict(model.constants) == {}


def test_nodes_get_unique_names(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"], name="n"), helper.make_node("Neg", ["a"], ["b"], name="n")]
    nodes.append(helper.make_node("Abs", ["b"], ["y"]))
    model = loaded(tmp_path, nodes, {"x": [1, 2]}, ["y"])
    assert [node.name for node in model.nodes] == ["n", "n_2", "Abs_2"]


def test_local_functions_are_inlined(tmp_path: Path) -> None:
    twice = helper.make_function(
        "mine", "Twice", ["i"], ["o"], [helper.make_node("Add", ["i", "i"], ["o"])], [helper.make_opsetid("", 17)]
    )
    model = m.make([m.node("Twice", ["x"], "y", domain="mine")], {"x": [1, 2]}, ["y"], opset=17)
    model.functions.append(twice)
    assert ops(load(m.save(model, tmp_path))) == ["Add"]


def test_external_data_are_read_and_hashed(tmp_path: Path) -> None:
    model = m.make([m.node("Add", ["x", "c"], "y")], {"x": [1, 4]}, ["y"], {"c": m.f32([1, 2, 3, 4])})
    path = tmp_path / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, location="net.data", size_threshold=0)
    first = load(path)
    assert first.constants["c"].tolist() == [1, 2, 3, 4]
    (tmp_path / "net.data").write_bytes(m.f32([4, 3, 2, 1]).tobytes())
    second = load(path)
    assert second.constants["c"].tolist() == [4, 3, 2, 1]
    assert first.sha256 != second.sha256


def test_attributes_are_python_data(tmp_path: Path) -> None:
    constants = {"w": m.f32(np.ones((1, 1, 3, 3)))}
    node = m.node("Conv", ["x", "w"], "y", kernel_shape=[3, 3], pads=[1, 0, 1, 0], auto_pad="NOTSET")
    model = loaded(tmp_path, [node], {"x": ["N", 1, 5, 5]}, ["y"], constants)
    assert model.nodes[0].attrs == {"kernel_shape": (3, 3), "pads": (1, 0, 1, 0), "auto_pad": "NOTSET"}
    assert model.shapes["y"] == (1, 1, 5, 3)


def test_names_are_legal_identifiers(tmp_path: Path) -> None:
    model = m.make([m.node("Relu", ["x"], "y")], {"x": [1, 2]}, ["y"])
    assert load(m.save(model, tmp_path, "My Net-2.onnx")).name == "my_net_2"
    assert load(m.save(model, tmp_path), name="digits").name == "digits"
    assert load(m.save(model, tmp_path, "2nd.onnx")).name.isidentifier()
    folder = tmp_path / "keyword_net"
    folder.mkdir()
    assert load(m.save(model, folder, "model.onnx")).name == "keyword_net"


def test_unread_inputs_are_dropped(tmp_path: Path) -> None:
    model = loaded(tmp_path, [m.node("Relu", ["x"], "y")], {"x": [1, 2], "unused": [1, 9]}, ["y"])
    assert model.inputs == ("x",)
