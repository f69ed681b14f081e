# SPDX-License-Identifier: Apache-2.0
"""C simulation without a linker: a process's LLVM IR is compiled in memory and called once for each frame.

The stream accesses of a process are its volatile loads and stores. They are rewritten to moves of a cursor over
buffers (`csim_text`); LLVM optimises and compiles the rest in a subprocess (`csim_worker`), so that a crash of LLVM or
of the kernel is a sentence. `static` locals and RAMs keep their contents from frame to frame, as in hardware.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hwgen.errors import InternalError, Problem, UserError
from hwgen.hlsc import mangle
from hwgen.hlsc.clang import to_llvm
from hwgen.hlsc.csim_pauses import PAUSES, Words, agreed
from hwgen.hlsc.csim_text import asks, instrument
from hwgen.hlsc.interfaces import SCALAR_BITS, parameter

_WORKER = Path(__file__).with_name("csim_worker.py")
_IDLE_CALLS = 1000
"""Calls in a row that may take nothing before a process with non-blocking reads is at its end."""
_DEFINE = re.compile(r"^define [^@]*@(?P<name>[\w.$]+|\"[^\"]+\")\((?P<parameters>.*)\)[^()]*{$", re.MULTILINE)


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
    scalars
        Values of the parameters that are scalars: one for all frames, or a sequence with one for each. With a sequence
        the process is called as often as it has values, at most; where ``frames`` is given it must be as long.
    memories
        For each pointer parameter the bytes it points to, uint8 of one dimension; what the process writes is found
        there afterwards. One array may be given for several parameters.
    """

    source: Path
    function: str
    include: Sequence[Path]
    inputs: Sequence[Words]
    frames: int | None
    scalars: Mapping[str, int | Sequence[int]] = field(default_factory=dict)
    memories: Mapping[str, Words] = field(default_factory=dict)


@dataclass(frozen=True)
class _Port:
    """A parameter, and how LLVM passes it."""

    name: str
    kind: Literal["stream", "memory", "scalar"]
    bits: int
    passed: str = "ptr"

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
        When a process reads an empty stream or leaves input unread where it runs on whole frames, when it writes an
        input, reads an output or writes without end: with the names of the process and the stream, and the frame,
        counted from 0. When what it writes depends on which non-blocking reads find a word. When the jobs take longer
        than `seconds`.
    InternalError
        When LLVM or a process crashes.
    HlsError
        When a source is not C++.
    """
    with tempfile.TemporaryDirectory(prefix="hwgen-csim-") as name:
        folder = Path(name)
        specs = [_prepare(job, folder, index) for index, job in enumerate(jobs)]
        (folder / "jobs.json").write_text(json.dumps(specs))
        log = _run(folder, seconds)
        problems: list[Problem] = []
        results: list[list[Words]] = []
        for index, (job, spec) in enumerate(zip(jobs, specs, strict=True)):
            report = folder / f"{index}.json"
            if not report.is_file():
                raise InternalError(
                    f"The C simulation of {job.function} ({job.source}) ended without a result. Its last words: {log}"
                )
            said = json.loads(report.read_text())
            names = [name for name, _ in spec["outputs"]]
            runs = (_written(folder / f"{index}.run{number}", len(names)) for number in range(said["runs"]))
            words, differ = agreed(runs, names, job.frames is not None)
            if differ or said["error"]:
                problems.append(Problem(differ or said["error"], job.function))
                continue
            results.append(words)
            for number, memory in enumerate(_memories(job)):
                memory[:] = np.load(folder / f"{index}.mem{number}.npy")
    if problems:
        raise CsimError(problems)
    return results


def _run(folder: Path, seconds: float) -> str:
    """Run the worker on a folder; returns the end of what it wrote to standard error."""
    argv = [sys.executable, "-I", str(_WORKER), str(folder)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise CsimError(f"The C simulation did not end within {seconds:.0f} s.") from error
    return done.stderr.strip()[-2000:] or f"exit status {done.returncode}"


def _written(path: Path, outputs: int) -> list[Words]:
    return [np.load(f"{path}.out{output}.npy") for output in range(outputs)]


def _prepare(job: CsimJob, folder: Path, index: int) -> dict[str, Any]:
    """Write one job's module, inputs and memories; returns what the worker must know besides."""
    text = to_llvm(job.source, job.include)
    symbol, ports = signature(text, job)
    streams = [port for port in ports if port.kind == "stream"]
    inputs, outputs = streams[: len(job.inputs)], streams[len(job.inputs) :]
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
    (folder / f"{index}.ll").write_text(instrument(text, symbol, [port.passed for port in ports]))
    for number, memory in enumerate(_memories(job)):
        np.save(folder / f"{index}.mem{number}.npy", memory)
    pauses = asks(text)
    return {
        "symbol": symbol,
        "frames": job.frames,
        "calls": _calls(job),
        "pauses": PAUSES if pauses else PAUSES[:1],
        "patience": _IDLE_CALLS if pauses else 1,
        "inputs": [[port.name, port.bits] for port in inputs],
        "outputs": [[port.name, port.bits] for port in outputs],
        "arguments": [_argument(port, streams, job) for port in ports],
    }


