# SPDX-License-Identifier: Apache-2.0
"""Streams of structs: one word with the first member lowest, the same in C simulation, in the IR and in RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rtl_harness import build

from hwgen.hlsc import backend, dataflow_emit, interp, ir
from hwgen.hlsc.csim import csim
from hwgen.hlsc.dataflow_front import read_dataflow
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target

SOURCE = Path(__file__).parents[1] / "front" / "kernels" / "structs.cpp"
FIFO = Path(__file__).resolve().parents[3] / "hls" / "rtl" / "hwgen_fifo.sv"
PIXEL, BLOCK = 10 + 10 + 5 + 1 + 3 * 4, 2 * 38 + 16 + 150 + 8 + 6 * 2
WIDTHS = {"structs": (PIXEL, BLOCK), "split": (BLOCK, PIXEL), "plain": (32, 1)}
FRAMES, BEATS = 6, 8
PATTERNS = [(100, 100, 0), (50, 50, 0), (15, 90, 0), (90, 15, 0), (60, 60, 41)]


def words(width: int, seed: int = 3) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int.from_bytes(rng.bytes(64), "little") % (1 << width) for _ in range(FRAMES * BEATS)]


def simulate(function: str, given: list[int], width: int) -> list[int]:
    size = (width + 7) // 8
    raw = np.frombuffer(b"".join(w.to_bytes(size, "little") for w in given), np.uint8).reshape(-1, size)
    (rows,) = csim(SOURCE, function, [], [raw], FRAMES)
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


@pytest.fixture(scope="module")
def processes() -> dict[str, ir.Process]:
    return {name: read_process(SOURCE, name) for name in WIDTHS}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, processes: dict[str, ir.Process]):
    target = Target("xcup", 400.0)
    top = read_dataflow(SOURCE.parent / "tops" / "pixels.cpp", "pixels")
    assert [(c.name, c.width, c.depth) for c in top.channels] == [("blocks", BLOCK, 4)]
    shell = ir.Process("pixels", top.ports, (), (), (), (), (), None)
    sources = [FIFO, dataflow_emit.emit(top), *(backend.compile(p, target).rtl for p in processes.values())]
    return build(tmp_path_factory.mktemp("structs"), [*processes.values(), shell], sources)


def test_a_port_is_as_wide_as_the_members_together(processes: dict[str, ir.Process]) -> None:
    assert {name: tuple(s.width for s in p.streams) for name, p in processes.items()} == WIDTHS


def test_the_first_member_is_lowest(processes: dict[str, ir.Process]) -> None:
    pixel = 5 | 700 << 10 | 0b11101 << 20 | 1 << 25 | 1 << 26 | 2 << 30 | 3 << 34
    first = interp.run(processes["structs"], {"in0": [pixel]}, 1)["out0"][0]
    assert first % (1 << 38) == 0b11101 << 20 | 1 << 26 | 2 << 30 | 3 << 34
    assert first >> 38 & ((1 << 38) - 1) == 5 | 700 << 10 | 0b11101 << 20 | 1 << 25 | 2 << 26 | 3 << 30 | 1 << 34
    assert first >> 76 & 0xFFFF == (-3 - 7) & 0xFFFF
    assert first >> 92 & ((1 << 150) - 1) == (-(1 << 9) + 5 * -3) & ((1 << 150) - 1)
    assert first >> 242 & 0xFF == 1
    assert first >> 250 == 1 | 2 << 2 | 3 << 4 | 0 << 6 | 1 << 8 | 1 << 10


@pytest.mark.parametrize("name", WIDTHS)
def test_ir_equals_csim(name: str, processes: dict[str, ir.Process]) -> None:
    given = words(WIDTHS[name][0])
    assert interp.run(processes[name], {"in0": given}, len(given))["out0"] == simulate(name, given, WIDTHS[name][0])


@pytest.mark.parametrize(("valid", "ready", "reset"), PATTERNS)
def test_rtl_equals_csim_under_any_handshake(model, valid: int, ready: int, reset: int) -> None:
    given = {name: words(width) for name, (width, _) in WIDTHS.items()} | {"pixels": words(PIXEL)}
    found = model.run({n: {"in0": w} for n, w in given.items()}, seed=valid, valid=valid, ready=ready, reset_at=reset)
    assert not found.violations
    for name, (width, _) in WIDTHS.items():
        assert found.words[f"{name}.out0"] == simulate(name, given[name], width), name
    assert found.words["pixels.out0"] == simulate("split", simulate("structs", given["pixels"], PIXEL), BLOCK)


REFUSED = {
    "struct S { ap_uint<4> a; float b; };": "floating-point",
    "struct S { ap_uint<4> a; double b[2]; };": "floating-point",
    "struct S { int* a; };": "pointer",
    "union U { int a; short b; };\nstruct S { U u; };": "union",
    "struct S { unsigned a : 4; unsigned b : 4; };": "bit-fields",
    "struct S { };": "must have members",
    "struct S { const ap_uint<4> a = 1; };": "can be set",
    "class S { ap_uint<4> a; };": "public members",
    "struct B { int a; };\nstruct S : B { int b; };": "public members",
}


@pytest.mark.parametrize("text", REFUSED)
def test_other_members_are_refused_where_the_struct_is_used(text: str, tmp_path: Path) -> None:
    source = tmp_path / "refused.cpp"
    source.write_text(
        f"#include <hls_stream.h>\n{text}\nvoid f(hls::stream<S>& in0, hls::stream<S>& out0) {{\n"
        "  for (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE II=1\n    out0.write(in0.read());\n  }\n}\n"
    )
    with pytest.raises(HlsError, match=REFUSED[text]) as caught:
        read_process(source, "f")
    assert caught.value.fix and "clang" not in caught.value.fix
    line = source.read_text()[: source.read_text().index("out0.write")].count("\n") + 1
    assert (Path(caught.value.file).name, caught.value.line) == ("refused.cpp", line)
