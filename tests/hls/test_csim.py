# SPDX-License-Identifier: Apache-2.0
"""C simulation itself: word widths, state between frames, and every way a process can misuse its streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import InternalError
from hwgen.hlsc.csim import CsimError, CsimJob, csim, csim_many
from hwgen.hlsc.errors import HlsError

from .kernels import COMPAT

HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"


def write(folder: Path, body: str, width: int = 8, name: str = "p") -> Path:
    """Write a process with one input and one output of `width` bits."""
    word = f"hls::stream<ap_uint<{width}>>&"
    path = folder / f"{name}.cpp"
    path.write_text(f"{HEAD}void {name}({word} in0, {word} out0) {{\n{body}\n}}\n")
    return path


@pytest.mark.parametrize("width", [1, 3, 8, 9, 16, 17, 31, 33, 64, 65, 127, 128, 129, 300, 1000])
def test_words_of_every_width_pass_unchanged(width: int, tmp_path: Path) -> None:
    source = write(tmp_path, "for (unsigned i = 0; i < 5; ++i) out0.write(~in0.read());", width)
    rng = np.random.default_rng(width)
    bits = rng.integers(0, 2, (10, width), dtype=np.uint8)
    (got,) = csim(source, "p", [COMPAT], [np.packbits(bits, axis=1, bitorder="little")], 2)
    np.testing.assert_array_equal(got, np.packbits(1 - bits, axis=1, bitorder="little"))


def test_static_state_survives_a_frame_and_locals_do_not(tmp_path: Path) -> None:
    body = (
        "static ap_uint<8> kept = 1; ap_uint<8> local = 1;"
        "for (unsigned i = 0; i < 2; ++i) { in0.read(); kept += 1; local += 1;"
        " out0.write(kept); out0.write(local); }"
    )
    (got,) = csim(write(tmp_path, body), "p", [COMPAT], [np.zeros((4, 1), np.uint8)], 2)
    assert got[:, 0].tolist() == [2, 2, 3, 3, 4, 2, 5, 3]


def test_output_grows_as_far_as_it_must(tmp_path: Path) -> None:
    body = "ap_uint<8> x = in0.read(); for (unsigned i = 0; i < 5000; ++i) out0.write(ap_uint<8>(x + i));"
    (got,) = csim(write(tmp_path, body), "p", [COMPAT], [np.zeros((3, 1), np.uint8)], 3)
    np.testing.assert_array_equal(got[:, 0], np.tile(np.arange(5000) % 256, 3))


def test_no_output_is_an_empty_array(tmp_path: Path) -> None:
    (got,) = csim(write(tmp_path, "in0.read();", 20), "p", [COMPAT], [np.zeros((1, 3), np.uint8)], 1)
    assert got.shape == (0, 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("for (unsigned i = 0; i < 3; ++i) out0.write(in0.read());", "more than one frame of in0.* frame 0"),
        (
            "static ap_uint<1> late = 0; out0.write(in0.read()); if (late == 0) in0.read(); late = 1;",
            "left 1 words in frame 1",
        ),
        ("in0.read(); in0.read(); in0.write(1); in0.write(2);", "in0 must be read only"),
        ("in0.read(); in0.read(); out0.read();", "out0 must be written only"),
    ],
)
def test_misuse_of_a_stream_is_a_sentence(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CsimError, match=message) as caught:
        csim(write(tmp_path, body), "p", [COMPAT], [np.zeros((4, 1), np.uint8)], 2)
    assert caught.value.problems[0].node == "p"


def test_all_processes_are_judged(tmp_path: Path) -> None:
    good = write(tmp_path, "out0.write(in0.read());", name="good")
    bad = write(tmp_path, "out0.write(1);", name="bad")
    worse = write(tmp_path, "out0.read(); in0.read();", name="worse")
    words = np.ones((2, 1), np.uint8)
    with pytest.raises(CsimError) as caught:
        csim_many([CsimJob(path, path.stem, [COMPAT], [words], 2) for path in (good, bad, worse)])
    assert [problem.node for problem in caught.value.problems] == ["bad", "worse"]


def test_wrong_calls_are_refused(tmp_path: Path) -> None:
    source = write(tmp_path, "out0.write(in0.read());", 12)
    words = np.zeros((2, 2), np.uint8)
    with pytest.raises(CsimError, match="must define a function q"):
        csim(source, "q", [COMPAT], [words], 1)
    with pytest.raises(CsimError, match=r"shape \(beats, 2\)"):
        csim(source, "p", [COMPAT], [words[:, :1]], 1)
    with pytest.raises(CsimError, match="whole frames"):
        csim(source, "p", [COMPAT], [words], 3)
    with pytest.raises(CsimError, match="fewer than the 3 inputs"):
        csim(source, "p", [COMPAT], [words] * 3, 1)
    other = tmp_path / "other.cpp"
    other.write_text(HEAD + "void p(int x) {}")
    with pytest.raises(CsimError, match=r"must be an hls::stream"):
        csim(other, "p", [COMPAT], [], 1)


def test_cplusplus_errors_name_the_line(tmp_path: Path) -> None:
    source = write(tmp_path, "out0.write(in0.raed());")
    with pytest.raises(HlsError, match=r"p\.cpp:4"):
        csim(source, "p", [COMPAT], [np.zeros((1, 1), np.uint8)], 1)


def test_a_crash_is_reported(tmp_path: Path) -> None:
    source = write(tmp_path, "out0.write(in0.read()); __builtin_trap();")
    with pytest.raises(InternalError, match=r"p .*ended without a result"):
        csim(source, "p", [COMPAT], [np.zeros((1, 1), np.uint8)], 1)
