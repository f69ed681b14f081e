# SPDX-License-Identifier: Apache-2.0
"""Directives: read with Vitis's spelling, and placed at their loop without moving any token."""

from __future__ import annotations

import pytest

from hwgen.hlsc.directives import parse
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.pragmas import rewrite

NEST = """# 1 "a.cpp"
void f() {
  const char* s = "for { (";  char c = '{';
  outer: for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II=1
    while (x(")")) {
#pragma HLS unroll
    }
    for (;;)
#pragma HLS UNROLL factor = 2
      y();
    do {
#pragma HLS UNROLL
    } while (0);
  }
}
"""


def places(text: str) -> dict[str, tuple[int, int]]:
    """Return line and column of every word, as the line markers tell them."""
    found, line = {}, 0
    for row in text.splitlines():
        line += 1
        if row.startswith("# "):
            line = int(row.split()[1]) - 1
        elif not row.startswith("#"):
            for word in row.split():
                found[f"{word}@{line}"] = (line, row.index(word))
    return found


def test_tokens_keep_line_and_column() -> None:
    text, _ = rewrite(NEST)
    assert places(text) == places(NEST)


def test_options_stand_before_their_loops() -> None:
    text, directives = rewrite(NEST)
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    heads = {rows[i]: rows[i + 2] for i, row in enumerate(rows) if row.startswith("#pragma clang")}
    assert [row for row in rows if row.startswith("#pragma clang")] == [
        "#pragma clang loop unroll(disable) vectorize(disable) pipeline_initiation_interval(1)",
        "#pragma clang loop unroll(full)",
        "#pragma clang loop unroll_count(2)",
        "#pragma clang loop unroll(full)",
    ]
    first = "#pragma clang loop unroll(disable) vectorize(disable) pipeline_initiation_interval(1)"
    assert heads[first].startswith("for (int i")
    assert heads["#pragma clang loop unroll_count(2)"].startswith("for (;;)")
    assert heads["#pragma clang loop unroll(full)"].startswith("do {")
    assert [(d.name, d.line) for d in directives] == [("PIPELINE", 4), ("UNROLL", 6), ("UNROLL", 9), ("UNROLL", 12)]


