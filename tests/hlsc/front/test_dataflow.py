# SPDX-License-Identifier: Apache-2.0
"""Dataflow functions: names, widths, depths and directions arrive; anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc.dataflow import Dataflow
from hwgen.hlsc.dataflow_front import read_dataflow
from hwgen.hlsc.errors import HlsError

from .support import HEAD

DECLARED = """void split(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<13>>& out0, hls::stream<ap_uint<300>>& out1);
void join(hls::stream<ap_uint<13>>& in0, hls::stream<ap_uint<300>>& in1, hls::stream<ap_uint<5>>& out0);
void copy(hls::stream<ap_uint<13>>& in0, hls::stream<ap_uint<13>>& out0);
void mute(hls::stream<ap_uint<5>>& from, hls::stream<ap_uint<5>>& to);
"""
TOP = """void top(hls::stream<ap_uint<8>>& s_axis_0, hls::stream<ap_uint<5>>& m_axis_0) {
#pragma HLS INTERFACE mode = axis port = s_axis_0
#pragma HLS DATAFLOW
  hls::stream<ap_uint<13>> narrow("narrow");
#pragma HLS STREAM variable = narrow depth = 7
  hls::stream<ap_uint<13>> copied;
  hls::stream<ap_uint<300>> wide;
#pragma HLS STREAM variable=wide depth=64
  split(s_axis_0, narrow, wide);
  copy(narrow, copied);
  join(copied, wide, m_axis_0);
}
"""
MUTED = "void top(hls::stream<ap_uint<5>>& a, hls::stream<ap_uint<5>>& b) {\n"


def read(folder: Path, text: str, **told: dict[str, str]) -> Dataflow:
    source = folder / "top.cpp"
    source.write_text(HEAD + DECLARED + text)
    return read_dataflow(source, "top", [], told)  # type: ignore[arg-type]


def test_structure(tmp_path: Path) -> None:
    top = read(tmp_path, TOP)
    assert [(p.name, p.direction, p.width) for p in top.ports] == [("s_axis_0", "in", 8), ("m_axis_0", "out", 5)]
    assert [(c.name, c.width, c.depth) for c in top.channels] == [
        ("narrow", 13, 7),
        ("copied", 13, 2),
        ("wide", 300, 64),
    ]
    assert [(i.name, i.process) for i in top.instances] == [
        ("u_split", "split"),
        ("u_copy", "copy"),
        ("u_join", "join"),
    ]
    assert dict(top.instances[2].bindings) == {"in0": "copied", "in1": "wide", "out0": "m_axis_0"}
    assert [s.direction for s in top.instances[0].ports] == ["in", "out", "out"]
    assert top.instances[1].loc is not None
    assert (top.instances[1].loc.file, top.instances[1].loc.line) == ("top.cpp", 16)


@pytest.mark.parametrize("stream", ["#pragma HLS STREAM variable = narrow depth = 1\n", ""])
def test_wires(stream: str, tmp_path: Path) -> None:
    wires = f"{stream}#pragma HWGEN WIRES variable = narrow"
    top = read(tmp_path, TOP.replace("#pragma HLS STREAM variable = narrow depth = 7", wires))
    assert {c.name: c.depth for c in top.channels} == {"narrow": 0, "copied": 2, "wide": 64}


def test_directions_may_be_told(tmp_path: Path) -> None:
    text = f"{MUTED}#pragma HLS DATAFLOW\n  mute(a, b);\n}}\n"
    with pytest.raises(HlsError, match="direction of mute's parameter from"):
        read(tmp_path, text)
    top = read(tmp_path, text, mute={"from": "in", "to": "out"})
    assert [(p.name, p.direction) for p in top.ports] == [("a", "in"), ("b", "out")]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("copy(narrow, copied);", "", "one writer and one reader"),
        ("copy(narrow, copied);", "copy(narrow, copied); copy(narrow, copied);", "one writer and one reader"),
        ("join(copied, wide, m_axis_0);", "join(copied, wide, m_axis_0); copied.read();", "only declare streams"),
        ("copy(narrow, copied);", "for (int i = 0; i < 9; ++i) copy(narrow, copied);", "only declare streams"),
        ("depth = 7", "depth = many", "STREAM's depth must be a positive number of at most nine digits, not many"),
        ("depth = 7", "depth = 0", "STREAM's depth must be a positive number of at most nine digits, not 0"),
        ("depth = 7", "depth = -1", "STREAM's depth must be a positive number of at most nine digits, not -1"),
        ("depth = 7", "depth = 7\n#pragma HWGEN WIRES variable = narrow", "narrow must have depth 1 to be wires"),
        ("variable=wide depth=64", "variable=wide depth=1\n#pragma HWGEN WIRES variable=wid", "Did you mean wide"),
        ("DATAFLOW\n", "DATAFLOW\n#pragma HWGEN INLINE\n", '"INLINE" is no HWGEN directive'),
        ("variable = narrow", "variable = narow", "Did you mean narrow"),
        ("variable = narrow", "variable = s_axis_0", "must be a stream that top declares"),
        ("depth = 7", "depth = 7\n#pragma HLS STREAM variable = narrow depth = 8", "must have one depth"),
        ("copy(narrow, copied);", "copy(copied, narrow);", "read by a later one"),
        ("split(s_axis_0,", "split(s_axis_0, narrow, wide); split(s_axis_0,", "one process"),
        ("#pragma HLS DATAFLOW\n", "", "top must have #pragma HLS DATAFLOW"),
        ("depth = 7", "depth = \u00b2", "STREAM's depth must be a positive number"),
        ("depth = 7", "depth = 9999999999", "at most nine digits"),
        ("DATAFLOW\n", "DATAFLOW\n#pragma HLS INLINE\n", "INLINE must stand in a process, not in the dataflow top top"),
        ("depth = 7", "depth = 7\n#pragma HLS BIND_STORAGE variable = narrow impl = bram", "must stand in a process"),
    ],
)
def test_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in TOP
    with pytest.raises(HlsError) as caught:
        read(tmp_path, TOP.replace(old, new))
    assert words in str(caught.value)
    assert Path(caught.value.file).name == "top.cpp"
    assert caught.value.line > 6


def test_unnamed_parameters_are_refused(tmp_path: Path) -> None:
    text = "void q(hls::stream<ap_uint<5>>&, hls::stream<ap_uint<5>>&);\n"
    text += f"{MUTED}#pragma HLS DATAFLOW\n  q(a, b);\n}}\n"
    with pytest.raises(HlsError, match="named stream parameters"):
        read(tmp_path, text)
