# SPDX-License-Identifier: Apache-2.0
"""A content-addressed cache of compiler output: same input, same bytes, no second run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """Return the cache folder: ``$HWGEN_CACHE`` or ``~/.cache/hwgen``."""
    chosen = os.environ.get("HWGEN_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "hwgen"


def key(*parts: str) -> str:
    """Return the hash of a sequence of texts."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def remember(name: str, suffix: str, make: Callable[[], str]) -> str:
    """Return the text kept under `name`, or make and keep it; a cache that cannot be written is no error."""
    path = folder() / "hlsc" / name[:2] / (name + suffix)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text()
    text = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(part, path)
    return text
