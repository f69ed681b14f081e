# SPDX-License-Identifier: Apache-2.0
"""Run a built simulator, with or without cocotb, and read what it left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hwgen.errors import InternalError, UserError
from hwgen.verify.scenarios import Run

Sim = Literal["cocotb", "fast"]
_FAILED_RUNS = (0, 1, 5)  # exit codes that tell of the design, not of the simulator


@dataclass(frozen=True)
class Bad:
    """A beat that is wrong: what is wrong with it, where, its value, and the cycle after reset in which it passed."""

    kind: Literal["bad", "tlast", "extra"]
    stream: int
    frame: int
    beat: int
    value: int
    cycle: int


@dataclass
class Outcome:
    """What one run left behind.

    Parameters
    ----------
    done
        Whether all frames came out.
    mismatches
        Wrong beats at the device's outputs.
    cycles
        Cycles it took, those before a reset in mid-frame included.
    frames
        For each stream, the first and the last cycle of each frame.
    bad
        The first wrong beats of each stream, monitors included.
    protocol
        Whether the top complained about TLAST or gave a wrong TKEEP.
    """

    done: bool = False
    mismatches: int = 0
    cycles: int = 0
    frames: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    bad: list[Bad] = field(default_factory=list)
    protocol: bool = False


def simulate(program: Path, folder: Path, runs: Sequence[Run], sim: Sim, waves: Path | None = None) -> list[Outcome]:
    """Perform `runs` in `folder`, which holds ``vectors/``; runs.txt, log.txt and status.txt stay there.

    Parameters
    ----------
    waves
        FST file for the waveforms of all runs; wants a program that was built with waves, and `sim` to be fast.

    Raises
    ------
    InternalError
        When the simulator ends before all runs are performed.
    """
    (folder / "runs.txt").write_text("".join(run.line() for run in runs))
    (folder / "status.txt").unlink(missing_ok=True)
    command = [str(program)]
    environment = dict(os.environ)
    if sim == "cocotb":
        library, environment = cocotb_environment(folder / "sources", "test_hwgen")
        command += ["--cocotb", library]
    elif waves is not None:
        command += ["--waves", str(waves.absolute())]
    with (folder / "simulator.txt").open("w") as said:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT, check=False)
    status = (folder / "status.txt").read_text().split("\n")[:-1] if (folder / "status.txt").is_file() else []
    if len(status) != len(runs) or done.returncode not in _FAILED_RUNS:
        last = (folder / "simulator.txt").read_text(errors="replace").strip().splitlines()[-3:]
        message = f"The RTL simulation ended with status {done.returncode} after {len(status)} of {len(runs)} runs"
        raise InternalError(f"{message}: {' / '.join(last) or 'no output'}.", hint=f"Its files are in {folder}.")
    return _read(status, (folder / "log.txt").read_text(), len(runs))


def cocotb_environment(tests: Path, module: str) -> tuple[str, dict[str, str]]:
    """Return cocotb's VPI library for Verilator, and the environment that cocotb wants.

    Parameters
    ----------
    tests
        Folder of the Python module with the tests.
    module
        Its name.

    Raises
    ------
    UserError
        When cocotb or Python's shared library is missing.
    """
    try:
        import find_libpython
        from cocotb_tools import config
    except ImportError as error:
        hint = "Try pip install cocotb, or --sim fast."
        raise UserError("RTL simulation with cocotb needs cocotb 2.1, and it was not found.", hint=hint) from error
    libpython = find_libpython.find_libpython()
    if libpython is None:
        hint = "Install Python's shared library (libpython3-dev on Debian), or use --sim fast."
        raise UserError("cocotb needs Python's shared library, and it was not found.", hint=hint)
    libraries = str(config.libs_dir)
    environment = {
        **os.environ,
        "GPI_USERS": f"{libpython};{config.pygpi_entry_point()}",
        "LIBPYTHON_LOC": libpython,
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(tests.resolve()), *filter(None, sys.path)]),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [libraries, os.environ.get("LD_LIBRARY_PATH", "")])),
        "COCOTB_TEST_MODULES": module,
        "COCOTB_TOPLEVEL": "hwgen_bench",
        "COCOTB_RANDOM_SEED": "1",
        "COCOTB_ANSI_OUTPUT": "0",
        "TOPLEVEL_LANG": "verilog",
    }
    return str(config.lib_name_path("vpi", "verilator")), environment


def _read(status: Sequence[str], log: str, count: int) -> list[Outcome]:
    outcomes = [Outcome() for _ in range(count)]
    for line in status:
        number, done, mismatches, cycles = map(int, line.split())
        outcomes[number] = Outcome(bool(done), mismatches, cycles)
    current = Outcome()
    for line in log.splitlines():
        kind, *words = line.split()
        if kind == "run":
            current = outcomes[int(words[0])]
            current.frames.clear()  # what came before a reset in mid-frame does not count
            current.bad.clear()
            current.protocol = False
        elif kind in ("in", "out"):
            stream, _, first, last = map(int, words)
            current.frames[stream].append((first, last))
        elif kind == "protocol":
            current.protocol = True
        else:
            stream, frame, beat = map(int, words[:3])
            bad = Bad(kind, stream, frame, beat, int(words[3], 16), int(words[4]))  # type: ignore[arg-type]
            current.bad.append(bad)
    return outcomes
