# SPDX-License-Identifier: Apache-2.0
"""hwgen's ap_int.h means the same as AMD's: same bits, widths and signs from the same program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwgen.hlsc.csim import csim

from .kernels import COMPAT, FILE_IO, amd_headers, native

HERE = Path(__file__).resolve().parent
TYPES = int(os.environ.get("HWGEN_AP_TYPES", "4"))
"""Pairs of formats; each does some 250 operations on 12 pairs of operands."""
PAIRS = 12
EDGES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 90]
BYTES = 32


def program(seed: int, count: int) -> str:
    """Return a process that writes the result of every operation for `count` random pairs of formats."""
    rng = np.random.default_rng(seed)
    lines = [f'#include "{HERE}/ap_program.hpp"']
    words = ", ".join(f"{int(v)}ULL" for v in rng.integers(0, 1 << 64, 64, dtype=np.uint64))
    lines.append(f"static const unsigned long long kRandom[64] = {{{words}}};")
    lines.append("void all(hls::stream<ap_uint<8>>& in0, Out& out0) {\n  in0.read();")
    for _ in range(count):
        sizes = [int(rng.choice(EDGES)) if rng.random() < 0.5 else int(rng.integers(1, 91)) for _ in range(2)]
        kinds = ["ap_int" if rng.integers(0, 2) else "ap_uint" for _ in range(2)]
        (a, b), (wa, wb) = kinds, sizes
        lines.append(f"  operands<{a}<{wa}>, {wa}, {b}<{wb}>, {wb}>(out0, kRandom, {PAIRS});")
    return "\n".join([*lines, "}", ""])


@pytest.mark.parametrize("seed", range(1))
def test_same_results_as_amd(seed: int, tmp_path: Path) -> None:
    amd = amd_headers()
    text = program(seed, TYPES)
    ours = tmp_path / "ours.cpp"
    ours.write_text(text)
    (got,) = csim(ours, "all", [COMPAT], [np.zeros((1, 1), dtype=np.uint8)], 1)
    theirs = tmp_path / "theirs.cpp"
    call = f'in0.write(0); all(in0, out0); save("{tmp_path}/o", out0);'
    main = f"int main() {{ hls::stream<ap_uint<8>> in0; Out out0; {call} }}"
    theirs.write_text(text + FILE_IO + main)
    subprocess.run([native(theirs, [amd])], check=True, timeout=60)
    expected = np.fromfile(tmp_path / "o", dtype=np.uint8).reshape(-1, BYTES)
    assert len(expected) > TYPES * PAIRS * 150
    assert got.shape == expected.shape
    wrong = np.flatnonzero((got != expected).any(axis=1))
    assert wrong.size == 0, f"{wrong.size} of {len(got)} differ, first operation {wrong[0]} of {len(got) // (TYPES)}"
