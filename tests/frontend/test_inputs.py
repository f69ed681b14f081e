# SPDX-License-Identifier: Apache-2.0
"""Default frames are seeded and in range; the user's npz is checked in sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_models as m
import pytest
from onnx import TensorProto

from hwgen.errors import UserError
from hwgen.frontend import inputs, load
from hwgen.graph.source import SourceModel


@pytest.fixture
def two(tmp_path: Path) -> SourceModel:
    model = m.make([m.node("Add", ["a", "b"], "y")], {"a": [1, 2], "b": [1, 2]}, ["y"])
    return load(m.save(model, tmp_path))


@pytest.fixture
def bytes_in(tmp_path: Path) -> SourceModel:
    node = m.node("DequantizeLinear", ["x", "s"], "y")
    model = m.make([node], {"x": [1, 400]}, ["y"], {"s": m.f32(1)}, kind=TensorProto.INT8)
    return load(m.save(model, tmp_path))


def quantised(tmp_path: Path, constants: dict[str, Any], **attrs: Any) -> SourceModel:
    nodes = [m.node("Flatten", ["x"], "f"), m.quant("f", "y", ["s", "z", "b"], **attrs)]
    return load(m.save(m.make(nodes, {"x": [1, 4, 10, 10]}, ["y"], constants), tmp_path))


def refusal(model: SourceModel, path: Path) -> str:
    with pytest.raises(UserError) as caught:
        inputs.read_npz(model, path)
    return str(caught.value)


def test_defaults_are_seeded_and_at_least_three_frames(two: SourceModel) -> None:
    first, again, other = inputs.default(two), inputs.default(two), inputs.default(two, frames=5, seed=1)
    assert {name: value.shape for name, value in first.items()} == {"a": (3, 2), "b": (3, 2)}
    np.testing.assert_array_equal(first["a"], again["a"])
    assert other["a"].shape == (5, 2)
    assert not np.array_equal(first["a"], other["a"][:3])
    assert len(inputs.default(two, frames=1)["a"]) == 3


def test_float_inputs_without_a_quantiser_are_zero_to_one(two: SourceModel) -> None:
    value = inputs.default(two, frames=500)["a"]
    assert value.dtype == np.float32
    assert 0 <= value.min() < 0.05
    assert 0.95 < value.max() <= 1


def test_int8_uses_its_whole_range(bytes_in: SourceModel) -> None:
    value = inputs.default(bytes_in, frames=8)["x"]
    assert value.dtype == np.int8
    assert (value.min(), value.max()) == (-128, 127)


@pytest.mark.parametrize(
    ("attrs", "constants", "low", "high"),
    [
        ({"signed": 1}, {"s": m.f32(0.5), "z": m.f32(0), "b": m.f32(4)}, -4.0, 3.5),
        ({"signed": 0, "narrow": 1}, {"s": m.f32(2), "z": m.f32(1), "b": m.f32(3)}, -2.0, 10.0),
    ],
)
def test_float_inputs_use_the_leading_quantisers_range(
    attrs: dict[str, int], constants: dict[str, Any], low: float, high: float, tmp_path: Path
) -> None:
    model = quantised(tmp_path, constants, **attrs)
    assert inputs.float_range(model, "x") == (low, high)
    value = inputs.default(model)["x"]
    assert low <= value.min() < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < value.max() <= high


def test_quantize_linear_gives_the_range_too(tmp_path: Path) -> None:
    nodes = [m.node("QuantizeLinear", ["x", "s", "z"], "q"), m.node("DequantizeLinear", ["q", "s", "z"], "y")]
    model = m.make(nodes, {"x": [1, 4]}, ["y"], {"s": m.f32(0.5), "z": np.uint8(128)})
    assert inputs.float_range(load(m.save(model, tmp_path)), "x") == (-64.0, 63.5)


def test_npz_is_read_and_converted(two: SourceModel, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=np.ones((4, 2), np.uint8), b=np.zeros((4, 2)))
    value = inputs.read_npz(two, path)
    assert value["a"].dtype == value["b"].dtype == np.float32
    assert value["a"].shape == (4, 2)


def test_one_array_for_one_input_needs_no_name(bytes_in: SourceModel, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, np.full((2, 400), 127, np.int64))
    assert inputs.read_npz(bytes_in, path)["x"].dtype == np.int8
    np.save(tmp_path / "x.npy", np.zeros((2, 400), np.int8))
    assert inputs.read_npz(bytes_in, tmp_path / "x.npy")["x"].shape == (2, 400)


def test_names_are_checked(two: SourceModel, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=np.ones((1, 2)), c=np.ones((1, 2)))
    assert f"Input file {path} has no array for model input b. It holds: a, c." in refusal(two, path)
    np.savez(path, a=np.ones((1, 2)), b=np.ones((1, 2)), bb=np.ones((1, 2)))
    assert "holds bb, which is no model input. Did you mean b?" in refusal(two, path)


def test_shapes_types_and_values_are_told_together(two: SourceModel, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, a=np.ones((4, 3)), b=np.asarray([["p", "q"]]))
    text = refusal(two, path)
    assert "Array a must have the shape (frames, 2), not (4, 3)." in text
    assert "Array b must be float32, not <U1." in text
    np.savez(path, a=np.ones((4, 2)), b=np.ones((3, 2)))
    assert "All inputs must have the same number of frames: a has 4, b has 3." in refusal(two, path)
    np.savez(path, a=np.full((1, 2), np.nan), b=np.ones((0, 2)))
    text = refusal(two, path)
    assert "Array a must hold finite numbers, not NaN or infinity." in text
    assert "Array b must hold at least one frame, not none." in text


def test_integers_must_fit(bytes_in: SourceModel, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.full((1, 400), 200))
    assert "Array x must fit int8, not hold 200 to 200." in refusal(bytes_in, path)
    np.savez(path, x=np.zeros((1, 400), np.float32))
    assert "Array x must be int8, not float32. Quantise it first" in refusal(bytes_in, path)


def test_files_that_are_no_npz(two: SourceModel, tmp_path: Path) -> None:
    assert "does not exist. Give an .npz file" in refusal(two, tmp_path / "no.npz")
    assert "is a folder." in refusal(two, tmp_path)
    path = tmp_path / "bad.npz"
    for content in (b"", b"hello", b"PK\x03\x04junk"):
        path.write_bytes(content)
        assert "is not an npz of plain number arrays, or it is damaged." in refusal(two, path)
    np.savez(path, a=np.asarray([{}], object), b=np.ones((1, 2)))
    assert "is not an npz of plain number arrays" in refusal(two, path)
    whole = tmp_path / "whole.npz"
    np.savez_compressed(whole, a=np.arange(2000.0).reshape(-1, 2), b=np.arange(2000.0).reshape(-1, 2))
    path.write_bytes(whole.read_bytes()[:-300])
    assert "is not an npz of plain number arrays" in refusal(two, path)
