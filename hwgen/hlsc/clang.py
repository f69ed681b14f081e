# SPDX-License-Identifier: Apache-2.0
"""C++ to LLVM IR: finds a clang, preprocesses, rewrites the directives, compiles without optimising."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import InternalError, UserError
from hwgen.hlsc import cache, variables
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.library import shipped
from hwgen.hlsc.pragmas import rewrite

OLDEST, PAIRED = 16, 22
"""Oldest clang with a usable C++ `_BitInt`, and the clang whose IR llvmlite's LLVM reads unedited."""

_LANGUAGE = ("-std=c++17", "-O1", "-w", "-fno-exceptions", "-fno-rtti", "-fno-stack-protector")
_EMIT = (
    "-S",
    "-emit-llvm",
    "-Xclang",
    "-disable-llvm-passes",
    "-gline-tables-only",
    "-fno-discard-value-names",
    "-ferror-limit=20",
    "-fno-color-diagnostics",
)
_SECONDS = 600
_LOG = logging.getLogger(__name__)
_DIAGNOSTIC = re.compile(
    r"^(?P<file>[^\n:]+):(?P<line>\d+):(?P<column>\d+): (?P<kind>fatal error|error|note): (?P<text>.*)$"
)
_RULES = (
    (
        "cannot bind to bit-field",
        "A struct in a stream must not have bit-fields.",
        "Make the member an ap_uint or ap_int.",
    ),
    (
        "cannot bind ",
        "A struct in a stream must have public members only, all in one class.",
        "Put them in one struct.",
    ),
)
"""Words of clang for what `hls_word.h` cannot assert, the rule and the fix."""


@dataclass(frozen=True)
class Compiler:
    """A clang: the commands for preprocessing and for compiling preprocessed text, and a line that identifies it."""

    preprocess: tuple[str, ...]
    compile: tuple[str, ...]
    identity: str


@dataclass(frozen=True)
class Unit:
    """A translation unit: LLVM IR as clang wrote it, the directives found in it, and the preprocessed text."""

    ll: str
    directives: tuple[Directive, ...]
    text: str


def to_llvm(source: Path, include: Sequence[Path] = ()) -> str:
    """Compile C++ to the text of an unoptimised LLVM module.

    Parameters
    ----------
    source
        C++17 file in the compiler's subset; `HWGEN_HLSC` is defined while it is read.
    include
        Folders searched for headers, in order; hwgen's own `ap_int.h` and `hls_stream.h` come after them.

    Raises
    ------
    HlsError
        With the first error's file, line and column when the source is not C++, or has an unknown directive.
    """
    return variables.without_marks(compile_unit(source, include).ll)


@functools.cache
def compat() -> Path:
    """Return the folder of hwgen's `ap_int.h` and `hls_stream.h`, in a checkout or in an installed package."""
    return shipped() / "compat"


def compile_unit(source: Path, include: Sequence[Path] = ()) -> Unit:
    """Compile C++ to LLVM IR and list its directives; see `to_llvm`."""
    if not source.is_file():
        raise UserError(f"The source file {source} must exist.")
    clang = find_compiler()
    folders = [f"-I{path}" for path in (*include, compat())]
    argv = [*clang.preprocess, *_LANGUAGE, "-DHWGEN_HLSC=1", "-fno-color-diagnostics", *folders, "-E", "-x", "c++"]
    text, directives = rewrite(_run([*argv, str(source)], None, source))
    name = cache.key("clang", clang.identity, *_EMIT, *_LANGUAGE, text)
    argv = [*clang.compile, *_LANGUAGE, *_EMIT, "-x", "c++-cpp-output", "-", "-o", "-"]
    with variables.explained(directives, text):
        return Unit(cache.remember(name, ".ll", lambda: _run(argv, text, source)), directives, text)


