# SPDX-License-Identifier: Apache-2.0
"""RTL of processes with non-blocking reads, under random valid and ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_ir import random_words
from rtl_harness import build_compiled, equals_interpreter

from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target

SOURCE = Path(__file__).parents[1] / "front/elastic.cpp"
NAMES = ("ring", "twice", "pairs", "scaled")
PATTERNS = [(100, 100), (50, 50), (5, 100), (100, 5), (60, 30), (20, 80)]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    processes = [read_process(SOURCE, name) for name in NAMES]
    return build_compiled(tmp_path_factory.mktemp("elastic"), processes, Target("xcup", 500.0))


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(batch, valid, ready):
    model, _ = batch
    words = {p.name: random_words(p, valid + ready, 300) for p in model.processes}
    written = equals_interpreter(model, words, valid, ready, cycles=60_000)
    assert {name: len(out) for name, out in written.items() if len(out) <= 100} == {}


def test_pauses_of_the_input_cost_only_what_they_must(batch):
    model, _ = batch
    count = 2000
    found = model.run({"twice": {"in0": [k % 251 for k in range(count)]}}, seed=3, valid=60)
    assert len(found.words["twice.out0"]) == 2 * count
    assert found.cycles["twice.out0"][-1] < 1.02 * 2 * count, "words come at 60 %, and are needed at 50 %"


def test_a_read_that_never_waits_has_no_stall(batch):
    _, modules = batch
    ring = modules[NAMES.index("ring")].rtl
    assert "in0_wait" not in ring and "in0_tvalid" in ring
