# SPDX-License-Identifier: Apache-2.0
"""The output folder appears whole or not at all, and keeps what is not hwgen's."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen import manifest
from hwgen.artifacts import write_json
from hwgen.errors import UserError
from hwgen.workspace import Workspace


def fill(space: Workspace, stage: str, key: str, files: dict[str, str]) -> None:
    before = set(manifest.files(space.folder))
    for name, text in files.items():
        path = space.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    space.record(stage, key, before)


def made(out: Path, **texts: str) -> None:
    with Workspace(out) as space:
        for stage, text in texts.items():
            fill(space, stage, f"key of {text}", {f"{stage}/file.txt": text})
        space.publish({"version": "1"})


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_folder_appears_with_a_manifest_of_its_files(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    made(out, one="hello")
    found = manifest.read(out)
    assert found is not None and list(found["files"]) == ["one/file.txt"] and found["version"] == "1"
    assert manifest.intact(out, found["files"])
    assert names(tmp_path) == ["deep"] and names(tmp_path / "deep") == ["out"]


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Workspace(tmp_path / "a" / "out") as space:
        fill(space, "one", "k", {"x": "half"})
        raise RuntimeError
    assert names(tmp_path) == []


def test_an_exception_leaves_the_old_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(out, one="old")
    with pytest.raises(KeyboardInterrupt), Workspace(out) as space:
        fill(space, "one", "k", {"one/file.txt": "new"})
        raise KeyboardInterrupt
    assert (out / "one/file.txt").read_text() == "old" and names(tmp_path) == ["out"]


def test_only_what_is_unchanged_can_be_reused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(out, one="a", two="b")
    (out / "two/file.txt").write_text("edited")
    with Workspace(out) as space:
        assert space.reusable("one", "key of a")
        assert not space.reusable("one", "another key")
        assert not space.reusable("two", "key of b")
        assert not space.reusable("three", "key of b")


def test_a_stage_that_is_gone_takes_its_files_along(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(out, one="a", two="b")
    with Workspace(out) as space:
        space.adopt("one")
        space.publish({})
    assert (out / "one/file.txt").is_file() and not (out / "two").exists()
    with Workspace(out) as space:
        assert space.reusable("one", "key of a")


def test_files_of_others_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(out, one="a")
    (out / "vivado").mkdir()
    (out / "vivado/project.xpr").write_text("mine")
    made(out, one="b")
    assert (out / "vivado/project.xpr").read_text() == "mine" and (out / "one/file.txt").read_text() == "b"
    found = manifest.read(out)
    assert found is not None and list(found["files"]) == ["one/file.txt"]


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError) as caught:
        Workspace(tmp_path)
    assert str(caught.value) == (
        f"The output folder must be empty or made by hwgen, but {tmp_path} holds other files. "
        "Choose another with --out."
    )


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"must be a folder, but .*out is a file\. Choose another with --out\."):
        Workspace(tmp_path / "out")


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"out must be writable, but it is not: .*\. Choose another with --out\."):
        Workspace(tmp_path / "file" / "out")


def test_a_broken_manifest_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    assert manifest.read(tmp_path) is None
    write_json(tmp_path / "manifest.json", [1])
    assert manifest.read(tmp_path) is None
