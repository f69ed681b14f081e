# SPDX-License-Identifier: Apache-2.0
"""`manifest.json`: what a folder was made from, and the sha256 of every file in it (``run/`` and itself excepted)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwgen.artifacts import read_json, write_json

NAME = "manifest.json"
RUN = "run"


def sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files(folder: Path) -> list[str]:
    """Return the relative paths of a folder's files, sorted, without ``run/`` and the manifest."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file() or p.is_symlink())
    return sorted(p.as_posix() for p in found if p.parts[0] != RUN and p.as_posix() != NAME)


def write(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of `folder`: `facts` (model hash, version, budget, seed ...), then every file's hash."""
    write_json(folder / NAME, {**facts, "files": {name: sha256(folder / name) for name in files(folder)}})


def read(folder: Path) -> dict[str, Any] | None:
    """Return a folder's manifest, or None where there is none that can be read."""
    try:
        data = read_json(folder / NAME)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and isinstance(data.get("files"), dict) else None


def intact(folder: Path, hashes: Mapping[str, str]) -> bool:
    """Return whether every file named is there, unchanged."""
    return all((folder / name).is_file() and sha256(folder / name) == digest for name, digest in hashes.items())
