# SPDX-License-Identifier: Apache-2.0
"""What the program finds around it: its data (`templates`, `hls`, `sim`: checkout or wheel), the cache, processors."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """Return the folder `name` (``templates``, ``hls`` or ``sim``): the wheel's copy, else the checkout's."""
    packaged = PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else PACKAGE.parent / name


def cache_folder() -> Path:
    """Return the folder for what may be deleted at any time: ``$HWGEN_CACHE``, or ``~/.cache/hwgen``."""
    root = os.environ.get("HWGEN_CACHE")
    return Path(root) if root else Path.home() / ".cache" / "hwgen"


def jobs() -> int:
    """Return how many tools may run at once: ``$HWGEN_JOBS``, else the number of processors, at most 4."""
    wanted = os.environ.get("HWGEN_JOBS", "")
    return max(1, int(wanted)) if wanted.isdigit() else min(4, os.cpu_count() or 1)
