# SPDX-License-Identifier: Apache-2.0
"""ONNX's own backend node tests: what the importer makes of a model computes what ONNX says, for every operator."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_models as m
import pytest

from hwgen.errors import UserError
from hwgen.frontend import load
from hwgen.frontend.reference import run_once

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import onnx_node_tests as node_tests


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_no_case_is_wrong_and_nearly_all_pass(tmp_path: Path) -> None:
    figures = node_tests.summary({case.name: node_tests.judge(case, tmp_path) for case in node_tests.cases()})
    assert figures["wrong_cases"] == {}
    assert figures["cases"] == 443
    assert figures["passed"] >= 441, figures["refused_by_reason"]


def test_a_wrong_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = m.make([m.node("Relu", ["x"], "y")], {"x": [2, 2]}, ["y"])
    feeds = {"x": m.f32([[1, -1], [2, -2]])}
    case = node_tests.Case("relu", model, feeds, {"y": m.f32([[1, 0], [2, 0]])}, 1e-3, 1e-7)
    assert node_tests.judge(case, tmp_path).kind == "passed"
    other = m.make([m.node("Abs", ["x"], "y")], {"x": [2, 2]}, ["y"])
    wrong = load(m.save(other, tmp_path, "wrong.onnx"), as_in_file=True)
    monkeypatch.setattr(node_tests, "load", lambda path, as_in_file: wrong)
    assert node_tests.judge(case, tmp_path).kind == "wrong"


def test_shapes_are_kept_as_in_the_file_only_on_request(tmp_path: Path) -> None:
    path = m.save(m.make([m.node("Add", ["x", "s"], "y")], {"x": [3, 2], "s": []}, ["y"]), tmp_path)
    with pytest.raises(UserError, match="must be 1 or symbolic, not 3") as caught:
        load(path)
    assert "Model input s has no axes." in str(caught.value)
    model = load(path, as_in_file=True)
    assert model.shapes["x"] == (3, 2) and model.shapes["s"] == ()
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(run_once(model.serialized, {"x": x, "s": m.f32(1)}, ["y"])["y"], x + 1)


def test_an_axis_of_size_zero_is_an_open_one_where_hardware_is_built(tmp_path: Path) -> None:
    path = m.save(m.make([m.node("Relu", ["x"], "y")], {"x": [0, 2]}, ["y"]), tmp_path)
    assert load(path).shapes["y"] == (1, 2)
    assert load(path, as_in_file=True).shapes["y"] == (0, 2)
    onnx.checker.check_model(onnx.load_model_from_string(load(path).serialized))
