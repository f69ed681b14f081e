# SPDX-License-Identifier: Apache-2.0
"""`hwgen compare`: figures side by side, the layers that changed, a page, and sentences for what is no build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hwgen.artifacts import write_json
from hwgen.cli import run
from hwgen.errors import UserError
from hwgen.plan import Plan
from hwgen.report import compare_builds, comparison_page

from .conftest import plan_for, report_of
from .test_page import Outline

SMALL = 4_000


def build(folder: Path, report: dict[str, Any]) -> Path:
    write_json(folder / "report" / "report.json", report)
    return folder


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return report_of(plan_for(SMALL))


@pytest.fixture
def folders(tmp_path: Path, report: dict[str, Any], small: dict[str, Any]) -> list[Path]:
    return [build(tmp_path / "large", report), build(tmp_path / "small", small)]


def test_figures_stand_side_by_side_with_what_changed(folders: list[Path], report: dict[str, Any], plan: Plan) -> None:
    found = compare_builds(folders)
    rows = {row["name"]: row for row in found["figures"]}
    assert rows["ii_plan"]["values"][0] == plan.ii < rows["ii_plan"]["values"][1]
    assert rows["lut"]["changes"][0] == 0 > rows["lut"]["changes"][1] > -1
    assert rows["fps"]["values"][0] == report["fps"]
    assert "ii_rtl" not in rows and "accuracy" not in rows
    assert [b["verified"] for b in found["builds"]] == ["Verified down to RTL"] * 2


def test_only_layers_built_differently_are_listed(folders: list[Path], report: dict[str, Any]) -> None:
    found = compare_builds([*folders, folders[0]])
    assert found["layers"] and all(layer["ways"][0] == layer["ways"][2] for layer in found["layers"])
    assert all(layer["ways"][0] != layer["ways"][1] for layer in found["layers"])
    names = {layer["name"] for layer in report["layers"]}
    assert found["same"] == len(names - {layer["name"] for layer in found["layers"]})
    assert compare_builds([folders[0]] * 2)["layers"] == []


def test_the_page_is_whole_and_by_itself(folders: list[Path]) -> None:
    text = comparison_page(compare_builds(folders))
    assert Outline(text).open == [] and "http" not in text.replace("http-equiv", "")
    assert "Layers built differently" in text and "large" in text and "small" in text


def test_the_command_prints_writes_and_speaks_json(
    folders: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = [str(folder) for folder in folders]
    assert run(["compare", *names, "--html", str(tmp_path / "both.html")]) == 0
    told = capfd.readouterr().out
    assert "frames/s" in told and "processes are the same in all" in told
    assert (tmp_path / "both.html").read_text().startswith("<!DOCTYPE html>")
    assert run(["compare", *names, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["same"] == compare_builds(folders)["same"]
    assert run(["compare", *names, "--html", str(tmp_path / "none" / "x.html")]) == 2
    assert "--html must name a file that can be written" in capfd.readouterr().err


def test_every_folder_that_is_no_build_gets_a_sentence(tmp_path: Path, report: dict[str, Any]) -> None:
    build(tmp_path / "old", {"name": "old"})
    build(tmp_path / "parity", {**report, "layers": []})
    (tmp_path / "torn" / "report").mkdir(parents=True)
    (tmp_path / "torn" / "report" / "report.json").write_text('{"name": "to')
    with pytest.raises(UserError) as raised:
        compare_builds([tmp_path / name for name in ("absent", "torn", "old", "parity")])
    told = [problem.message for problem in raised.value.problems]
    assert [text.split("must")[0].strip() for text in told] == [
        str(tmp_path / n) for n in ("absent", "torn", "old", "parity")
    ]
    assert "at all" in told[0] and "can be read" in told[1] and "lacks board" in told[2] and "only parity" in told[3]
