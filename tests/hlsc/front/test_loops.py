# SPDX-License-Identifier: Apache-2.0
"""Loops whose end is found at run time: the interpreter and C simulation agree on what they write."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.hlsc import interp
from hwgen.hlsc.csim import CsimError, CsimJob, csim_many
from hwgen.hlsc.front import read_process

from .support import HEAD, KERNELS, from_bytes, simulate_until_dry

SOURCE = KERNELS.parent / "loops.cpp"
FOREVER = ("accumulate", "accumulate_from", "offset_by")
PROLOGUE = ("counted", "framed", "session", "grows", "gain", "accumulate_from", "offset_by", "wide_start")
NAMES = (
    "odd_words", "packet_sum", "packet_sums", "stops", "at_most", "counted", "framed", "session", "grows", "gain",
    "accumulate", "accumulate_from", "offset_by", "wide_start",
)  # fmt: skip


def test_what_is_written_equals_csim() -> None:
    for name, want, got in simulate_until_dry(SOURCE, NAMES, 300):
        assert got == want and len(want) > 20, name


@pytest.mark.parametrize("name", NAMES)
def test_trip_count_and_prologue(name: str) -> None:
    process = read_process(SOURCE, name)
    assert process.trip_count == {"gain": 6, "wide_start": 5}.get(name)
    running = [s for s in process.states if s.name == "running"]
    assert [s.reset for s in running] == ([0] if name in PROLOGUE else [])


def test_no_words_before_a_loop_of_none() -> None:
    process = read_process(SOURCE, "counted")
    found = interp.run(process, {"ctrl": [0, 2, 0, 0, 1], "in0": [10, 20, 30, 40]}, 100)
    assert found["out0"] == [10, 21, 30]
    assert {s.name: s.width for s in process.states} == {"ctrl": 3, "running": 1, "i": 32}


def test_a_wrong_direction_is_told_until_dry_too(tmp_path) -> None:
    source = tmp_path / "p.cpp"
    source.write_text(HEAD + "void p(hls::stream<ap_uint<8>>& in0) {\nin0.read();\nin0.write(1);\n}\n")
    with pytest.raises(CsimError, match="must be read only"):
        csim_many([CsimJob(source, "p", [], [np.zeros((3, 1), np.uint8)], None)])


def test_csim_until_dry_keeps_what_the_last_call_wrote(tmp_path) -> None:
    source = tmp_path / "p.cpp"
    text = "void p(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {\n"
    text += "for (int i = 0; i < 4; ++i) out0.write(in0.read() + 1);\n}\n"
    source.write_text(HEAD + text)
    ((rows,),) = csim_many([CsimJob(source, "p", [], [np.arange(6, dtype=np.uint8)[:, None]], None)])
    assert from_bytes(rows) == [1, 2, 3, 4, 5, 6]
