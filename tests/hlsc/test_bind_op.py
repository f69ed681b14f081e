# SPDX-License-Identifier: Apache-2.0
"""BIND_OP: C++ to RTL, multiplications in multiplier blocks, under random stalls."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hwgen.hlsc import backend, compile_dataflow, compile_process, ir
from hwgen.hlsc.csim import csim
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target
from hwgen.synth import count

sys.path.insert(0, str(Path(__file__).parent / "back"))
import rtl_harness as rtl

INCLUDE = Path(__file__).resolve().parents[2] / "hls" / "include"
HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"
BLOCK = rtl.MULTIPLIER
PLACES = """template <class A, class B>
auto times(const A& x, const B& w) {{
#pragma HLS INLINE
  const ap_int<16> p = x * w;
#pragma HLS BIND_OP variable = p op = mul impl = dsp latency = {latency}
  return p;
}}
void f(hls::stream<ap_uint<16>>& in0, hls::stream<ap_uint<20>>& out0) {{
  for (int i = 0; i < 8; ++i) {{
#pragma HLS PIPELINE II=1
    const ap_uint<16> word = in0.read();
    ap_int<20> sum = 0;
    for (int k = 0; k < 2; ++k) {{
#pragma HLS UNROLL
      const ap_int<8> a = word.range(7, 0), b = word.range(15, 8);
      int q;
#pragma HLS BIND_OP variable=q op=mul impl=fabric
      q = int(a) * b;
      ap_uint<13> r[2];
#pragma HLS BIND_OP variable=r op=mul impl=dsp
      r[k] = ap_uint<7>(a) * ap_uint<8>(b);
      sum += times(a, b) * (k + 1) + q - r[k];
    }}
    out0.write(ap_uint<20>(sum));
  }}
}}
"""


def source(folder: Path, text: str) -> Path:
    path = folder / "f.cpp"
    path.write_text(HEAD + text)
    return path


def words(values: list[int], bits: int) -> np.ndarray:
    size = (bits + 7) // 8
    return np.frombuffer(b"".join(v.to_bytes(size, "little") for v in values), np.uint8).reshape(-1, size)


def expected(path: Path, inputs: list[int], bits: int, frames: int) -> list[int]:
    (found,) = csim(path, "f", [INCLUDE], [words(inputs, bits)], frames)
    return [int.from_bytes(row.tobytes(), "little") for row in found]


def check_rtl(folder: Path, path: Path, inputs: list[int], frames: int, families: tuple[str, ...]) -> None:
    """Require RTL to equal C simulation for each family, under stalls of both sides."""
    process = read_process(path, "f", [INCLUDE])
    named = [ir.Process(**{**vars(process), "name": f"f_{family}"}) for family in families]
    texts = [backend.compile(p, Target(f, 250.0)).rtl for p, f in zip(named, families, strict=True)]
    model = rtl.build(folder, named, texts)
    want = expected(path, inputs, process.streams[0].width, frames)
    for seed, (valid, ready) in enumerate([(100, 100), (60, 100), (100, 40), (70, 70)]):
        got = model.run({p.name: {"in0": inputs} for p in named}, seed=seed, valid=valid, ready=ready)
        assert not got.violations
        for p in named:
            assert got.words[f"{p.name}.out0"] == want, (p.name, valid, ready)


@pytest.mark.parametrize("latency", [-1, 0, 1, 2, 3, 4])
def test_rtl_equals_csim_with_every_latency(tmp_path: Path, latency: int) -> None:
    path = source(tmp_path, PLACES.format(latency=latency))
    rng = np.random.default_rng(latency + 1)
    inputs = [0x8080, 0x7F80, *(int(x) for x in rng.integers(0, 1 << 16, 62))]
    check_rtl(tmp_path, path, inputs, 8, ("xcup", "xc7", "ecp5", "ice40"))


def test_the_variable_tells_the_multiplication(tmp_path: Path) -> None:
    process = read_process(source(tmp_path, PLACES.format(latency=2)), "f", [])
    binds = [v.bind for v in process.values if v.opcode == "mul"]
    assert binds == [ir.Binding("dsp", 2), ir.Binding("fabric"), ir.Binding("dsp")]


@pytest.mark.parametrize(("family", "cell"), [("xcup", "DSP48E2"), ("xc7", "DSP48E1"), ("ecp5", "MULT18X18D")])
def test_registers_lie_inside_the_block(tmp_path: Path, family: str, cell: str) -> None:
    text = """void f(hls::stream<ap_uint<27>>& in0, hls::stream<ap_uint<27>>& out0) {
  while (1) {
#pragma HLS PIPELINE II=1
    const ap_uint<27> word = in0.read();
    const ap_int<27> p = ap_int<18>(word) * ap_int<9>(word >> 18);
#pragma HLS BIND_OP variable=p op=mul impl=dsp latency=3
    out0.write(ap_uint<27>(p));
  }
}
"""
    compiled = backend.compile(read_process(source(tmp_path, text), "f", []), Target(family, 200.0))
    assert compiled.report["multipliers"] == [3]
    rtl_file = tmp_path / "f.sv"
    rtl_file.write_text(compiled.rtl)
    found = count([BLOCK, rtl_file], "f", family)
    assert (found.cells[cell], found.dsp) == (1, 1)
    assert found.ff <= 27 + 2 + compiled.report["stages"]


def test_ice40_keeps_the_registers_beside_the_block(tmp_path: Path) -> None:
    rtl = "module f (input clk, input signed [15:0] d, b, output signed [31:0] p);\n"
    rtl += "  hwgen_mul #(16, 16, 2) one (.clk, .move(2'b11), .d, .a(16'b0), .b, .p);\nendmodule\n"
    (tmp_path / "f.sv").write_text(rtl)
    found = count([BLOCK, tmp_path / "f.sv"], "f", "ice40")
    assert (found.dsp, found.ff, found.lut_logic) == (1, 64, 0)


REFUSED = [
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=q op=mul impl=dsp", 6, "declared before the pragma, .* not q"),
    ("const int p = a + b;\n#pragma HLS BIND_OP variable=p op=mul impl=dsp", 6, "the result of a multiplication"),
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=p op=add impl=fabric", 6, "the result of an addition"),
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=p op=div impl=dsp", 6, "op must be one of mul, add, sub"),
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=p op=mul impl=lut", 6, "impl must be one of dsp, fabric"),
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=p op=mul", 6, "must have impl"),
    ("const int p = a + b;\n#pragma HLS BIND_OP variable=p op=add impl=dsp", 6, "fabric where op is add"),
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=p op=mul impl=fabric latency=1", 6, "with impl=dsp only"),
    ("const int p = a * b;\n#pragma HLS BIND_OP variable=p op=mul impl=dsp latency=5", 6, "latency must be one of"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = source(
        tmp_path,
        "void f(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {\n"
        f"  const int a = int(in0.read()), b = a + 3;\n{text}\n  out0.write(ap_uint<8>(p));\n}}\n",
    )
    with pytest.raises(HlsError, match=message) as caught:
        read_process(path, "f", [])
    assert (Path(caught.value.file).name, caught.value.line) == ("f.cpp", line)


def compile_body(folder: Path, body: str, ii: str = "II=1") -> backend.Compiled:
    path = source(
        folder,
        "void f(hls::stream<ap_uint<32>>& in0, hls::stream<ap_uint<32>>& out0) {\n  ap_uint<8> kept = 1;\n"
        f"  while (1) {{\n#pragma HLS PIPELINE {ii}\n    const ap_uint<32> x = in0.read();\n{body}  }}\n}}\n",
    )
    return backend.compile(read_process(path, "f", []), Target("xcup", 300.0))


def test_factors_wider_than_the_block_are_refused(tmp_path: Path) -> None:
    body = "    const ap_int<40> p = ap_int<20>(x) * ap_int<20>(x >> 12);\n"
    body += "#pragma HLS BIND_OP variable=p op=mul impl=dsp\n    out0.write(ap_uint<32>(p >> 8));\n"
    with pytest.raises(HlsError, match="at most 27 and 18 bits with sign, not 20 and 20") as caught:
        compile_body(tmp_path, body)
    assert (caught.value.file, caught.value.line) == ("f.cpp", 8)


RECURRENCE = """    const ap_uint<8> p = kept * ap_uint<8>(x);
#pragma HLS BIND_OP variable=p op=mul impl=dsp{latency}
    kept = p + 1;
    out0.write(ap_uint<32>(kept));
