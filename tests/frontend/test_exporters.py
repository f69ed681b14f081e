# SPDX-License-Identifier: Apache-2.0
"""The node patterns that exporters write: after import they compute the same, in few plain operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto, helper

from hwgen.errors import UnsupportedError
from hwgen.frontend import load
from hwgen.frontend.reference import Reference, run_once
from hwgen.graph.source import SourceModel

RNG = np.random.default_rng(1)


def kept(tmp_path: Path, written: onnx.ModelProto, shape: tuple[int, ...], **options: Any) -> SourceModel:
    """Require import to keep what the first output is for random frames."""
    model = load(m.save(written, tmp_path), **options)
    x = RNG.normal(size=(3, *shape)).astype(np.float32)
    name = written.graph.output[0].name
    wanted = [run_once(written.SerializeToString(), {"x": frame[np.newaxis]}, [name])[name] for frame in x]
    found = Reference(model).run({"x": x}, [name])[name]
    np.testing.assert_allclose(found, np.concatenate(wanted), rtol=1e-5, atol=1e-5)
    return model


def ops(model: SourceModel) -> list[str]:
    return [node.op for node in model.nodes]


def weights(*shape: int) -> Any:
    return m.f32(RNG.normal(size=shape))


def scalar(name: str, value: Any, dtype: Any = np.int64) -> onnx.NodeProto:
    """A Constant node, as TorchScript's exporter puts in front of every reader."""
    return m.node("Constant", [], name, value=onnx.numpy_helper.from_array(np.asarray(value, dtype)))


class TestTorchScript:
    """torch.onnx.export without dynamo: Constant nodes, shapes computed from shapes, everything traced."""

    def test_flatten_by_the_shape_of_the_input(self, tmp_path: Path) -> None:
        nodes = [
            m.node("Conv", ["x", "conv.weight", "conv.bias"], "/conv/Conv_output_0", kernel_shape=[3, 3], pads=[1] * 4),
            m.node("BatchNormalization", ["/conv/Conv_output_0", *("gamma", "beta", "mean", "var")], "bn"),
            scalar("six", 6.0, np.float32),
            scalar("none", 0.0, np.float32),
            m.node("Clip", ["bn", "none", "six"], "relu6"),
            m.node("GlobalAveragePool", ["relu6"], "pooled"),
            m.node("Shape", ["pooled"], "shape"),
            scalar("zero", 0),
            m.node("Gather", ["shape", "zero"], "batch", axis=0),
            scalar("axes", [0]),
            m.node("Unsqueeze", ["batch", "axes"], "batch_1"),
            scalar("rest", [-1]),
            m.node("Concat", ["batch_1", "rest"], "wanted", axis=0),
            m.node("Reshape", ["pooled", "wanted"], "flat"),
            m.node("Dropout", ["flat"], "dropped"),
            m.node("Gemm", ["dropped", "fc.weight", "fc.bias"], "y", transB=1),
        ]
        constants = {"conv.weight": weights(4, 3, 3, 3), "conv.bias": weights(4), "fc.weight": weights(2, 4)}
        norms = {name: np.abs(weights(4)) + m.f32(0.5) for name in ("gamma", "beta", "mean", "var")}
        constants |= {"fc.bias": weights(2), **norms}
        model = kept(tmp_path, m.make(nodes, {"x": ["batch", 3, 8, 8]}, ["y"], constants, opset=17), (3, 8, 8))
        assert ops(model) == ["Conv", "BatchNormalization", "Clip", "GlobalAveragePool", "Reshape", "Gemm"]

    def test_padding_that_is_built_at_run_time(self, tmp_path: Path) -> None:
        """F.pad: the pads of the last axes reversed, filled with zeros, sliced and cast."""
        nodes = [
            scalar("given", [1, 1, 2, 2]),
            scalar("many", [4]),
            m.node("ConstantOfShape", ["many"], "zeros", value=helper.make_tensor("v", TensorProto.INT64, [1], [0])),
            m.node("Concat", ["given", "zeros"], "all", axis=0),
            scalar("pairs", [-1, 2]),
            m.node("Reshape", ["all", "pairs"], "table"),
            *(scalar(name, value) for name, value in (("last", [-1]), ("least", [-(2**63) + 1]), ("axis", [0]))),
            m.node("Slice", ["table", "last", "least", "axis", "last"], "reversed"),
            m.node("Transpose", ["reversed"], "turned", perm=[1, 0]),
            m.node("Reshape", ["turned", "last"], "pads"),
            m.node("Cast", ["pads"], "pads_64", to=TensorProto.INT64),
            m.node("Pad", ["x", "pads_64"], "y", mode="constant"),
        ]
        model = kept(tmp_path, m.make(nodes, {"x": [1, 2, 4, 4]}, ["y"], opset=17), (2, 4, 4))
        assert ops(model) == ["Pad"]

    def test_size_of_an_interpolation_computed_from_the_input(self, tmp_path: Path) -> None:
        nodes = [
            m.node("Shape", ["x"], "shape"),
            *(scalar(name, value) for name, value in (("a", [0]), ("b", [2]), ("c", [0]))),
            m.node("Slice", ["shape", "a", "b", "c"], "front"),
            scalar("size", [8, 8]),
            m.node("Cast", ["size"], "size_64", to=TensorProto.INT64),
            m.node("Concat", ["front", "size_64"], "sizes", axis=0),
            m.node("Constant", [], "none", value=onnx.numpy_helper.from_array(np.empty(0, np.float32))),
            m.node("Resize", ["x", "", "none", "sizes"], "y", mode="nearest", nearest_mode="floor",
                   coordinate_transformation_mode="asymmetric"),
        ]  # fmt: skip
        written = m.make(nodes, {"x": [1, 2, 4, 4]}, ["y"], opset=17)
        written.graph.node[-1].input[2] = ""
        assert ops(kept(tmp_path, written, (2, 4, 4))) == ["Resize"]

    @pytest.mark.parametrize("condition", [True, False])
    def test_a_branch_that_is_known_is_taken(self, condition: bool, tmp_path: Path) -> None:
        info = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
        inner = helper.make_graph([m.node("Neg", ["t"], "r")], "deep", [], [info])
        then = helper.make_graph(
            [m.node("Abs", ["x"], "t"), m.node("If", ["yes"], "r", then_branch=inner, else_branch=inner)],
            "b",
            [],
            [info],
        )
        other = helper.make_graph(
            [m.node("Mul", ["x", "two"], "r")], "e", [], [info], [onnx.numpy_helper.from_array(m.f32(2), "two")]
        )
        nodes = [scalar("c", condition, np.bool_), m.node("If", ["c"], "i", then_branch=then, else_branch=other)]
        nodes.append(m.node("Sigmoid", ["i"], "y"))
        model = kept(tmp_path, m.make(nodes, {"x": [1, 3]}, ["y"], {"yes": np.True_}, opset=17), (3,))
        assert ops(model) == (["Abs", "Neg", "Sigmoid"] if condition else ["Mul", "Sigmoid"])

    def test_a_branch_that_depends_on_data_is_refused(self, tmp_path: Path) -> None:
        info = helper.make_tensor_value_info("r", TensorProto.FLOAT, [1, 2])
        body = helper.make_graph([m.node("Relu", ["x"], "r")], "b", [], [info])
        nodes = [m.node("ReduceMax", ["x"], "top", keepdims=0), m.node("Cast", ["top"], "c", to=TensorProto.BOOL)]
        nodes.append(m.node("If", ["c"], "y", then_branch=body, else_branch=body))
        with pytest.raises(UnsupportedError) as caught:
            load(m.save(m.make(nodes, {"x": [1, 2]}, ["y"]), tmp_path))
        assert "Control flow is not supported: operator If (node y)." in str(caught.value)


