# SPDX-License-Identifier: Apache-2.0
"""C simulation without a linker: a process's LLVM IR is compiled in memory and called once for each frame.

The stream accesses of a process are its volatile loads and stores. They are rewritten to moves of a cursor over
buffers, LLVM optimises and compiles the rest, and all of this happens in a subprocess, so that a crash of LLVM or of
the kernel is a sentence. `static` locals and RAMs keep their contents from frame to frame, as in hardware.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwgen.errors import InternalError, Problem, UserError
from hwgen.hlsc import mangle
from hwgen.hlsc.clang import to_llvm

Words = npt.NDArray[np.uint8]

_WORKER = Path(__file__).with_name("csim_worker.py")
_DEFINE = re.compile(r"^define [^@]*@(?P<name>[\w.$]+|\"[^\"]+\")\((?P<parameters>.*)\)[^()]*{$", re.MULTILINE)
_PARAMETER = re.compile(r"ptr\b[^%]*%(?P<name>[\w.]+)")


class CsimError(UserError):
    """A process that does not consume its input frame exactly, or that cannot be simulated."""


@dataclass(frozen=True, eq=False)
class CsimJob:
    """One process and what to feed it.

    Parameters
    ----------
    source, function, include
        C++ file, name of the process function, header folders.
    inputs
        For each input stream in parameter order, uint8 of shape ``(frames * beats, ceil(width / 8))``, little endian.
        Input streams are the first ``len(inputs)`` parameters.
    frames
        How often the process is called, each time with as many words of every input. None calls it until it reads an
        input that is empty, which ends that call: what it wrote until then counts. A process that never returns
        (``while (1)``) always runs so, in one call.
    """

    source: Path
    function: str
    include: Sequence[Path]
    inputs: Sequence[Words]
    frames: int | None


@dataclass(frozen=True)
class _Port:
    name: str
    bits: int

    @property
    def bytes(self) -> int:
        return (self.bits + 7) // 8


def csim(
    source: Path, function: str, include: Sequence[Path], inputs: Sequence[Words], frames: int | None
) -> list[Words]:
    """Run one process; see `csim_many` and `CsimJob`."""
    return csim_many([CsimJob(source, function, include, inputs, frames)])[0]


def csim_many(jobs: Sequence[CsimJob], *, seconds: float = 3600) -> list[list[Words]]:
    """Run processes, each on its own inputs, in one subprocess.

    Parameters
    ----------
    jobs
        What to run; jobs do not see each other.
    seconds
        After this long the subprocess is ended.

    Returns
    -------
    list
        For each job its output streams in parameter order, uint8 of shape ``(beats, ceil(width / 8))`` over all
        frames; bits above the width are 0.

    Raises
    ------
    CsimError
        When a process reads an empty stream or leaves input unread where it runs on whole frames, and when it writes
        an input or reads an output: with the names of the process and the stream, and the frame, counted from 0.
    HlsError
        When a source is not C++.
    """
    with tempfile.TemporaryDirectory(prefix="hwgen-csim-") as name:
        folder = Path(name)
        ports = [_prepare(job, folder, index) for index, job in enumerate(jobs)]
        (folder / "jobs.json").write_text(json.dumps([spec for spec, _ in ports]))
        log = _run(folder, seconds)
        problems: list[Problem] = []
        results: list[list[Words]] = []
        for index, (job, (_, outputs)) in enumerate(zip(jobs, ports, strict=True)):
            report = folder / f"{index}.json"
            if not report.is_file():
                raise InternalError(
                    f"The C simulation of {job.function} ({job.source}) ended without a result. Its last words: {log}"
                )
            said = json.loads(report.read_text())
            if said["error"]:
                problems.append(Problem(said["error"], job.function))
                continue
            results.append([np.load(folder / f"{index}.out{k}.npy") for k in range(outputs)])
    if problems:
        raise CsimError(problems)
    return results


def _run(folder: Path, seconds: float) -> str:
    """Run the worker on a folder; returns the end of what it wrote to standard error."""
    try:
        done = subprocess.run(
            [sys.executable, str(_WORKER), str(folder)], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CsimError(f"The C simulation did not end within {seconds:.0f} s.") from error
    return done.stderr.strip()[-2000:] or f"exit status {done.returncode}"


def _prepare(job: CsimJob, folder: Path, index: int) -> tuple[dict[str, object], int]:
    """Write one job's module and inputs; returns what the worker must know, and the number of outputs."""
    text = to_llvm(job.source, job.include)
    symbol, ports = signature(text, job)
    inputs, outputs = ports[: len(job.inputs)], ports[len(job.inputs) :]
    for number, (port, words) in enumerate(zip(inputs, job.inputs, strict=True)):
        if words.ndim != 2 or words.dtype != np.uint8 or words.shape[1] != port.bytes:
            raise CsimError(
                f"Words for {job.function}.{port.name} must be uint8 of shape (beats, {port.bytes}), not "
                f"{words.dtype} of shape {words.shape}."
            )
        if job.frames is not None and (job.frames < 1 or words.shape[0] % job.frames):
            raise CsimError(
                f"{words.shape[0]} words for {job.function}.{port.name} must be whole frames ({job.frames})."
            )
        np.save(folder / f"{index}.in{number}.npy", words)
    (folder / f"{index}.ll").write_text(text)
    spec: dict[str, object] = {
        "symbol": symbol,
        "frames": job.frames,
        "inputs": [[port.name, port.bits] for port in inputs],
        "outputs": [[port.name, port.bits] for port in outputs],
    }
    return spec, len(outputs)


def signature(text: str, job: CsimJob) -> tuple[str, list[_Port]]:
    """Return the symbol of a job's process in an LLVM module, and its stream parameters."""
    structs = mangle.struct_bits(text)
    for match in _DEFINE.finditer(text):
        symbol = match["name"].strip('"')
        if mangle.identifier(symbol) != job.function and symbol != job.function:
            continue
        types = mangle.parameters(symbol) or ()
        widths = [mangle.stream_bits(kind, structs) for kind in types]
        names = [found["name"] for found in _PARAMETER.finditer(match["parameters"])]
        if len(names) != len(widths):
            names = [f"parameter {number}" for number in range(len(widths))]
        ports = [_Port(name, bits) for name, bits in zip(names, widths, strict=True) if bits is not None]
        if len(ports) != len(widths) or not ports:
            raise CsimError(f"Every parameter of {job.function} ({job.source}) must be an hls::stream reference.")
        if len(ports) < len(job.inputs):
            raise CsimError(f"{job.function} has {len(ports)} streams, fewer than the {len(job.inputs)} inputs given.")
        return symbol, ports
    raise CsimError(f"{job.source} must define a function {job.function}.")
