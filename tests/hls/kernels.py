# SPDX-License-Identifier: Apache-2.0
"""What every kernel's tests share: a kernel call with inputs and expected outputs, rendered, run twice, compared.

A test class names its kernel, makes random cases, and inherits the checks: C simulation with hwgen's headers equals
NumPy, and a native program with AMD's headers equals C simulation.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from hwgen.graph import Ints
from hwgen.hlsc import Target, compile_process
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.hw import CType, StreamType, pack, unpack

ROOT = Path(__file__).resolve().parent.parent.parent
COMPAT, INCLUDE = ROOT / "hls" / "compat", ROOT / "hls" / "include"
FRAMES = 3
CASES = int(os.environ.get("HWGEN_KERNEL_CASES", "5"))
"""Random cases for each kernel; raise it for a longer search."""


def amd_headers() -> Path:
    """Return the folder of AMD's open headers inside the hls4ml wheel; skip where it is absent."""
    spec = importlib.util.find_spec("hls4ml")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("AMD's open headers are absent: pip install hls4ml")
    if shutil.which("g++") is None:
        pytest.skip("g++ is absent")
    return Path(spec.submodule_search_locations[0]) / "templates" / "vivado" / "ap_types"


def native(source: Path, include: Sequence[Path]) -> Path:
    """Compile a program with the system's g++."""
    program = source.with_suffix(".exe")
    folders = [f"-I{path}" for path in include]
    argv = ["g++", "-std=c++17", "-O0", "-w", *folders, str(source), "-o", str(program)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:5000]
    return program


@dataclass(frozen=True, eq=False)
class Case:
    """One kernel instance with FRAMES frames of input and the output that NumPy expects.

    `inputs` and `outputs` pair a stream type with int64 values of shape ``(frames, beats, lanes)``; `roms` pairs an
    element type with a table ``(depth, lanes)``.
    """

    header: str
    function: str
    config: Mapping[str, int | bool | CType]
    inputs: Sequence[tuple[StreamType, Ints]]
    outputs: Sequence[tuple[StreamType, Ints]]
    roms: Sequence[tuple[CType, Ints]] = field(default_factory=tuple)

    def render(self, name: str) -> str:
        """Return the C++ of the process `name`."""
        return "\n".join(
            [
                f"#include <hwgen/{self.header}.hpp>",
                f"struct {name}_cfg {{",
                *(_member(key, value) for key, value in self.config.items()),
                "};",
                *(_rom(f"{name}_rom{k}", kind, table) for k, (kind, table) in enumerate(self.roms)),
                f"void {name}({', '.join(self._parameters())}) {{",
                f"  hwgen::{self.function}<{name}_cfg>({', '.join(self._arguments(name))});",
                "}",
                "",
            ]
        )

    def _names(self) -> list[tuple[str, StreamType]]:
        ins = [(f"in{k}", stream) for k, (stream, _) in enumerate(self.inputs)]
        return ins + [(f"out{k}", stream) for k, (stream, _) in enumerate(self.outputs)]

    def _parameters(self) -> list[str]:
        return [f"hls::stream<ap_uint<{stream.width}>>& {name}" for name, stream in self._names()]

    def _arguments(self, name: str) -> list[str]:
        return [n for n, _ in self._names()] + [f"{name}_rom{k}" for k in range(len(self.roms))]

    def render_call(self, name: str, folder: Path) -> str:
        """Return the C++ that feeds the process from files and writes its outputs to files."""
        lines = [f"  {{ hls::stream<ap_uint<{stream.width}>> {n};" for n, stream in self._names()]
        opened = len(lines)
        lines += [f'  load("{folder}/{name}.{n}", {n});' for n, _ in self._names()[: len(self.inputs)]]
        lines.append(f"  for (int f = 0; f < {FRAMES}; ++f) {name}({', '.join(n for n, _ in self._names())});")
        lines += [f'  save("{folder}/{name}.{n}", {n});' for n, _ in self._names()[len(self.inputs) :]]
        lines += [f'  if (!{n}.empty()) {{ puts("{name}.{n} is not empty"); return 1; }}' for n, _ in self._names()]
        return "\n".join(lines) + "}" * opened


def _member(name: str, value: int | bool | CType) -> str:
    if isinstance(value, CType):
        return f"  using {name} = {value};"
    if isinstance(value, bool):
        return f"  static constexpr bool {name} = {str(value).lower()};"
    return f"  static constexpr {'int' if value < 0 else 'unsigned'} {name} = {value};"


def _rom(name: str, kind: CType, table: Ints) -> str:
    rows = ", ".join(
        "{" + ", ".join(f"{value}{'LL' if kind.bits > 31 else ''}" for value in row) + "}" for row in table
    )
    return f"static const {kind} {name}[{table.shape[0]}][{table.shape[1]}] = {{{rows}}};"


