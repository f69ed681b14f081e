# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium: what a page says on the console, what becomes of it, and how it looks."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000",
)  # fmt: skip
PATIENCE = 120


@dataclass(frozen=True)
class Browser:
    """A browser and a folder for its profile."""

    program: str
    profile: Path

    def run(self, page: Path, *options: str) -> tuple[str, list[str]]:
        """Open a page; return what the browser prints and the lines of the page's console."""
        command = [self.program, *QUIET, f"--user-data-dir={self.profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
        return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    def shoot(self, page: Path, picture: Path, width: int, height: int) -> list[str]:
        """Write a PNG of a page; return the lines of its console."""
        picture.parent.mkdir(parents=True, exist_ok=True)
        return self.run(page, f"--screenshot={picture}", f"--window-size={width},{height}")[1]


def installed() -> str | None:
    """Return the browser of this machine; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def find(profile: Path) -> Browser:
    """Return the browser of this machine; skip the test where there is none."""
    program = installed()
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} is on the PATH")
    return Browser(program, profile)
