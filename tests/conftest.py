# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real models and data beside the checkout; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))
    if not (path / "models").is_dir():
        pytest.skip(f"real models are absent: {path} has no models folder (set HWGEN_SHARED)")
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`: write golden files anew instead of comparing."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")
