# SPDX-License-Identifier: Apache-2.0
"""From `!dbg` numbers to places in the kernel's source."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hwgen.hlsc.clang import is_header
from hwgen.hlsc.ir import Loc

_FIELD = re.compile(r'(\w+): (?:!(\d+)|(\d+)|"((?:\\.|[^"\\])*)")')


class Places:
    """Resolves debug locations of one module.

    The place of an instruction is the innermost one of its inlining chain that lies outside the compatibility
    headers: a line of the kernel, whether in the process's own file or in a kernel library. Where there is none, the
    instruction has no place.
    """

    def __init__(self, metadata: Mapping[int, str]) -> None:
        self._metadata = metadata
        self._fields: dict[int, dict[str, str]] = {}
        self._files: dict[int, str] = {}
        self._places: dict[int, Loc | None] = {}

    def _node(self, number: int) -> dict[str, str]:
        if number not in self._fields:
            found = _FIELD.findall(self._metadata.get(number, ""))
            self._fields[number] = {key: ref or digits or text for key, ref, digits, text in found}
        return self._fields[number]

    def _file(self, scope: int) -> str:
        if scope not in self._files:
            self._files[scope] = self._find_file(scope)
        return self._files[scope]

    def _find_file(self, scope: int) -> str:
        node = self._node(scope)
        if "file" not in node and "scope" in node:
            return self._file(int(node["scope"]))
        file = self._node(int(node.get("file", -1)))
        name = file.get("filename", "")
        return name if Path(name).is_absolute() else str(Path(file.get("directory", "")) / name)

    def of(self, debug: int) -> Loc | None:
        """Return the place in the kernel of `!dbg` number `debug`, None where there is none."""
        if debug not in self._places:
            self._places[debug] = self._resolve(debug)
        return self._places[debug]

    def _resolve(self, debug: int) -> Loc | None:
        while debug >= 0:
            node = self._node(debug)
            if "line" not in node or "scope" not in node:
                break
            file = self._file(int(node["scope"]))
            if int(node["line"]) > 0 and not is_header(file):
                return Loc(file, int(node["line"]), int(node.get("column", 0)))
            debug = int(node.get("inlinedAt", -1))
        return None

    def function(self, debug: int) -> Loc | None:
        """Return the place of a function's definition."""
        node = self._node(debug)
        return Loc(self._file(debug), int(node["line"])) if "line" in node else None


def shortener(source: Path, include: Sequence[Path]) -> Callable[[Loc | None], Loc | None]:
    """Return a function that makes places relative to the source's folder or an include folder.

    What is printed into RTL and reports must not depend on where the project lies.
    """
    folders = [source.resolve().parent, *(Path(path).resolve() for path in include)]

    @functools.cache
    def name(file: str) -> str:
        path = Path(file).resolve()
        for folder in folders:
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return path.name

    def short(loc: Loc | None) -> Loc | None:
        return None if loc is None else Loc(name(loc.file), loc.line, loc.column)

    return short