def _memories(job: CsimJob) -> list[Words]:
    """Return the memories of a job, each once."""
    return list({id(memory): memory for memory in job.memories.values()}.values())


def _calls(job: CsimJob) -> int | None:
    """Return how many values the scalars of a job have, None where each has one."""
    counts = {len(v) for v in job.scalars.values() if not isinstance(v, int)}
    if len(counts) > 1 or (counts and job.frames not in (None, *counts)):
        raise CsimError(f"The scalars of {job.function} must have one value for each frame, not {sorted(counts)}.")
    return counts.pop() if counts else None


def _argument(port: _Port, streams: Sequence[_Port], job: CsimJob) -> tuple[str, str, int | list[int]]:
    """Return what the worker passes for a parameter: kind, LLVM's type, number of the stream or memory, or values."""
    if port.kind == "stream":
        return port.kind, port.passed, streams.index(port)
    given = job.memories if port.kind == "memory" else job.scalars
    if port.name not in given:
        raise CsimError(f"The {port.kind} {port.name} of {job.function} must be given in the job.")
    if port.kind == "scalar":
        value, mask = job.scalars[port.name], (1 << port.bits) - 1
        values = [value] if isinstance(value, int) else list(value)
        return port.kind, port.passed, [one & mask for one in values]
    memory = job.memories[port.name]
    if memory.ndim != 1 or memory.dtype != np.uint8:
        raise CsimError(
            f"The memory {port.name} of {job.function} must be uint8 of one dimension, not {memory.dtype} of shape "
            f"{memory.shape}."
        )
    return port.kind, port.passed, [id(other) for other in _memories(job)].index(id(memory))


def signature(text: str, job: CsimJob) -> tuple[str, list[_Port]]:
    """Return the symbol of a job's process in an LLVM module, and its stream parameters."""
    structs = mangle.struct_bits(text)
    for match in _DEFINE.finditer(text):
        symbol = match["name"].strip('"')
        if mangle.identifier(symbol) != job.function and symbol != job.function:
            continue
        kinds = mangle.parameters(symbol) or ()
        parts = match["parameters"].split(", ")
        if len(parts) != len(kinds):
            parts = [f"ptr %parameter {number}" for number in range(len(kinds))]
        ports = [port for part, kind in zip(parts, kinds, strict=True) if (port := _port(part, kind, structs))]
        streams = sum(port.kind == "stream" for port in ports)
        if len(ports) != len(kinds) or not streams:
            raise CsimError(
                f"Every parameter of {job.function} ({job.source}) must be an hls::stream reference, a pointer or a "
                f"scalar of at most {SCALAR_BITS} bits."
            )
        if streams < len(job.inputs):
            raise CsimError(f"{job.function} has {streams} streams, fewer than the {len(job.inputs)} inputs given.")
        return symbol, ports
    raise CsimError(f"{job.source} must define a function {job.function}.")


def _port(part: str, kind: mangle.Name, structs: Mapping[mangle.Name, int]) -> _Port | None:
    """Return a parameter of a definition, None where it is nothing that a process may have."""
    name = part.rpartition("%")[2].removesuffix(".coerce")
    known = parameter(name, kind, structs)
    if known is None:
        return None
    passed = part.split()[0] + (" zeroext" if "zeroext" in part else " signext" if "signext" in part else "")
    return _Port(name, known.kind, known.bits, passed)
