# SPDX-License-Identifier: Apache-2.0
"""Models of scikit-learn as skl2onnx writes them: the linear operators of the domain ai.onnx.ml in standard ONNX.

A classifier becomes a matrix product, an ArgMax, and class labels that are looked up behind it. ZipMap, which makes
dictionaries of the probabilities, leaves the probabilities. Source: the ai.onnx.ml operator specification; where it is
silent (one score for two classes, votes of an SVM) onnxruntime's results.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from onnx import TensorProto

from hwgen.frontend.dialects.rules import Rewriter, Rule
from hwgen.graph.source import Array, SourceNode

_POST = {"NONE": "Identity", "LOGISTIC": "Sigmoid", "SOFTMAX": "Softmax"}


def _numbers(node: SourceNode, name: str) -> Array:
    return np.asarray(node.attrs.get(name, ()), np.float32)


def _input(w: Rewriter, node: SourceNode) -> str:
    """Return the first input as float32, which these operators compute in whatever they are given."""
    return w.op("Cast", (node.inputs[0],), node.outputs[0], to=TensorProto.FLOAT)


def _scaler(w: Rewriter, node: SourceNode) -> None:
    """Scaler: ``(x - offset) * scale``."""
    x, stem = _input(w, node), node.outputs[0]
    x = w.op("Sub", (x, w.const(f"{stem}__offset", _numbers(node, "offset"))), stem)
    w.op("Mul", (x, w.const(f"{stem}__scale", _numbers(node, "scale"))), stem)
    w.finish(node)


def _line(w: Rewriter, node: SourceNode, weights: Array, intercepts: Array) -> str:
    """Write ``x @ weights.T + intercepts`` for ``(outputs, features)`` weights."""
    stem = node.outputs[0]
    bias = intercepts if intercepts.size else np.zeros(len(weights), np.float32)
    inputs = (_input(w, node), w.const(f"{stem}__weights", weights), w.const(f"{stem}__intercepts", bias))
    return w.op("Gemm", inputs, stem, transB=1)


def _post(w: Rewriter, node: SourceNode, x: str, output: int) -> None:
    """Write the post-transform of scores, which is an output."""
    kind = str(node.attrs.get("post_transform", "NONE"))
    if kind not in _POST:
        w.refuse(node, f"The post_transform of {node.op} must be one of {', '.join(_POST)}, not {kind}.")
    w.op(_POST[kind], (x,), x, **({"axis": 1} if kind == "SOFTMAX" else {}))
    w.finish(node, output)


def _labels(w: Rewriter, node: SourceNode, scores: str) -> None:
    """Write the label of the largest score; the first output."""
    index = w.op("ArgMax", (scores,), scores, axis=1, keepdims=0)
    strings = node.attrs.get("classlabels_strings", ())
    labels = np.asarray(node.attrs.get("classlabels_ints", node.attrs.get("classlabels_int64s", ())), np.int64)
    if strings:
        _note_strings(w, node.outputs[0], strings)
    elif labels.size and not np.array_equal(labels, np.arange(labels.size)):
        w.op("Gather", (w.const(f"{scores}__labels", labels, np.int64), index), scores, axis=0)
    w.finish(node)


def _note_strings(w: Rewriter, output: str, strings: Any) -> None:
    shown = ", ".join(f"{i} = {text}" for i, text in enumerate(strings))
    w.notes.append(f"Output {output} is the number of the class, not its name: {shown}.")


def _regressor(w: Rewriter, node: SourceNode) -> None:
    """LinearRegressor: one row of coefficients for each target."""
    weights = _numbers(node, "coefficients").reshape(int(node.attrs.get("targets", 1)), -1)
    _post(w, node, _line(w, node, weights, _numbers(node, "intercepts")), 0)


def _classifier(w: Rewriter, node: SourceNode) -> None:
    """LinearClassifier: one row of coefficients for each class, or one for two classes."""
    weights, bias = _numbers(node, "coefficients"), _numbers(node, "intercepts")
    weights = weights.reshape(max(bias.size, 1), -1)
    classes = len(node.attrs.get("classlabels_ints", ()) or node.attrs.get("classlabels_strings", ()))
    if len(weights) == 1 and classes == 2:
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    if len(weights) != classes:
        w.refuse(node, f"LinearClassifier must have coefficients for its {classes} classes, not for {len(weights)}.")
    scores = _line(w, node, weights, bias)
    if len(node.outputs) > 1 and node.outputs[1]:
        _post(w, node, scores, 1)
    _labels(w, node, scores)


def _linear_kernel(w: Rewriter, node: SourceNode) -> None:
    kernel = str(node.attrs.get("kernel_type", "LINEAR"))
    if kernel != "LINEAR":
        text = f"The kernel of {node.op} must be LINEAR, not {kernel}."
        w.refuse(node, text, "Train it with kernel='linear', or train a multilayer perceptron.")


def _svm_regressor(w: Rewriter, node: SourceNode) -> None:
    """SVMRegressor of linear kernel: support vectors and their coefficients make one row."""
    _linear_kernel(w, node)
    if node.attrs.get("one_class", 0):
        w.refuse(node, "SVMRegressor must not find outliers (one_class).", "Threshold its value yourself.")
    vectors, factors = _numbers(node, "support_vectors"), _numbers(node, "coefficients")
    count = int(node.attrs.get("n_supports", 0))
    weights = factors[np.newaxis] if count == 0 else _combined(factors[np.newaxis], vectors.reshape(count, -1))
    _post(w, node, _line(w, node, weights, _numbers(node, "rho")[:1]), 0)


def _combined(factors: Array, vectors: Array) -> Array:
    return np.asarray(factors.astype(np.float64) @ vectors.astype(np.float64), np.float32)


def _svm_classifier(w: Rewriter, node: SourceNode) -> None:
    """SVMClassifier of linear kernel: every pair of classes votes; a score above zero is a vote for the first."""
    _linear_kernel(w, node)
    if node.attrs.get("prob_a", ()):
        text = "SVMClassifier must not have probabilities: they are found by iteration."
        w.refuse(node, text, "Train it with probability=False, or use LogisticRegression.")
    sizes = [int(size) for size in node.attrs.get("vectors_per_class", ())]
    if not sizes:
        w.refuse(node, "SVMClassifier must have support vectors.", "Export it with skl2onnx.")
    weights = _pairs(node, sizes)
    scores = _line(w, node, weights, _numbers(node, "rho"))
    if len(node.outputs) > 1 and node.outputs[1]:
        _post(w, node, scores, 1)
    _labels(w, node, _votes(w, scores, len(sizes)))


def _pairs(node: SourceNode, sizes: list[int]) -> Array:
    """Return the weights of every pair of classes, ``(pairs, features)``."""
    vectors = _numbers(node, "support_vectors").reshape(sum(sizes), -1)
    factors = _numbers(node, "coefficients").reshape(len(sizes) - 1, -1)
    starts = np.cumsum([0, *sizes])
    own = [slice(starts[i], starts[i + 1]) for i in range(len(sizes))]
    rows = [
        _combined(factors[j - 1, own[i]], vectors[own[i]]) + _combined(factors[i, own[j]], vectors[own[j]])
        for i, j in combinations(range(len(sizes)), 2)
    ]
    return np.asarray(rows, np.float32)


def _votes(w: Rewriter, scores: str, classes: int) -> str:
    """Write how many pairs each class wins: ``ceil(clip(score, 0, 1))`` is 1 above zero and else 0."""
    pairs = list(combinations(range(classes), 2))
    first, second = (np.eye(classes, dtype=np.float32)[[pair[k] for pair in pairs]] for k in (0, 1))
    ends = [w.const(f"{scores}__{name}", value) for name, value in (("none", 0), ("one", 1))]
    won = w.op("Ceil", (w.op("Clip", (scores, *ends), scores),), scores)
    inputs = (won, w.const(f"{scores}__wins", first - second), w.const(f"{scores}__losses", second.sum(axis=0)))
    return w.op("Gemm", inputs, scores)


def _normalizer(w: Rewriter, node: SourceNode) -> None:
    """Normalizer: rows of length one."""
    norms = {"L1": 1, "L2": 2}
    norm = str(node.attrs.get("norm", "MAX"))
    if norm not in norms:
        w.refuse(node, f"The norm of Normalizer must be L1 or L2, not {norm}.")
    w.op("LpNormalization", (_input(w, node),), node.outputs[0], axis=1, p=norms[norm])
    w.finish(node)


def _extractor(w: Rewriter, node: SourceNode) -> None:
    """ArrayFeatureExtractor: columns by their number; of class labels, the label of each class number."""
    values, stem = w.known.get(node.inputs[0]), node.outputs[0]
    if values is None:
        chosen = w.array(node, 1, "second input")
        assert chosen is not None
        columns = w.const(f"{stem}__columns", chosen.reshape(-1), np.int64)
        w.op("Gather", (node.inputs[0], columns), stem, axis=-1)
    else:
        index = w.op("Reshape", (node.inputs[1], w.const(f"{stem}__row", [1, -1], np.int64)), stem)
        _look_up(w, stem, values.reshape(-1), index)
    w.finish(node)


def _look_up(w: Rewriter, stem: str, labels: Array, index: str) -> None:
    if labels.dtype.kind in "OUS":
        _note_strings(w, stem, [text.decode() if isinstance(text, bytes) else text for text in labels.tolist()])
        w.op("Identity", (index,), stem)
    elif np.array_equal(labels, np.arange(labels.size)):
        w.op("Cast", (index,), stem, to=_ELEMENTS[labels.dtype.name])
    else:
        w.op("Gather", (w.const(f"{stem}__labels", labels, labels.dtype), index), stem, axis=0)


_ELEMENTS = {
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}


def _zip_map(w: Rewriter, node: SourceNode) -> None:
    """ZipMap: the probabilities, without the dictionary."""
    w.op("Identity", (node.inputs[0],), node.outputs[0])
    w.finish(node)
    w.notes.append(f"Output {node.outputs[0]} is an array with a column for each class, not a list of dictionaries.")


RULES: Mapping[str, Rule] = {
    "Scaler": _scaler,
    "LinearRegressor": _regressor,
    "LinearClassifier": _classifier,
    "SVMRegressor": _svm_regressor,
    "SVMClassifier": _svm_classifier,
    "Normalizer": _normalizer,
    "ArrayFeatureExtractor": _extractor,
    "ZipMap": _zip_map,
}
"""Of the domain ai.onnx.ml."""
