# SPDX-License-Identifier: Apache-2.0
"""Files made to exhaust or to mislead: every one gets a sentence, before it costs time, memory or another file."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_models as m
import pytest
from onnx import TensorProto, helper

from hwgen.errors import HwgenError, InternalError, Problem, UnsupportedError, UserError
from hwgen.frontend import bounds, load
from hwgen.frontend.guard import guarded
from hwgen.passes.lower import lower

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from loader_mutations import mutated  # noqa: E402

from tests.differential.networks import generate  # noqa: E402


def refused(model: onnx.ModelProto, folder: Path, kind: type[HwgenError] = UserError) -> str:
    path = m.save(model, folder)
    with pytest.raises(kind) as caught:
        load(path)
    return str(caught.value)


def with_functions(bodies: dict[str, list[str]]) -> onnx.ModelProto:
    """Return a model of one call of ``f0``; each function calls others of these in a row."""
    model = m.make([helper.make_node("f0", ["x"], ["y"], domain="boom")], {"x": [1, 2]}, ["y"])
    for name, calls in bodies.items():
        ends = ["x", *(f"t{i}" for i in range(len(calls) - 1)), "y"]
        body = [
            helper.make_node(call, [ends[i]], [ends[i + 1]], domain="boom" if call in bodies else "")
            for i, call in enumerate(calls)
        ]
        imports = [helper.make_opsetid("", 13), helper.make_opsetid("boom", 1)]
        model.functions.append(helper.make_function("boom", name, ["x"], ["y"], body, imports))
    return model


def test_functions_that_double(tmp_path: Path) -> None:
    bodies = {f"f{i}": [f"f{i + 1}"] * 2 for i in range(40)}
    text = refused(with_functions({**bodies, "f40": ["Relu"]}), tmp_path, UnsupportedError)
    assert f"The model has {2**40:,} nodes; hwgen reads up to 100,000." in text


def test_functions_in_a_circle_and_too_deep(tmp_path: Path) -> None:
    circle = with_functions({"f0": ["f1"], "f1": ["f0"]})
    assert "Function f0 calls itself." in refused(circle, tmp_path, UnsupportedError)
    deep = with_functions({**{f"f{i}": [f"f{i + 1}"] for i in range(200)}, "f200": ["Relu"]})
    assert "Functions call each other more than 64 deep" in refused(deep, tmp_path, UnsupportedError)


def test_functions_of_one_name(tmp_path: Path) -> None:
    model = with_functions({"f0": ["Relu"]})
    model.functions.append(model.functions[0])
    assert "Functions of the model share one name." in refused(model, tmp_path, UnsupportedError)


def test_functions_within_bounds_are_read(tmp_path: Path) -> None:
    model = load(m.save(with_functions({"f0": ["f1", "f1"], "f1": ["Relu", "Neg"]}), tmp_path))
    assert [node.op for node in model.nodes] == ["Relu", "Neg", "Relu", "Neg"]


@pytest.mark.parametrize("op", ["ConstantOfShape", "Expand", "Tile", "Range", "Resize", "Pad"])
def test_giant_constants(op: str, tmp_path: Path) -> None:
    """The sizes are computed, so that they are known only while the import folds."""
    constants = {"half": np.asarray([1 << 19, 1 << 19]), "one": m.f32([[1]]), "far": np.asarray(1 << 40)}
    constants |= {"zero": np.asarray(0), "step": np.asarray(1), "none": np.zeros(0, np.float32)}
    inputs = {
        "ConstantOfShape": ["n"],
        "Expand": ["one", "n"],
        "Tile": ["one", "n"],
        "Range": ["zero", "far", "step"],
        "Resize": ["one", "", "", "n"],
        "Pad": ["one", "pads"],
    }[op]
    nodes = [
        m.node("Mul", ["half", "half"], "n"),
        m.node("Concat", ["n", "n"], "pads", axis=0),
        m.node(op, inputs, "big"),
        m.node("Cast", ["big"], "bigf", to=TensorProto.FLOAT),
        m.node("ReduceMax", ["bigf"], "s", keepdims=0),
        m.node("Add", ["x", "s"], "y"),
    ]
    text = refused(m.make(nodes, {"x": [1, 2]}, ["y"], constants), tmp_path, HwgenError)
    assert "is too large: over 67108864 elements" in text or "contradict each other" in text


def test_many_constants_that_are_too_large_together(tmp_path: Path) -> None:
    nodes = [m.node("ConstantOfShape", ["n"], f"c{i}") for i in range(9)]
    nodes += [m.node("ReduceMax", [f"c{i}"], f"s{i}", keepdims=0) for i in range(9)]
    nodes.append(m.node("Sum", ["x", *(f"s{i}" for i in range(9))], "y"))
    text = refused(m.make(nodes, {"x": [1, 2]}, ["y"], {"n": np.asarray([1 << 23])}), tmp_path, UnsupportedError)
    assert "is too large" in text


@pytest.mark.parametrize("kind", ["initialiser", "attribute"])
def test_packed_elements_that_are_not_there(kind: str, tmp_path: Path) -> None:
    """onnx itself would fill up a gigabyte of 4-bit elements of which the file holds none."""
    tensor = onnx.TensorProto(name="c", data_type=TensorProto.INT4, dims=[1 << 31], raw_data=bytes(8))
    model = m.make(
        [helper.make_node("Cast", ["c"], ["d"], to=1), helper.make_node("Add", ["x", "d"], ["y"])], {"x": [1, 2]}, ["y"]
    )
    if kind == "initialiser":
        model.graph.initializer.append(tensor)
    else:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))
    assert "damaged" in refused(model, tmp_path)


def test_a_constant_that_takes_too_long(tmp_path: Path) -> None:
    nodes = [
        m.node("ConstantOfShape", ["n"], "a"),
        m.node("MatMul", ["a", "a"], "b"),
        m.node("MatMul", ["x", "b"], "y"),
    ]
    model = m.make(nodes, {"x": [1, 4096]}, ["y"], {"n": np.asarray([4096, 4096])})
    assert "The constant that MatMul computes takes too long" in refused(model, tmp_path, UnsupportedError)


def test_giant_activations(tmp_path: Path) -> None:
    model = m.make([m.node("Relu", ["x"], "y")], {"x": [1, 1 << 40]}, ["y"])
    text = refused(model, tmp_path, UnsupportedError)
    assert "Tensor x has 1,099,511,627,776 elements; hwgen handles up to 268,435,456." in text
    assert "Tensor y has" in text


def external(location: str, **entries: str) -> onnx.ModelProto:
    model = m.make([m.node("Add", ["x", "c"], "y")], {"x": [1, 4]}, ["y"], {"c": m.f32([1, 2, 3, 4])})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return model


@pytest.mark.parametrize("place", ["../secret", "link", "loop", "/etc/passwd", "", "a/../../secret", "C:\\secret"])
def test_external_data_stay_in_the_folder(place: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to("../secret")
    (folder / "loop").symlink_to("loop")
    assert "lies outside the model's folder" in refused(external(place), folder)


def test_external_data_that_are_no_file_or_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "External data file pipe is missing" in refused(external("pipe"), tmp_path)
    (tmp_path / "data").write_bytes(bytes(16))
    sizes = ({"offset": "8"}, {"length": str(1 << 62)}, {"offset": "-1"}, {"length": "many"}, {"offset": str(1 << 99)})
    for wrong in sizes:
        text = refused(external("data", **wrong), tmp_path)
        assert "External data of tensor c in data are too short or damaged." in text
    assert load(m.save(external("data", offset="0", length="16"), tmp_path)).constants["c"].shape == (4,)


def test_external_data_of_a_function_are_held_to_the_folder_too(tmp_path: Path) -> None:
    model = with_functions({"f0": ["Relu"]})
    constant = helper.make_node("Constant", [], ["c"])
    tensor = TensorProto(name="c", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    constant.attribute.append(helper.make_attribute("value", tensor))
    model.functions[0].node.insert(0, constant)
    assert "lies outside the model's folder" in refused(model, tmp_path)


def test_external_data_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwgen.frontend.external.MAX_FILE_BYTES", 8)
    (tmp_path / "data").write_bytes(bytes(16))
    assert "external data take 16 bytes; hwgen reads up to 8." in refused(external("data"), tmp_path, UnsupportedError)


def test_a_file_that_is_too_large_or_no_file(tmp_path: Path) -> None:
    path = tmp_path / "big.onnx"
    with path.open("wb") as file:
        file.truncate(bounds.MAX_FILE_BYTES + 1)
    with pytest.raises(UnsupportedError, match=r"takes 2,147,483,649 bytes; an ONNX file has at most 2,147,483,648\."):
        load(path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(UserError, match="is no ordinary file"):
        load(tmp_path / "pipe.onnx")


def test_a_crash_becomes_a_sentence_and_an_error_stays_what_it_is() -> None:
    with pytest.raises(UserError, match=r"Reading net crashes an ONNX library \(SIGABRT\): the file is damaged"):
        guarded(os.abort, "net")
    problems = [Problem("A is wrong.", "node", "Try B."), Problem("C is wrong.")]

    def fails() -> None:
        raise UnsupportedError(problems)

    with pytest.raises(UnsupportedError) as caught:
        guarded(fails, "net")
    assert caught.value.problems == tuple(problems)
    with pytest.raises(UnsupportedError, match="Lowering net needs more memory than half"):
        guarded(lambda: np.zeros(1 << 50, np.uint8), "net", doing="Lowering")
    with pytest.raises(InternalError, match="without an answer"):
        guarded(lambda: os._exit(3), "net")
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 // 0, "net")
    assert guarded(lambda: {"a": np.arange(3)}, "net")["a"].tolist() == [0, 1, 2]


def test_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    """A short run of what `benchmarks/fuzz_loader.py` does at length."""
    files = [path.read_bytes() for path in sorted(ROOT.glob("designs/*/model.onnx"))]
    files += [generate(seed).model.SerializeToString() for seed in range(8)]
    path = tmp_path / "net.onnx"
    for index in range(200):
        rng = random.Random(f"short/{index}")
        path.write_bytes(mutated(rng.choice(files), rng.choice(files), rng))
        try:
            lower(load(path))
        except HwgenError as error:
            assert not isinstance(error, InternalError), index
            assert all(str(problem).rstrip().endswith((".", "?")) for problem in error.problems), index
        assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]
