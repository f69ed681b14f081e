# SPDX-License-Identifier: Apache-2.0
"""Descriptions of black boxes and INTERFACE directives: what is understood, and how the rest is refused."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.hlsc import Target, compile_dataflow, compile_process, read_black_box
from hwgen.hlsc.csim import CsimError, CsimJob, csim_many
from hwgen.hlsc.dataflow_front import read_dataflow
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.library import library

from .support import INCLUDE

BOXES = Path(__file__).resolve().parents[1] / "boxes"
TARGET = Target("xcup", 300.0)
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BOXES, tmp_path / "boxes"))


def changed(folder: Path, change: Change, name: str = "load") -> Path:
    path = folder / f"{name}.json"
    box = json.loads(path.read_text())
    change(box)
    path.write_text(json.dumps(box))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b.pop("rtl_files"), "rtl_files must be given"),
        (lambda b: b.update(rtl_file=[]), 'rtl_file is no key of a black box. Did you mean rtl_files'),
        (lambda b: b.update(rtl_files=["none.sv"]), r"rtl_files\[0\] must exist"),
        (lambda b: b.update(rtl_files="a.sv"), 'rtl_files must be a list, not "a.sv"'),
        (lambda b: b.update(rtl_top_module_name="other"), "other is in none of them"),
        (lambda b: b.update(c_function_name="3"), 'c_function_name must be a name, not "3"'),
        (lambda b: b["c_files"][0].update(c_file="no.cpp"), r"c_files\[0\]\.c_file must exist"),
        (lambda b: b["c_files"][0].update(cflag="-DX"), r"c_files\[0\]\.cflag must be empty"),
        (lambda b: b["c_parameters"][0].update(c_port_direction="inout"), "c_port_direction must be in or out"),
        (lambda b: b["c_parameters"][2]["rtl_ports"].pop("tready"), r"\[2\]\.rtl_ports\.tready must be given"),
        (lambda b: b["c_parameters"][2]["rtl_ports"].update(tdata="x"), "must have the output x, and it is missing"),
        (lambda b: b["c_parameters"][2].update(c_port_direction="in"), "input m_data_tdata, and it is an output"),
        (lambda b: b["rtl_start"].update(fields=["out0"]), r"rtl_start\.fields\[0\] must be a scalar"),
        (lambda b: b.pop("rtl_done"), "The input m_status_tready of module hwgen_axi_read must be driven"),
        (lambda b: b.update(rtl_ties={"m_status_tready": 5}), r"rtl_ties\.m_status_tready must be 0 or 1"),
        (lambda b: b["rtl_parameters"].update(X=[1]), r"rtl_parameters\.X must be a number or a text"),
        (lambda b: b["rtl_common_signal"].update(module_clock_enable="ce"), "module_clock_enable is no key"),
    ],
)  # fmt: skip
def test_wrong_descriptions_are_refused(folder: Path, change: Change, words: str) -> None:
    path = changed(folder, change)
    with pytest.raises(HlsError, match=words) as caught:
        read_black_box(path)
    assert caught.value.file == str(path)


def test_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text, words in [("{", "JSON"), ("[]", "JSON object")]:
        path.write_text(text)
        with pytest.raises(HlsError, match=words):
            read_black_box(path)
    with pytest.raises(HlsError, match="must be readable"):
        read_black_box(tmp_path / "y.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b["c_parameters"].reverse(), "in order: memory .a memory., bytes .a scalar., out0 .a stream.."),
        (lambda b: b["rtl_parameters"].update(DATA_BITS="width(x)"), "DATA_BITS must be a number, a text or width"),
        (lambda b: b["rtl_parameters"].update(DATA_BITS="width(memory) / 5"), "must divide: .* 64 / 5"),
        (lambda b: b["rtl_parameters"].pop("MAX_BURST"), "must have MAX_BURST, which .* max_read_burst_length sets"),
        (lambda b: b.update(c_function_name="lode"), "c_function_name must be load, as the file is called"),
    ],
)
def test_wrong_uses_are_refused(folder: Path, change: Change, words: str) -> None:
    changed(folder, change)
    with pytest.raises(HlsError, match=words):
        read_dataflow(folder / "copier.cpp", "copier", [INCLUDE])


def test_names_of_modules_must_differ(folder: Path) -> None:
    for name in ("widths", "invert"):
        (folder / "m.sv").write_text((library() / "hwgen_width.sv").read_text().replace("hwgen_width", name))
        changed(folder, lambda b, n=name: b.update(rtl_top_module_name=n, rtl_files=["m.sv"]), "widen")
        with pytest.raises(HlsError, match=f"rtl_top_module_name {name} must differ from the name of"):
            read_dataflow(folder / "widths.cpp", "widths", [INCLUDE])


COPIER = (BOXES / "copier.cpp").read_text()
UNDERSTOOD = "A top may have axis on streams"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("s_axilite port = return", "ap_none port = return", "INTERFACE has no argument ap_none"),
        ("mode = s_axilite port = bytes bundle = control", "mode = ap_none port = bytes", "mode must be one of axis"),
        ("port = bytes bundle = control", "port = bites", f'parameter or return, not "bites".*{UNDERSTOOD}'),
        ("s_axilite port = bytes", "axis port = bytes", f"axis must not be asked for a scalar .bytes.*{UNDERSTOOD}"),
        ("port = bytes bundle = control", "port = bytes bundle = more", "one bundle, not control, more"),
        ("INTERFACE s_axilite port = return bundle = control", "DATAFLOW", "s_axilite must also be asked for return"),
        ("INTERFACE mode = s_axilite port = bytes bundle = control", "DATAFLOW", "bytes must be a register"),
        ("m_axi port = destination offset = slave bundle = gmem", "s_axilite port = destination", "have INTERFACE"),
        ("m_axi port = destination offset = slave", "m_axi port = destination offset = off", "must be a register"),
        ("s_axilite port = return bundle", "s_axilite port = return offset = slave bundle", "no argument offset"),
        ("INTERFACE s_axilite port = return", "INTERFACE axis s_axilite port = return", "must name one mode"),
        ("load(source, bytes, raw);", "raise(raw, raw);", "one writer and one reader|not 3 users"),
        ("raise(raw, raised);", "load(source, bytes + 1, raised);", "given a parameter of this function|only declare"),
        ("ap_uint<32> bytes) {\n#", "ap_uint<72> bytes) {\n#", "a scalar of at most 64 bits"),
    ],
)  # fmt: skip
def test_wrong_interfaces_are_refused(folder: Path, old: str, new: str, words: str) -> None:
    assert old in COPIER
    (folder / "copier.cpp").write_text(COPIER.replace(old, new))
    with pytest.raises(HlsError, match=words) as caught:
        read_dataflow(folder / "copier.cpp", "copier", [INCLUDE])
    assert caught.value.line > 20


def test_pointers_of_compiled_processes_are_refused(folder: Path) -> None:
    (folder / "load.json").unlink()
    said = r"Process load must have streams and scalars alone, and memory is a pointer.*load\.json"
    with pytest.raises(HlsError, match=said):
        read_dataflow(folder / "copier.cpp", "copier", [INCLUDE])


def test_two_readers_need_two_bundles(folder: Path) -> None:
    word = "hls::stream<ap_uint<64>>"
    declared = f"void both({word}& in0, {word}& in1, {word}& out0);\nvoid copier("
    text = COPIER.replace("raise(raw, raised);", "load(source, 8, other);\n  both(raw, other, raised);")
    text = text.replace("> raw;", "> raw, other;").replace("void copier(", declared)
    (folder / "copier.cpp").write_text(text)
    with pytest.raises(HlsError, match="Bundle gmem must have one reader and one writer, of the same width"):
        read_dataflow(folder / "copier.cpp", "copier", [INCLUDE])


def test_interfaces_of_a_top_are_refused_in_a_process(tmp_path: Path) -> None:
    path = tmp_path / "p.cpp"
    path.write_text("""#include <hls_stream.h>
