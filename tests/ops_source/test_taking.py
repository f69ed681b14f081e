# SPDX-License-Identifier: Apache-2.0
"""Slice, Split, Gather, Resize, DepthToSpace, SpaceToDepth, Expand and Tile, against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from hwgen.errors import UnsupportedError
from hwgen.passes.lower import lower

from .models import Net, assert_built, assert_equal, free_run, ops, reals

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(17).bit_generator.state


def _ints(net: Net, *values: int) -> str:
    return net.const(values, np.int64)


def _resize(net: Net, x: str, *scales: float, **attrs: str) -> str:
    return net.node("Resize", x, "", net.const((1, 1, *scales)), mode="nearest", **attrs)


Making = Callable[[Net, str], str]
CASES: dict[str, Making] = {
    "rows": lambda n, x: n.node("Slice", x, _ints(n, 1), _ints(n, 5), _ints(n, 2)),
    "every_second_column_backwards": lambda n, x: n.node(
        "Slice", x, _ints(n, -1, 0), _ints(n, -99, 99), _ints(n, 3, 2), _ints(n, -2, 2)
    ),
    "channels": lambda n, x: n.node("Slice", x, _ints(n, 1), _ints(n, -1), _ints(n, 1)),
    "all_but_the_last_row": lambda n, x: n.node("Slice", x, _ints(n, 0), _ints(n, -1), _ints(n, -2)),
    "shuffled_channels": lambda n, x: n.node("Gather", x, _ints(n, 3, 1, -4, 2, 1), axis=1),
    "rows_again": lambda n, x: n.node("Gather", x, _ints(n, 5, 0, 0, 2), axis=2),
    "one_row": lambda n, x: n.node("Unsqueeze", n.node("Gather", x, n.const(2, np.int64), axis=2), _ints(n, 2)),
    "twice_as_large": lambda n, x: _resize(n, x, 2, 2),
    "three_times_as_wide": lambda n, x: _resize(n, x, 1, 3, coordinate_transformation_mode="asymmetric"),
    "by_floor": lambda n, x: _resize(n, x, 2, 2, coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "by_ceil": lambda n, x: _resize(n, x, 2, 2, nearest_mode="ceil"),
    "half_as_large": lambda n, x: _resize(n, x, 0.5, 0.5, nearest_mode="round_prefer_ceil"),
    "aligned": lambda n, x: _resize(n, x, 2, 1.5, coordinate_transformation_mode="align_corners"),
    "to_a_size": lambda n, x: n.node("Resize", x, "", "", _ints(n, 1, 4, 9, 8), mode="nearest"),
    "pixel_shuffle": lambda n, x: n.node("DepthToSpace", x, blocksize=2, mode="CRD"),
    "depth_to_space": lambda n, x: n.node("DepthToSpace", x, blocksize=2),
    "space_to_depth": lambda n, x: n.node("SpaceToDepth", x, blocksize=2),
    "tiles": lambda n, x: n.node("Tile", x, _ints(n, 1, 1, 2, 1)),
}


def _net(make: Making, outputs: int = 4) -> tuple[Net, str]:
    """Return a network that moves a quantised map, with something before and behind it that counts its elements."""
    net = Net((1, 2, 6, 4))
    x = net.node("Conv", net.quant("x", bits=4), net.weights(RNG.integers(-7, 8, (4, 2, 1, 1))))
    y = make(net, net.quant(x, 4.0, 4))
    return net, net.quant(net.node("Mul", y, net.const(0.5)), 1.0, outputs)


@pytest.mark.parametrize("case", CASES)
def test_elements_are_taken_as_onnx_takes_them(case):
    net, y = _net(CASES[case])
    lowered = assert_equal(net.build(y), reals((3, 2, 6, 4)))
    assert ops(lowered).count("rearrange") == 1


@pytest.mark.parametrize("case", ["rows", "shuffled_channels", "twice_as_large", "pixel_shuffle", "space_to_depth"])
def test_three_witnesses_agree(case, tmp_path: Path):
    net, y = _net(CASES[case])
    report = assert_built(net, y, reals((4, 2, 6, 4)), tmp_path)
    assert report["parity"]["max_lsb"] == 0 and "rearrange" in [layer["op"] for layer in report["layers"]]


@pytest.mark.parametrize("parts", [(1, 3), (2, 2), None])
@pytest.mark.parametrize("axis", [1, 2])
def test_split_has_several_outputs(parts, axis):
    net = Net((1, 4, 4, 4))
    x = net.quant("x", bits=4)
    inputs = [x] if parts is None else [x, _ints(net, *parts)]
    net.nodes.append(helper.make_node("Split", inputs, ["left", "right"], name="split", axis=axis))
    model = net.build(net.quant("left", 2.0, 4), net.quant("right", 2.0, 4))
    lowered, ours, theirs = free_run(model, reals((3, 4, 4, 4)))
    np.testing.assert_array_equal(ours, theirs)
    assert ops(lowered).count("rearrange") == 2


def test_tokens_stay_tokens():
    net = Net((1, 5, 4))
    x = net.quant(net.node("MatMul", net.quant("x"), net.weights(RNG.integers(-7, 8, (4, 6)))), 4.0, 4)
    y = net.node("Slice", x, _ints(net, 1, 2), _ints(net, 4, 6), _ints(net, 1, 2))
    y = net.node("MatMul", y, net.weights(RNG.integers(-7, 8, (4, 3))))
    lowered = assert_equal(net.build(y), reals((3, 5, 4)))
    assert ops(lowered) == ["matvec", "thresholds", "rearrange", "matvec"]


def test_a_scale_for_each_channel_goes_along():
    net = Net((1, 2, 3, 3))
    w = net.weights(RNG.integers(-7, 8, (4, 2, 1, 1)), np.array([0.5, 1, 2, 4]).reshape(4, 1, 1, 1))
    x = net.node("Slice", net.node("Conv", net.quant("x"), w), _ints(net, 1), _ints(net, 3), _ints(net, 1))
    assert_equal(net.build(net.quant(x, 4.0, 4)), reals((3, 2, 3, 3)))


def test_before_the_first_quantiser_the_host_moves():
    net = Net((1, 2, 3, 3))
    x = net.node("Slice", "x", _ints(net, 1), _ints(net, 3), _ints(net, 3))
    lowered = assert_equal(
        net.build(net.node("Conv", net.quant(x), net.weights([[[[1]], [[2]]]]))), reals((3, 2, 3, 3))
    )
    assert ops(lowered) == ["matvec"]


def test_interpolation_is_refused():
    net = Net((1, 2, 3, 3))
    y = net.node("Resize", net.quant("x"), "", net.const((1, 1, 2, 2)), mode="linear", name="up")
    with pytest.raises(UnsupportedError, match=r"mode of Resize must be nearest, not linear.*up"):
        lower(net.build(net.node("Conv", y, net.weights([[[[1]], [[2]]]]))))
