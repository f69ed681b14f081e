# SPDX-License-Identifier: Apache-2.0
"""Black boxes in RTL: the SystemVerilog module and its C++ model give the same words, whatever valid and ready do."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from rtl_harness import Model, build

from hwgen.hlsc import Target, compile_dataflow, compile_process, ir, read_black_box
from hwgen.hlsc.blackbox import BlackBox, module_ports
from hwgen.hlsc.csim import csim
from hwgen.hlsc.target import Top

ROOT = Path(__file__).resolve().parents[3]
BOXES = ROOT / "tests" / "hlsc" / "boxes"
SOURCE = BOXES / "widths.cpp"
INCLUDE = [ROOT / "hls" / "include"]
TARGET = Target("xcup", 300.0)
FRAMES = 30


@pytest.fixture(scope="module")
def top() -> Top:
    return compile_dataflow(SOURCE, "widths", INCLUDE, TARGET)


def shell(name: str, into: int, out: int) -> ir.Process:
    ports = (ir.Stream("in0", "in", into), ir.Stream("out0", "out", out))
    return ir.Process(name, ports, (), (), (), (), (), None)


def alone(box: BlackBox, into: int, out: int) -> str:
    """Return a module of the box's name with the ports of its process."""
    values = ", ".join(f".{k}({v})" for k, v in box.values({"in0": into, "out0": out}).items())
    return f"""module {box.function} (input logic ap_clk, input logic ap_rst_n, input logic [{into - 1}:0] in0_tdata,
    input logic in0_tvalid, output logic in0_tready, output logic [{out - 1}:0] out0_tdata, output logic out0_tvalid,
    input logic out0_tready);
    // verilator lint_off PINCONNECTEMPTY
    {box.module} #({values}) box (.ap_clk(ap_clk), .ap_rst_n(ap_rst_n), .s_tdata(in0_tdata), .s_tvalid(in0_tvalid),
    .s_tready(in0_tready), .m_tdata(out0_tdata), .m_tvalid(out0_tvalid), .m_tready(out0_tready), .s_tkeep('1),
    .s_tlast('0), .m_tkeep(), .m_tlast());
endmodule
"""


@pytest.fixture(scope="module")
def model(top: Top, tmp_path_factory: pytest.TempPathFactory) -> Model:
    widen, narrow = (read_black_box(BOXES / f"{name}.json") for name in ("widen", "narrow"))
    inverted = compile_process(SOURCE, "invert", INCLUDE, TARGET).rtl
    sources = [*top.rtl_files, inverted, top.rtl, alone(widen, 12, 36), alone(narrow, 36, 12)]
    shells = [shell("widths", 12, 12), shell("widen", 12, 36), shell("narrow", 36, 12)]
    return build(tmp_path_factory.mktemp("boxes"), shells, sources)


def simulate(function: str, words: list[int], into: int, out: int) -> list[int]:
    size = (into + 7) // 8
    data = np.frombuffer(b"".join(w.to_bytes(size, "little") for w in words), np.uint8).reshape(-1, size)
    given = csim(SOURCE, function, INCLUDE, [data], FRAMES)[0]
    return [int.from_bytes(row.tobytes(), "little") for row in given]


@pytest.mark.parametrize(("valid", "ready"), [(100, 100), (30, 90), (90, 20), (50, 50)])
def test_modules_equal_their_models(model: Model, valid: int, ready: int) -> None:
    rng = random.Random(valid)
    narrow = [rng.getrandbits(12) for _ in range(6 * FRAMES)]
    wide = [rng.getrandbits(36) for _ in range(2 * FRAMES)]
    given = {"widths": {"in0": narrow}, "widen": {"in0": narrow}, "narrow": {"in0": wide}}
    found = model.run(given, seed=valid, valid=valid, ready=ready)
    assert not found.violations
    assert found.words["widen.out0"] == simulate("widen", narrow, 12, 36)
    assert found.words["narrow.out0"] == simulate("narrow", wide, 36, 12)
    assert found.words["widths.out0"] == [w ^ 0xFFF for w in narrow]


def test_top_tells_what_it_needs(top: Top) -> None:
    assert [path.name for path in top.rtl_files] == ["hwgen_fifo.sv", "hwgen_width.sv"]
    assert sorted(top.black_boxes) == ["narrow", "widen"]
    assert top.black_boxes["widen"].model == SOURCE
    assert "hwgen_width #(.IN_BITS(12), .OUT_BITS(36)) u_widen" in top.rtl


def test_module_ports(tmp_path: Path) -> None:
    path = tmp_path / "m.sv"
    path.write_text("""// module m (input x);
module m #(parameter int A = (1 + 2), parameter B = "x)") (
    input logic a, b, /* c, */ output logic [A-1:0] d, inout wire [3:0][1:0] e,
    input logic [(A + 1) * 2 - 1:0] f
); endmodule
module n(output reg q); endmodule
module o; endmodule
""")
    expected = {"a": "input", "b": "input", "d": "output", "e": "inout", "f": "input"}
    assert module_ports([path], "m") == expected
    assert module_ports([path], "n") == {"q": "output"}
    assert module_ports([path], "p") is None
