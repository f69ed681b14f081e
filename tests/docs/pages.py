# SPDX-License-Identifier: Apache-2.0
"""Pages as programs: a block after a line "File `x`:" is written, a block of sh is run, in the order of the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(
    r"(?:^File `(?P<path>[^`]+)`:\n\n|^<!-- not run: (?P<reason>[^\n]*) -->\n)?"
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: the file that it is, or why its commands are not run, where the line before it says so."""

    kind: str
    text: str
    path: str | None
    reason: str | None


def blocks(page: str) -> list[Block]:
    found = BLOCK.finditer((DOCS / page).read_text())
    return [Block(m["kind"], m["text"], m["path"], m["reason"]) for m in found]


def tools(folder: Path) -> None:
    """Write `hwgen`, `pytest` and `python3` commands that run what PYTHONPATH finds, with this interpreter."""
    folder.mkdir()
    for command, words in (("hwgen", "-m hwgen.cli"), ("pytest", "-m pytest"), ("python3", "")):
        script = folder / command
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        script.chmod(0o755)


def follow(page: str, folder: Path, source: Path) -> str:
    """Write a page's files in `folder` and run its commands there, with the hwgen of `source`; return the output."""
    bin_folder = folder.parent / "bin"
    tools(bin_folder)
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    printed = ""
    for block in blocks(page):
        if block.path:
            target = folder / block.path
            assert not target.exists(), f"{page} edits {block.path}: nothing that exists may have to be touched"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        elif block.kind == "sh" and not block.reason:
            command = ["sh", "-e", "-c", block.text]
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout
    return printed
