# SPDX-License-Identifier: Apache-2.0
"""csim against the golden model, on hand-written processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwgen.errors import MismatchError, UserError
from hwgen.verify import csim
from hwgen.verify.compare import Place

sys.path.insert(0, str(Path(__file__).parent))
import tiny

HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"
TWICE = (
    HEAD
    + """
void twice(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<10>>& out0) {
  for (int i = 0; i < 12; i++) {
#pragma HLS PIPELINE II = 1
    ap_uint<8> word = in0.read();
    ap_int<4> low = word.range(3, 0), high = word.range(7, 4);
    ap_uint<10> result;
    result.range(4, 0) = ap_int<5>(2 * low + 1);
    result.range(9, 5) = ap_int<5>(2 * high + 1);
    out0.write(result);
  }
}
"""
)
TOTAL = (
    HEAD
    + """
void total(hls::stream<ap_uint<10>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_int<8> sum = 0;
  for (int i = 0; i < 12; i++) {
#pragma HLS PIPELINE II = 1
    ap_uint<10> word = in0.read();
    ap_int<5> low = word.range(4, 0), high = word.range(9, 5);
    ap_int<8> part = low + high;
    if (i % 2 == 1) out0.write(ap_uint<8>(ap_int<8>(sum + part)));
    sum = part;
  }
}
"""
)


def write(folder: Path, **changed: str) -> Path:
    """Write the sources under `folder`, some replaced, and return `folder`."""
    (folder / "src").mkdir(parents=True)
    (folder / "include").mkdir()
    for name, text in {"twice": TWICE, "total": TOTAL, **changed}.items():
        (folder / "src" / f"{name}.cpp").write_text(text)
    return folder


def test_right_processes_equal_the_golden(tmp_path: Path) -> None:
    found = csim.check(tiny.plan(), tiny.golden(), write(tmp_path / "hls"))
    assert found.require() is found
    assert (found.tensors, found.frames) == (2, 4)
    assert csim.check(tiny.plan(), tiny.golden(), tmp_path / "hls", frames=1).frames == 1


def test_a_wrong_kernel_is_named_and_the_ones_behind_it_are_not(tmp_path: Path) -> None:
    wrong = TWICE.replace("2 * high + 1", "2 * high + (i == 7)")
    found = csim.check(tiny.plan(), tiny.golden(), write(tmp_path / "hls", twice=wrong))
    assert [m.layer for m in found.mismatches] == ["twice"]
    first = found.mismatches[0]
    assert first.place == Place(0, 1, (0, 0))
    expected = tiny.golden()["y"][0, 1, 0, 0]
    assert str(first) == (
        f"Layer twice differs from the golden at frame 0, channel 1, index (0, 0): expected {expected}, "
        f"got {expected - 1} (csim)."
    )
    with pytest.raises(MismatchError, match="Layer twice differs"):
        found.require()


def test_a_wrong_golden_is_found_at_its_place(tmp_path: Path) -> None:
    golden = tiny.golden()
    golden["z"][3, 0, 1, 2] += 1
    found = csim.check(tiny.plan(), golden, write(tmp_path / "hls"))
    assert [(m.layer, m.place) for m in found.mismatches] == [("total", Place(3, 0, (1, 2)))]


def test_too_few_beats_are_a_sentence(tmp_path: Path) -> None:
    short = TOTAL.replace("i % 2 == 1", "i % 4 == 3")
    found = csim.check(tiny.plan(), tiny.golden(), write(tmp_path / "hls", total=short))
    assert [m.message for m in found.mismatches] == ["Layer total writes 12 beats to z instead of 24 (csim)."]


def test_a_process_that_leaves_input_unread_is_refused(tmp_path: Path) -> None:
    lazy = TWICE.replace("i < 12", "i < 11")
    with pytest.raises(UserError, match="twice"):
        csim.check(tiny.plan(), tiny.golden(), write(tmp_path / "hls", twice=lazy))
