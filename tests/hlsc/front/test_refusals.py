# SPDX-License-Identifier: Apache-2.0
"""What is outside the subset is refused with the line in the kernel, the rule and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process

from .support import FOR, HEAD, IO, compile_snippet, loop

CASES = {
    "division": (loop("out0.write(in0.read() / 3);"), 7, "power of two"),
    "remainder": (loop("unsigned x = in0.read();\nout0.write(x % 10);"), 8, "remainder"),
    "float": (loop("float x = in0.read();\nout0.write((int)(x * 1.5f));"), 7, "Floating-point"),
    "two reads": (loop("ap_uint<8> x = in0.read();\nout0.write(x ^ in0.read());"), 8, "at most once"),
    "two writes": (loop("out0.write(in0.read());\nif (i > 3)\nout0.write(1);"), 9, "at most once"),
    "read and write": (loop("out0.write(in0.read());\nif (i == 3) in0.write(2);"), 8, "either read or written"),
    "inner loop": (
        loop("ap_uint<8> x = in0.read();\nfor (int k = 0; k < x; ++k) x += k;\nout0.write(x);"),
        8,
        "one loop",
    ),
    "second loop": (
        loop("out0.write(in0.read());", after="for (int i = 0; i < 9; ++i) {\nout0.write(i);\n}"),
        9,
        "one loop",
    ),
    "two reads before the loop": (
        loop("out0.write(in0.read() + x);", before="ap_uint<8> x = in0.read() ^ in0.read();"),
        4,
        "at most once",
    ),
    "an array set where the loop's bound is read": (
        f"void f({IO}) {{\nap_uint<8> b[16];\nap_uint<4> n = in0.read();\nb[n] = 3;\n"
        "for (ap_uint<4> i = 0; i < n; ++i) {\n#pragma HLS PIPELINE II=1\n"
        "ap_uint<8> x = in0.read();\nout0.write(b[x & 15]);\nb[i] = x;\n}\n}\n",
        6,
        "must not be set before the loop",
    ),
    "after the loop": (loop("out0.write(in0.read());", after="out0.write(7);"), 9, "at most once"),
    "initialised RAM": (
        loop("ap_uint<8> x = in0.read();\nout0.write(b[x & 15]);\nb[i] = x;", before="ap_uint<8> b[16] = {1, 2};"),
        4,
        "must not be set before the loop",
    ),
    "two stores": (
        loop(
            "ap_uint<8> x = in0.read();\nb[x & 7] = x;\nb[(x & 7) + 8] = 0;\nout0.write(b[x & 15]);",
            before="ap_uint<8> b[16];",
        ),
        9,
        "written at most once",
    ),
    "recursion": (
        "int g(int x) { return x < 2 ? 1 : x * g(x - 1) + g(x - 2); }\n" + loop("out0.write(g(in0.read()));"),
        8,
        "must be defined in this source, and not call itself",
    ),
    "undefined function": ("int g(int);\n" + loop("out0.write(g(in0.read()));"), 8, "must be defined"),
    "pointer": (
        loop("ap_uint<8> x = in0.read();\na[i] = x;\nout0.write(*p);\n++p;", before="ap_uint<8> a[9], *p = a;"),
        3,
        "must be an integer, not a pointer",
    ),
    "parameter": ("void f(hls::stream<ap_uint<8>>& in0, int* n) {\nin0.read();\n}\n", 3, "hls::stream"),
    "unused stream": (loop("in0.read();"), 3, "read or written"),
    "unknown directive": (loop("#pragma HLS UNROL\nout0.write(in0.read());"), 7, "no HLS directive"),
    "pragma outside a loop": (loop("out0.write(in0.read());", before="#pragma HLS UNROLL"), 4, "body of a loop"),
    "II of nought": (
        loop("", "II=0"),
        6,
        "must be a number from 1 to 64, not 0",
    ),
    "loop without PIPELINE": (
        f"void f({IO}) {{\n{FOR} {{\nout0.write(in0.read());\n}}\n}}\n",
        4,
        "must be pipelined",
    ),
    "while without PIPELINE": (
        f"void f({IO}) {{\nwhile (1) {{\nout0.write(in0.read());\n}}\n}}\n",
        4,
        "must be pipelined",
    ),
    "partition of a RAM": (
        loop(
            "ap_uint<8> x = in0.read();\nb[x & 7] = x;\nout0.write(b[x >> 5]);",
            before="ap_uint<8> b[8];\n#pragma HLS ARRAY_PARTITION variable=b type=complete",
        ),
        5,
        "must not be partitioned",
    ),
    "C++ error": (loop("out0.write(in0.reed());"), 7, "reed"),
    "missing header": ('#include "nowhere.hpp"\n' + loop(""), 3, "nowhere.hpp"),
}


@pytest.mark.parametrize("name", CASES)
def test_is_refused(name: str, tmp_path: Path) -> None:
    text, line, words = CASES[name]
    with pytest.raises(HlsError) as caught:
        compile_snippet(tmp_path, text)
    message = str(caught.value)
    assert words in message, message
    assert caught.value.fix, message
    assert (Path(caught.value.file).name, caught.value.line) == ("snippet.cpp", line), message


def test_missing_function(tmp_path: Path) -> None:
    with pytest.raises(HlsError, match="Function g must be defined"):
        compile_snippet(tmp_path, loop("out0.write(in0.read());"), "g")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "f.cpp"
    source.write_bytes(b"\xff\xfe\x00 void f() {}")
    with pytest.raises(HlsError, match="byte order mark"):
        read_process(source, "f")


@pytest.mark.parametrize("directive", ["INTERFACE mode=axis port=x", "STREAM variable=x depth=4", "DATAFLOW"])
def test_directives_of_a_function_that_is_inlined_are_refused(directive: str, tmp_path: Path) -> None:
    helper = f"static int inner(int x) {{\n#pragma HLS {directive}\nreturn x + 1;\n}}\n"
    helper += "template <class T> T outer(T x) { return inner(x); }\n"
    with pytest.raises(HlsError, match="must not stand in inner, which is inlined into f") as caught:
        compile_snippet(tmp_path, helper + loop("out0.write(outer<int>(in0.read()));"))
    assert caught.value.line == HEAD.count("\n") + 2


def test_message_points_into_the_kernel_not_into_the_headers(tmp_path: Path) -> None:
    with pytest.raises(HlsError) as caught:
        compile_snippet(tmp_path, loop("ap_uint<8> x = in0.read();\nx.range(3, 0) = out0;\nout0.write(x);"))
    assert Path(caught.value.file).name == "snippet.cpp"
    assert caught.value.line == HEAD.count("\n") + 6