void p(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
#pragma HLS INTERFACE s_axilite port = return
  while (1) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read());
  }
}
""")
    with pytest.raises(HlsError, match="s_axilite must stand in the dataflow top") as caught:
        compile_process(path, "p", [], TARGET)
    assert caught.value.line == 3
    path.write_text(path.read_text().replace("s_axilite port = return", "mode = axis register port = in0"))
    assert compile_process(path, "p", [], TARGET).name == "p"


def engine_boxes() -> dict[str, Path]:
    names = {"reader": "axi_read", "writer": "axi_write", "channel": "cdc_fifo"}
    return {name: library() / f"hwgen_{module}.json" for name, module in names.items()}


def test_library_descriptions_are_right() -> None:
    found = sorted(library().glob("*.json"))
    assert [read_black_box(path).function for path in found] == [path.stem for path in found]
    assert len(found) == 7


def test_descriptor_streams_need_no_registers() -> None:
    top = compile_dataflow(BOXES / "engine.cpp", "engine", [INCLUDE], TARGET, black_boxes=engine_boxes())
    assert [p.name for p in top.ports] == ["in_from", "in_to", "out_read", "out_written"]
    assert not top.registers and "s_axi" not in top.rtl
    assert "m_axi_gmem0_wdata" in top.rtl and "m_axi_gmem0_araddr" not in top.rtl
    assert "m_axi_gmem1_araddr" in top.rtl and "m_axi_gmem1_awaddr" not in top.rtl
    assert ".MAX_BURST(16), .OUTSTANDING(8)" in top.rtl and ".MAX_BURST(64), .OUTSTANDING(4)" in top.rtl
    assert ".s_clk(ap_clk), .m_clk(ap_clk)" in top.rtl


def rows(words: list[int], size: int) -> np.ndarray:
    return np.frombuffer(b"".join(w.to_bytes(size, "little") for w in words), np.uint8).reshape(-1, size)


def test_movers_models_move_bytes() -> None:
    rng = random.Random(5)
    wanted = [(4090, 40), (3, 1), (16, 16), (7, 0), (15, 17)]
    wanted += [(rng.randrange(4000), rng.randrange(100)) for _ in range(40)]
    descriptors = rows([a | n << 64 for a, n in wanted], 12)
    memory = np.frombuffer(rng.randbytes(8192), np.uint8).copy()
    before, source = memory.copy(), BOXES / "engine.cpp"
    data, status = csim_many([CsimJob(source, "reader", [INCLUDE], [descriptors], None, memories={"memory": memory})])[
        0
    ]
    assert np.array_equal(memory, before) and not status.any() and len(status) == len(wanted)
    expected = b"".join(before[a : a + n].tobytes() + bytes(-n % 16) for a, n in wanted)
    assert data.tobytes() == expected
    target = np.zeros(8192, np.uint8)
    job = CsimJob(source, "writer", [INCLUDE], [descriptors, data], None, memories={"memory": target})
    csim_many([job])
    for address, length in wanted:
        assert np.array_equal(target[address : address + length], before[address : address + length])
    touched = np.zeros(8192, bool)
    for address, length in wanted:
        touched[address : address + length] = True
    assert not target[~touched].any()


def test_csim_wants_scalars_and_memories() -> None:
    job = CsimJob(BOXES / "copier.cpp", "load", [INCLUDE], [], 1, {"bytes": 4})
    with pytest.raises(CsimError, match="The memory memory of load must be given"):
        csim_many([job])
    memories = {"memory": np.zeros((2, 2), np.uint8)}
    with pytest.raises(CsimError, match="must be uint8 of one dimension"):
        csim_many([CsimJob(BOXES / "copier.cpp", "load", [INCLUDE], [], 1, {"bytes": 4}, memories)])
