# SPDX-License-Identifier: Apache-2.0
"""Real networks and workloads: golden accuracy, exact workload vectors, teacher-forced parity with onnxruntime."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hwgen.frontend import load
from hwgen.frontend.host import observed, to_outputs, to_ports
from hwgen.frontend.reference import Reference
from hwgen.passes import golden
from hwgen.passes.lower import lower

WORKLOADS = ["w1_jets", "w2_digits", "w3_can", "w4_mv64_int4", "w4_mv64_int8"]
QDQ = ["tflm_hello_world_int8", "mlperf_ad_int8", "mlperf_dscnn_int8", "mlperf_resnet8_int8"]


@pytest.mark.parametrize("name", ["qonnx_tfc_1w1a", "qonnx_tfc_1w2a", "qonnx_tfc_2w2a"])
def test_mnist_accuracy_is_that_of_the_model(shared: Path, name: str) -> None:
    folder = shared / "models" / name
    model = load(folder / "model.onnx")
    lowered, reference = lower(model), Reference(model)
    data = np.load(shared / "data" / "mnist_test.npz")
    images, labels = (data[key] for key in list(data.keys())[:2])
    x = images[:200].reshape(200, 1, 28, 28).astype(np.float32) / np.float32(255)
    ints = golden.run(lowered.graph, to_ports(lowered, reference, {model.inputs[0]: x}))
    logits = to_outputs(lowered, reference, ints)[model.outputs[0]]
    wanted = json.loads((folder / "meta.json").read_text())["measured_accuracy"]["mnist_test first 200"]["top1"]
    assert float((logits.argmax(axis=1) == labels[:200]).mean()) == pytest.approx(wanted, abs=1e-9)
    assert all(proof.exact for proof in lowered.proofs)
    assert {node.attrs["weight_bits"] for node in lowered.graph.nodes if node.op == "matvec"} <= {1, 2}


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads_equal_their_vectors(shared: Path, name: str) -> None:
    lowered = lower(load(shared / "workloads" / f"{name}_qonnx.onnx"))
    data = np.load(shared / "workloads" / f"{name}.npz")
    x = data["X"].transpose(0, 3, 1, 2) if data["X"].ndim == 4 else data["X"]
    run = golden.run(lowered.graph, {lowered.graph.inputs[0]: x})
    np.testing.assert_array_equal(run[lowered.graph.outputs[0]], data["Y"])


@pytest.mark.parametrize("name", QDQ)
def test_teacher_forced_parity(shared: Path, name: str) -> None:
    model = load(shared / "models" / name / "model.onnx")
    lowered, reference = lower(model), Reference(model)
    shape = model.shapes[model.inputs[0]]
    x = np.random.default_rng(5).integers(-128, 128, (2, *shape[1:])).astype(np.int8)
    seen = observed(lowered, reference, {model.inputs[0]: x})
    names = [o.tensor for o in lowered.observations]
    forced = golden.forced(lowered.graph, seen, names)
    worst = max(int(np.abs(forced[n] - seen[n]).max()) for n in names)
    inexact = sum(int((forced[n] != seen[n]).sum()) for n in names)
    assert worst <= 1 and inexact <= 20
    assert len(lowered.proofs) == len(lowered.observations)
    assert all(proof.exact and proof.differing == 0 for proof in lowered.proofs)


def test_resnet8_joins_are_a_shift_and_its_residuals_fork(shared: Path) -> None:
    lowered = lower(load(shared / "models" / "mlperf_resnet8_int8" / "model.onnx"))
    joins = [node for node in lowered.graph.nodes if node.op == "add"]
    assert len(joins) == 3
    for join in joins:
        (unit,) = lowered.graph.consumers[join.outputs[0]]
        assert unit.op == "requantise" and lowered.graph.constant(unit, "mul").tolist() == [1]
    assert any(len(readers) == 2 for readers in lowered.graph.consumers.values())


def test_a_float_model_is_refused_with_what_to_do(shared: Path) -> None:
    from hwgen.errors import UnsupportedError

    with pytest.raises(UnsupportedError, match=r"10 MatMul need integers.*hwgen quantize"):
        lower(load(shared / "models" / "mlperf_ad_fp32" / "model.onnx"))
