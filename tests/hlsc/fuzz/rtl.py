# SPDX-License-Identifier: Apache-2.0
"""A batch of compiled processes in one Verilator model."""

from __future__ import annotations

import functools
import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.hlsc import Module
from hwgen.resources import cache_folder
from hwgen.verify.toolchain import find_compiler, find_verilator

HERE = Path(__file__).resolve().parent
MULTIPLIER = HERE.parents[2] / "hls" / "rtl" / "hwgen_mul.sv"
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
FLAGS = ("-std=c++17", "-O0", "-w", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE=0")
RATES = ((100, 100), (50, 50), (100, 20), (20, 100))
"""Percentages of valid and ready."""


class LintError(Exception):
    """Verilator does not take the RTL without a warning."""


@dataclass(frozen=True)
class Seen:
    """Words of each output, by process and stream, and broken rules of the protocol."""

    words: Mapping[tuple[str, str], list[int]]
    broken: Mapping[str, list[str]]


def _run(command: Sequence[str | Path], folder: Path, **keywords: object) -> str:
    done = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True, **keywords)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{Path(str(command[0])).name} failed: {done.stderr[-2000:]}")
    return str(done.stdout)


@functools.cache
def _runtime() -> tuple[Path, ...]:
    """Compile Verilator's runtime once."""
    verilator, compiler = find_verilator(), find_compiler()
    key = hashlib.sha256(f"{verilator.version} {compiler.version} {FLAGS}".encode()).hexdigest()[:24]
    folder = cache_folder() / "fuzz-runtime" / key
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name in RUNTIME:
        target = folder / f"{name}.o"
        if not target.is_file():
            flags = [*FLAGS, "-O1", *_includes()]
            _run([*compiler.command, *flags, "-c", verilator.root / "include" / name, "-o", target], folder)
        found.append(target)
    return tuple(found)


def _includes() -> list[str]:
    root = find_verilator().root / "include"
    return [f"-I{root}", f"-I{root / 'vltstd'}", f"-I{HERE}"]


def _wrapper(modules: Sequence[Module]) -> str:
    ports, bodies = ["input logic ap_clk", "input logic ap_rst_n"], []
    for m in modules:
        pins = [".ap_clk(ap_clk)", ".ap_rst_n(ap_rst_n)"]
        for p in m.ports:
            there, back = ("input", "output") if p.direction == "in" else ("output", "input")
            ports += [
                f"{there} logic [{p.bits - 1}:0] {m.name}_{p.name}_tdata",
                f"{there} logic {m.name}_{p.name}_tvalid",
                f"{back} logic {m.name}_{p.name}_tready",
            ]
            pins += [f".{p.name}_{x}({m.name}_{p.name}_{x})" for x in ("tdata", "tvalid", "tready")]
        bodies.append(f"  {m.name} {m.name}_i ({', '.join(pins)});")
    return "module batch (\n  " + ",\n  ".join(ports) + "\n);\n" + "\n".join(bodies) + "\nendmodule\n"


def _table(modules: Sequence[Module]) -> str:
    rows: dict[str, list[str]] = {"in": [], "out": []}
    for m in modules:
        for p in m.ports:
            n, head = f"t->{m.name}_{p.name}", f'"{m.name}.{p.name}", {p.bits}'
            if p.direction == "in":
                drive = f"[](Vbatch* t, const Word& w, bool v) {{ put({n}_tdata, w); {n}_tvalid = v; }}"
                rows["in"].append(f"{{{head}, {drive}, [](Vbatch* t) -> bool {{ return {n}_tready; }}}}")
            else:
                rows["out"].append(
                    f"{{{head}, [](Vbatch* t, bool r) {{ {n}_tready = r; }}, "
                    f"[](Vbatch* t) -> bool {{ return {n}_tvalid; }}, [](Vbatch* t, Word& w) {{ get({n}_tdata, w); }}}}"
                )
    ins, outs = (",\n   ".join(rows[k]) for k in ("in", "out"))
    main = f"int main(int argc, char** argv) {{\n  return drive(argc, argv,\n  {{{ins}}},\n  {{{outs}}});\n}}\n"
    return f'#include "driver.hpp"\n{main}'


@dataclass(frozen=True)
class Model:
    """A built batch."""

    program: Path
    modules: tuple[Module, ...]

    def run(self, inputs: Mapping[tuple[str, str], Sequence[int]], seed: int, valid: int, ready: int) -> Seen:
        """Run from reset until nothing moves any more."""
        words = self.program.parent / "inputs.txt"
        words.write_text("".join(f"{p}.{s} {w:x}\n" for (p, s), found in inputs.items() for w in found))
        patience = 400 + 20000 // min(valid, ready)
        command = [self.program, words, *(str(x) for x in (seed, valid, ready, patience))]
        text = _run(command, self.program.parent, timeout=300)
        found: dict[tuple[str, str], list[int]] = {
            (m.name, p.name): [] for m in self.modules for p in m.ports if p.direction == "out"
        }
        broken: dict[str, list[str]] = {}
        for line in text.splitlines():
            if line[0] == "!":
                name = line[2:].split(".")[0]
                broken.setdefault(name, []).append(line[2:])
            else:
                name, word = line.split()
                process, _, stream = name.partition(".")
                found[process, stream].append(int(word, 16))
        return Seen(found, broken)


def build(folder: Path, modules: Sequence[Module]) -> Model:
    """Build the model of a batch.

    Raises
    ------
    LintError
        For any warning of Verilator's under -Wall.
    """
    verilator, compiler = find_verilator(), find_compiler()
    files = []
    for m in modules:
        files.append(folder / f"{m.name}.sv")
        files[-1].write_text(m.rtl)
    if any("hwgen_mul" in m.rtl for m in modules):
        files.append(MULTIPLIER)
    (folder / "batch.sv").write_text(_wrapper(modules))
    # Verilator 5.048 and 5.050 compute `(a << b) << c` as `a << (b + c)` in the width of b (its issue 7955).
    right = ["-fno-dfg-peephole-replace-shiftl-shiftl", "-fno-dfg-peephole-replace-shiftr-shiftr"]
    options = [
        "-cc", "-Wall", "-Wno-DECLFILENAME", "--output-split", "0", "--x-initial", "unique", "--x-assign", "unique",
        "--prefix", "Vbatch", "--top-module", "batch", "--Mdir", folder / "model",
    ]  # fmt: skip
    command = [verilator.program, *right, *options, *files, folder / "batch.sv"]
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, env=verilator.environment, check=False
    )
    if done.returncode or done.stderr:
        raise LintError(done.stderr[:2000])
    units = [folder / "table.cpp", *sorted((folder / "model").glob("*.cpp"))]
    (folder / "table.cpp").write_text(_table(modules))
    (folder / "all.cpp").write_text("".join(f'#include "{path}"\n' for path in units))
    flags = [*FLAGS, *_includes(), f"-I{folder / 'model'}"]
    program = folder / "simulator"
    _run([*compiler.command, *flags, folder / "all.cpp", *_runtime(), "-pthread", "-o", program], folder)
    return Model(program, tuple(modules))