"""


def test_latency_on_a_recurrence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HlsError, match="must not take 3 clocks at II=1"):
        compile_body(tmp_path, RECURRENCE.format(latency=" latency=2"))
    assert compile_body(tmp_path, RECURRENCE.format(latency="")).report["multipliers"] == [0]


def test_latency_on_a_recurrence_needs_as_many_clocks(tmp_path: Path) -> None:
    body = RECURRENCE.format(latency=" latency=2")
    with pytest.raises(HlsError, match="must not take 3 clocks at II=2") as caught:
        compile_body(tmp_path, body, "II=2")
    assert "PIPELINE II=3, or bind the operator with less latency" in caught.value.fix and caught.value.line > 0
    for ii in ("II=3", ""):
        found = compile_body(tmp_path, body, ii)
        assert (found.ii, found.report["multipliers"], found.report["warnings"]) == (3, [2], [])


MATVEC = """#include <hwgen/matvec.hpp>
struct Cfg {{
  static constexpr unsigned kSimd = 8, kPe = 4, kInputs = 16, kOutputs = 8, kVectors = 1;
  static constexpr bool kBipolarInput = false, kBipolarWeight = false, kDsp = true;
  using in_t = {activation};
  using weight_t = ap_int<{bits}>;
  using acc_t = ap_int<24>;
}};
static const ap_int<{bits}> weights[{folds}][32] = {{{table}}};
static const ap_int<8> bias[2][4] = {{{{-3, 5, 7, 100}}, {{1, -1, -128, 127}}}};
void f(hls::stream<ap_uint<{word}>>& in0, hls::stream<ap_uint<96>>& out0) {{
  hwgen::matvec<Cfg>(in0, out0, weights, bias);
}}
"""


def matvec(folder: Path, bits: int, signed: bool) -> Path:
    """Write a matrix times vector, 8 columns and 4 rows at a time: 32 products."""
    rng = np.random.default_rng(bits)
    folds = 4
    rows = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (folds, 32))
    table = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in rows)
    activation = f"ap_{'int' if signed else 'uint'}<{bits}>"
    text = MATVEC.format(activation=activation, bits=bits, folds=folds, table=table, word=8 * bits)
    return source(folder, text)


@pytest.mark.parametrize(("bits", "signed", "blocks"), [(4, False, 8), (4, True, 8), (8, True, 16), (8, False, 16)])
def test_matvec_in_shared_blocks(tmp_path: Path, bits: int, signed: bool, blocks: int) -> None:
    path = matvec(tmp_path, bits, signed)
    compiled = backend.compile(read_process(path, "f", [INCLUDE]), Target("xcup", 250.0))
    assert len(compiled.report["multipliers"]) == blocks
    rng = np.random.default_rng(1)
    drawn = [int.from_bytes(rng.bytes(bits), "little") for _ in range(20)]
    check_rtl(tmp_path, path, [0, (1 << 8 * bits) - 1, *drawn], 11, ("xcup",))


def test_yosys_counts_the_shared_blocks(tmp_path: Path) -> None:
    compiled = backend.compile(read_process(matvec(tmp_path, 4, False), "f", [INCLUDE]), Target("xcup", 250.0))
    rtl_file = tmp_path / "f.sv"
    rtl_file.write_text(compiled.rtl)
    assert count([BLOCK, rtl_file], "f", "xcup").cells["DSP48E2"] == 8


def test_a_product_in_a_plain_function_is_bound(tmp_path: Path) -> None:
    # LLVM numbers the places of this one's instructions otherwise in one text than in another.
    text = """static const ap_int<4> kRow[4] = {1, -2, 3, -7};
    ap_int<8> product(ap_uint<4> x, ap_int<4> w) {
      const ap_int<8> p = x * w;
    #pragma HLS BIND_OP variable = p op = mul impl = dsp
      return p;
    }
    void f(hls::stream<ap_uint<6>>& in0, hls::stream<ap_uint<16>>& out0) {
      for (int i = 0; i < 16; ++i) {
    #pragma HLS PIPELINE II = 1
        const ap_uint<6> word = in0.read();
        ap_uint<16> result = 0;
        for (int k = 0; k < 2; ++k) {
    #pragma HLS UNROLL
          result.range(8 * k + 7, 8 * k) = product(word.range(3, 0), kRow[word.range(5, 4) ^ k]);
        }
        out0.write(result);
      }
    }
    """
    process = read_process(source(tmp_path, text), "f", [])
    assert [v.bind for v in process.values if v.opcode == "mul"] == [ir.Binding("dsp", None)] * 2


def test_a_top_needs_the_block_that_its_processes_instantiate(tmp_path: Path) -> None:
    text = PLACES.format(latency=2).replace("void f(", "void p(")
    text += "void top(hls::stream<ap_uint<16>>& in0, hls::stream<ap_uint<20>>& out0) {\n#pragma HLS DATAFLOW\n"
    path = source(tmp_path, text + "  p(in0, out0);\n}\n")
    target = Target("xcup", 250.0)
    modules = {"p": compile_process(path, "p", [], target)}
    assert "hwgen_mul #" in modules["p"].rtl
    assert compile_dataflow(path, "top", [], target, modules).rtl_files == (BLOCK,)