def function(name: str, inputs: list[str], outputs: list[str], nodes: list[onnx.NodeProto], opset: int = 18) -> Any:
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("pkg.torch", 1)]
    return helper.make_function("pkg.torch", name, inputs, outputs, nodes, imports)


class TestDynamo:
    """torch.onnx.export(dynamo=True): functions of functions, opset 18, axes as inputs, symbols for sizes."""

    def written(self, opset_of_functions: int = 18) -> onnx.ModelProto:
        linear = [
            m.node("Transpose", ["weight"], "turned", perm=[1, 0]),
            m.node("MatMul", ["input", "turned"], "product"),
            m.node("Add", ["product", "bias"], "result"),
        ]
        block = [
            helper.make_node("aten_linear", ["i", "w", "b"], ["line"], domain="pkg.torch"),
            helper.make_node("CastLike", ["zero", "line"], ["low"]),
            helper.make_node("Max", ["line", "low"], ["o"]),
        ]
        block.insert(0, m.node("Constant", [], "zero", value_float=0.0))
        flatten = [
            m.node("Constant", [], "shape", value_ints=[1, -1]),
            m.node("Reshape", ["s", "shape"], "o", allowzero=1),
        ]
        nodes = [
            m.node("ReduceMean", ["x", "axes"], "mean", keepdims=1, noop_with_empty_axes=0),
            helper.make_node("aten_flatten", ["mean"], ["flat"], domain="pkg.torch", name="flatten"),
            helper.make_node("Block", ["flat", "w0", "b0"], ["hidden"], domain="pkg.torch", name="first"),
            helper.make_node("Block", ["hidden", "w1", "b1"], ["y"], domain="pkg.torch", name="second"),
        ]
        constants = {"w0": weights(5, 4), "b0": weights(5), "w1": weights(2, 5), "b1": weights(2)}
        constants["axes"] = np.asarray([-1, -2])
        written = m.make(nodes, {"x": ["s0", 4, "s1", "s1"]}, ["y"], constants, opset=18)
        written.functions.append(function("aten_linear", ["input", "weight", "bias"], ["result"], linear))
        written.functions.append(function("Block", ["i", "w", "b"], ["o"], block, opset_of_functions))
        written.functions.append(function("aten_flatten", ["s"], ["o"], flatten))
        return written

    @pytest.mark.parametrize("opset", [18, 17])
    def test_nested_functions(self, opset: int, tmp_path: Path) -> None:
        model = kept(tmp_path, self.written(opset), (4, 6, 6), shapes={"s1": (6,)})
        assert ops(model) == ["ReduceMean", "Reshape", *["MatMul", "Add", "Max"] * 2]
        assert model.shapes["x"] == (1, 4, 6, 6)

    def test_external_data_beside_functions(self, tmp_path: Path) -> None:
        written = self.written()
        expected = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in written.graph.initializer}
        onnx.save(
            written, tmp_path / "net.onnx", save_as_external_data=True, location="net.onnx.data", size_threshold=0
        )
        model = load(tmp_path / "net.onnx", shapes={"s1": (6,)})
        held = [value for value in model.constants.values() if value.size > 2]
        assert sorted(v.size for v in held) == sorted(expected[n].size for n in ("w0", "b0", "w1"))
