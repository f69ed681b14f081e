# SPDX-License-Identifier: Apache-2.0
"""Sizes and integer types of inputs that the user adds to what the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_models as m
import pytest

from hwgen.errors import UserError
from hwgen.frontend import inputs, load
from hwgen.graph.source import IntegerType

OPEN = {"x": ["n", 3, "height", None], "z": ["n", "height"]}


def saved(tmp_path: Path, shapes: dict[str, Any] | None = None) -> Path:
    nodes = [m.node("ReduceSum", ["x"], "s", keepdims=0), m.node("Add", ["s", "z"], "y")]
    return m.save(m.make(nodes, shapes or OPEN, ["y"]), tmp_path)


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        load(path, **options)
    return str(caught.value)


def test_shapes_and_symbols_are_set(tmp_path: Path) -> None:
    model = load(saved(tmp_path), shapes={"x": (1, 3, 8, 9), "height": (8,)})
    assert (model.shapes["x"], model.shapes["z"]) == ((1, 3, 8, 9), (1, 8))


def test_open_axes_are_told_with_the_option_that_sets_them(tmp_path: Path) -> None:
    text = refusal(saved(tmp_path))
    assert "Axis 2 (height) of model input x is dynamic; hardware needs a fixed size." in text
    assert "Set it: --shape x=1,3,HEIGHT,N." in text
    assert "Set it: --shape z=1,HEIGHT." in text


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ({"x": (1, 4, 8, 8)}, "Axis 1 of --shape x must be 3 as in the file, not 4."),
        ({"x": (1, 3, 8)}, "--shape x must have 4 axes as in the file, not 3."),
        ({"heigth": (8,)}, "--shape names heigth, which is no model input and no symbolic axis. Did you mean height?"),
        ({"x": (2, 3, 8, 8)}, "The batch (axis 0) of model input x must be 1 or symbolic, not 2."),
    ],
)
def test_shapes_that_contradict_the_file(shapes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    assert sentence in refusal(saved(tmp_path), shapes=shapes)


def test_a_fixed_batch_may_be_changed(tmp_path: Path) -> None:
    path = saved(tmp_path, {"x": [8, 3, 2, 2], "z": [8, 2]})
    assert "Set it: --shape x=1,3,2,2, or make axis 0 dynamic on export" in refusal(path)
    assert load(path, shapes={"x": (1, 3, 2, 2), "z": (1, 2)}).shapes["y"] == (1, 2)


def test_declared_integers_are_the_range_of_random_frames(tmp_path: Path) -> None:
    model = load(saved(tmp_path, {"x": [1, 3, 9, 9], "z": [1, 4]}), input_types={"x": "int3", "z": "int1"})
    assert model.input_types == {"x": IntegerType(True, 3), "z": IntegerType(True, 1)}
    frames = inputs.default(model, 5)
    assert sorted(set(frames["x"].reshape(-1).tolist())) == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert set(frames["z"].reshape(-1).tolist()) == {-1, 1}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.5, 1], "Array x must hold integers as declared, not fractions."),
        ([-1, 16], "Array x must fit uint4 as declared, not hold -1 to 16. Declare a wider --input-type."),
    ],
)
def test_frames_must_be_what_was_declared(values: list[float], sentence: str, tmp_path: Path) -> None:
    model = load(
        m.save(m.make([m.node("Relu", ["x"], "y")], {"x": [1, 2]}, ["y"]), tmp_path), input_types={"x": "uint4"}
    )
    np.savez(tmp_path / "x.npz", x=m.f32([values]))
    with pytest.raises(UserError) as caught:
        inputs.read_npz(model, tmp_path / "x.npz")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("types", "sentence"),
    [
        ({"x": "int17"}, "The type of --input-type x must be int1 to int16, or uint1 to uint16, not 'int17'."),
        ({"x": "float"}, "The type of --input-type x must be int1 to int16, or uint1 to uint16, not 'float'."),
        ({"s": "int8"}, "--input-type names s, which is no model input that anything reads."),
    ],
)
def test_types_that_are_none(types: dict[str, str], sentence: str, tmp_path: Path) -> None:
    path = saved(tmp_path, {"x": [1, 3, 2, 2], "z": [1, 2]})
    assert sentence in refusal(path, input_types=types)
