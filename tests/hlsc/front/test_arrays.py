# SPDX-License-Identifier: Apache-2.0
"""Arrays: initial values, several reads, read-modify-write, and the directives about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwgen.hlsc import backend, ir
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.target import Target

from .support import HEAD, INCLUDE, check, compile_snippet


def kernel(body: str, before: str = "", inside: str = "", out: int = 16) -> str:
    """A process of 60 iterations with a word `x` in, and `out0` for the answer."""
    return (
        f"{before}\nvoid f(hls::stream<ap_uint<16>>& in0, hls::stream<ap_uint<{out}>>& out0) {{\n{inside}\n"
        f"for (int i = 0; i < 60; ++i) {{\n#pragma HLS PIPELINE II=1\nap_uint<16> x = in0.read();\n{body}\n}}\n}}\n"
    )


def checked(folder: Path, text: str, seed: int = 1) -> ir.Process:
    """Compile, and require that the interpreter and C simulation agree."""
    source = folder / "checked.cpp"
    source.write_text(HEAD + text)
    return check(source, "f", [INCLUDE], seed)


def test_initial_values_are_the_rams_first_words(tmp_path: Path) -> None:
    text = kernel(
        "ap_uint<3> a = x; out0.write(t[a]); if (x[15]) t[ap_uint<3>(x >> 3)] = x >> 6;",
        inside="static ap_int<9> t[8] = {1, -2, 3, -4, 5, 250};",
    )
    (ram,) = checked(tmp_path, text).rams
    assert (ram.width, ram.depth) == (9, 8)
    assert ram.init == (1, 510, 3, 508, 5, 250, 0, 0)


def test_initial_values_of_columns_go_to_their_banks(tmp_path: Path) -> None:
    text = kernel(
        "ap_uint<2> a = x; out0.write(t[a][0] + t[a][1]); t[ap_uint<2>(x >> 2)][0] = x >> 8; t[a][1] = x >> 9;",
        inside="static ap_uint<8> t[4][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};",
    )
    assert {r.init for r in checked(tmp_path, text).rams} == {(1, 3, 5, 7), (2, 4, 6, 8)}


def test_a_static_array_that_is_never_written_is_a_table(tmp_path: Path) -> None:
    process = checked(tmp_path, kernel("out0.write(t[x & 3]);", inside="static ap_uint<8> t[4] = {9, 8, 7, 1};"))
    assert not process.rams and process.roms[0].words == (9, 8, 7, 1)


def test_several_reads_are_one_ram(tmp_path: Path) -> None:
    text = kernel(
        "out0.write(t[ap_uint<4>(x)] ^ t[ap_uint<4>(x >> 4)] ^ t[ap_uint<4>(x >> 8)]); t[ap_uint<4>(x >> 12)] = x;",
        inside="static ap_uint<16> t[16];",
    )
    process = checked(tmp_path, text)
    assert len(process.rams) == 1 and sum(v.opcode == "ram" for v in process.values) == 3


@pytest.mark.parametrize(
    ("directive", "free"),
    [
        ("DEPENDENCE variable=t inter false", True),
        ("DEPENDENCE variable=t type=inter direction=RAW dependent=false", True),
        ("DEPENDENCE variable=t false", True),
        ("DEPENDENCE inter false", True),
        ("DEPENDENCE variable=t inter true", False),
        ("DEPENDENCE variable=t intra false", False),
        ("DEPENDENCE variable=t type=inter direction=WAW dependent=false", False),
    ],
)
def test_a_promise_of_independence(tmp_path: Path, directive: str, free: bool) -> None:
    inside = f"static ap_uint<16> t[64];\n#pragma HLS {directive}"
    (ram,) = checked(tmp_path, kernel("ap_uint<6> a = x; t[a] += x; out0.write(t[a]);", inside=inside)).rams
    assert ram.independent is free


def test_a_dependence_that_is_true_and_false_is_refused(tmp_path: Path) -> None:
    inside = "static ap_uint<16> t[64];\n#pragma HLS DEPENDENCE variable=t inter false\n"
    text = kernel("ap_uint<6> a = x; t[a] += x; out0.write(t[a]);", inside=inside + "#pragma HLS DEPENDENCE inter true")
    with pytest.raises(HlsError, match="either true or false, not both"):
        compile_snippet(tmp_path, text)


@pytest.mark.parametrize("directive", ["STREAM variable=out0 depth=4", "DATAFLOW"])
def test_what_only_a_top_can_follow_is_refused_in_a_process(tmp_path: Path, directive: str) -> None:
    with pytest.raises(HlsError, match="must stand in a dataflow top, not in the process f"):
        compile_snippet(tmp_path, kernel("out0.write(x);", inside=f"#pragma HLS {directive}"))


BINDINGS = [
    ("static ap_uint<16> t[64];\n#pragma HLS BIND_STORAGE variable=t type=ram_2p impl=bram latency=2", ("bram", 2)),
    ("static ap_uint<16> t[64];\n#pragma HLS bind_storage variable = t type = RAM_S2P impl = URAM", ("uram", None)),
    ("ap_uint<16> t[64];\n#pragma HLS BIND_STORAGE variable=t type=ram_1wnr impl=lutram latency=1", ("lutram", 1)),
    ("static ap_uint<16> t[64];", ("auto", None)),
]


@pytest.mark.parametrize(("inside", "wanted"), BINDINGS)
def test_a_ram_is_bound(tmp_path: Path, inside: str, wanted: tuple[str, int | None]) -> None:
    text = kernel("t[ap_uint<6>(x)] = x; out0.write(t[ap_uint<6>(x >> 6)]);", inside=inside)
    (ram,) = compile_snippet(tmp_path, text).rams
    assert (ram.storage, ram.latency) == wanted


def test_a_bound_table_of_bits_that_choose_is_no_constant(tmp_path: Path) -> None:
    text = kernel(
        "out0.write(t[x & 15] != 0 ? x : ap_uint<16>(~x));",
        inside="static const ap_uint<1> t[16] = {1, 0, 1, 1, 0, 0, 0, 1, 0, 1};\n"
        "#pragma HLS BIND_STORAGE variable=t type=rom_1p impl=bram",
    )
    (rom,) = checked(tmp_path, text).roms
    assert (rom.storage, rom.words) == ("bram", (1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))


def test_variables_are_found_by_the_rules_of_cpp(tmp_path: Path) -> None:
    text = """
