# SPDX-License-Identifier: Apache-2.0
"""Scalar parameters: fields of a stream of arguments, taken when a frame starts; and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import InternalError
from hwgen.hlsc import Target, compile_dataflow, compile_process, interp, ir, verify_ir
from hwgen.hlsc.csim import CsimError, CsimJob, csim_many
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process
from hwgen.hlsc.scalars import declared, packed

from .support import HEAD, compile_snippet, from_bytes, to_bytes, words

SOURCE = Path(__file__).parents[1] / "scalars.cpp"
TARGET = Target("xcup", 300.0)
FRAMES = 40
NAMES = ("scale", "shift", "widths", "once", "doubled")
IN, OUT = "hls::stream<ap_uint<8>>& in0", "hls::stream<ap_uint<8>>& out0"
LOOP = "for (int i = 0; i < 4; ++i) {\n#pragma HLS PIPELINE II = 1\n"


def drawn(process: ir.Process, seed: int) -> dict[str, list[int]]:
    """Return values of the scalars for each frame; counts are small."""
    rng = np.random.default_rng(seed)
    found = {s.name: words(rng, FRAMES, s.width) for s in process.scalars}
    return {n: [v % 12 for v in values] if n in ("length", "words") else values for n, values in found.items()}


def fed(process: ir.Process, scalars: dict[str, list[int]]) -> dict[str, list[int]]:
    """Return words for every input, those of the arguments too."""
    rng = np.random.default_rng(9)
    given = {s.name: words(rng, 12 * FRAMES, s.width) for s in declared(process) if s.direction == "in"}
    rows = [dict(zip(scalars, row, strict=True)) for row in zip(*scalars.values(), strict=True)]
    return given | {"args": [packed(process.scalars, row) for row in rows]}


def simulated(process: ir.Process, scalars: dict[str, list[int]], given: dict[str, list[int]]) -> list[int]:
    """Return what C simulation writes to the first output."""
    widths = {s.name: s.width for s in process.streams}
    inputs = [to_bytes(v, widths[n]) for n, v in given.items() if n != "args"]
    return from_bytes(csim_many([CsimJob(SOURCE, process.name, [], inputs, None, scalars)])[0][0])


@pytest.mark.parametrize("name", NAMES)
def test_ir_equals_csim_with_other_scalars_in_each_frame(name: str) -> None:
    process = read_process(SOURCE, name)
    verify_ir.verify(process)
    scalars = drawn(process, len(name))
    given = fed(process, scalars)
    found = interp.run(process, given, 100 * FRAMES)
    assert found["out0"] == simulated(process, scalars, given)
    assert found["done"] == [0] * FRAMES
    assert interp.run(process, {**given, "args": []}, 100)["out0"] == []


def test_scalars_are_fields_of_one_stream() -> None:
    process = read_process(SOURCE, "shift")
    assert [(s.name, s.direction, s.width) for s in process.streams] == [
        ("in0", "in", 16), ("out0", "out", 18), ("args", "in", 25), ("done", "out", 2),
    ]  # fmt: skip
    assert [(s.name, s.width, s.low) for s in process.scalars] == [
        ("offset", 12, 0), ("negate", 1, 12), ("length", 12, 13),
    ]  # fmt: skip
    (read,) = [v for v in process.values if v.opcode == "read" and v.attr == "args"]
    assert process.values[read.args[0]].opcode == "xor", "only where the frame does not run yet"
    assert packed(process.scalars, {"offset": -1, "negate": 1, "length": 3}) == 0xFFF | 1 << 12 | 3 << 13
    module = compile_process(SOURCE, "shift", [], TARGET)
    assert module.scalars == (("offset", 12, 0), ("negate", 1, 12), ("length", 12, 13))
    assert [p.name for p in module.ports] == ["in0", "out0", "args", "done"]
    assert module.report["scalars"][1] == {"name": "negate", "width": 1, "low": 12}
    assert "// A frame starts when args gives offset [11:0], negate [12:12], length [24:13];" in module.rtl


def test_registers_hold_what_the_loop_needs_and_no_more() -> None:
    report = compile_process(SOURCE, "scale", [], TARGET).report
    assert sum(s["width"] for s in report["states"]) <= 8 + 12 + 12 + 1 + 1, report["states"]


def test_csim_wants_one_value_for_each_frame() -> None:
    words_ = np.zeros((2, 1), np.uint8)
    (out,) = csim_many([CsimJob(SOURCE, "once", [], [words_], 2, {"addend": [3, 255]})])[0]
    assert from_bytes(out) == [3, 255]
    (out,) = csim_many([CsimJob(SOURCE, "once", [], [words_], 2, {"addend": -1})])[0]
    assert from_bytes(out) == [255, 255]
    with pytest.raises(CsimError, match=r"scalars of once must have one value for each frame, not \[3\]"):
        csim_many([CsimJob(SOURCE, "once", [], [words_], 2, {"addend": [3, 2, 1]})])


@pytest.mark.parametrize(
    ("parameters", "line", "said"),
    [
        ("ap_uint<8>* p", 3, r"Parameter p must be a reference to hls::stream or a scalar.*not ap_uint<8>\*"),
        ("ap_uint<65> wide", 3, "Parameter wide must be .* a scalar of at most 64 bits, not ap_uint<65>"),
        ("Pair pair", 3, "Parameter pair must be .* a scalar of at most 64 bits, not Pair"),
        ("float factor", 3, "Parameter factor must be .* a scalar of at most 64 bits, not f"),
        ("ap_uint<8>& result", 3, "Parameter result must be .* a scalar of at most 64 bits, not ap_uint<8>&"),
        ("int n, hls::stream<ap_uint<8>>& args", 3, "with scalars, as n, must have no stream called args or done"),
        ("int n, int* p", 3, "with scalars, as n, must have no .* and no pointer"),
    ],
)
def test_other_parameters_are_refused(parameters: str, line: int, said: str, tmp_path: Path) -> None:
    text = f"struct Pair {{ int a, b; }}; void f({IN}, {OUT}, {parameters}) {{\n{LOOP}out0.write(in0.read());\n}}\n}}\n"
    with pytest.raises(HlsError, match=said) as caught:
        compile_snippet(tmp_path, text)
    assert caught.value.line == line and caught.value.fix


def test_frames_with_scalars_end(tmp_path: Path) -> None:
    text = f"void f({IN}, {OUT}, ap_uint<8> n) {{\nwhile (1) {{\n#pragma HLS PIPELINE II = 1\n"
    with pytest.raises(HlsError, match="Process f must end its frame, because its scalars are taken when") as caught:
        compile_snippet(tmp_path, f"{text}out0.write(in0.read() + n);\n}}\n}}\n")
    assert caught.value.line == 3


def test_interfaces_of_scalars_stand_in_the_top(tmp_path: Path) -> None:
    for mode, said in (("s_axilite", "must stand in the dataflow top"), ("axis", "must not be asked for a scalar")):
        text = f"void f({IN}, {OUT}, int n) {{\n#pragma HLS INTERFACE mode = {mode} port = n\n{LOOP}"
        with pytest.raises(HlsError, match=said) as caught:
            compile_snippet(tmp_path, f"{text}out0.write(in0.read() + n);\n}}\n}}\n")
        assert caught.value.line == 4


def top(call: str, parameters: str, directives: str, *names: str) -> str:
    pragmas = "".join(f"#pragma HLS INTERFACE s_axilite port = {name}\n" for name in names)
    head = f"void p({IN}, {OUT}, {parameters});\nvoid top({IN}, {OUT}{directives}) {{\n#pragma HLS DATAFLOW\n"
    return f"{head}{pragmas}{call}\n}}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (top("p(in0, out0, n);", "int n", ", int n"), 6, "n must be a register of the top, because p takes it"),
        (top("p(in0, out0, 3);", "int n", ""), 6, "p must be started by a register"),
        (
            top("p(in0, out0, n + 1);", "int n", ", int n", "n", "return"),
            8,
            "may only declare streams|a parameter of this function",
        ),
        (top("p(in0, out0, 3);", "const int& n", ", int n", "n", "return"), 4, "n must be taken by a process"),
        (top("p(in0, out0, n);", "int* n", ", int* n"), 6, "must have streams and scalars alone, and n is a pointer"),
    ],
)
def test_scalars_without_registers_are_refused(text: str, line: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "top.cpp").write_text(HEAD + text)
    with pytest.raises(HlsError, match=said) as caught:
        compile_dataflow(tmp_path / "top.cpp", "top", [], TARGET)
    assert caught.value.line == line, str(caught.value)


@pytest.mark.parametrize("kind", ["ap_uint<12>", "const ap_uint<12>&"])
@pytest.mark.parametrize("own", ["ap_uint<12>", "const ap_uint<12>&"])
def test_tops_give_registers_and_numbers(kind: str, own: str, tmp_path: Path) -> None:
    call = "hls::stream<ap_uint<8>> mid;\np(in0, mid, n, 77); p(mid, out0, 5, n);"
    (tmp_path / "top.cpp").write_text(HEAD + top(call, f"{kind} n, {kind} m", f", {own} n", "n", "return"))
    found = compile_dataflow(tmp_path / "top.cpp", "top", [], TARGET)
    assert found.registers == (("n", 0x10, 12),)
    assert ".args_tdata({12'd77, control_args[0+:12]})" in found.rtl
    assert ".args_tdata({control_args[0+:12], 12'd5})" in found.rtl
    assert ".done_tvalid(control_done_tvalid[1])" in found.rtl


def test_verifier_wants_the_fields_in_the_stream() -> None:
    process = read_process(SOURCE, "once")
    for scalars, said in (
        ((ir.Scalar("a", 8, 1),), "scalar a must begin at bit 0"),
        ((ir.Scalar("a", 9, 0),), "in an input stream args of 9 bits"),
    ):
        wrong = ir.Process(**{**process.__dict__, "scalars": scalars})
        with pytest.raises(InternalError, match=said):
            verify_ir.verify(wrong)