@functools.cache
def find_compiler() -> Compiler:
    """Return the clang to use: `$HWGEN_CLANG`, a system clang 22, the ziglang wheel, then another system clang.

    The pair clang 22 / LLVM 22 goes first, because older ones lay `_BitInt` out differently in memory and give other
    (equally right) RTL.
    """
    chosen = os.environ.get("HWGEN_CLANG")
    system = (
        [chosen] if chosen else [f"clang-{PAIRED}", "clang", *(f"clang-{n}" for n in range(PAIRED - 1, OLDEST - 1, -1))]
    )
    found = [c for c in map(_system, system) if c is not None]
    if chosen and not found:
        raise UserError(
            f"HWGEN_CLANG must name a clang of version {OLDEST} to {PAIRED}, not {chosen}.",
            hint="Unset it to use the clang of the ziglang package.",
        )
    for version, compiler in found:
        if version == PAIRED or chosen:
            return compiler
    zig = _zig()
    if zig is not None:
        return zig
    if found:
        return found[0][1]
    raise UserError(
        f"A clang of version {OLDEST} to {PAIRED} must be installed.", hint="Try pip install ziglang==0.17.1."
    )


def _system(command: str) -> tuple[int, Compiler] | None:
    path = shutil.which(command)
    if path is None:
        return None
    try:
        text = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"clang version (\d+)[.\d]*", text)
    if match is None or not OLDEST <= int(match[1]) <= PAIRED:
        return None
    target = "--target=x86_64-linux-gnu"
    return int(match[1]), Compiler((path,), (path, target), f"{match[0]} {target}")


def _zig() -> Compiler | None:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    zig = next((path for path in (folder / "zig", folder / "zig.exe") if path.is_file()), None)
    if zig is None:
        return None
    target = ("-target", "x86_64-linux-musl")
    _LOG.debug("using the clang of the ziglang package, whose first use builds a cache")
    identity = f"ziglang {importlib.metadata.version('ziglang')}"
    return Compiler((str(zig), "c++", *target, "-fno-sanitize=all"), (str(zig), "clang", *target), identity)


def _run(argv: Sequence[str], text: str | None, source: Path) -> str:
    """Run clang on `text`, which is of `source`, and return what it prints; its errors become ours."""
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InternalError(f"clang must finish within {_SECONDS} s, and did not.") from None
    except OSError as error:
        raise InternalError(f"clang must start, and did not: {error}.") from None
    if done.returncode == 0:
        return done.stdout
    raise _error(done.stderr, done.returncode, source)


def _error(text: str, code: int, source: Path) -> HlsError | InternalError:
    """Return clang's first error as ours, placed in the kernel: where clang names it in a note, else in `source`."""
    found = [match for line in text.splitlines() if (match := _DIAGNOSTIC.match(line))]
    first = next((i for i, match in enumerate(found) if match["kind"] != "note"), None)
    unread = re.search(r"^fatal error: (.*)$", text, re.MULTILINE)
    if code >= 0 and first is None and unread is not None:
        return HlsError(f"The C++ compiler says: {unread[1]}.", file=str(source), line=1, fix="Write C++ in UTF-8.")
    if code < 0 or first is None:
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
        return InternalError(f"clang ended with code {code}: {last.strip()}.")
    place = found[first]
    for match in found[first + 1 :]:
        if match["kind"] != "note" or not is_header(place["file"]):
            break
        if "requested here" in match["text"]:
            place = match
    rule, fix = _rule(found[first]["text"].rstrip("."))
    if is_header(place["file"]):
        return HlsError(rule, file=str(source), line=1, fix=fix)
    return HlsError(rule, file=place["file"], line=int(place["line"]), column=int(place["column"]), fix=fix)


def _rule(message: str) -> tuple[str, str]:
    """Return the rule and the fix of clang's message: our own where an assertion or `_RULES` has one."""
    asserted = re.search(r"hwgen: ([^|]+)\|(.+)", message)
    if asserted is not None:
        return asserted[1], asserted[2]
    for said, rule, fix in _RULES:
        if said in message:
            return rule, fix
    return f"The C++ compiler says: {message}.", "Correct the C++ source."


@functools.cache
def is_header(file: str) -> bool:
    """Whether `file` is a compatibility or system header, where no message should point to."""
    path = Path(file)
    return path.parent == compat() or "libcxx" in path.parts or file.startswith("/usr/")
