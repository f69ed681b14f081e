# SPDX-License-Identifier: Apache-2.0
"""How many cycles a process takes for a frame when nothing but itself holds it up: counted by Verilator."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hwgen.errors import InternalError
from hwgen.plan.types import Process
from hwgen.resources import cache_folder, data_folder
from hwgen.verify.testbench import environment
from hwgen.verify.verilator import build

FRAMES = 3
LIMIT = 4_000_000
"""Cycles that a process may take for its frames: some seconds."""
_LINT = "`verilator_config\nlint_off\n"


def interval(process: Process, rtl: Sequence[Path]) -> int | None:
    """Return the cycles from the end of a process's second frame to that of its third, with ports that never wait.

    What it is fed with does not matter: when a process reads and writes does not depend on values. The answer is kept
    by the content of the simulator.

    Parameters
    ----------
    process
        The process.
    rtl
        Its module and what that instantiates.

    Returns
    -------
    int or None
        None where `LIMIT` cycles do not suffice.
    """
    with tempfile.TemporaryDirectory(prefix="hwgen-pace-") as name:
        folder = Path(name)
        (folder / "hwgen_bench.sv").write_text(bench(process), encoding="utf-8", newline="\n")
        (folder / "hwgen_bench.vlt").write_text(_LINT)
        sources = [folder / "hwgen_bench.vlt", folder / "hwgen_bench.sv", *rtl]
        program = build(sources, data_folder("sim") / "pace.cpp").program
    beats = [stream.beats for stream in process.call.outputs]
    entry = cache_folder() / "pace" / f"{program.parent.name}.json"
    if not entry.is_file():
        _keep(entry, _ends(program, beats))
    ends: list[int] = json.loads(entry.read_text())
    return ends[-1] - ends[-2] if len(ends) == FRAMES else None


def bench(process: Process) -> str:
    """Return the SystemVerilog around a process."""
    call = process.call
    inputs = [{"name": f"in{i}", "bits": stream.width} for i, stream in enumerate(call.inputs)]
    outputs = [{"name": f"out{i}", "bits": stream.width} for i, stream in enumerate(call.outputs)]
    page = environment().get_template("sim/pace.sv.j2")
    return page.render(module=process.name, inputs=inputs, outputs=outputs)


def _ends(program: Path, beats: Sequence[int]) -> list[int]:
    command = [str(program), str(LIMIT), str(FRAMES), *map(str, beats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InternalError(f"The simulation of a process alone ended with status {done.returncode}.")
    return [int(line) for line in done.stdout.split()]


def _keep(entry: Path, ends: Sequence[int]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=entry.parent, prefix=".making-", delete=False) as file:
        json.dump(list(ends), file)
    os.replace(file.name, entry)
