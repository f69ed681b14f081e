# SPDX-License-Identifier: Apache-2.0
"""Stages run once: what has not changed is taken over, what has is redone, and the same input gives the same bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest

import hwgen
from hwgen import manifest, pipeline
from hwgen.errors import UnsupportedError, UserError
from hwgen.pipeline import Event
from hwgen.request import Request

ROOT = Path(__file__).resolve().parents[2]
MLP = ROOT / "designs" / "digits-mlp" / "model.onnx"
TO_LOWER = {"board": "zcu102", "last": "lower"}


def tree(folder: Path) -> dict[str, str]:
    """Return every file of a folder, ``run/`` excepted, with its hash; the manifest included."""
    names = [*manifest.files(folder), manifest.NAME]
    return {name: manifest.sha256(folder / name) for name in names}


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = hwgen.build(MLP, out=out, **TO_LOWER)
    assert not first.up_to_date and first.stages == {"import": "built", "lower": "built"}
    stamp = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    second = hwgen.build(MLP, out=out, **TO_LOWER)
    assert second.up_to_date and set(second.stages.values()) == {"reused"}
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == stamp


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        hwgen.build(MLP, out=tmp_path / name, **TO_LOWER)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_the_manifest_says_what_the_folder_was_made_from(tmp_path: Path) -> None:
    hwgen.build(MLP, out=tmp_path / "out", seed=5, **TO_LOWER)
    found = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert found["version"] == hwgen.__version__ and found["seed"] == 5
    assert found["model"] == {"file": "model.onnx", "sha256": manifest.sha256(MLP)}
    assert found["budget"]["board"] == "zcu102"
    assert set(found["names"].values()) >= {"logits"}
    assert found["files"]["models/00_import.onnx"] == manifest.sha256(tmp_path / "out" / "models/00_import.onnx")


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    hwgen.build(MLP, out=out, **TO_LOWER)
    before = tree(out)
    (out / "models" / "integer.json").write_text("{}")
    assert hwgen.build(MLP, out=out, **TO_LOWER).stages == {"import": "reused", "lower": "built"}
    assert tree(out) == before


def test_another_model_is_another_build(tmp_path: Path) -> None:
    path, out = tmp_path / "net.onnx", tmp_path / "out"
    shutil.copy(MLP, path)
    hwgen.build(path, out=out, **TO_LOWER)
    model = onnx.load(path)
    model.doc_string = "changed"
    onnx.save(model, path)
    assert hwgen.build(path, out=out, **TO_LOWER).stages == {"import": "built", "lower": "built"}


def test_stages_can_be_taken_one_by_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert list(hwgen.build(MLP, board="zcu102", out=out, last="import").stages) == ["import"]
    assert not (out / "models" / "integer.json").exists()
    result = hwgen.build(MLP, board="zcu102", out=out, first="lower", last="lower")
    assert result.stages == {"import": "reused", "lower": "built"}
    whole = tmp_path / "whole"
    hwgen.build(MLP, out=whole, **TO_LOWER)
    assert tree(out) == tree(whole)


def test_from_does_it_again_though_nothing_changed(tmp_path: Path) -> None:
    hwgen.build(MLP, out=tmp_path / "out", **TO_LOWER)
    result = hwgen.build(MLP, out=tmp_path / "out", first="lower", **TO_LOWER)
    assert result.stages == {"import": "reused", "lower": "built"} and not result.up_to_date


def test_from_needs_what_comes_before(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no up-to-date import stage\. Try --from import"):
        hwgen.build(MLP, out=tmp_path / "out", first="lower", **TO_LOWER)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_everything_and_writes_nothing(tmp_path: Path) -> None:
    model = onnx.load(MLP)
    for node, kind in zip(
        [n for n in model.graph.node if n.op_type == "MatMul"][:2], ("Einsum", "Hardmax"), strict=True
    ):
        node.op_type, node.name = kind, f"bad_{kind}"
        if kind == "Hardmax":
            del node.input[1:]
        else:
            node.attribute.append(onnx.helper.make_attribute("equation", "ij,jk->ik"))
    onnx.save(model, tmp_path / "bad.onnx")
    with pytest.raises(UnsupportedError) as caught:
        hwgen.build(tmp_path / "bad.onnx", board="zcu102", out=tmp_path / "out")
    text = str(caught.value)
    for kind in ("Einsum", "Hardmax"):
        assert f"Operator {kind} is not supported (node bad_{kind})." in text
    assert [p.name for p in tmp_path.iterdir()] == ["bad.onnx"]


def test_progress_comes_stage_by_stage(tmp_path: Path) -> None:
    events: list[Event] = []
    pipeline.build(Request(MLP, out=tmp_path / "out", **TO_LOWER), events.append)
    assert [(e.stage, e.kind) for e in events if e.kind != "note"] == [
        ("import", "start"),
        ("import", "done"),
        ("lower", "start"),
        ("lower", "done"),
    ]
    assert all(e.seconds > 0 for e in events if e.kind == "done")
