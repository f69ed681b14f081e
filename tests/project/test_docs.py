# SPDX-License-Identifier: Apache-2.0
"""The pages that tell how to do something are done, block by block, in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("hwgen", "hls", "templates", "sim", "designs", "tests", "pyproject.toml")
BLOCK = re.compile(r"(?:^File `(?P<path>[^`]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy the project to where the page may change it, with `hwgen` and `pytest` commands that run the copy."""
    folder = tmp_path / "project"
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "obj_dir")
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name, **({"ignore": ignore} if source.is_dir() else {}))
    tools = tmp_path / "bin"
    tools.mkdir()
    for command, module in (("hwgen", "hwgen.cli"), ("pytest", "pytest")):
        script = tools / command
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    return folder


def follow(page: str, project: Path) -> str:
    """Write the files and run the commands of a page, in its order; return everything that was printed."""
    path = f"{project.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    printed = ""
    for block in BLOCK.finditer((ROOT / "docs" / page).read_text()):
        if block["path"]:
            target = project / block["path"]
            assert not target.exists(), f"{page} edits {block['path']}: nothing that exists may have to be touched"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block["text"])
        elif block["kind"] == "sh":
            command = ["sh", "-e", "-c", block["text"]]
            done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{block['text']}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout
    return printed


def contents(project: Path) -> dict[str, bytes]:
    """Return what the copy holds, what Python and the tools leave behind excepted."""
    files = (p for p in project.rglob("*") if p.is_file() and "." not in p.relative_to(project).parts[0][:1])
    return {str(p.relative_to(project)): p.read_bytes() for p in files}


def test_add_a_board(project: Path) -> None:
    before = contents(project)
    printed = follow("add-a-board.md", project)
    assert "LFE5U-25F-6BG256C" in printed and "Fits tang-25" in printed
    assert before.items() <= contents(project).items()


def test_planning(project: Path) -> None:
    printed = follow("planning.md", project)
    for words in (
        "<- bottleneck", "What binds: ", "GOP/s", "projected at 250 MHz", "projected at 50 MHz",
        "matmul_9_matmul (matvec of ", "What tipped it: ", "designs are beaten by no other",
    ):  # fmt: skip
        assert words in printed, words
    assert (project / "planned/report/roofline.svg").is_file()
    assert len(list((project / "swept/points").iterdir())) == 6


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "designs").glob("*/*.md"))):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_add_an_operator(project: Path) -> None:
    before = contents(project)
    assert "1 passed" in follow("add-an-operator.md", project)
    assert before.items() <= contents(project).items()
