# SPDX-License-Identifier: Apache-2.0
"""Golden models against independent formulas, and the refusals of operators."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.graph import Graph, Node, TensorType
from hwgen.ops.base import hardware_op
from hwgen.ops.matvec import exact_product
from hwgen.passes import golden

from .build import GraphBuilder, evaluate, random_inputs


def test_window_and_matvec_are_a_convolution() -> None:
    b = GraphBuilder()
    x = b.input("x", (3, 6, 5), 4, signed=True)
    attrs = {"kernel": (3, 2), "stride": (2, 1), "pads": (1, 0, 1, 1), "pad_value": -3, "order": "nhwc"}
    y = b.matvec("conv", b.node("w", "window", [x], attrs), 4, per_pixel=True)
    graph = b.graph([y])
    values = evaluate(graph, random_inputs(graph))
    kernel = b.constants["conv_weight"].reshape(4, 3, 2, 3).transpose(0, 3, 1, 2)
    padded = np.pad(values["x"], ((0, 0), (0, 0), (1, 1), (0, 1)), constant_values=-3)
    for row in range(graph.types[y].shape[2]):
        for column in range(graph.types[y].shape[3]):
            patch = padded[:, :, 2 * row : 2 * row + 3, column : column + 2]
            want = np.einsum("fchw,ochw->fo", patch, kernel) + b.constants["conv_bias"]
            assert np.array_equal(values[y][:, :, row, column], want)


def test_a_frame_is_one_vector_in_stream_order() -> None:
    b = GraphBuilder()
    graph = b.graph([b.matvec("fc", b.input("x", (2, 2, 3), 4), 5)])
    values = evaluate(graph, random_inputs(graph))
    flat = values["x"].transpose(0, 2, 3, 1).reshape(3, -1)
    assert np.array_equal(values["fc_out"], flat @ b.constants["fc_weight"].T + b.constants["fc_bias"])


def test_exact_product_is_exact_at_every_magnitude() -> None:
    rng = np.random.default_rng(1)
    for bits in (3, 11, 25, 30):
        a, c = (rng.integers(-(1 << bits), 1 << bits, shape) for shape in ((4, 9), (9, 5)))
        want = [[sum(int(x) * int(y) for x, y in zip(row, column, strict=True)) for column in c.T] for row in a]
        assert exact_product(a, c).tolist() == want


@pytest.mark.parametrize("pad", [0, -128, 127, 200, 300])
def test_a_window_of_narrow_integers_widens_for_its_padding(pad: int) -> None:
    b = GraphBuilder()
    x = b.input("x", (2, 3, 4), 8, signed=True)
    attrs = {"kernel": (2, 2), "stride": (1, 1), "pads": (1, 1, 0, 1), "pad_value": pad, "order": "nhwc"}
    graph = b.graph([b.node("w", "window", [x], attrs)])
    given = random_inputs(graph)
    wide = evaluate(graph, given)["w_out"]
    op = hardware_op(graph.nodes[0])
    assert op.narrow
    (narrow,) = op.golden(graph, graph.nodes[0], [given["x"].astype(np.int8)])
    assert (wide == pad).any() and np.array_equal(narrow, wide)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize("op", ["matvec", "depthwise", "requantise", "thresholds", "pool", "global_pool"])
def test_narrow_integers_do_not_overflow(op: str, dtype: type[np.integer]) -> None:
    bits, signed = np.iinfo(dtype).bits, np.iinfo(dtype).min < 0
    b = GraphBuilder()
    x = b.input("x", (4, 3, 3), bits, signed=signed)
    if op == "matvec":
        b.matvec(op, x, 5, per_pixel=True)
    elif op == "depthwise":
        attrs = {"taps": 2, "weight_bits": 16, "weight_signed": True}
        b.node(op, op, [x], attrs, {"weight": [[-30000, 30000], [30000, 30000]], "bias": [7, -7]})
    elif op == "requantise":
        constants = {"mul": [1 << 15] * 4, "add": [1 << 20] * 4}
        b.node(op, op, [x], {"shift": 9, "lo": -(1 << 21), "hi": 1 << 21}, constants)
    elif op == "thresholds":
        b.node(op, op, [x], {"y_min": -1, "step": 1}, {"thresholds": [[-300, 5, 200, 70000]], "flip": [0]})
    else:
        b.node(op, op, [x], {"mode": "sum"} | ({"taps": 2} if op == "pool" else {}))
    graph = b.graph([f"{op}_out"])
    node, given = graph.nodes[0], random_inputs(graph)
    given["x"][0] = graph.types["x"].hi
    wide, narrow = (hardware_op(node).golden(graph, node, [given["x"].astype(d)])[0] for d in (np.int64, dtype))
    assert np.array_equal(wide, narrow)
    kept = golden.evaluate(graph, given, graph.outputs)[f"{op}_out"]
    assert kept.dtype == np.int64 and np.array_equal(kept, wide)


def test_thresholds_count_and_flip() -> None:
    b = GraphBuilder()
    constants = {"thresholds": [[-1, 2, 2], [0, 1, 5]], "flip": [0, 1]}
    b.node("t", "thresholds", [b.input("x", (2,), 4, signed=True)], {"y_min": -2, "step": 1}, constants)
    got = evaluate(b.graph(["t_out"]), {"x": np.array([[-2, -2], [-1, 0], [2, 1], [7, 5]])})["t_out"]
    assert got.tolist() == [[-2, 1], [-1, 0], [1, -1], [1, -2]]


def test_requantise_rounds_towards_minus_infinity_and_clips() -> None:
    b = GraphBuilder()
    attrs = {"shift": 2, "lo": -2, "hi": 3}
    b.node("r", "requantise", [b.input("x", (1,), 6, signed=True)], attrs, {"mul": [3], "add": [1]})
    x = np.arange(-9, 9)[:, np.newaxis]
    want = [min(3, max(-2, (3 * int(v) + 1) // 4)) for v in x[:, 0]]
    assert evaluate(b.graph(["r_out"]), {"x": x})["r_out"][:, 0].tolist() == want


def test_argmax_takes_the_lowest_index() -> None:
    b = GraphBuilder()
    b.node("a", "argmax", [b.input("x", (4,), 4)])
    assert evaluate(b.graph(["a_out"]), {"x": np.array([[1, 7, 7, 0], [3, 3, 3, 3]])})["a_out"].tolist() == [[1], [0]]


def test_padding_widens_a_bipolar_map_only_when_it_must() -> None:
    for value, want in ((0, (True, 2)), (1, (True, 1)), (-1, (True, 1))):
        b = GraphBuilder()
        attrs = {"kernel": (3, 3), "stride": (1, 1), "pads": (1, 1, 1, 1), "pad_value": value, "order": "nhwc"}
        kind = b.types[b.node("w", "window", [b.input("x", (2, 4, 4), 1, signed=True)], attrs)]
        assert (kind.signed, kind.bits) == want


def test_accumulators_are_as_wide_as_the_weights_need() -> None:
    b = GraphBuilder()
    attrs = {"per_pixel": False, "weight_bits": 4, "weight_signed": True}
    b.node("m", "matvec", [b.input("x", (4,), 4)], attrs, {"weight": [[1, 0, 0, -1]], "bias": [0]})
    assert b.types["m_out"] == TensorType((1, 1), True, 5)


def problems(op: str, kind: TensorType, attrs: dict[str, object], constants: dict[str, object]) -> list[str]:
    keys = {role: role for role in constants}
    arrays = {role: np.asarray(value, dtype=np.int64) for role, value in constants.items()}
    node = Node("n", op, ("x",), ("y",), attrs, keys)  # type: ignore[arg-type]
    graph = Graph("g", ("x",), ("y",), (node,), {"x": kind, "y": kind}, arrays)
    return [str(problem) for problem in hardware_op(node).check(graph, node)]


def test_refusals_are_sentences() -> None:
    two = TensorType((1, 2), True, 8)
    attrs = {"y_min": 0, "step": 1}
    assert problems("thresholds", two, attrs, {"thresholds": [[3, 1], [0, 1]], "flip": [0, 0]}) == [
        "The thresholds must ascend in each channel (node n)."
    ]
    assert problems("thresholds", two, {"y_min": 0, "step": 3}, {"thresholds": [[1], [0]], "flip": [0]}) == [
        "The step must be 1, or 2 for bipolar outputs, not 3 (node n)."
    ]
    weights = {"weight": [[1, 2, 3]], "bias": [0]}
    assert problems("matvec", two, {"per_pixel": False, "weight_bits": 3, "weight_signed": True}, weights) == [
        "The weights must have 2 columns, not 3 (node n)."
    ]
    wide = {"mul": [1 << 60], "add": [0]}
    assert problems("requantise", two, {"shift": 60, "lo": 0, "hi": 1}, wide) == [
        "The product must fit 63 bits (node n). Use fewer multiplier bits."
    ]
