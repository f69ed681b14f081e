# SPDX-License-Identifier: Apache-2.0
"""Artefacts round-trip through files, and their bytes repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hwgen import artifacts
from hwgen.graph import Graph, Node, TensorType
from hwgen.hw import CType


@dataclass(frozen=True)
class Inner:
    kind: CType | int
    maybe: CType | None
    pair: tuple[str, int] | None


@dataclass(frozen=True)
class Outer:
    items: tuple[Inner, ...]
    table: Mapping[str, int | bool | CType]
    values: np.ndarray = field(compare=False)


def graph() -> Graph:
    weight = np.arange(6, dtype=np.int64).reshape(2, 3)
    types = {"x": TensorType((1, 3), False, 4, (0.5,)), "y": TensorType((1, 2), True, 9)}
    node = Node("fc", "matvec", ("x",), ("y",), {"per_pixel": False, "pads": (1, 2)}, {"weight": "fc_w"}, ("MatMul_0",))
    return Graph("g", ("x",), ("y",), (node,), types, {"fc_w": weight})


def test_a_graph_survives(tmp_path: Path) -> None:
    artifacts.save(tmp_path / "g", graph())
    back = artifacts.restore(tmp_path / "g", Graph)
    assert back == graph()
    np.testing.assert_array_equal(back.constants["fc_w"], graph().constants["fc_w"])
    assert back.constants["fc_w"].dtype == np.int64


def test_unions_options_and_nested_dataclasses_survive(tmp_path: Path) -> None:
    items = (Inner(CType(True, 3), None, ("a", 1)), Inner(7, CType(False, 1), None))
    value = Outer(items, {"kA": 1, "kB": True, "t": CType(True, 2)}, np.array([1, 2]))
    artifacts.save(tmp_path / "v", value)
    back = artifacts.restore(tmp_path / "v", Outer)
    assert back == value
    assert isinstance(back.items[0].kind, CType) and isinstance(back.items[0].pair, tuple)
    assert back.table["kB"] is True


def test_the_same_value_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        artifacts.save(tmp_path / name, graph())
    for suffix in (".json", ".npz"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_an_array_may_have_any_name(tmp_path: Path) -> None:
    artifacts.write_npz(tmp_path / "n.npz", {"file": np.array([1]), "a.b": np.array([[2]])})
    back = artifacts.read_npz(tmp_path / "n.npz")
    assert back["file"].tolist() == [1] and back["a.b"].tolist() == [[2]]
