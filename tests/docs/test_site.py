# SPDX-License-Identifier: Apache-2.0
"""The site of docs/ is built without a warning, needs no network, and has a word for every command and every page."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from hwgen.cli import app, run
from tests.docs.pages import DOCS, ROOT

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]*\ssrc=\"?(https?:)?//|<link[^>]*\shref=\"?(https?:)?//|@import|url\(\"?http"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("docs") / "site"
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    config.plugins.on_shutdown()
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(list(site.glob("*.html"))) > len(list(DOCS.glob("*.md")))
    for page in pages:
        assert not LOADED.search(page.read_text()), page.relative_to(site)


def test_the_home_page_is_the_readme(site: Path) -> None:
    home = (site / "index.html").read_text()
    assert "A neural network in, a verified FPGA accelerator out" in home and 'href="planning.html"' in home


def test_every_command_has_its_section_with_its_options(site: Path) -> None:
    sections = re.findall(r"^## hwgen (\S+)\n", (DOCS / "commands.md").read_text(), re.MULTILINE)
    assert sections == list(COMMANDS), "a section for each, in the order of hwgen --help"
    page = html.unescape((site / "commands.html").read_text())
    for name, command in COMMANDS.items():
        section = page.partition(f'id="hwgen-{name}"')[2].partition("<h2")[0]
        for option in (opt for param in command.params for opt in param.opts if opt.startswith("--")):
            assert option in section, f"hwgen {name} {option}"
        assert "None" not in section and "<!--" not in section


def test_the_list_of_commands_cuts_no_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2].strip().splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS) and all(line.endswith(".") for line in listed)
    assert not any(line.endswith("...") for line in listed)


def test_the_reference_is_made_from_the_docstrings(site: Path) -> None:
    page = html.unescape((site / "api.html").read_text())
    for name in (
        "hwgen.build", "hwgen.request.BuildResult", "hwgen.errors.InfeasibleError", "hwgen.plan.types.Plan",
        "hwgen.artifacts.restore", "hwgen.ops.base.HardwareOp", "hwgen.hlsc.compile_process",
    ):  # fmt: skip
        assert f'id="{name}"' in page, name
    assert "What to build for: a board" in page
