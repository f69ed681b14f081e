# SPDX-License-Identifier: Apache-2.0
"""`hwgen inspect`: layers with shapes, types, MACs, parameters and bit operations, for quantised and float models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwgen import cli
from hwgen.frontend import load
from hwgen.inspect_model import inspect_model

CNN = Path(__file__).resolve().parents[2] / "designs" / "digits-cnn" / "model.onnx"


def save(path: Path, nodes: list[onnx.NodeProto], shape: tuple[int | str, ...], **constants: Any) -> Path:
    """Write a model from x to y."""
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_mixed_bits_and_totals() -> None:
    facts = inspect_model(load(CNN))
    layers = {layer["op"]: layer for layer in facts["layers"] if layer["macs"]}
    conv, last = layers["Conv"], layers["MatMul"]
    assert (conv["activations"], conv["weights"], conv["macs"], conv["parameters"]) == ("uint4", "int4", 41472, 1152)
    assert conv["bit_operations"] == 41472 * 16 and tuple(conv["shape"]) == (1, 16, 6, 6)
    assert (last["macs"], last["parameters"]) == (1440, 1440)
    totals = facts["totals"]
    assert totals["macs"] == sum(layer["macs"] for layer in facts["layers"]) == 47520
    assert totals["parameter_bits"] == 4 * (72 + 1152 + 1440) + 32 * 96
    assert facts["quantised"] and json.loads(json.dumps(facts))["ok"]


def test_float_convolutions(tmp_path: Path) -> None:
    w, b, v = np.ones((6, 2, 3, 3), np.float32), np.zeros(6, np.float32), np.ones((6, 5, 2, 2), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], "grouped", group=2, pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["a", "v"], ["y"], "up", strides=[2, 2]),
    ]
    facts = inspect_model(load(save(tmp_path / "net.onnx", nodes, (1, 4, 5, 7), w=w, b=b, v=v)))
    grouped, up = facts["layers"]
    assert grouped["macs"] == 6 * 5 * 7 * 2 * 9 and grouped["parameters"] == w.size + b.size
    assert up["macs"] == 6 * 5 * 7 * 5 * 4 and tuple(up["shape"]) == (1, 5, 10, 14)
    assert grouped["weights"] == "float32" and grouped["bit_operations"] == 1024 * grouped["macs"]
    assert facts["quantised"] is False and facts["totals"]["parameters"] == w.size + b.size + v.size


def test_a_clip_behind_a_quantiser_narrows_the_type(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("Clip", ["q", "low", "high"], ["c"]),
        helper.make_node("DequantizeLinear", ["c", "s", "z"], ["r"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["f"]),
        helper.make_node("MatMul", ["r", "f"], ["y"], "fc"),
    ]
    limits = {"low": np.int8(-4), "high": np.int8(3)}
    given = {"s": np.float32(1), "z": np.int8(0), "w": np.ones((4, 2), np.int8), **limits}
    facts = inspect_model(load(save(tmp_path / "net.onnx", nodes, (1, 4), **given)))
    fc = next(layer for layer in facts["layers"] if layer["op"] == "MatMul")
    assert (fc["activations"], fc["weights"], fc["bit_operations"]) == ("int3", "int8", 8 * 3 * 8)
    assert facts["inputs"] == [{"name": "x", "shape": [1, 4], "type": "int3"}]


def test_parameters_that_are_shared_count_once_and_settings_do_not(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["b"]),
        helper.make_node("Clip", ["b", "low", "high"], ["y"]),
    ]
    given = {"w": np.ones((4, 4), np.float32), "low": np.float32(0), "high": np.float32(6)}
    facts = inspect_model(load(save(tmp_path / "net.onnx", nodes, (1, 4), **given)))
    assert [layer["parameters"] for layer in facts["layers"]] == [16, 16, 0]
    assert facts["totals"]["parameters"] == 16 and facts["totals"]["macs"] == 32


def test_the_command_prints_a_table_and_one_json_object(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["inspect", str(CNN)]) == 0
    text = capfd.readouterr().out
    assert "47,520 MACs a frame" in text and "663,552" in text and "uint4" in text and "1x16x6x6" in text
    assert cli.run(["inspect", str(CNN), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["totals"]["macs"] == 47520


def test_a_missing_file_is_a_user_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["inspect", str(tmp_path / "none.onnx"), "--json"]) == 2
    assert json.loads(capfd.readouterr().out)["ok"] is False


@pytest.mark.parametrize(
    "name", ["mlperf_resnet8_int8", "mlperf_resnet8_fp32", "mobilenet_v2_imagenet", "qonnx_tfc_1w2a"]
)
def test_macs_of_real_models(shared: Path, name: str) -> None:
    meta = json.loads((shared / "models" / name / "meta.json").read_text())
    assert inspect_model(load(shared / "models" / name / "model.onnx"))["totals"]["macs"] == meta["macs"]


def test_the_budget_may_hold_shapes(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    model, budget = save(tmp_path / "net.onnx", nodes, (1, "n")), tmp_path / "budget.yaml"
    budget.write_text("shapes: {n: 3}\n")
    assert cli.run(["inspect", str(model), "--budget", str(budget), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["inputs"][0]["shape"] == [1, 3]
