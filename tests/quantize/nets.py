# SPDX-License-Identifier: Apache-2.0
"""Small float models for the tests of post-training quantisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwgen import frontend
from hwgen.graph.source import Array, SourceModel

DIGITS = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp" / "inputs.npz"


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Array],
    shapes: Mapping[str, Sequence[int]],
    outputs: Sequence[str] = ("y",),
) -> Path:
    """Write a float model; `shapes` are those of its inputs."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    arrays = [
        numpy_helper.from_array(np.asarray(v) if np.asarray(v).dtype.kind == "i" else np.asarray(v, np.float32), k)
        for k, v in constants.items()
    ]
    graph = helper.make_graph(nodes, "net", ports, ends, arrays)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def load(
    path: Path, nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array], **shapes: Sequence[int]
) -> SourceModel:
    """Write a model whose inputs have these shapes, and import it."""
    return frontend.load(save(path, nodes, constants, shapes))


def node(op: str, inputs: str, output: str, **attrs: object) -> onnx.NodeProto:
    """Return a node named after its output; `inputs` are separated by spaces."""
    return helper.make_node(op, inputs.split(), [output], f"the_{output}", **attrs)


def conv_net(tmp_path: Path, seed: int = 0) -> SourceModel:
    """Conv, BatchNormalization, Relu, depthwise Conv, Relu, MaxPool, Conv, a residual join, pool, Gemm, Softmax."""
    r = np.random.default_rng(seed)
    constants = {
        "w1": r.normal(size=(8, 2, 3, 3)) * np.exp(r.normal(size=(8, 1, 1, 1))),
        "gamma": r.uniform(0.2, 3, 8),
        "beta": r.normal(size=8),
        "mean": r.normal(size=8),
        "var": r.uniform(0.5, 2, 8),
        "w2": r.normal(size=(8, 1, 3, 3)),
        "b2": r.normal(size=8),
        "w3": r.normal(size=(8, 8, 1, 1)),
        "b3": r.normal(size=8),
        "w4": r.normal(size=(5, 8)),
        "b4": r.normal(size=5),
    }
    nodes = [
        node("Conv", "x w1", "c1", pads=[1] * 4),
        node("BatchNormalization", "c1 gamma beta mean var", "n1"),
        node("Relu", "n1", "r1"),
        node("Conv", "r1 w2 b2", "c2", pads=[1] * 4, group=8),
        node("Relu", "c2", "r2"),
        node("MaxPool", "r2", "m2", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "m2 w3 b3", "c3"),
        node("Add", "c3 m2", "a3"),
        node("Relu", "a3", "r3"),
        node("GlobalAveragePool", "r3", "g3"),
        node("Flatten", "g3", "f3"),
        node("Gemm", "f3 w4 b4", "logits", transB=1),
        node("Softmax", "logits", "y"),
    ]
    return load(tmp_path / "conv_net.onnx", nodes, constants, x=(1, 2, 8, 8))


def frames(shape: Sequence[int], count: int = 24, seed: int = 1) -> dict[str, Array]:
    """Return normal frames for the input ``x``."""
    return {"x": np.random.default_rng(seed).normal(size=(count, *shape[1:])).astype(np.float32)}


def digits_net(tmp_path: Path) -> tuple[SourceModel, dict[str, Array], dict[str, Array], Array]:
    """Train a network on digits: random features, then least squares; return it, both halves of the data, and labels.

    The labels are those of the second half.
    """
    with np.load(DIGITS) as data:
        x, labels = data["pixels"].reshape(-1, 64).astype(np.float32), data["labels"]
    r = np.random.default_rng(3)
    w1 = (r.normal(size=(64, 160)) / 32).astype(np.float32)
    b1 = r.normal(size=160).astype(np.float32)
    features = np.maximum(x[:300] @ w1 + b1, 0)
    ridge = features.T @ features + 3.0 * np.eye(160)
    w2 = np.linalg.solve(ridge, features.T @ (2.0 * np.eye(10)[labels[:300]] - 1))
    constants = {"w1": w1, "b1": b1, "w2": w2}
    nodes = [node("Gemm", "x w1 b1", "h"), node("Relu", "h", "r"), node("MatMul", "r w2", "y")]
    model = load(tmp_path / "digits.onnx", nodes, constants, x=(1, 64))
    return model, {"x": x[:300]}, {"x": x[300:]}, labels[300:]
