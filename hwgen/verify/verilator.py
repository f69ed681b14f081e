# SPDX-License-Identifier: Apache-2.0
"""Turn SystemVerilog into a simulator program: Verilator, then one C++ compiler, without make and without perl.

Everything is cached by content: the program by its sources and tools, and Verilator's own runtime, which costs as
much to compile as a small design, once for each Verilator and compiler.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hwgen.resources import cache_folder, data_folder, jobs
from hwgen.verify.toolchain import Compiler, Verilator, find_compiler, find_verilator, run

TOP = "hwgen_bench"
PREFIX = f"V{TOP}"
# Bounded functions: the compiler's time grows faster than a function's length. Unknowns and registers without an
# initial value get random bits, so that a kernel which reads before it writes is caught.
VERILATE = (
    "-cc", "--vpi", "--output-split", "0", "--output-split-cfuncs", "500", "--x-initial", "unique", "--x-assign",
    "unique", "--prefix", PREFIX, "--top-module", TOP, "-Wno-fatal", "-Wno-lint", "-Wno-style",
)  # fmt: skip
DEFINES = ("-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVL_TIME_CONTEXT")
# -O1: the program runs ten times as fast as with -O0; -O2 and -Os take much longer to compile and gain nothing.
FLAGS = ("-std=c++17", "-O1", "-w", *DEFINES)
RUNTIME = ("verilated.cpp", "verilated_vpi.cpp", "verilated_threads.cpp")
LINK = ("-rdynamic", "-s", "-pthread", "-ldl")


@dataclass(frozen=True)
class Kind:
    """A kind of simulator: options of Verilator and of the compiler, Verilator's runtime, and what that includes."""

    verilate: tuple[str, ...]
    flags: tuple[str, ...]
    runtime: tuple[str, ...]
    headers: tuple[Path, ...] = ()


PLAIN = Kind(VERILATE, (*FLAGS, "-DVM_TRACE=0"), RUNTIME)
# Verilator's FST writer includes lz4.h and zlib.h; those of hwgen hold the little that it calls.
_FST = data_folder("sim") / "fst"
WAVES = Kind(
    (*VERILATE, "--trace-fst", "--timescale", "1ns/1ns"),
    (*FLAGS, "-DVM_TRACE=1", "-DVM_TRACE_FST=1", f"-I{_FST}"),
    (*RUNTIME, "verilated_fst_c.cpp"),
    (_FST / "lz4.h", _FST / "zlib.h"),
)


@dataclass(frozen=True)
class Simulator:
    """A built simulator.

    Parameters
    ----------
    program
        The executable; it works in its current folder.
    cached
        Whether nothing had to be compiled.
    """

    program: Path
    cached: bool


def build(sources: Sequence[Path], main: Path, headers: Sequence[Path] = (), kind: Kind = PLAIN) -> Simulator:
    """Build the simulator of the test bench.

    Parameters
    ----------
    sources
        SystemVerilog and Verilator control files; one of them holds the module ``hwgen_bench``.
    main
        C++ file with the main function.
    headers
        Headers that it includes by their names.
    kind
        `PLAIN`, or `WAVES` for a program that can write waveforms.

    Raises
    ------
    UserError
        When Verilator or a C++ compiler is missing.
    InternalError
        When one of them fails.
    """
    verilator, compiler = find_verilator(), find_compiler()
    key = _key((verilator.version, compiler.version, *kind.verilate, *kind.flags), (*sources, main, *headers))
    target = cache_folder() / "verilator" / key
    program = target / "simulator"
    if program.is_file():
        return Simulator(program, True)
    runtime = _runtime(verilator, compiler, kind)
    with _scratch(target.parent) as name:
        folder = Path(name)
        command: list[str | Path] = [verilator.program, *kind.verilate, "--Mdir", folder / "model", *sources]
        run("Verilator", command, folder, verilator.environment)
        objects = _compile(verilator, [*compiler.command, *kind.flags], folder, main, headers)
        output = folder / "program" / "simulator"
        output.parent.mkdir()
        command = [*compiler.command, *objects, *runtime, *LINK, "-o", output]
        run("Linking the simulator", command, folder)
        _publish(output.parent, target)
    return Simulator(program, False)


def _key(words: Iterable[str], files: Iterable[Path]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for path in files:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _scratch(parent: Path) -> tempfile.TemporaryDirectory[str]:
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".making-", dir=parent)


def _publish(made: Path, target: Path) -> None:
    """Move a finished folder into the cache; another process may have been faster with the same content."""
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _includes(verilator: Verilator) -> list[str]:
    return [f"-I{verilator.root / 'include'}", f"-I{verilator.root / 'include' / 'vltstd'}"]


def _runtime(verilator: Verilator, compiler: Compiler, kind: Kind) -> list[Path]:
    """Return the object files of Verilator's runtime."""
    key = _key((verilator.version, compiler.version, *kind.flags), kind.headers)
    target = cache_folder() / "verilator-runtime" / key
    names = [f"{Path(name).stem}.o" for name in kind.runtime]
    if not target.is_dir():
        with _scratch(target.parent) as scratch:
            folder = Path(scratch)
            made = folder / "objects"
            made.mkdir()
            sources = [verilator.root / "include" / name for name in kind.runtime]
            outputs = [made / name for name in names]
            command = [*compiler.command, *kind.flags]
            _compile_all(verilator, command, list(zip(sources, outputs, strict=True)), folder)
            _publish(made, target)
    return [target / name for name in names]


def _compile(
    verilator: Verilator, compiler: Sequence[str], folder: Path, main: Path, headers: Sequence[Path]
) -> list[Path]:
    """Compile the generated model in as many units of even size as compilers may run, and the main function."""
    for header in headers:
        shutil.copyfile(header, folder / "model" / header.name)
    shutil.copyfile(main, folder / "model" / "hwgen_main.cpp")
    units: list[list[Path]] = [[] for _ in range(jobs())]
    sizes = [0] * len(units)
    for path in sorted((folder / "model").glob("*.cpp"), key=lambda p: (-p.stat().st_size, p.name)):
        smallest = sizes.index(min(sizes))
        units[smallest].append(path)
        sizes[smallest] += path.stat().st_size
    pairs = []
    for index, unit in enumerate(unit for unit in units if unit):
        source = folder / f"unit{index}.cpp"
        source.write_text("".join(f'#include "{path.name}"\n' for path in unit))
        pairs.append((source, folder / f"unit{index}.o"))
    _compile_all(verilator, compiler, pairs, folder)
    return [output for _, output in pairs]


def _compile_all(verilator: Verilator, compiler: Sequence[str], pairs: list[tuple[Path, Path]], folder: Path) -> None:
    includes = [*_includes(verilator), f"-I{folder / 'model'}"]

    def compile_one(pair: tuple[Path, Path]) -> None:
        source, output = pair
        command: list[str | Path] = [*compiler, *includes, "-c", source, "-o", output]
        run("Compiling the simulator", command, folder, {**os.environ, "LC_ALL": "C"})

    with ThreadPoolExecutor(jobs()) as pool:
        list(pool.map(compile_one, pairs))
