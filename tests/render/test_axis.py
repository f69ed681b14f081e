# SPDX-License-Identifier: Apache-2.0
"""The hand-written AXI4-Stream adapters: lint, extension of elements, TLAST, TKEEP and the sticky error."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hwgen.resources import data_folder
from hwgen.verify.toolchain import find_verilator
from hwgen.verify.verilator import build

MODULES = ("hwgen_axis_ingress", "hwgen_axis_egress")
PARAMETERS = (
    {},
    {"LANES": 3, "BITS": 5, "ELEMENT_BITS": 8, "BEATS": 7},
    {"LANES": 4, "BITS": 1, "ELEMENT_BITS": 8, "BEATS": 2, "BIPOLAR": 1},
    {"LANES": 2, "BITS": 13, "ELEMENT_BITS": 16, "BEATS": 4},
)

BENCH = """
// Two loops through ingress and egress, one of signed elements of 4 bits and one of bipolar elements; both take the
// beats of `script` (reset, tlast, tkeep, tdata), one a clock, frames of 3 beats.
module hwgen_bench (input logic clk, output logic done);
  localparam int COUNT = {count};
  localparam logic [19:0] SCRIPT [0:COUNT-1] = '{{{script}}};
  int step = 0;
  wire [19:0] now = SCRIPT[step < COUNT ? step : 0];
  wire ap_clk = clk;
  wire ap_rst_n = !now[19];
  wire s_axis_tlast = now[18];
  wire [1:0] s_axis_tkeep = now[17:16];
  wire [15:0] s_axis_tdata = now[15:0];
  wire s_axis_tvalid = ap_rst_n;
  wire m_axis_tready = 1'b1;
{loops}
  assign done = step == COUNT;
  always_ff @(posedge clk) begin
    if (!done) $display("%h %b%b%b %h %b%b%b", a_data, a_last, &a_keep, a_error, b_data, b_last, &b_keep, b_error);
    step <= step + 1;
  end
endmodule
"""

LOOP = """
  logic {name}_sready, {name}_valid, {name}_ready, {name}_mvalid, {name}_last, {name}_error;
  logic [{msb}:0] {name}_word;
  logic [15:0] {name}_data;
  logic [1:0] {name}_keep;
  hwgen_axis_ingress #(.LANES(2), .BITS({bits}), .BIPOLAR({bipolar}), .BEATS(3)) {name}_ingress (
      .s_axis_tready({name}_sready), .out_tdata({name}_word), .out_tvalid({name}_valid), .out_tready({name}_ready),
      .error({name}_error), .*);
  hwgen_axis_egress #(.LANES(2), .BITS({bits}), .SIGNED(1), .BIPOLAR({bipolar}), .BEATS(3)) {name}_egress (
      .in_tdata({name}_word), .in_tvalid({name}_valid), .in_tready({name}_ready), .m_axis_tdata({name}_data),
      .m_axis_tkeep({name}_keep), .m_axis_tvalid({name}_mvalid), .m_axis_tlast({name}_last), .*);
"""

MAIN = """
#include "Vhwgen_bench.h"
#include "verilated.h"
int main() {
  VerilatedContext context;
  Vhwgen_bench top{&context, ""};
  for (int edge = 0; edge < 200 && !top.done; ++edge) {
    top.clk = edge & 1;
    top.eval();
  }
}
"""

RESET, LAST, FULL = 1 << 19, 1 << 18, 3 << 16


def verilate(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    found = find_verilator()
    argv = [str(found.program), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, env=found.environment, cwd=folder, timeout=300)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_lint_is_clean(module: str, parameters: dict[str, int], tmp_path: Path) -> None:
    values = [f"-G{name}={value}" for name, value in parameters.items()]
    source = data_folder("hls") / "rtl" / f"{module}.sv"
    done = verilate(["--lint-only", "-Wall", *values, str(source)], tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[int]], list[list[str]]]:
    def run(script: list[int]) -> list[list[str]]:
        folder = tmp_path_factory.mktemp("axis")
        loops = LOOP.format(name="a", bits=4, msb=7, bipolar=0) + LOOP.format(name="b", bits=1, msb=1, bipolar=1)
        text = BENCH.format(count=len(script), script=", ".join(f"20'h{beat:05x}" for beat in script), loops=loops)
        (folder / "bench.sv").write_text(text)
        (folder / "main.cpp").write_text(MAIN)
        sources = [folder / "bench.sv", *(data_folder("hls") / "rtl" / f"{module}.sv" for module in MODULES)]
        program = build(sources, folder / "main.cpp").program
        done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60, check=True)
        return [line.split() for line in done.stdout.splitlines()]

    return run


def test_beats_frames_and_errors(play: Callable[[list[int]], list[list[str]]]) -> None:
    start = [RESET, RESET]
    frame = [FULL | 0x0405, FULL | 0x0BFB, FULL | LAST | 0xFF01]
    early = [FULL | LAST | 0x0101, FULL | 0x0101]
    late = [FULL, FULL, FULL, FULL]
    narrow = [FULL, FULL & (1 << 16), FULL | LAST, FULL]
    got = play([*start, *frame, *frame, *start, *early, *start, *late, *start, *narrow])
    whole = [["0405", "010"], ["fbfb", "010"], ["ff01", "110"]]
    assert [line[:2] for line in got[2:8]] == whole * 2
    assert [line[2] for line in got[2:5]] == ["0101", "01ff", "ff01"]
    errors = [line[1][2] + line[3][2] for line in got]
    assert errors[2:8] == ["00"] * 6
    assert errors[10:12] == ["00", "11"]
    assert errors[14:18] == ["00", "00", "00", "11"]
    assert errors[20:24] == ["00", "00", "11", "11"]
    assert errors[13] == "00"
