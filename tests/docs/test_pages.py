# SPDX-License-Identifier: Apache-2.0
"""The pages that tell how to do something are done, block by block, in a copy of the project."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks, follow

COPIED = ("hwgen", "hls", "templates", "sim", "designs", "tests", "pyproject.toml")
UNTRIED = [pytest.param(block, id=block.text.strip()) for block in blocks("tutorial.md") if block.reason]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy the project to where the page may change it."""
    folder = tmp_path / "project"
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "obj_dir")
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name, **({"ignore": ignore} if source.is_dir() else {}))
    return folder


def contents(project: Path) -> dict[str, bytes]:
    """Return what the copy holds, what Python and the tools leave behind excepted."""
    files = (p for p in project.rglob("*") if p.is_file() and "." not in p.relative_to(project).parts[0][:1])
    return {str(p.relative_to(project)): p.read_bytes() for p in files}


def test_add_a_board(project: Path) -> None:
    before = contents(project)
    printed = follow("add-a-board.md", project, project)
    assert "LFE5U-25F-6BG256C" in printed and "Fits tang-25" in printed
    assert before.items() <= contents(project).items()


def test_planning(project: Path) -> None:
    printed = follow("planning.md", project, project)
    for words in (
        "<- bottleneck", "What binds: ", "GOP/s", "projected at 250 MHz", "projected at 50 MHz",
        "matmul_9_matmul (matvec of ", "What tipped it: ", "designs are beaten by no other",
    ):  # fmt: skip
        assert words in printed, words
    assert (project / "planned/report/roofline.svg").is_file()
    assert len(list((project / "swept/points").iterdir())) == 6


def test_tutorial(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    printed = follow("tutorial.md", folder, ROOT)
    for words in (
        "float accuracy 0.9", "Fits ulx3s", "fc0    Gemm            8     8", "What tipped it: ",
        "rtl: 3 tensors compared, equal.", "'ii_rtl': ", "fc1, free-flow: 3 frames, ", "equal to the golden",
    ):  # fmt: skip
        assert words in printed, words
    assert (folder / "build/fast/rtl").is_dir() and (folder / "build/digits_int8/bitstream/digits_int8.bit").is_file()


@pytest.mark.parametrize("block", UNTRIED)
def test_tutorial_commands_that_are_not_run(block: Block) -> None:
    assert len(UNTRIED) <= 2
    pytest.skip(str(block.reason))


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "designs").glob("*/*.md"))):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_add_an_operator(project: Path) -> None:
    before = contents(project)
    assert "1 passed" in follow("add-an-operator.md", project, project)
    assert before.items() <= contents(project).items()