def test_arguments() -> None:
    found = parse("stream variable = c depth= 7 off  // why", "a.cpp", 3)
    assert (found.name, dict(found.args), found.line) == ("STREAM", {"variable": "c", "depth": "7", "off": ""}, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PIPELIN", "Did you mean PIPELINE"),
        ("", "no HLS directive"),
    ],
)
def test_unknown_directive(text: str, words: str) -> None:
    with pytest.raises(HlsError, match=words) as caught:
        parse(text, "a.cpp", 3)
    assert (caught.value.file, caught.value.line) == ("a.cpp", 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("void f() {\n#pragma HLS PIPELINE\n}\n", "body of a loop"),
        ("for (;;) { {\n#pragma HLS UNROLL\n} }\n", "body of a loop"),
        ("for (;;) {\n#pragma HLS UNROLL\n#pragma HLS PIPELINE\n}\n", "not both"),
        ("for (;;) {\n#pragma HLS UNROLL factor=n\n}\n", "must be a number"),
        ("for (;;) {\n#pragma HLS UNROLL factor=0\n}\n", "must be a number from 1"),
        ("for (;;) {\n#pragma HLS UNROLL factor=\u00b2\n}\n", "must be a number from 1"),
        ("for (;;) {\n#pragma HLS PIPELINE II=\u00b2\n}\n", "II must be a number from 1 to 64"),
        ("#pragma HLS INTERFACE mode=axis port=x\nvoid f() {\n}\n", "INTERFACE must stand in the body of a function"),
        ("void f() {\n}\n#pragma HLS STREAM variable=x depth=2\n", "STREAM must stand in the body of a function"),
        ("int x = 0;\n#pragma HLS BIND_OP variable=x op=mul impl=dsp\n", "must stand in a block of a function"),
        ("for (;;) {\n#pragma HLS UNROLL factr=2\n}\n", "Did you mean factor"),
        ("for (;;) {\n#pragma HLS UNROLL factor=2\n#pragma HLS UNROLL\n}\n", "must have one UNROLL"),
        ("for (;;) {\n#pragma HLS PIPELINE II=1\n#pragma HLS PIPELINE II=2\n}\n", "must have one PIPELINE"),
        ("for (;;) {\n#pragma HLS PIPELINE II=1 II=2\n}\n", "must have II once"),
        ("for (;;) {\n#pragma HLS PIPELINE style=frp\n}\n", "style must be one of flp, not frp"),
        ("for (;;) {\n#pragma HLS PIPELINE rewnd\n}\n", "Did you mean rewind"),
        ("for (;;) {\n#pragma HLS PIPELINE off\n}\n", "must not be off"),
        ("for (;;) {\n#pragma HLS PIPELINE II=fast\n}\n", "II must be a number from 1 to 64, not fast"),
        ("for (;;) {\n#pragma HLS PIPELINE II=65\n}\n", "II must be a number from 1 to 64, not 65"),
    ],
)
def test_misplaced_directive(body: str, words: str) -> None:
    with pytest.raises(HlsError, match=words):
        rewrite('# 1 "a.cpp"\n' + body)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("BIND_STORAGE variable=x type=ram_2p impl=srl", "impl must be one of auto, lutram, bram, uram, not srl"),
        ("BIND_STORAGE variable=x type=fifo impl=bram", "type must be one of ram_1p"),
        ("BIND_STORAGE variable=x type=ram_2p latency=9", "latency must be one of -1"),
        ("BIND_STORAGE variable=x type=ram_2p latensy=1", "Did you mean latency"),
        ("BIND_STORAGE type=ram_2p", "BIND_STORAGE must name its variable"),
        ("DEPENDENCE variable=x inter", "once whether it is true or false"),
        ("DEPENDENCE variable=x inter intra false", "must say once whether it is inter or intra"),
        ("DEPENDENCE variable=x inter true dependent=false", "once whether it is true or false"),
        ("DEPENDENCE variable=x inter false distance=2", "must have no distance"),
        ("DEPENDENCE variable=x class=pointer false", "class must be one of array, not pointer"),
        ("ARRAY_PARTITION variable=x type=cyclic", "must have a factor"),
        ("ARRAY_RESHAPE variable=x factor=4", "must have no factor, as it is complete"),
        ("ARRAY_PARTITION variable=x block complete", "must have one type, not 2"),
        ("ARRAY_PARTITION variable=x cyclic factor=0", "factor must be"),
        ("ARRAY_PARTITION complete", "must name its variable"),
        ("ARRAY_PARTITION variable=x complet", "Did you mean complete"),
        ("INLINE off", "make it a process of its own and call that in a dataflow top"),
        ("INLINE region", "no argument region"),
        ("INLINE recursiv", "Did you mean recursive"),
        ("DATAFLOW interval=2", "no argument interval"),
        ("DATAFLOW disable_start_propagation=1", "must be without a value, not 1"),
        ("STREAM variable=x", "STREAM must have depth"),
        ("STREAM depth=2", "STREAM must have variable"),
        ("WIRES variable=x", '"WIRES" is no HLS directive'),
        ("STREAM variable=x depth=2 type=pipo", "type must be one of fifo, not pipo"),
        ("STREAM variable=x dept=2", "Did you mean depth"),
        ("STREAM variable=x depth=2 depth=3", "must have depth once"),
        ("BIND_STORAGE variable=x impl=bram IMPL=uram", "must have IMPL once"),
        ("ARRAY_PARTITION variable=x cyclic factor=2 type=block", "must have one type, not 2"),
        ("BIND_OP variable=x op=mul impl=dsp latency=9", "latency must be one of"),
        ("BIND_OP variable=x op=div impl=dsp", "op must be one of"),
        ("DEPENDENCE variable=x inter fals", "Did you mean false"),
        ("INTERFACE mode=axis prt=x", "Did you mean port"),
        ("LOOP_TRIPCOUNT min=4 max=2", "must not fall"),
        ("LOOP_TRIPCOUNT minimum=4", "no argument minimum"),
        ("INTERFACE mode=ap_hs port=x", "mode must be one of axis, s_axilite, m_axi, ap_ctrl_none, not ap_hs"),
        ("LOOP_TRIPCOUNT min=a", "min must be a number, not a"),
    ],
)
def test_directive_that_is_not_honoured(text: str, words: str) -> None:
    with pytest.raises(HlsError, match=words) as caught:
        rewrite(f'# 1 "a.cpp"\nvoid f() {{\n#pragma HLS {text}\n}}\n')
    assert (caught.value.file, caught.value.line) == ("a.cpp", 2)


@pytest.mark.parametrize(
    "text",
    [
        "BIND_STORAGE variable=x type=RAM_2P impl=LUTRAM",
        "ARRAY_PARTITION variable=x complete dim=1",
        "ARRAY_PARTITION variable=x cyclic factor=4",
        "ARRAY_RESHAPE variable=x type=block factor=2 dim=2",
        "ARRAY_RESHAPE variable = x type = complete dim = 2",
        "BIND_STORAGE variable=w.x type=rom_np impl=bram latency=2",
        "BIND_STORAGE variable=this->x type=ram_t2p impl=uram latency=-1",
        "DEPENDENCE variable=x inter false",
        "DEPENDENCE intra false",
        "DEPENDENCE variable=x type=inter direction=RAW dependent=false",
        "INTERFACE mode = axis port = s_axis_0",
        "INTERFACE ap_ctrl_none port=return",
        "STREAM variable=x depth=4",
        "LOOP_TRIPCOUNT min=1 max=9",
    ],
)
def test_honoured_directive(text: str) -> None:
    (directive,) = rewrite(f'# 1 "a.cpp"\nvoid f() {{\n#pragma HLS {text}\n}}\n')[1]
    assert directive.line == 2
