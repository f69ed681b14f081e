# SPDX-License-Identifier: Apache-2.0
"""The host's share: integers into the ports, real numbers and the rest of the model out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models as m
import pytest

from hwgen.errors import InternalError, UserError
from hwgen.frontend import host, load
from hwgen.frontend.reference import Reference, run_once
from hwgen.graph import Graph, TensorType
from hwgen.ops.lowered import Lowered, Observation


def graph(inputs: dict[str, TensorType], outputs: dict[str, TensorType]) -> Graph:
    return Graph("toy", tuple(inputs), tuple(outputs), (), {**inputs, **outputs})


@pytest.fixture
def affine(tmp_path: Path) -> tuple[Lowered, Reference]:
    """Host: x * 2 - 1, Quant; hardware: nothing; host: Mul by c, Softmax."""
    nodes = [
        m.node("Mul", ["x", "two"], "a"),
        m.node("Sub", ["a", "one"], "b"),
        m.quant("b", "q", ["s", "z", "w"]),
        m.node("Relu", ["q"], "r"),
        m.node("Mul", ["r", "c"], "logits"),
        m.node("Softmax", ["logits"], "y", axis=1),
    ]
    constants = {
        "two": m.f32(2), "one": m.f32(1), "s": m.f32(0.25), "z": m.f32(0), "w": m.f32(4), "c": m.f32([1, 2, 3])
    }  # fmt: skip
    reference = Reference(load(m.save(m.make(nodes, {"x": ["N", 3]}, ["y"], constants), tmp_path)))
    port_in, port_out = TensorType((1, 3), True, 4, (0.25,)), TensorType((1, 3), False, 3, (0.25,))
    lowered = Lowered(
        graph({"q_in": port_in}, {"r_out": port_out}),
        (Observation("q_in", "q", (0.25,), 0),),
        (Observation("r_out", "r", (0.25,), 0),),
    )
    return lowered, reference


X = m.f32([[0.0, 0.5, 1.0], [0.9, 0.2, 0.6]])


def test_ports_get_the_quantised_affine(affine: tuple[Lowered, Reference]) -> None:
    ports = host.to_ports(*affine, {"x": X})
    assert ports["q_in"].dtype == np.int64
    assert ports["q_in"].tolist() == [[-4, 0, 4], [3, -2, 1]]


def test_outputs_go_through_the_rest_of_the_model(affine: tuple[Lowered, Reference]) -> None:
    lowered, reference = affine
    ports = host.to_ports(lowered, reference, {"x": X})
    outputs = host.to_outputs(lowered, reference, {"r_out": np.maximum(ports["q_in"], 0)})
    np.testing.assert_array_equal(outputs["y"], reference.run({"x": X}, ["y"])["y"])


def test_programs_are_models_that_do_the_same(affine: tuple[Lowered, Reference]) -> None:
    lowered, reference = affine
    programs = host.programs(lowered, reference)
    assert programs.pre is not None and programs.post is not None
    onnx.checker.check_model(programs.pre, full_check=True)
    onnx.checker.check_model(programs.post, full_check=True)
    q = run_once(programs.pre.SerializeToString(), {"x": X[:1]}, ["q"])["q"]
    y = run_once(programs.post.SerializeToString(), {"r": np.maximum(q, 0)}, ["y"])["y"]
    np.testing.assert_array_equal(y, reference.run({"x": X[:1]}, ["y"])["y"])
    assert {node.op_type for node in programs.post.graph.node} == {"Mul", "Softmax"}


def test_observed_integers_come_from_one_run(affine: tuple[Lowered, Reference]) -> None:
    got = host.observed(*affine, {"x": X})
    assert set(got) == {"q_in", "r_out"}
    np.testing.assert_array_equal(got["r_out"], np.maximum(got["q_in"], 0))


def test_models_whose_ports_are_its_own_need_no_programs(shared: Path) -> None:
    reference = Reference(load(shared / "models" / "tflm_hello_world_int8" / "model.onnx"))
    byte = TensorType((1, 1), True, 8, (1.0,))
    (name_in,), (name_out,) = reference.model.inputs, reference.model.outputs
    lowered = Lowered(
        graph({"a": byte}, {"b": byte}),
        (Observation("a", name_in, (1.0,), -128),),
        (Observation("b", name_out, (1.0,), 5),),
    )
    programs = host.programs(lowered, reference)
    assert programs.pre is None and programs.post is None
    frames = np.asarray([[-128], [0], [127]], np.int8)
    ports = host.to_ports(lowered, reference, {name_in: frames})
    assert ports["a"].tolist() == [[-128], [0], [127]]
    outputs = host.to_outputs(lowered, reference, {"b": np.asarray([[-7], [0], [5]])})
    assert outputs[name_out].dtype == np.int8
    assert outputs[name_out].tolist() == [[-7], [0], [5]]


def test_values_beyond_the_port_are_refused(affine: tuple[Lowered, Reference]) -> None:
    lowered, reference = affine
    narrow = Lowered(graph({"q_in": TensorType((1, 3), True, 2)}, {}), lowered.inputs, ())
    with pytest.raises(UserError, match=r"Input port q_in takes integers from -2 to 1, not -4 to 4\."):
        host.to_ports(narrow, reference, {"x": X})


def test_outputs_that_need_more_than_the_hardware_gives(affine: tuple[Lowered, Reference]) -> None:
    lowered, reference = affine
    beside = Lowered(lowered.graph, lowered.inputs, (), lowered.outputs)
    with pytest.raises(InternalError, match="The host must not compute what the hardware computes, but does so for r"):
        host.programs(beside, reference)
    with pytest.raises(UserError, match=r"The host needs x beside the hardware's outputs .* Give the model inputs too"):
        host.to_outputs(beside, reference, {})


def test_outputs_that_bypass_the_hardware(tmp_path: Path) -> None:
    """One output is the quantised input itself: no port carries it, the host has it."""
    nodes = [m.quant("x", "q", ["s", "z", "w"]), m.node("MatMul", ["q", "c"], "t"), m.node("Add", ["t", "q"], "y")]
    constants = {"s": m.f32(0.25), "z": m.f32(0), "w": m.f32(4), "c": m.f32(np.eye(3))}
    reference = Reference(load(m.save(m.make(nodes, {"x": [1, 3]}, ["y", "q"], constants), tmp_path)))
    port = TensorType((1, 3), True, 4, (0.25,))
    lowered = Lowered(
        graph({"q_in": port}, {"t_out": port}),
        (Observation("q_in", "q", (0.25,), 0),),
        (Observation("t_out", "t", (0.25,), 0),),
    )
    integers = host.observed(lowered, reference, {"x": X})
    outputs = host.to_outputs(lowered, reference, integers, {"x": X})
    for name, value in reference.run({"x": X}, ["y", "q"]).items():
        np.testing.assert_array_equal(outputs[name], value)
    post = host.programs(lowered, reference).post
    assert post is not None and {port.name for port in post.graph.input} == {"t", "x"}
    onnx.checker.check_model(post, full_check=True)


@pytest.mark.parametrize("scale", [(0.5,), (0.5, 0.25, 2.0)])
@pytest.mark.parametrize("offset", [(), (1.5, -2.0, 0.125)])
@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 2, 2)])
def test_integers_and_reals_are_inverse(scale: Any, offset: Any, shape: tuple[int, ...]) -> None:
    kind = TensorType(shape, True, 8, scale, 3)
    observation = Observation("t", "o", scale, 3, offset)
    integers = np.random.default_rng(0).integers(-128, 128, (5, *shape[1:]))
    flat = (1, kind.elements)
    reals = host.to_reals(observation, integers, flat, np.dtype(np.float32))
    assert reals.shape == (5, kind.elements)
    np.testing.assert_array_equal(host.to_integers(observation, kind, reals), integers)
    column = (1, -1, *[1] * (len(shape) - 2))
    expected = (integers - 3) * np.asarray(scale).reshape(column) + np.asarray(offset or 0.0).reshape(column)
    np.testing.assert_array_equal(reals, expected.reshape(5, -1))
