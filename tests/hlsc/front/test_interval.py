# SPDX-License-Identifier: Apache-2.0
"""PIPELINE's II: read at its own loop, whatever stands elsewhere in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc.errors import HlsError

from .support import HEAD, INCLUDE, check, compile_snippet, loop


def summed(name: str, ii: str, trip: int = 9) -> str:
    inside = "s = s * 5 + in0.read();\nout0.write(s);"
    return loop(inside, ii, name=name, head=f"for (int i = 0; i < {trip}; ++i)", before="ap_uint<8> s = 1;")


@pytest.mark.parametrize(("ii", "found"), [("II=1", 1), ("II = 3", 3), ("ii=64", 64), ("", None), ("rewind", None)])
def test_ii_is_that_of_the_summed(tmp_path: Path, ii: str, found: int | None) -> None:
    text = summed("before", "II=7") + summed("f", ii) + summed("after", "II=5")
    assert compile_snippet(tmp_path, text).ii == found


def test_a_loop_of_one_iteration_takes_the_ii_of_its_file(tmp_path: Path) -> None:
    assert compile_snippet(tmp_path, summed("f", "II=4", trip=1)).ii == 4
    with pytest.raises(HlsError, match="all ask for the same II"):
        compile_snippet(tmp_path, summed("f", "II=4", trip=1) + summed("g", "II=5"))


def test_the_words_do_not_depend_on_the_ii(tmp_path: Path) -> None:
    source = tmp_path / "snippet.cpp"
    source.write_text(HEAD + summed("f", "II=2"))
    assert check(source, "f", [INCLUDE], 3).ii == 2
