# SPDX-License-Identifier: Apache-2.0
"""Lowering as a whole: every problem at once, names, the verifier, dead code, the golden runner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwgen.errors import InternalError, UnsupportedError, UserError
from hwgen.graph import Graph
from hwgen.graph.source import SourceModel, SourceNode
from hwgen.passes import golden
from hwgen.passes.dead import drop_dead
from hwgen.passes.lower import lower
from hwgen.passes.verify import verify_graph


def _model(*nodes: SourceNode, outputs: tuple[str, ...] = ("y",), **shapes: tuple[int, ...]) -> SourceModel:
    """A hand-made model: x is quantised to q, w holds quantised 3x3 weights."""
    constants = {
        "one": np.float32(1),
        "zero": np.float32(0),
        "bits": np.float32(4),
        "w": np.arange(9, dtype=np.float32).reshape(3, 3) - 4,
    }
    first = (
        SourceNode("quant_x", "Quant", ("x", "one", "zero", "bits"), ("q",), {"signed": 1, "narrow": 0}),
        SourceNode("quant_w", "Quant", ("w", "one", "zero", "bits"), ("wq",), {"signed": 1, "narrow": 0}),
    )
    known = dict.fromkeys(("x", "q", "y", "a", "b", "c"), (1, 3))
    return SourceModel("net", 13, (*first, *nodes), constants, ("x",), outputs, {**known, **shapes})


MATMUL = SourceNode("fc", "MatMul", ("q", "wq"), ("y",))


def test_all_problems_come_at_once_with_nodes_and_hints() -> None:
    nodes = (
        SourceNode("bend", "Einsum", ("q",), ("a",)),
        SourceNode("after", "Relu", ("a",), ("b",)),
        SourceNode("spin", "GatherND", ("q",), ("c",)),
        SourceNode("fc", "MatMul", ("q", "w2"), ("y",)),
    )
    model = _model(*nodes)
    model = replace(model, constants={**model.constants, "w2": np.full((3, 3), 0.3, np.float32)})
    with pytest.raises(UnsupportedError) as caught:
        lower(model)
    assert [p.node for p in caught.value.problems] == ["bend", "spin", "fc"]
    assert "Operator Einsum is not supported (node bend)." in str(caught.value)
    assert all(p.hint for p in caught.value.problems)


def test_an_unknown_operator_names_the_nearest() -> None:
    with pytest.raises(UnsupportedError, match=r"Operator AvgPool is not supported.*Did you mean AveragePool"):
        lower(_model(SourceNode("p", "AvgPool", ("q",), ("y",))))


def test_a_model_without_hardware_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="at least one quantised layer"):
        lower(_model(outputs=("q",)))


def test_real_inputs_must_be_quantised() -> None:
    with pytest.raises(
        UnsupportedError, match=r"The input x of MatMul must be quantised.*\(node fc\).*Insert a quantiser"
    ):
        lower(_model(SourceNode("fc", "MatMul", ("x", "wq"), ("y",))))


def test_names_are_legal_unique_and_remember_their_source() -> None:
    nodes = (
        SourceNode("model/a/Relu;model/b/MatMul_prequant", "MatMul", ("q", "wq"), ("a",)),
        SourceNode("2nd layer!", "MatMul", ("q", "wq"), ("b",)),
        SourceNode("module", "MatMul", ("q", "wq"), ("y",)),
        SourceNode("module ", "MatMul", ("q", "wq"), ("c",)),
    )
    graph = lower(_model(*nodes, outputs=("a", "b", "y", "c"))).graph
    assert [n.name for n in graph.nodes] == ["b_matmul", "matmul_2nd_layer", "module_", "module_2"]
    assert graph.nodes[1].source == ("2nd layer!",)
    assert graph.inputs == ("q",)


def test_nodes_that_no_output_needs_vanish() -> None:
    lowered = lower(_model(MATMUL, SourceNode("spare", "MatMul", ("q", "wq"), ("a",))))
    assert [n.name for n in lowered.graph.nodes] == ["fc"]
    assert set(lowered.graph.constants) == {"fc_weight", "fc_bias"}


def test_drop_dead_keeps_what_is_needed() -> None:
    graph = lower(_model(MATMUL)).graph
    assert drop_dead(graph) == graph


def _broken(graph: Graph, how: str) -> Graph:
    node = graph.nodes[0]
    out = node.outputs[0]
    return {
        "type": lambda: replace(graph, types={**graph.types, out: replace(graph.types[out], bits=3)}),
        "order": lambda: replace(graph, inputs=()),
        "name": lambda: replace(graph, nodes=(replace(node, name="module"),)),
        "twice": lambda: replace(graph, nodes=(replace(node, name=out),)),
        "constant": lambda: replace(graph, constants={}),
        "operator": lambda: replace(graph, nodes=(replace(node, op="magic"),)),
        "output": lambda: replace(graph, outputs=("nothing",)),
    }[how]()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("type", "The type of fc_out must be int"),
        ("order", "must be made before it is read"),
        ("name", "The name module is not a legal identifier"),
        ("twice", "is used 2 times"),
        ("constant", "fc_weight.* must be made before"),
        ("operator", "Operator magic is unknown"),
        ("output", "Output nothing must be made by a node"),
    ],
)
def test_the_verifier_finds(how: str, sentence: str) -> None:
    graph = lower(_model(MATMUL)).graph
    with pytest.raises(InternalError, match=sentence):
        verify_graph(_broken(graph, how))


def test_golden_runs_frames_and_keeps_every_tensor() -> None:
    graph = lower(_model(MATMUL)).graph
    x = np.array([[1, 0, 0], [0, -8, 7]])
    run = golden.run(graph, {"q": x})
    assert set(run) == {"q", "fc_out"} and run["fc_out"].dtype == np.int64
    np.testing.assert_array_equal(run["fc_out"], x @ (np.arange(9).reshape(3, 3) - 4))


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "The input q of shape .frames, 3. is missing"),
        ({"q": np.zeros((2, 4), int)}, "must have the shape"),
        ({"q": np.full((1, 3), 8)}, "must lie in -8 to 7, but holds 8 to 8"),
    ],
)
def test_golden_refuses_wrong_inputs(inputs: dict[str, np.ndarray], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        golden.run(lower(_model(MATMUL)).graph, inputs)


def test_evaluate_starts_at_the_nearest_given_tensor() -> None:
    nodes = (
        SourceNode("fc", "MatMul", ("q", "wq"), ("a",)),
        SourceNode("act", "Quant", ("a", "one", "zero", "bits"), ("b",), {"signed": 1, "narrow": 0}),
        SourceNode("fc2", "MatMul", ("b", "wq"), ("y",)),
    )
    lowered = lower(_model(*nodes))
    (seen,) = lowered.observations
    given = np.array([[1, 2, 3]])
    values = golden.evaluate(lowered.graph, {seen.tensor: given}, [lowered.graph.outputs[0]])
    assert "fc_out" not in values
    np.testing.assert_array_equal(values["fc2_out"], given @ (np.arange(9).reshape(3, 3) - 4))
    forced = golden.forced(lowered.graph, {"q": given, seen.tensor: 0 * given}, [seen.tensor])
    np.testing.assert_array_equal(forced[seen.tensor], golden.run(lowered.graph, {"q": given})[seen.tensor])
    with pytest.raises(UserError, match="The tensor q must be given"):
        golden.evaluate(lowered.graph, {}, ["fc_out"])
