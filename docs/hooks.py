# SPDX-License-Identifier: Apache-2.0
"""What mkdocs needs beside the pages: the README as home page, the options of every command, plain names outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from hwgen.cli import app

README = Path(__file__).resolve().parent.parent / "README.md"
OUTWARD = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")
OPTIONS = re.compile(r"<!-- options: (\S+) -->")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the home page; its links lead into docs/, where the page now is."""
    text = README.read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the options of a command where a page wants them; leave the words of a link that leads out of the site."""
    return OUTWARD.sub(r"\1", OPTIONS.sub(lambda match: options(match[1]), markdown))


def options(command: str) -> str:
    """Return the arguments and options of a command as a table."""
    found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    rows = [f"| `{_name(param)}` | {_help(param)} |" for param in found.params if param.name != "help"]
    return "\n".join(["| option | |", "|---|---|", *rows])


def _name(param: Any) -> str:
    value = param.metavar or param.name.upper()
    if param.param_type_name == "argument":
        return str(value)
    words = ", ".join(param.opts)
    return words if param.is_flag else f"{words} {value}"


def _help(param: Any) -> str:
    text = (param.help or "").replace("|", "\\|")
    plain = isinstance(param.default, (str, int, float, Path)) and not isinstance(param.default, bool)
    return f"{text} Default: {param.default}." if plain and not param.required else text
