# SPDX-License-Identifier: Apache-2.0
"""Models as skl2onnx writes them: after import they compute what onnxruntime computes on the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto

from hwgen.errors import UnsupportedError
from hwgen.frontend import load
from hwgen.frontend.host import to_outputs, to_ports
from hwgen.frontend.reference import Reference, run_once
from hwgen.graph.source import SourceModel
from hwgen.passes import golden
from hwgen.passes.lower import lower

ML = "ai.onnx.ml"
RNG = np.random.default_rng(3)
FEATURES = 5


def ml(op: str, inputs: list[str], outputs: list[str], **attrs: Any) -> onnx.NodeProto:
    if op.startswith("SVM"):
        attrs = {"kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 3.0], **attrs}
    return m.node(op, inputs, outputs, f"the_{op}", domain=ML, **attrs)


def coefficients(*shape: int) -> list[float]:
    """Return integers, so that sums are exact and ties are ties."""
    return [float(v) for v in RNG.integers(-9, 10, int(np.prod(shape)))]


def frames(count: int = 40) -> npt.NDArray[np.float32]:
    return RNG.integers(-8, 8, (count, FEATURES)).astype(np.float32)


def model_of(
    nodes: list[onnx.NodeProto], outputs: dict[str, int], constants: dict[str, Any] | None = None, opset: int = 17
) -> onnx.ModelProto:
    made = m.make(nodes, {"x": ["batch", FEATURES]}, [], constants, opset=opset)
    made.graph.output.extend(onnx.helper.make_tensor_value_info(n, kind, None) for n, kind in outputs.items())
    return made


def same(tmp_path: Path, written: onnx.ModelProto, outputs: list[str], x: Any = None) -> SourceModel:
    """Require import to keep the outputs, and integer labels exactly."""
    x = frames() if x is None else x
    model = load(m.save(written, tmp_path))
    found = Reference(model).run({"x": x}, outputs)
    for name in outputs:
        wanted = np.concatenate([run_once(written.SerializeToString(), {"x": f[None]}, [name])[name] for f in x])
        check = np.testing.assert_array_equal if wanted.dtype.kind == "i" else np.testing.assert_allclose
        check(
            found[name].reshape(wanted.shape),
            wanted,
            **({} if wanted.dtype.kind == "i" else {"rtol": 1e-5, "atol": 1e-6}),
        )
    return model


def ops(model: SourceModel) -> list[str]:
    return [node.op for node in model.nodes]


@pytest.mark.parametrize("scale", [[2.0], [1.0, 2.0, 0.5, 4.0, 1.5]])
def test_scaler(scale: list[float], tmp_path: Path) -> None:
    nodes = [ml("Scaler", ["x"], ["y"], offset=coefficients(len(scale)), scale=scale)]
    assert ops(same(tmp_path, model_of(nodes, {"y": 1}), ["y"])) == ["Sub", "Mul"]


@pytest.mark.parametrize("targets", [1, 3])
def test_linear_regressor(targets: int, tmp_path: Path) -> None:
    attrs = {"coefficients": coefficients(targets, FEATURES), "intercepts": coefficients(targets), "targets": targets}
    assert ops(same(tmp_path, model_of([ml("LinearRegressor", ["x"], ["y"], **attrs)], {"y": 1}), ["y"])) == ["Gemm"]


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [7, 3, 5]])
def test_linear_classifier(post: str, labels: list[int], tmp_path: Path) -> None:
    attrs = {"coefficients": coefficients(len(labels), FEATURES), "intercepts": coefficients(len(labels))}
    node = ml("LinearClassifier", ["x"], ["label", "score"], classlabels_ints=labels, post_transform=post, **attrs)
    model = same(tmp_path, model_of([node], {"label": TensorProto.INT64, "score": 1}), ["label", "score"])
    assert ("Gather" in ops(model)) == (labels == [7, 3, 5])


@pytest.mark.parametrize("opset", [9, 12, 15, 21])
def test_logistic_regression_with_a_dictionary_of_probabilities(opset: int, tmp_path: Path) -> None:
    """One against the rest: logistic scores, normalised to sum to one, zipped with the labels."""
    attrs = {"coefficients": coefficients(3, FEATURES), "intercepts": coefficients(3), "multi_class": 1}
    nodes = [
        ml("Scaler", ["x"], ["scaled"], offset=coefficients(1), scale=[0.125]),
        ml("LinearClassifier", ["scaled"], ["l", "p"], classlabels_ints=[0, 1, 2], post_transform="LOGISTIC", **attrs),
        ml("Normalizer", ["p"], ["sums"], norm="L1"),
        m.node("Cast", ["l"], "label", to=TensorProto.INT64),
        ml("ZipMap", ["sums"], ["zipped"], classlabels_int64s=[0, 1, 2]),
    ]
    written = model_of(nodes, {"label": TensorProto.INT64, "sums": 1}, opset=opset)
    written.graph.output[1].CopyFrom(onnx.helper.make_tensor_sequence_value_info("zipped", 1, None))
    model = load(m.save(written, tmp_path))
    assert model.outputs == ("label", "zipped")
    assert any("zipped is an array with a column for each class" in note for note in model.notes)
    del written.graph.output[1], written.graph.node[4]
    written.graph.output.extend([onnx.helper.make_tensor_value_info("sums", 1, None)])
    x = frames()
    wanted = [run_once(written.SerializeToString(), {"x": f[None]}, ["label", "sums"]) for f in x]
    found = Reference(model).run({"x": x}, ["label", "zipped"])
    np.testing.assert_array_equal(found["label"], np.concatenate([w["label"] for w in wanted]))
    np.testing.assert_allclose(found["zipped"], np.concatenate([w["sums"] for w in wanted]), rtol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_svm_classifier(classes: int, tmp_path: Path) -> None:
    sizes = list(range(2, 2 + classes))
    attrs = {
        "vectors_per_class": sizes,
        "support_vectors": coefficients(sum(sizes), FEATURES),
        "coefficients": coefficients(classes - 1, sum(sizes)),
        "rho": coefficients(classes * (classes - 1) // 2),
        "classlabels_ints": list(range(classes)),
    }
    node = ml("SVMClassifier", ["x"], ["label", "score"], **attrs)
    written = model_of([node], {"label": TensorProto.INT64, "score": 1})
    same(tmp_path, written, ["label", "score"] if classes > 2 else ["label"], frames(200))


@pytest.mark.parametrize("supports", [0, 4])
def test_svm_regressor(supports: int, tmp_path: Path) -> None:
    attrs: dict[str, Any] = {"coefficients": coefficients(supports or FEATURES), "rho": coefficients(1)}
    if supports:
        attrs |= {"support_vectors": coefficients(supports, FEATURES), "n_supports": supports}
    node = ml("SVMRegressor", ["x"], ["y"], **attrs)
    assert ops(same(tmp_path, model_of([node], {"y": 1}), ["y"])) == ["Gemm"]


@pytest.mark.parametrize("classes", [[0, 1, 2], [4, 2, 9]])
def test_multilayer_perceptron(classes: list[int], tmp_path: Path) -> None:
    nodes = [
        m.node("Cast", ["x"], "cast", to=1),
        m.node("MatMul", ["cast", "w0"], "mul"),
        m.node("Add", ["mul", "b0"], "add"),
        m.node("Relu", ["add"], "next"),
        m.node("MatMul", ["next", "w1"], "mul1"),
        m.node("Add", ["mul1", "b1"], "add1"),
        m.node("Softmax", ["add1"], "probabilities", axis=1),
        m.node("ArgMax", ["probabilities"], "index", axis=1),
        ml("ArrayFeatureExtractor", ["classes", "index"], ["picked"]),
        m.node("Cast", ["picked"], "casted", to=TensorProto.FLOAT),
        m.node("Reshape", ["casted", "shape"], "flat"),
        m.node("Cast", ["flat"], "label", to=TensorProto.INT64),
    ]
    constants = {
        "w0": m.f32(RNG.normal(size=(FEATURES, 6))),
        "b0": m.f32(RNG.normal(size=(1, 6))),
        "w1": m.f32(RNG.normal(size=(6, 3))),
        "b1": m.f32(RNG.normal(size=(1, 3))),
        "classes": np.asarray(classes, np.int32),
        "shape": np.asarray([-1], np.int64),
    }
    written = model_of(nodes, {"label": TensorProto.INT64, "probabilities": 1}, constants)
    same(tmp_path, written, ["label", "probabilities"])


def test_columns_are_picked(tmp_path: Path) -> None:
    written = model_of([ml("ArrayFeatureExtractor", ["x", "columns"], ["y"])], {"y": 1}, {"columns": np.array([3, 0])})
    same(tmp_path, written, ["y"])


def test_names_of_classes_become_their_numbers(tmp_path: Path) -> None:
    attrs = {"coefficients": coefficients(2, FEATURES), "intercepts": coefficients(2)}
    node = ml("LinearClassifier", ["x"], ["label", "score"], classlabels_strings=["cat", "dog"], **attrs)
    model = load(m.save(model_of([node], {"label": TensorProto.STRING, "score": 1}), tmp_path))
    assert "Output label is the number of the class, not its name: 0 = cat, 1 = dog." in model.notes
    assert model.dtypes["label"] == np.int64


@pytest.mark.parametrize("op", ["LinearClassifier", "SVMClassifier"])
def test_labels_in_hardware(op: str, tmp_path: Path) -> None:
    """With integral coefficients and inputs nothing has to be quantised: the accelerator puts out the label."""
    attrs: dict[str, Any] = {"coefficients": coefficients(3, FEATURES), "intercepts": coefficients(3)}
    if op == "SVMClassifier":
        attrs = {"coefficients": coefficients(2, 6), "support_vectors": coefficients(6, FEATURES)}
        attrs |= {"vectors_per_class": [1, 2, 3], "rho": coefficients(3)}
    node = ml(op, ["x"], ["label", "score"], classlabels_ints=[0, 1, 2], **attrs)
    written = model_of([node], {"label": TensorProto.INT64})
    model = load(m.save(written, tmp_path), input_types={"x": "int4"})
    lowered, reference, x = lower(model), Reference(model), frames(200)
    assert [n.op for n in lowered.graph.nodes][-1] == "argmax"
    ours = to_outputs(lowered, reference, golden.run(lowered.graph, to_ports(lowered, reference, {"x": x})))["label"]
    wanted = [run_once(written.SerializeToString(), {"x": f[None]}, ["label"])["label"] for f in x]
    np.testing.assert_array_equal(ours, np.concatenate(wanted))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (
            ml("SVMRegressor", ["x"], ["y"], kernel_type="RBF", coefficients=[1.0]),
            "The kernel of SVMRegressor must be LINEAR, not RBF (node the_SVMRegressor). Train it with kernel='linear'",
        ),
        (ml("Normalizer", ["x"], ["y"], norm="MAX"), "The norm of Normalizer must be L1 or L2, not MAX"),
        (
            ml("TreeEnsembleRegressor", ["x"], ["y"]),
            "Operator TreeEnsembleRegressor of domain ai.onnx.ml is not supported (node the_TreeEnsembleRegressor).",
        ),
    ],
)
def test_what_is_refused(node: onnx.NodeProto, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load(m.save(model_of([node], {"y": 1}), tmp_path))
    assert sentence in str(caught.value)