namespace n { static const ap_uint<9> table[8] = {1, 2, 3, 500, 5, 6, 7, 9}; }
struct Both { ap_uint<16> t[64]; };
static ap_uint<16> by_reference(ap_uint<16> (&bins)[64], ap_uint<6> at) {
#pragma HLS BIND_STORAGE variable=bins type=ram_2p impl=bram
  bins[at] = bins[at] + 1;
  return bins[at];
}
static ap_uint<16> by_pointer(ap_uint<16>* bins, ap_uint<6> at) {
#pragma HLS BIND_STORAGE variable=bins type=ram_2p impl=lutram
  bins[at] = bins[at] ^ at;
  return bins[at];
}
void f(hls::stream<ap_uint<16>>& in0, hls::stream<ap_uint<16>>& out0) {
  static ap_uint<16> a[64], t[64];
  static Both both;
#pragma HLS BIND_STORAGE variable=both.t type=ram_2p impl=uram
#pragma HLS BIND_STORAGE variable=n::table type=rom_1p impl=bram latency=2
  for (int i = 0; i < 60; ++i) {
#pragma HLS PIPELINE II=1
    ap_uint<16> x = in0.read();
    both.t[ap_uint<6>(x)] = x;
    ap_uint<16> y = both.t[ap_uint<6>(x >> 3)];
    out0.write(by_reference(a, x) + by_pointer(t, x) + n::table[x & 7] + y);
  }
}
"""
    process = checked(tmp_path, text)
    assert {r.name: r.storage for r in process.rams} == {"a": "bram", "t": "lutram", "both": "uram"}
    assert [(r.storage, r.latency) for r in process.roms] == [("bram", 2)]


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("static ap_uint<16> table[64];\n#pragma HLS BIND_STORAGE variable=tabel type=ram_2p", "Did you mean table"),
        ("#pragma HLS BIND_STORAGE variable=t type=ram_2p\nstatic ap_uint<16> t[64];", "declared before the pragma"),
    ],
)
def test_an_unknown_variable_is_refused(tmp_path: Path, inside: str, words: str) -> None:
    with pytest.raises(HlsError, match=words) as caught:
        compile_snippet(tmp_path, kernel("out0.write(x);", inside=inside))
    assert "variable must be a variable" in caught.value.rule and caught.value.line > 0


USE = "t[ap_uint<3>(x)] = x; out0.write(t[ap_uint<3>(x >> 3)]);"


@pytest.mark.parametrize(
    ("inside", "body", "words"),
    [
        (
            "static ap_uint<16> t[8];\n#pragma HLS BIND_STORAGE variable=t type=ram_1p",
            USE,
            "must not be ram_1p: an iteration needs 1 read port and 1 write port",
        ),
        (
            "static ap_uint<16> t[8];\n#pragma HLS BIND_STORAGE variable=t type=ram_s2p",
            "t[ap_uint<3>(x)] = x; out0.write(t[ap_uint<3>(x >> 3)] + t[ap_uint<3>(x >> 6)]);",
            "must not be ram_s2p: an iteration needs 2 read ports and 1 write port",
        ),
        (
            "static ap_uint<16> t[8];\n#pragma HLS BIND_STORAGE variable=t type=ram_2p",
            "t[ap_uint<3>(x)] = x; out0.write(t[ap_uint<3>(x >> 3)] + t[ap_uint<3>(x >> 6)]);",
            "must not be ram_2p: an iteration needs 2 read ports and 1 write port",
        ),
        (
            "static const ap_uint<16> t[8] = {1, 2};\n#pragma HLS BIND_STORAGE variable=t type=rom_1p",
            "out0.write(t[x & 7] + t[x >> 13]);",
            "must not be rom_1p: an iteration needs 2 read ports",
        ),
        (
            "static ap_uint<16> t[2];\n#pragma HLS BIND_STORAGE variable=t impl=bram",
            "out0.write(t[1]); t[1] = t[0] + x; t[0] = x;",
            "must be read at an index that is not constant to be bound to bram",
        ),
        (
            "static const ap_uint<16> t[8] = {1, 2};\n#pragma HLS BIND_STORAGE variable=t type=rom_1p latency=2",
            "out0.write(t[1] + x);",
            "must be read at an index that is not constant to be bound to a latency",
        ),
        ("static ap_uint<16> t[8];\n#pragma HLS BIND_STORAGE variable=t type=rom_1p", USE, "one of a RAM, not rom_1p"),
        (
            "static const ap_uint<16> t[8] = {1, 2};\n#pragma HLS BIND_STORAGE variable=t type=ram_2p",
            "out0.write(t[x & 7]);",
            "one of a ROM, not ram_2p",
        ),
        (
            "static const ap_uint<16> t[8] = {1, 2};\n#pragma HLS BIND_STORAGE variable=t type=rom_1p impl=uram",
            "out0.write(t[x & 7]);",
            "no initial contents",
        ),
        (
            "static ap_uint<16> t[8] = {1, 2};\n#pragma HLS BIND_STORAGE variable=t type=ram_2p impl=uram",
            USE,
            "no initial contents",
        ),
        (
            "static ap_uint<16> t[8];\n#pragma HLS BIND_STORAGE variable=t impl=bram\n"
            "#pragma HLS BIND_STORAGE variable=t impl=lutram",
            USE,
            "bound to one storage",
        ),
    ],
)
def test_a_binding_that_cannot_be_is_refused(tmp_path: Path, inside: str, body: str, words: str) -> None:
    with pytest.raises(HlsError, match=words):
        compile_snippet(tmp_path, kernel(body, inside=inside))


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize(("binding", "words"), [("latency=1", "with a latency of 1"), ("impl=bram", "out of bram")])
def test_what_a_recurrence_leaves_no_clock_for_is_refused_with_its_path(
    tmp_path: Path, binding: str, words: str, table: bool
) -> None:
    text = kernel(
        ("" if table else "t[ap_uint<3>(x)] = x >> 3;") + "at = t[at] ^ (x & 1); out0.write(at);",
        inside="ap_uint<3> at = 0;\nstatic ap_uint<3> t[8] = {1, 2, 3};\n"
        f"#pragma HLS BIND_STORAGE variable=t {binding}",
    )
    with pytest.raises(HlsError, match=words) as caught:
        backend.compile(compile_snippet(tmp_path, text), Target("xcup", 200.0))
    assert caught.value.file.endswith("snippet.cpp") and caught.value.line > 0
    found = re.search(r"The path: .*(rom|ram) t \(\S*snippet.cpp:11:\d+\) [\d.]+ ns.*, and back", caught.value.rule)
    assert found is not None and found[1] == ("rom" if table else "ram")


def test_registers_have_the_ports_of_every_type(tmp_path: Path) -> None:
    inside = "static ap_uint<16> t[2];\n#pragma HLS BIND_STORAGE variable=t type=ram_1p"
    assert not checked(tmp_path, kernel("out0.write(t[1] + t[0]); t[1] = t[0]; t[0] = x;", inside=inside)).rams


LANES = (
    "ap_uint<3> row = x; ap_uint<16> sum = 0;\nfor (int k = 0; k < 4; ++k) {\n#pragma HLS UNROLL\n"
    "sum += t[%s]; t[%s] = x + k; }\nout0.write(sum);"
)


@pytest.mark.parametrize(
    ("shape", "index", "partition"),
    [
        ("[8][4]", "row][k", "complete dim=2"),
        ("[8][4]", "row][k", "type=cyclic factor=4 dim=2"),
        ("[32]", "row * 4 + k", "cyclic factor=4"),
        ("[32]", "ap_uint<5>(row * 4) | k", "cyclic factor=4"),
        ("[32]", "unsigned(x >> 5) % 8 * 4 + 3 - k", "cyclic factor=4"),
    ],
)
@pytest.mark.parametrize("name", ["ARRAY_PARTITION", "ARRAY_RESHAPE"])
def test_indices_known_modulo_the_partition_give_banks_or_words(
    tmp_path: Path, shape: str, index: str, partition: str, name: str
) -> None:
    inside = f"static ap_uint<16> t{shape} = {{7, 5, 3, 1, 9}};\n#pragma HLS {name} variable=t {partition}"
    process = checked(tmp_path, kernel(LANES % (index, index), inside=inside))
    rows = [(r.depth, r.width) for r in process.rams]
    assert rows == ([(8, 16)] * 4 if name == "ARRAY_PARTITION" else [(8, 64)])


BLOCKS = [
    ("[32]", "row + 8 * k", "block factor=4", 4),
    ("[32]", "row + 8 * k", "type=block factor=4 dim=0", 4),
    ("[4][8]", "k][row", "complete dim=1", 4),
    ("[4][8]", "k][row", "cyclic factor=4", 4),
    ("[29]", "row + 8 * k < 29 ? unsigned(row) + 8 * k : 28u", "block factor=4", 0),
    ("[4][8]", "k][row", "block factor=2 dim=1", 0),
]


@pytest.mark.parametrize("name", ["ARRAY_PARTITION", "ARRAY_RESHAPE"])
@pytest.mark.parametrize(("shape", "index", "partition", "banks"), BLOCKS)
def test_blocks_that_no_index_leaves_are_banks(
    tmp_path: Path, shape: str, index: str, partition: str, banks: int, name: str
) -> None:
    inside = f"static ap_uint<16> t{shape} = {{7, 5, 3, 1, 9}};\n#pragma HLS {name} variable=t {partition}"
    text = kernel(LANES % (index, index), inside=inside)
    if not banks:
        with pytest.raises(HlsError, match=r"(in dimension 1 would not be known|written at most once)"):
            compile_snippet(tmp_path, text)
        return
    rows = [(r.depth, r.width) for r in checked(tmp_path, text).rams]
    assert rows == ([(8, 16)] * banks if name == "ARRAY_PARTITION" else [(8, 16 * banks)])


@pytest.mark.parametrize(
    ("partition", "body", "words"),
    [
        ("RESHAPE variable=t cyclic factor=2", LANES % ("row * 4 + k", "row * 4 + k"), "must be reshaped by 4"),
        (
            "RESHAPE variable=t cyclic factor=4",
            "ap_uint<3> row = x; out0.write(t[row * 4] + t[row * 4 + 1]);\n"
            "t[row * 4] = x; t[row * 4 + 2] = x; t[row * 4 + 3] = x; if (x[9]) t[row * 4 + 1] = x;",
            "must be written in whole words to be reshaped",
        ),
        (
            "RESHAPE variable=t cyclic factor=4\n#pragma HLS ARRAY_PARTITION variable=t cyclic factor=4",
            LANES % ("row * 4 + k", "row * 4 + k"),
            "must not be both partitioned and reshaped",
        ),
    ],
)
def test_a_reshape_without_whole_words_is_refused(tmp_path: Path, partition: str, body: str, words: str) -> None:
    with pytest.raises(HlsError, match=words):
        compile_snippet(tmp_path, kernel(body, inside=f"static ap_uint<16> t[32];\n#pragma HLS ARRAY_{partition}"))


@pytest.mark.parametrize(
    ("directive", "widths", "words"),
    [
        ("ARRAY_RESHAPE variable=t complete dim=2", [18], ""),
        ("ARRAY_PARTITION variable=t cyclic factor=2 dim=2", [18], ""),
        ("ARRAY_PARTITION variable=t complete dim=1", [], "it is a table, and the bank in dimension 1"),
        ("ARRAY_RESHAPE variable=t block factor=2", [], "it is a table, and the bank in dimension 1"),
    ],
)
def test_a_table_has_a_word_for_each_index(tmp_path: Path, directive: str, widths: list[int], words: str) -> None:
    inside = (
        f"static const ap_uint<9> t[4][2] = {{{{1, 500}}, {{2, 3}}, {{400, 7}}, {{8, 9}}}};\n#pragma HLS {directive}"
    )
    text = kernel("out0.write(t[x & 3][0] + t[x & 3][1]);", inside=inside)
    if words:
        with pytest.raises(HlsError, match=words):
            compile_snippet(tmp_path, text)
        return
    assert [r.width for r in checked(tmp_path, text).roms] == widths


@pytest.mark.parametrize(
    ("shape", "index", "partition", "words"),
    [
        ("[32]", "row + k", "cyclic factor=4", "bank in dimension 1 would not be known"),
        ("[32]", "row * 4 + k", "block factor=4", "bank in dimension 1 would not be known"),
        ("[8][4]", "row][k", "complete dim=1", "bank in dimension 1 would not be known"),
        ("[8][4]", "row][k", "complete dim=0", "bank in dimension 1 would not be known"),
        ("[32]", "row * 4 + k", "complete dim=2", "must have a dimension 2"),
    ],
)
def test_a_bank_that_is_not_known_is_refused(
    tmp_path: Path, shape: str, index: str, partition: str, words: str
) -> None:
    inside = f"static ap_uint<16> t{shape};\n#pragma HLS ARRAY_PARTITION variable=t {partition}"
    with pytest.raises(HlsError, match=words):
        compile_snippet(tmp_path, kernel(LANES % (index, index), inside=inside))


def test_reset_is_for_registers(tmp_path: Path) -> None:
    body = "ap_uint<4> a = x; out0.write(t[a] + n); t[a] = x; ++n;"
    inside = "static ap_uint<16> t[16];\nstatic ap_uint<5> n = 7;\n#pragma HLS RESET variable={}"
    process = checked(tmp_path, kernel(body, inside=inside.format("n")))
    assert any(state.reset == 7 for state in process.states)
    with pytest.raises(HlsError, match="RESET must be asked for registers, and t is a RAM") as caught:
        compile_snippet(tmp_path, kernel(body, inside=inside.format("t")))
    assert caught.value.line == 7
    with pytest.raises(HlsError, match="RESET's variable must be a variable"):
        compile_snippet(tmp_path, kernel(body, inside=inside.format("m")))
