# SPDX-License-Identifier: Apache-2.0
"""Folders of finished builds: the one that is meant where none is named, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from hwgen import artifacts
from hwgen.errors import UserError

BUILDS = Path("build")
T = TypeVar("T")


def only_build(file: Path, what: str) -> Path:
    """Return the current folder where it is a build with a certain file, else the only such build in ``build/``.

    Parameters
    ----------
    file
        What the folder must hold, relative to it.
    what
        What such a folder is called in a sentence: ``one build``.

    Raises
    ------
    UserError
        There is none, or more than one.
    """
    if file.is_file():
        return Path()
    found = sorted(folder for folder in BUILDS.glob("*") if (folder / file).is_file())
    if len(found) != 1:
        have = f"{len(found)} of them: {', '.join(map(str, found))}" if found else "none"
        raise UserError(f"The folder {BUILDS} must hold {what}, not {have}.", hint="Name one.")
    return found[0]


def read(folder: Path, stem: Path, kind: type[T]) -> T:
    """Return an artefact of a build: its plan, say.

    Raises
    ------
    UserError
        The folder has none, or one of another version.
    """
    try:
        return artifacts.restore(folder / stem, kind)
    except (OSError, ValueError, TypeError, KeyError) as error:
        text = f"The folder {folder} must be that of a build with its plan, but it is not."
        raise UserError(text, hint="Build with this version.") from error
