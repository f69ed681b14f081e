# SPDX-License-Identifier: Apache-2.0
"""The commands about finished builds: several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen import console
from hwgen.commands.options import JsonOption
from hwgen.errors import UserError
from hwgen.tables import compare_lines


def compare(
    first: Annotated[Path, typer.Argument(help="Output folder of a build.", metavar="A")],
    second: Annotated[Path, typer.Argument(help="Another.", metavar="B")],
    third: Annotated[Path | None, typer.Argument(help="And another.", metavar="[C]")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="HTML file to write: one file, with plots.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put two or three builds side by side: figures, and the layers that were built differently."""
    from hwgen.report import compare_builds, comparison_page

    found = compare_builds([first, second, *([third] if third else [])])
    if html is not None:
        _write(html, comparison_page(found))
    if as_json:
        console.print_json({**found, "html": str(html) if html else None})
    else:
        console.print_lines([*compare_lines(found), *([f"Written: {html}"] if html else [])])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"--html must name a file that can be written, but {path} cannot: {reason}.") from error
