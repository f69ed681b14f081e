# SPDX-License-Identifier: Apache-2.0
"""RTL of loops whose end is found at run time, under random valid and ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_ir import random_words
from rtl_harness import build_compiled, equals_interpreter

from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target

SOURCE = Path(__file__).parents[1] / "front/loops.cpp"
NAMES = (
    "odd_words", "packet_sum", "packet_sums", "stops", "at_most", "counted", "framed", "session", "grows", "gain",
    "accumulate", "accumulate_from",
)  # fmt: skip
PATTERNS = [(100, 100), (50, 50), (8, 100), (100, 8), (60, 30)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    processes = [read_process(SOURCE, name) for name in NAMES]
    return build_compiled(tmp_path_factory.mktemp("loops"), processes, Target("xcup", 400.0))[0]


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(model, valid, ready):
    words = {p.name: random_words(p, valid + ready, 200) for p in model.processes}
    written = equals_interpreter(model, words, valid, ready, cycles=30_000)
    assert {name: len(out) for name, out in written.items() if len(out) <= 10} == {}


def test_frames_follow_each_other_without_bubbles(model):
    packets = [9, 8, 0x100, 7, 0x101, 0x102, 1, 2, 3, 0x1FF] * 3
    found = model.run({"packet_sums": {"in0": packets}, "counted": {"ctrl": [3, 0, 2, 1], "in0": [1, 2, 3, 4, 5, 6]}})
    times = found.cycles["packet_sums.out0"]
    assert times == list(range(times[0], times[0] + len(packets)))
    times = [t - found.cycles["counted.out0"][0] for t in found.cycles["counted.out0"]]
    assert times == [0, 1, 2, 5, 6, 8], "one cycle for each trip count, and none else"
