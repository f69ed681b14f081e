# SPDX-License-Identifier: Apache-2.0
"""The version, and a fingerprint of the program itself: what changed since a folder was built."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from hwgen.resources import data_folder

VERSION = "0.1.0"
DATA = ("templates", "hls", "sim")


def _digest(root: Path) -> bytes:
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


@cache
def fingerprint(package: str = "") -> str:
    """Return the sha256 of every file of the program (Python, templates, kernels, test bench), or of one package."""
    digest = hashlib.sha256(VERSION.encode())
    here = Path(__file__).resolve().parent
    for root in (here / package,) if package else (here, *(data_folder(name) for name in DATA)):
        digest.update(_digest(root))
    return digest.hexdigest()
