# SPDX-License-Identifier: Apache-2.0
"""What synthesis makes of bound, partitioned and reshaped arrays: the cells that the directives name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc import Target, compile_process
from hwgen.synth import count

INCLUDE = Path(__file__).resolve().parents[2] / "hls" / "include"

Array = tuple[str, int, int, str]
"""Name, bits of an element, rows, storage; a name of two letters has four columns and is reshaped."""


def source(arrays: list[Array]) -> str:
    """A process that reads and writes each array once in an iteration."""
    declared, used = "", ""
    for name, bits, rows, storage in arrays:
        columns = 4 if len(name) > 1 else 1
        shape = f"[{rows}]" + "[4]" * (columns > 1)
        declared += f"static ap_uint<{bits}> {name}{shape};\n#pragma HLS DEPENDENCE variable={name} inter false\n"
        declared += f"#pragma HLS BIND_STORAGE variable={name} type=ram_s2p impl={storage}\n"
        declared += f"#pragma HLS ARRAY_RESHAPE variable={name} complete dim=2\n" * (columns > 1)
        for column in range(columns):
            at = f"[{column}]" * (columns > 1)
            used += f"w ^= {name}[from % {rows}]{at}; {name}[to % {rows}]{at} = x + {column};\n"
    return (
        "#include <ap_int.h>\n#include <hls_stream.h>\n"
        "void f(hls::stream<ap_uint<72>>& in0, hls::stream<ap_uint<32>>& in1, hls::stream<ap_uint<72>>& out0) {\n"
        f"{declared}for (int i = 0; i < 60; ++i) {{\n#pragma HLS PIPELINE II=1\n"
        f"ap_uint<72> x = in0.read(), w = 0; ap_uint<32> at = in1.read(); unsigned from = at & 65535, to = at >> 16;\n"
        f"{used}out0.write(w);\n}}\n}}\n"
    )


CASES: list[tuple[str, list[Array], dict[str, int]]] = [
    (
        "xcup",
        [("u", 72, 4096, "uram"), ("b", 32, 1024, "bram"), ("s", 16, 512, "bram"), ("rr", 9, 512, "bram"),
         ("l", 16, 64, "lutram"), ("m", 14, 32, "lutram")],
        {"URAM288": 1, "RAMB36E2": 1, "RAMB18E2": 2, "RAM64M8": 3, "RAM32M16": 1},
    ),
    ("ecp5", [("b", 16, 1024, "bram"), ("rr", 9, 512, "bram"), ("l", 16, 16, "lutram")],
     {"DP16KD": 2, "TRELLIS_DPR16X4": 4}),
    ("ice40", [("b", 16, 256, "bram"), ("rr", 2, 256, "bram"), ("l", 16, 4, "lutram")], {"SB_RAM40_4K": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "arrays", "cells"), CASES, ids=[case[0] for case in CASES])
def test_arrays_become_the_cells_that_they_are_bound_to(
    tmp_path: Path, family: str, arrays: list[Array], cells: dict[str, int]
) -> None:
    kernel = tmp_path / "f.cpp"
    kernel.write_text(source(arrays))
    rtl = tmp_path / "f.sv"
    rtl.write_text(compile_process(kernel, "f", [INCLUDE], Target(family, 100.0)).rtl)
    found = count([rtl], "f", family).cells
    prefixes = ("URAM", "RAM", "DP16", "PDPW", "TRELLIS_DPR", "SB_RAM")
    memories = {n: c for n, c in found.items() if n.startswith(prefixes)}
    assert memories == cells
