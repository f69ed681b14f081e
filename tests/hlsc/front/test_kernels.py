# SPDX-License-Identifier: Apache-2.0
"""Small kernels of every construct: the IR does what C simulation does."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc import ir

from .support import KERNELS, check, compile_snippet


@pytest.mark.parametrize("name", sorted(path.stem for path in KERNELS.glob("*.cpp")))
def test_ir_equals_csim(name: str) -> None:
    check(KERNELS / f"{name}.cpp", name, [], seed=len(name))


def process(name: str) -> ir.Process:
    return check(KERNELS / f"{name}.cpp", name, [], seed=1)


def test_matvec_has_one_packed_rom_and_one_ram() -> None:
    found = process("matvec")
    assert [(rom.width, len(rom.words)) for rom in found.roms] == [(32, 8)]
    assert [(ram.name, ram.width, ram.depth) for ram in found.rams] == [("kept", 16, 2)]
    assert found.trip_count == 8
    assert {(s.name, s.direction, s.width) for s in found.streams} == {("in0", "in", 16), ("out0", "out", 26)}


def test_counter_is_as_narrow_as_its_range() -> None:
    assert next(s for s in process("matvec").states if s.name == "i").width == 3
    down = next(s for s in process("down").states if s.name == "i")
    assert (down.width, down.reset) == (6, 30)


def test_window_rams_have_the_element_width_and_the_asked_storage() -> None:
    rams = {ram.name: ram for ram in process("window").rams}
    assert {name: (ram.width, ram.depth, ram.storage) for name, ram in rams.items()} == {
        "older": (6, 5, "lutram"),
        "newer": (6, 5, "auto"),
    }


def test_static_state_is_not_reset_by_the_frame() -> None:
    states = {s.name: s for s in process("state").states}
    assert (states["total"].width, states["total"].reset) == (16, 5)
    assert (states["wave"].width, states["wave"].reset) == (3, 5)


def test_one_iteration_has_no_counter() -> None:
    found = process("once")
    assert found.trip_count == 1
    assert [s.name for s in found.states] == ["calls"]


def test_while_one_has_no_trip_count(tmp_path: Path) -> None:
    found = compile_snippet(
        tmp_path,
        """void f(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> last = 3;
  while (1) {
#pragma HLS PIPELINE II = 1
    ap_uint<8> x = in0.read();
    out0.write(x ^ last);
    last = x;
  }
}
""",
    )
    assert found.trip_count is None
    assert [(s.width, s.reset) for s in found.states] == [(8, 3)]


def test_places_are_in_the_kernel_and_relative() -> None:
    found = process("matvec")
    files = {value.loc.file for value in found.values if value.loc is not None}
    assert files == {"matvec.cpp"}


def test_constant_lanes_leave_the_rom(tmp_path: Path) -> None:
    found = compile_snippet(
        tmp_path,
        """static const ap_int<8> table[4][3] = {{5, 1, -1}, {5, 0, -1}, {5, 1, -2}, {5, 0, -2}};
void f(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<24>>& out0) {
  for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<8> x = in0.read();
    ap_uint<24> y = 0;
    for (int k = 0; k < 3; ++k) {
#pragma HLS UNROLL
      y.range(8 * k + 7, 8 * k) = x + table[i][k];
    }
    out0.write(y);
  }
}
""",
    )
    assert [rom.width for rom in found.roms] == [3]


def test_big_table_is_fast_and_dense(tmp_path: Path) -> None:
    rows = ",".join("{" + ",".join(str((r * 7 + c * 3) % 15 - 7) for c in range(64)) + "}" for r in range(1600))
    found = compile_snippet(
        tmp_path,
        f"""static const ap_int<4> table[1600][64] = {{{rows}}};
void f(hls::stream<ap_uint<4>>& in0, hls::stream<ap_uint<12>>& out0) {{
  for (int i = 0; i < 1600; ++i) {{
#pragma HLS PIPELINE II = 1
    const ap_uint<4> x = in0.read();
    ap_int<12> sum = 0;
    for (int k = 0; k < 64; ++k) {{
#pragma HLS UNROLL
      sum += table[i][k] * x;
    }}
    out0.write(ap_uint<12>(sum));
  }}
}}
""",
    )
    (rom,) = found.roms
    assert (rom.width, len(rom.words)) == (256, 1600)
    assert [rom.words[1] >> 4 * k & 15 for k in range(3)] == [(v % 15 - 7) & 15 for v in (7, 10, 13)]
