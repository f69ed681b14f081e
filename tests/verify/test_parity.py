# SPDX-License-Identifier: Apache-2.0
"""Parity: what each layer adds itself, what the network has drifted by, and whether the classes agree."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.verify import parity


@dataclass(frozen=True)
class Seen:
    tensor: str
    onnx: str
    scale: tuple[float, ...] = (1.0,)
    zero_point: int = 0
    offset: tuple[float, ...] = ()


BYTE = TensorType((1, 4), True, 8, (1.0,))
SEEN = [Seen("b", "B"), Seen("d", "D")]
OUT = [Seen("d", "D")]


def chain(last: str = "plus", kind: TensorType = BYTE) -> Graph:
    """a -> b (+1) -> c (*2) -> d (+1): b and d are observed, c is not."""
    nodes = (
        Node("n1", "plus", ("a",), ("b",)),
        Node("n2", "twice", ("b",), ("c",)),
        Node("n3", last, ("c",), ("d",)),
    )
    return Graph("chain", ("a",), ("d",), nodes, {"a": BYTE, "b": BYTE, "c": BYTE, "d": kind})


def evaluate(graph: Graph, given: Mapping[str, Ints], wanted: Sequence[str]) -> Mapping[str, Ints]:
    values = dict(given)
    for node in graph.nodes:
        if node.outputs[0] not in values and node.inputs[0] in values:
            x = values[node.inputs[0]]
            values[node.outputs[0]] = x + 1 if node.op == "plus" else 2 * x
    return {name: values[name] for name in wanted}


def measured(expected: Mapping[str, Ints]) -> parity.Parity:
    return parity.measure(chain(), partial(evaluate, chain()), expected, SEEN, OUT)


def ints(*rows: list[int]) -> Ints:
    return np.asarray(rows, np.int64)


A = ints([0, 1, 2, 3], [5, 4, 3, 2])


def test_equal_networks_have_full_parity() -> None:
    result = measured({"a": A, "b": A + 1, "d": 2 * (A + 1) + 1})
    assert result.summary() == {"max_lsb": 0, "exact_fraction": 1.0, "free_max_lsb": 0, "top1_agreement": 1.0}
    assert [layer.tensor for layer in result.layers] == ["b", "d"]
    assert [layer.onnx for layer in result.layers] == ["B", "D"]
    assert (result.frames, result.elements, result.inexact) == (2, 16, 0)
    assert all(layer.sqnr_db is None for layer in result.layers)


def test_teacher_forcing_blames_the_layer_and_free_running_lets_it_drift() -> None:
    b = A + 1
    b[1, 2] += 1
    result = measured({"a": A, "b": b, "d": 2 * b + 1})
    first, last = result.layers
    assert first.teacher == parity.Difference(1, 1, (1, 2))
    assert last.teacher == parity.Difference(0, 0)
    assert last.free == parity.Difference(2, 1, (1, 2))
    assert (result.max_lsb, result.free_max_lsb, result.output_max_lsb) == (1, 2, 2)
    assert result.exact_fraction == 1 - 1 / 16


def test_an_error_of_the_last_layer_alone() -> None:
    d = 2 * (A + 1) + 1
    d[0, 3] -= 3
    result = measured({"a": A, "b": A + 1, "d": d})
    assert result.layers[0].teacher.inexact == 0
    assert result.layers[1].teacher == parity.Difference(3, 1, (0, 3))
    noise = 9.0
    expected = 10 * math.log10(float(np.sum(d.astype(float) ** 2)) / noise)
    assert result.layers[1].sqnr_db == pytest.approx(expected, abs=1e-3)


def test_top1_counts_frames_and_takes_the_lowest_of_equals() -> None:
    graph = chain()
    expected = {"d": ints([1, 9, 9, 0], [5, 4, 3, 2])}
    assert parity.top1_agreement(graph, OUT, expected, {"d": ints([0, 7, 7, 7], [5, 6, 3, 2])}) == 0.5


def test_top1_compares_real_values() -> None:
    outputs = [Seen("d", "D", scale=(1.0, 1.0, 4.0, 1.0), offset=(0.0, 100.0, 0.0, 0.0))]
    got = {"d": ints([9, 0, 5, 0])}
    assert parity.top1_agreement(chain(), outputs, {"d": ints([0, 1, 0, 0])}, got) == 1.0
    assert parity.top1_agreement(chain(), OUT, {"d": ints([0, 1, 0, 0])}, got) == 0.0


def test_top1_of_an_argmax_compares_its_values() -> None:
    graph = chain("argmax", TensorType((1, 1), False, 2))
    outputs = [Seen("d", "D", scale=())]
    assert parity.top1_agreement(graph, outputs, {"d": ints([3], [1])}, {"d": ints([3], [2])}) == 0.5


def test_top1_is_unknown_where_there_are_no_classes() -> None:
    graph = chain("plus", TensorType((1, 1), True, 8))
    assert parity.top1_agreement(graph, OUT, {"d": ints([3])}, {"d": ints([3])}) is None


def test_a_bipolar_step_is_one_lsb() -> None:
    assert parity.difference(ints([1, -1]), ints([-1, -1]), step=2) == parity.Difference(1, 1, (0, 0))


def test_sources_stop_at_the_nearest_observed_tensors() -> None:
    nodes = (
        Node("n1", "plus", ("a",), ("b",)),
        Node("n2", "plus", ("b",), ("c",)),
        Node("n3", "add", ("c", "b"), ("d",)),
        Node("n4", "add", ("d", "a"), ("e",)),
    )
    graph = Graph("join", ("a",), ("e",), nodes, dict.fromkeys("abcde", BYTE))
    assert parity.sources(graph, "e", {"a", "b"}) == ["a", "b"]
    assert parity.sources(graph, "e", {"a", "b", "d"}) == ["a", "d"]
    assert parity.sources(graph, "b", {"a", "b"}) == ["a"]


def test_inputs_among_the_observed_are_left_out() -> None:
    graph = chain()
    expected = {"a": A, "b": A + 1, "d": 2 * (A + 1) + 1}
    result = parity.measure(graph, partial(evaluate, graph), expected, [Seen("a", "A"), *SEEN], OUT)
    assert [layer.tensor for layer in result.layers] == ["b", "d"]


def test_json_is_json() -> None:
    d = 2 * (A + 1) + 2
    text = json.dumps(measured({"a": A, "b": A + 1, "d": d}).to_json(), allow_nan=False)
    assert json.loads(text)["layers"][1]["teacher"] == {"max_lsb": 1, "inexact": 8, "first": [0, 0]}


def test_zero_signal_has_no_sqnr() -> None:
    zero = np.zeros_like(A)
    result = measured({"a": A, "b": zero, "d": 2 * zero + 1})
    assert result.layers[0].sqnr_db is None
    json.dumps(result.to_json(), allow_nan=False)
