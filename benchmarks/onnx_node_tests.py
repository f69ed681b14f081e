# SPDX-License-Identifier: Apache-2.0
"""ONNX's own backend node tests against hwgen's importer, as one JSON object on stdout.

Chosen are the cases whose nodes are all in `OPERATORS` and whose tensors are plain (floats of 16 to 64 bits, integers
of 8 to 64 bits, booleans). A case is one operator with every operand as a model input. It is put to the importer as
real models have it: all inputs but the first are initialisers, so that weights, shapes, axes, scales and bounds are
constants that the importer may fold or rewrite; operators that join activations (`JOINING`) are imported a second
time with all inputs open. Batches and ranks are kept (``load(..., as_in_file=True)``); refusing them is lowering's.
Opsets 24 and 25 only let these operators take more types: their cases are stated at opset 23, as the checker confirms.

What the imported graph computes must equal ONNX's expected outputs, in type, shape and value (the case's tolerance),
both in onnxruntime and in ONNX's reference evaluator, wherever that implementation computes the original case itself
right: where it does not (onnxruntime lacks some types), its word is no evidence, and the other one's decides.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, version_converter
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

from hwgen.errors import HwgenError
from hwgen.frontend import load
from hwgen.frontend.clean import NEWEST_OPSET
from hwgen.frontend.reference import session

_NAMES = (
    "Add ArgMax AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvInteger ConvTranspose DepthToSpace",
    "DequantizeLinear Div Dropout Elu Erf Exp Flatten Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool",
    "HardSigmoid HardSwish Identity LayerNormalization LeakyRelu Log LogSoftmax MatMul MatMulInteger Max MaxPool",
    "Min Mul Neg PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear ReduceMean Relu Reshape Resize Round",
    "Sigmoid Slice Softmax Softplus Split Sqrt Squeeze Sub Tanh TopK Transpose Unsqueeze Where",
)
OPERATORS = frozenset(name for row in _NAMES for name in row.split())
"""Operators of the cases: what hwgen lowers, or leaves to the host, and the integer operators that it rewrites."""

JOINING = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Concat", "MatMul", "Where"})
"""Operators of which models have more than one activation as operand."""

WRAPPED = frozenset(
    f"test_qlinearmatmul_{rank}_int8_{scale}" for rank in ("2D", "3D") for scale in ("float16", "float32")
)
"""Cases left out: their expected outputs wrap around past -128, where the operator, and onnxruntime, saturate."""

_PLAIN = frozenset({*range(1, 8), *range(9, 14)})
_RAN_WRONG = "its outputs differ from ONNX's own"


@dataclass(frozen=True)
class Case:
    """One node test: the model, and what comes out for what goes in, by name."""

    name: str
    model: onnx.ModelProto
    feeds: dict[str, np.ndarray[Any, Any]]
    expected: dict[str, np.ndarray[Any, Any]]
    rtol: float
    atol: float


@dataclass(frozen=True)
class Verdict:
    """`passed`, `refused` (with hwgen's sentences) or `wrong` (with what differs)."""

    kind: str
    reason: str = ""


def cases() -> Iterator[Case]:
    """Yield the cases that were chosen, in ONNX's order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(collect_testcases(""))
    for case in found:
        if _chosen(case.model) and case.name not in WRAPPED:
            model = onnx.ModelProto()
            model.CopyFrom(case.model)
            for entry in model.opset_import:
                entry.version = min(entry.version, NEWEST_OPSET)
            onnx.checker.check_model(model, full_check=True)
            inputs, outputs = case.data_sets[0]
            feeds = dict(zip((port.name for port in model.graph.input), map(_array, inputs), strict=True))
            expected = dict(zip((port.name for port in model.graph.output), map(_array, outputs), strict=True))
            yield Case(case.name, model, feeds, expected, case.rtol, case.atol)


def _array(value: Any) -> np.ndarray[Any, Any]:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _chosen(model: onnx.ModelProto) -> bool:
    graph = model.graph
    standard = all(node.op_type in OPERATORS and node.domain in ("", "ai.onnx") for node in graph.node)
    kinds = [port.type for port in (*graph.input, *graph.output)]
    return standard and all(k.HasField("tensor_type") and k.tensor_type.elem_type in _PLAIN for k in kinds)


def judge(case: Case, folder: Path) -> Verdict:
    """Import a case in each of its forms; the worst verdict counts."""
    joins = len(case.feeds) > 1 and any(node.op_type in JOINING for node in case.model.graph.node)
    names = list(case.feeds)
    verdicts = [_judged(case, names[1:], folder)] + ([_judged(case, [], folder)] if joins else [])
    return max(verdicts, key=lambda verdict: ("passed", "refused", "wrong").index(verdict.kind))


def _judged(case: Case, constant: Sequence[str], folder: Path) -> Verdict:
    path = folder / "case.onnx"
    original = with_constants(case, constant)
    path.write_bytes(original.SerializeToString())
    try:
        imported = load(path, as_in_file=True)
    except HwgenError as error:
        return Verdict("refused", str(error))
    feeds = {name: case.feeds[name] for name in imported.inputs}
    witnesses = 0
    for run in (_in_onnxruntime, _in_reference):
        if _difference(case, run, original, {n: v for n, v in case.feeds.items() if n not in constant}) is None:
            witnesses += 1
            difference = _difference(case, run, onnx.load_model_from_string(imported.serialized), feeds)
            if difference is not None:
                return Verdict("wrong", difference)
    return Verdict("passed") if witnesses else Verdict("wrong", "neither implementation computes the original case")


def with_constants(case: Case, names: Iterable[str]) -> onnx.ModelProto:
    """Return the case's model with some of its inputs as initialisers."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(case.feeds[name]), name) for name in names)
    kept = [port for port in model.graph.input if port.name not in set(names)]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model


def _in_onnxruntime(model: onnx.ModelProto, feeds: dict[str, Any], names: list[str]) -> list[Any]:
    return list(session(model.SerializeToString()).run(names, feeds))


def _in_reference(model: onnx.ModelProto, feeds: dict[str, Any], names: list[str]) -> list[Any]:
    """Run the reference evaluator; it has DequantizeLinear from opset 19 on, so that older models are upgraded."""
    if any(node.op_type == "DequantizeLinear" for node in model.graph.node) and model.opset_import[0].version < 19:
        model = version_converter.convert_version(model, 19)
    return list(ReferenceEvaluator(model).run(names, feeds))


def _difference(case: Case, run: Any, model: onnx.ModelProto, feeds: dict[str, Any]) -> str | None:
    """Return what is wrong with the outputs of a model, None where nothing is."""
    names = list(case.expected)
    try:
        outputs = run(model, feeds, names)
    except Exception as error:
        return f"it does not run: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}"
    for name, got in zip(names, map(np.asarray, outputs), strict=True):
        want = case.expected[name]
        if got.dtype != want.dtype or got.shape != want.shape:
            return f"{name} is {got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}"
        if not np.allclose(got, want, rtol=case.rtol, atol=case.atol, equal_nan=True):
            return f"{name}: {_RAN_WRONG}"
    return None


def summary(verdicts: dict[str, Verdict]) -> dict[str, Any]:
    """Return the figures: how many passed, what was refused by its reason, and what was wrong."""
    refused: dict[str, list[str]] = {}
    for name, verdict in verdicts.items():
        if verdict.kind == "refused":
            refused.setdefault(verdict.reason, []).append(name)
    counts = Counter(verdict.kind for verdict in verdicts.values())
    return {
        "onnx": onnx.__version__,
        "cases": len(verdicts),
        "passed": counts["passed"],
        "refused": counts["refused"],
        "wrong": counts["wrong"],
        "refused_by_reason": dict(sorted(refused.items())),
        "wrong_cases": {name: verdict.reason for name, verdict in verdicts.items() if verdict.kind == "wrong"},
    }


def main() -> int:
    """Judge every case, print the figures, and return 1 when one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = summary({case.name: judge(case, Path(folder)) for case in cases()})
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")
    return int(figures["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
