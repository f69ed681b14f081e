# SPDX-License-Identifier: Apache-2.0
"""hwgen's library of SystemVerilog modules, one a file that has the module's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def shipped() -> Path:
    """Return the folder of hwgen's headers and modules, in a checkout or in an installed package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data" / "hls"
    return installed if installed.is_dir() else package.parent / "hls"


def library() -> Path:
    """Return the folder of the library."""
    return shipped() / "rtl"


def library_files(texts: Iterable[str], always: Iterable[str] = ()) -> list[Path]:
    """Return the files of the library that hold the modules `always`, and those that SystemVerilog texts name."""
    words = {word for text in texts for word in re.findall(r"\bhwgen_\w+", text)} | set(always)
    return [path for path in sorted(library().glob("*.sv")) if path.stem in words]
