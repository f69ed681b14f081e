# SPDX-License-Identifier: Apache-2.0
"""Parity of the integer graph with onnxruntime on real networks, and their accuracy through the host's share."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hwgen.frontend import host, inputs, load
from hwgen.frontend.reference import Reference
from hwgen.passes import golden
from hwgen.passes.lower import lower
from hwgen.verify import parity

EXACT = [
    "models/qonnx_tfc_1w1a/model.onnx",
    "models/qonnx_tfc_1w2a/model.onnx",
    "models/qonnx_tfc_2w2a/model.onnx",
    "workloads/w1_jets_qonnx.onnx",
    "workloads/w2_digits_qonnx.onnx",
    "workloads/w3_can_qonnx.onnx",
    "workloads/w4_mv64_int4_qonnx.onnx",
    "workloads/w4_mv64_int8_qonnx.onnx",
]

INT8 = ["mlperf_ad_int8", "mlperf_dscnn_int8", "mlperf_resnet8_int8", "tflm_hello_world_int8"]


def measured(path: Path, frames: int = 3) -> parity.Parity:
    reference = Reference(load(path))
    lowered = lower(reference.model)
    expected = host.observed(lowered, reference, inputs.default(reference.model, frames))
    evaluate = partial(golden.evaluate, lowered.graph)
    return parity.measure(lowered.graph, evaluate, expected, lowered.observations, lowered.outputs)


@pytest.mark.parametrize("file", EXACT)
def test_layers_equal_onnxruntime(shared: Path, file: str) -> None:
    result = measured(shared / file)
    assert (result.frames, result.max_lsb, result.inexact) == (3, 0, 0)
    assert result.layers
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize("name", INT8)
def test_int8_layers_are_within_one_step(shared: Path, name: str) -> None:
    """The reference adds in float32, in an order of its own: a sum close to a tie may round the other way there."""
    result = measured(shared / "models" / name / "model.onnx")
    assert result.max_lsb <= 1
    assert result.exact_fraction > 0.9999
    assert result.top1_agreement in (1.0, None)


@pytest.mark.parametrize("name", ["qonnx_tfc_1w1a", "qonnx_tfc_1w2a", "qonnx_tfc_2w2a"])
def test_tfc_accuracy_from_images_to_classes(shared: Path, name: str) -> None:
    meta = json.loads((shared / "models" / name / "meta.json").read_text())
    data = np.load(shared / "data" / "mnist_test.npz")
    reference = Reference(load(shared / "models" / name / "model.onnx"))
    lowered = lower(reference.model)
    images = data["x"][:200].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    integers = golden.run(lowered.graph, host.to_ports(lowered, reference, {reference.model.inputs[0]: images}))
    logits = host.to_outputs(lowered, reference, integers)[reference.model.outputs[0]]
    top1 = float(np.mean(np.argmax(logits, axis=1) == data["y"][:200]))
    assert top1 == pytest.approx(meta["measured_accuracy"]["mnist_test first 200"]["top1"])


@pytest.mark.parametrize(
    "name", ["mlperf_ad_int8", "mlperf_dscnn_int8", "mlperf_resnet8_int8", "tflm_hello_world_int8"]
)
def test_golden_and_host_give_the_models_outputs(shared: Path, name: str) -> None:
    reference = Reference(load(shared / "models" / name / "model.onnx"))
    lowered = lower(reference.model)
    stored = np.load(shared / "models" / name / "golden_tflite.npz")
    integers = golden.run(lowered.graph, host.to_ports(lowered, reference, {reference.model.inputs[0]: stored["in_0"]}))
    output = host.to_outputs(lowered, reference, integers)[reference.model.outputs[0]]
    assert int(np.max(np.abs(output.astype(int) - stored["out_0"].astype(int)))) <= 1