FILE_IO = """
#include <cstdio>
#include <vector>
template <int W>
void load(const char* path, hls::stream<ap_uint<W>>& stream) {
  std::FILE* file = std::fopen(path, "rb");
  std::vector<unsigned char> word((W + 7) / 8);
  while (std::fread(word.data(), 1, word.size(), file) == word.size()) {
    ap_uint<W> x = 0;
    for (int k = 0; k < W; ++k) x[k] = (word[k / 8] >> (k % 8)) & 1;
    stream.write(x);
  }
  std::fclose(file);
}
template <int W>
void save(const char* path, hls::stream<ap_uint<W>>& stream) {
  std::FILE* file = std::fopen(path, "wb");
  while (!stream.empty()) {
    const ap_uint<W> x = stream.read();
    std::vector<unsigned char> word((W + 7) / 8);
    for (int k = 0; k < W; ++k) word[k / 8] |= (x[k] ? 1 : 0) << (k % 8);
    std::fwrite(word.data(), 1, word.size(), file);
  }
  std::fclose(file);
}
"""


def values(rng: np.random.Generator, stream: StreamType) -> Ints:
    """Return FRAMES random frames of a stream, the extremes well represented."""
    lo, hi = limits(stream)
    shape = (FRAMES, stream.beats, stream.lanes)
    if stream.signed and stream.bits == 1:
        return 2 * rng.integers(0, 2, shape) - 1
    drawn = rng.integers(lo, hi, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.2, rng.choice(np.array([lo, hi]), shape), drawn)


def limits(kind: StreamType | CType) -> tuple[int, int]:
    """Return the least and the greatest value of a two's complement or unsigned format."""
    return (-(1 << (kind.bits - 1)), (1 << (kind.bits - 1)) - 1) if kind.signed else (0, (1 << kind.bits) - 1)


def code_type(stream: StreamType) -> CType:
    """Return the C++ type of an element: bipolar ones are bits."""
    return CType(stream.signed and stream.bits > 1, stream.bits)


class KernelChecks(ABC):
    """Checks that every kernel passes; a subclass makes the cases."""

    seed: ClassVar[int] = 0
    trip_count_is_constant: ClassVar[bool] = True

    @abstractmethod
    def case(self, rng: np.random.Generator, number: int) -> Case:
        """Return random case `number`."""

    def cases(self) -> list[Case]:
        """Return the cases of this run, the same in every run."""
        return [self.case(np.random.default_rng((self.seed, number)), number) for number in range(CASES)]

    def jobs(self, cases: Sequence[Case], folder: Path) -> list[CsimJob]:
        """Write the cases as C++ and return what C simulation needs."""
        jobs = []
        for number, case in enumerate(cases):
            source = folder / f"k{number}.cpp"
            source.write_text(case.render(f"k{number}"))
            words = [pack(beats, stream) for stream, beats in case.inputs]
            jobs.append(CsimJob(source, f"k{number}", [COMPAT, INCLUDE], words, FRAMES))
        return jobs

    def simulate(self, cases: Sequence[Case], folder: Path) -> list[list[Ints]]:
        """Return the outputs of C simulation."""
        return [
            [unpack(words, stream) for words, (stream, _) in zip(outputs, case.outputs, strict=True)]
            for outputs, case in zip(csim_many(self.jobs(cases, folder)), cases, strict=True)
        ]

    def test_csim_equals_numpy(self, tmp_path: Path) -> None:
        cases = self.cases()
        for case, outputs in zip(cases, self.simulate(cases, tmp_path), strict=True):
            for got, (_, expected) in zip(outputs, case.outputs, strict=True):
                np.testing.assert_array_equal(got, expected, err_msg=str(case.config))

    def test_compiles_to_one_iteration_a_cycle(self, tmp_path: Path) -> None:
        for number, case in enumerate(self.cases()[:2]):
            source = tmp_path / f"k{number}.cpp"
            source.write_text(case.render(f"k{number}"))
            module = compile_process(source, f"k{number}", [COMPAT, INCLUDE], Target("xcup", 300.0))
            assert module.ii == 1
            beats = [stream.beats for stream, _ in (*case.inputs, *case.outputs)]
            assert (module.trip_count is not None) == self.trip_count_is_constant
            assert module.trip_count is None or module.trip_count >= max(beats)
            assert [port.bits for port in module.ports] == [s.width for s, _ in (*case.inputs, *case.outputs)]

    def test_same_with_amd_headers(self, tmp_path: Path) -> None:
        amd = amd_headers()
        cases = self.cases()[: max(3, CASES // 2)]
        text = "".join(case.render(f"k{number}") for number, case in enumerate(cases)) + FILE_IO + "int main() {\n"
        for number, case in enumerate(cases):
            for k, (stream, beats) in enumerate(case.inputs):
                (tmp_path / f"k{number}.in{k}").write_bytes(pack(beats, stream).tobytes())
            text += case.render_call(f"k{number}", tmp_path) + "\n"
        source = tmp_path / "native.cpp"
        source.write_text(text + "}\n")
        done = subprocess.run([native(source, [INCLUDE, amd])], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout
        for number, case in enumerate(cases):
            for k, (stream, expected) in enumerate(case.outputs):
                words = np.fromfile(tmp_path / f"k{number}.out{k}", dtype=np.uint8).reshape(-1, (stream.width + 7) // 8)
                np.testing.assert_array_equal(unpack(words, stream), expected, err_msg=str(case.config))
