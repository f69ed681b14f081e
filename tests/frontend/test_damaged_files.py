# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to a file on its way, loading it gives a model or a sentence: never another exception."""

from __future__ import annotations

from pathlib import Path

import onnx_models as m
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwgen.errors import HwgenError, InternalError, UserError
from hwgen.frontend import load

FILES = [
    "models/tflm_hello_world_int8/model.onnx",
    "workloads/w2_digits_qonnx.onnx",
    "models/qonnx_tfc_1w1a/model.onnx",
]

few = settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def load_or_refuse(data: bytes, folder: Path) -> HwgenError | None:
    path = folder / "damaged.onnx"
    path.write_bytes(data)
    try:
        load(path)
    except HwgenError as error:
        assert not isinstance(error, InternalError)
        assert all(str(problem).rstrip().endswith((".", "?")) for problem in error.problems)
        return error
    return None


@pytest.mark.parametrize("file", FILES)
@few
@given(fraction=st.floats(0, 1, exclude_max=True))
def test_truncated_anywhere(shared: Path, tmp_path: Path, file: str, fraction: float) -> None:
    data = (shared / file).read_bytes()
    assert isinstance(load_or_refuse(data[: int(fraction * len(data))], tmp_path), UserError)


@pytest.mark.parametrize("file", FILES)
@few
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=20))
def test_bytes_overwritten(shared: Path, tmp_path: Path, file: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray((shared / file).read_bytes())
    for place, value in flips:
        data[int(place * len(data))] = value
    load_or_refuse(bytes(data), tmp_path)


@few
@given(data=st.binary(min_size=1, max_size=300))
def test_random_bytes(tmp_path: Path, data: bytes) -> None:
    assert load_or_refuse(data, tmp_path) is not None


@few
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_bit_of_a_small_model(tmp_path: Path, place: int, bit: int) -> None:
    nodes = [m.node("Relu", ["x"], "a"), m.node("Transpose", ["a"], "t", perm=[0, 2, 1])]
    nodes.append(m.quant("t", "y", ["s", "z", "b"]))
    model = m.make(nodes, {"x": ["N", 2, 3]}, ["y"], {"s": m.f32(0.5), "z": m.f32(0), "b": m.f32(4)}, opset=11)
    data = bytearray(model.SerializeToString())
    data[place % len(data)] ^= 1 << bit
    load_or_refuse(bytes(data), tmp_path)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    data = m.make([m.node("Relu", ["input_one"], "y")], {"input_one": [1, 2]}, ["y"]).SerializeToString()
    error = load_or_refuse(data.replace(b"input_one", b"input\xff\xfeone"[:9]), tmp_path)
    assert error is not None
    assert "is damaged: it holds names that are not UTF-8 text." in str(error)
