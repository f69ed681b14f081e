# SPDX-License-Identifier: Apache-2.0
"""What the front half's tests share: the IR interpreter against C simulation, and sources from snippets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from hwgen.hlsc import interp, ir, verify_ir
from hwgen.hlsc.csim import CsimJob, csim, csim_many
from hwgen.hlsc.front import read_process

KERNELS = Path(__file__).parent / "kernels"
INCLUDE = Path(__file__).resolve().parents[3] / "hls" / "include"

HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"
"""Two lines: the snippet's first line is line 3."""

IO = "hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0"
FOR, FOREVER = "for (int i = 0; i < 9; ++i)", "while (1)"

Ints = list[int]
Run = Callable[[ir.Process, dict[str, Ints]], Ints]


def words(rng: np.random.Generator, count: int, width: int) -> list[int]:
    """Return random words, the extremes well represented."""
    drawn = [int.from_bytes(rng.bytes((width + 7) // 8), "little") & ((1 << width) - 1) for _ in range(count)]
    return [0 if i % 11 == 5 else (1 << width) - 1 if i % 11 == 8 else word for i, word in enumerate(drawn)]


def to_bytes(values: Sequence[int], width: int) -> np.ndarray:
    """Return words as csim takes them."""
    size = (width + 7) // 8
    return np.frombuffer(b"".join(v.to_bytes(size, "little") for v in values), np.uint8).reshape(-1, size)


def from_bytes(values: np.ndarray) -> list[int]:
    """Return what csim gave as words."""
    return [int.from_bytes(row.tobytes(), "little") for row in values]


def compile_snippet(folder: Path, text: str, function: str = "f") -> ir.Process:
    """Compile C++ that follows `HEAD`."""
    source = folder / "snippet.cpp"
    source.write_text(HEAD + text)
    process = read_process(source, function, [INCLUDE])
    verify_ir.verify(process)
    return process


def loop(inside: str, ii: str = "II=1", *, name: str = "f", head: str = FOR, before: str = "", after: str = "") -> str:
    """Return a process from in0 to out0: `before` is in line 4, `inside` begins in line 7."""
    return f"void {name}({IO}) {{\n{before}\n{head} {{\n#pragma HLS PIPELINE {ii}\n{inside}\n}}\n{after}\n}}\n"


def interpreted(process: ir.Process, given: dict[str, Ints]) -> Ints:
    """Return what the interpreter writes to out0."""
    return interp.run(process, given, 10_000)["out0"]


def simulate_until_dry(
    source: Path, names: Sequence[str], count: int, run: Run = interpreted
) -> Iterator[tuple[str, Ints, Ints]]:
    """Yield for each process its name, and what `run` and C simulation write of `count` random words an input."""
    jobs, found = [], []
    for number, name in enumerate(names):
        process = read_process(source, name)
        verify_ir.verify(process)
        rng = np.random.default_rng(number)
        given = {s.name: words(rng, count, s.width) for s in process.streams if s.direction == "in"}
        widths = {s.name: s.width for s in process.streams}
        jobs.append(CsimJob(source, name, [], [to_bytes(v, widths[n]) for n, v in given.items()], None))
        found.append(run(process, given))
    for name, own, (rows,) in zip(names, found, csim_many(jobs), strict=True):
        yield name, own, from_bytes(rows)


def consumed(process: ir.Process, inputs: dict[str, list[int]], frames: int) -> dict[str, int]:
    """Return how many words of each input whole frames take."""
    machine = interp.Machine(process, inputs)
    for _ in range(frames * (process.trip_count or 1)):
        assert machine.step(), "the test gives too few words"
    return dict(machine.position)


def check(source: Path, function: str, include: Sequence[Path], seed: int, frames: int = 3) -> ir.Process:
    """Compile a process and require that its IR and C simulation agree on random frames."""
    process = read_process(source, function, include)
    verify_ir.verify(process)
    assert process.trip_count is not None
    rng = np.random.default_rng(seed)
    count = frames * process.trip_count
    reads = [v.attr for v in process.values if v.opcode == "read"]
    inputs = {s.name: words(rng, count * reads.count(s.name), s.width) for s in process.streams if s.direction == "in"}
    taken = consumed(process, inputs, frames)
    given = {name: found[: taken[name]] for name, found in inputs.items()}
    widths = {s.name: s.width for s in process.streams}
    expected = csim(source, function, include, [to_bytes(v, widths[n]) for n, v in given.items()], frames)
    got = interp.run(process, given, count)
    outputs = [s.name for s in process.streams if s.direction == "out"]
    for name, rows in zip(outputs, expected, strict=True):
        assert got[name] == from_bytes(rows), f"{function}.{name} differs"
    return process
