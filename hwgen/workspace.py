# SPDX-License-Identifier: Apache-2.0
"""The output folder: a build happens in a hidden folder beside it, which replaces it by one rename or vanishes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from hwgen import manifest
from hwgen.artifacts import read_json, write_json
from hwgen.errors import UserError

STATE = Path(manifest.RUN) / "state.json"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class Workspace:
    """A folder in the making; used as a context manager, it removes what was not published.

    Parameters
    ----------
    out
        The output folder: absent, empty, or one that hwgen made.

    Raises
    ------
    UserError
        When `out` holds other things, or when nothing can be written there.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.absolute()
        self.manifest = manifest.read(self.out)
        _check_ours(self.out, self.manifest)
        self.state: dict[str, Any] = _read_state(self.out)
        self.folder = _working_folder(self.out)
        self._stages: dict[str, Any] = {}

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def reusable(self, stage: str, key: str) -> bool:
        """Return whether the output folder holds this stage's files, made from the same `key` and unchanged."""
        entry = self.state.get(stage)
        return isinstance(entry, dict) and entry.get("key") == key and manifest.intact(self.out, entry["files"])

    def adopt(self, stage: str) -> None:
        """Take a stage's files over from the output folder."""
        entry = self.state[stage]
        for name in entry["files"]:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.out / name, target)
        self._stages[stage] = entry

    def record(self, stage: str, key: str, before: set[str]) -> None:
        """Note that every file that was not there `before` belongs to `stage`."""
        made = [name for name in manifest.files(self.folder) if name not in before]
        self._stages[stage] = {"key": key, "files": {name: manifest.sha256(self.folder / name) for name in made}}

    def publish(self, facts: dict[str, Any]) -> None:
        """Write state and manifest, keep the files that others put into the output folder, and swap the two folders."""
        manifest.write(self.folder, facts)
        write_json(self.folder / STATE, self._stages)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        if not self.out.exists():
            self.folder.rename(self.out)
            return
        _keep_foreign(self.out, self.folder, self.manifest or {"files": {}})
        _exchange(self.folder, self.out)


def _read_state(out: Path) -> dict[str, Any]:
    try:
        state = read_json(out / STATE)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _check_ours(out: Path, found: dict[str, Any] | None) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"The output folder must be a folder, but {out} is a file.", hint="Choose another with --out.")
    if found is None and out.is_dir() and _listable(out):
        raise UserError(
            f"The output folder must be empty or made by hwgen, but {out} holds other files.",
            hint="Choose another with --out.",
        )


def _listable(out: Path) -> bool:
    try:
        return any(out.iterdir())
    except OSError as error:
        raise _not_writable(out, error) from error


def _working_folder(out: Path) -> Path:
    base = out.parent
    try:
        while not base.exists():
            base = base.parent
        if out.is_dir() and not os.access(out, os.W_OK):
            raise PermissionError(13, "Permission denied")
        folder = Path(tempfile.mkdtemp(dir=base, prefix=f".{out.name}-"))
        folder.chmod(0o755)
        return folder
    except OSError as error:
        raise _not_writable(out, error) from error


def _not_writable(out: Path, error: OSError) -> UserError:
    reason = (error.strerror or str(error)).lower()
    message = f"The output folder {out} must be writable, but it is not: {reason}."
    return UserError(message, hint="Choose another with --out.")


def _keep_foreign(old: Path, new: Path, listed: dict[str, Any]) -> None:
    """Link files that hwgen did not write (a Vivado project, say) from `old` into `new` where the place is free."""
    for name in manifest.files(old):
        if name in listed["files"] or (new / name).exists():
            continue
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(old / name, new / name, follow_symlinks=False)


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders in one step where the system can (Linux), else in two."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(_AT_FDCWD, bytes(new), _AT_FDCWD, bytes(old), _RENAME_EXCHANGE) == 0:
            return
    aside = new.with_name(new.name + ".old")
    old.rename(aside)
    new.rename(old)
    aside.rename(new)
