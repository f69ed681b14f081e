# SPDX-License-Identifier: Apache-2.0
"""What mkdocs needs beside the pages: the home page is the README, and links out of docs/ become plain names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

README = Path(__file__).resolve().parent.parent / "README.md"
OUTWARD = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the home page; its links lead into docs/, where the page now is."""
    text = README.read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave the words of a link to a file that the site does not have."""
    return OUTWARD.sub(r"\1", markdown)
