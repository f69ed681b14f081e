# SPDX-License-Identifier: Apache-2.0
"""Several accesses to one stream in an iteration: in the order of the program, as many as the II has clocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc import backend, interp
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target

from .support import IO, KERNELS, compile_snippet, loop, simulate_until_dry

SOURCE = KERNELS.parent / "turns.cpp"
NAMES = (
    "pairs", "twice", "triples", "escaped", "sometimes", "counts", "chosen", "packet", "total", "either", "crossed",
)  # fmt: skip


def test_what_is_written_equals_csim() -> None:
    for name, want, got in simulate_until_dry(SOURCE, NAMES, 360):
        assert want == got[: len(want)] and len(got) - len(want) < 4 and len(want) > 40, name


def accesses(name: str) -> dict[str, int]:
    process = read_process(SOURCE, name)
    names = [str(v.attr) for v in process.values if v.opcode == "read"] + [w.stream for w in process.writes]
    return {n: names.count(n) for n in names}


def test_exclusive_accesses_share_a_turn() -> None:
    assert accesses("sometimes") == {"in1": 1, "in0": 4, "out0": 3}
    assert accesses("packet") == {"in0": 2, "out0": 2}
    assert accesses("triples") == {"in0": 3, "out0": 3}
    assert accesses("crossed") == {"in0": 2, "in1": 2, "in2": 2, "out0": 1}


def test_the_compiler_chooses_an_ii_of_as_many_clocks_as_accesses() -> None:
    slow = Target("xcup", 10.0)
    found = {name: backend.compile(read_process(SOURCE, name), slow).ii for name in ("chosen", "crossed")}
    assert found == {"chosen": 3, "crossed": 3}


REFUSED = {
    "a read": ("const ap_uint<8> x = in0.read();\nout0.write(x ^\n in0.read());", "II=1", (9, 2), "once", 2, 2),
    "the third": (
        "int x = in0.read();\nx += in0.read();\nx += in0.read();\nout0.write(x);", "II=2", (9, 6), "2 times", 3, 3
    ),
    "a write": ("out0.write(in0.read());\nif (i > 3)\n  out0.write(1);", "II=1", (9, 3), "once", 2, 2),
    "the widest": (
        "out0.write(in0.read());\nout0.write(1);\nout0.write(2);\nin0.read();", "II=1", (10, 1), "once", 2, 3
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_more_accesses_than_clocks(tmp_path: Path, name: str) -> None:
    inside, ii, place, most, count, needed = REFUSED[name]
    with pytest.raises(HlsError) as caught:
        compile_snippet(tmp_path, loop(inside, ii))
    assert (caught.value.line, caught.value.column >= place[1]) == (place[0], True)
    assert f"at most {most} in an iteration at {ii}, on any path, not {count} times." in caught.value.rule
    assert f"II={needed}," in caught.value.fix
    assert compile_snippet(tmp_path, loop(inside, f"II={needed}")).ii == needed


def test_after_the_loop_is_another_access(tmp_path: Path) -> None:
    text = loop("out0.write(in0.read());", "II=1", after="out0.write(7);")
    with pytest.raises(HlsError, match="out0 must be written at most once in an iteration at II=1") as caught:
        compile_snippet(tmp_path, text)
    assert caught.value.line == 9


def test_two_words_before_the_loop_are_one_iteration(tmp_path: Path) -> None:
    one, two = (
        loop("out0.write(in0.read() + x);", ii, before="ap_uint<8> x = in0.read() ^ in0.read();")
        for ii in ("II=1", "II=2")
    )
    with pytest.raises(HlsError, match="in0 must be read at most once") as caught:
        compile_snippet(tmp_path, one)
    assert caught.value.line == 4
    process = compile_snippet(tmp_path, two)
    found = interp.run(process, {"in0": list(range(40, 80))}, 13)
    assert process.trip_count == 10 and found["out0"] == [*(1 + w for w in range(42, 51)), 7 + 53, 7 + 54]


def test_a_stream_that_is_asked_for_words_is_read_once(tmp_path: Path) -> None:
    text = f"void f({IO}) {{\nwhile (1) {{\n#pragma HLS PIPELINE II=2\nap_uint<8> x, y;\n"
    text += "if (in0.read_nb(x)) {\nin0.read(y);\nout0.write(x + y);\n}\n}\n}\n"
    with pytest.raises(HlsError, match="at most once in an iteration that asks") as caught:
        compile_snippet(tmp_path, text)
    assert caught.value.line == 8


def test_more_accesses_than_any_ii(tmp_path: Path) -> None:
    inside = "for (int k = 0; k < 65; ++k) {\n#pragma HLS UNROLL\nout0.write(k);\n}\nin0.read();"
    with pytest.raises(HlsError, match="at most 64 times"):
        compile_snippet(tmp_path, loop(inside, ""))


def test_turns_in_each_other_that_the_ii_has_no_clocks_for(tmp_path: Path) -> None:
    source = tmp_path / "crossed.cpp"
    source.write_text(
        SOURCE.read_text().replace(
            "#pragma HLS PIPELINE\n    ap_uint<12> sum = in0", "#pragma HLS PIPELINE II=2\n    ap_uint<12> sum = in0"
        )
    )
    with pytest.raises(HlsError, match="must not take 3 clocks at II=2") as caught:
        backend.compile(read_process(source, "crossed"), Target("xcup", 10.0))
    assert "II=3, or read fewer words" in caught.value.fix
