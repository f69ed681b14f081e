# SPDX-License-Identifier: Apache-2.0
"""Find the data that travels with the program: `templates`, `hls` and `sim`, in a checkout or in an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """Return the folder `name` (``templates``, ``hls`` or ``sim``): the wheel's copy, else the checkout's."""
    packaged = PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else PACKAGE.parent / name
