# SPDX-License-Identifier: Apache-2.0
"""RTL of processes with non-blocking reads, under random valid and ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_ir import random_words
from rtl_harness import build

from hwgen.hlsc import backend, interp
from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target

SOURCE = Path(__file__).parents[1] / "front/elastic.cpp"
NAMES = ("ring", "twice", "pairs", "scaled")
PATTERNS = [(100, 100), (50, 50), (5, 100), (100, 5), (60, 30), (20, 80)]


@pytest.fixture(scope="module")
def compiled():
    processes = [read_process(SOURCE, name) for name in NAMES]
    return processes, [backend.compile(p, Target("xcup", 500.0)) for p in processes]


@pytest.fixture(scope="module")
def model(tmp_path_factory, compiled):
    processes, modules = compiled
    return build(tmp_path_factory.mktemp("elastic"), processes, [m.rtl for m in modules])


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(model, valid, ready):
    words = {p.name: random_words(p, valid + ready, 300) for p in model.processes}
    found = model.run(words, seed=valid, valid=valid, ready=ready, cycles=60_000)
    assert not found.violations
    for process in model.processes:
        expected = interp.run(process, words[process.name], 3000)["out0"]
        assert len(expected) > 100, process.name
        assert found.words[f"{process.name}.out0"] == expected, process.name


def test_pauses_of_the_input_cost_only_what_they_must(model):
    count = 2000
    found = model.run({"twice": {"in0": [k % 251 for k in range(count)]}}, seed=3, valid=60)
    assert len(found.words["twice.out0"]) == 2 * count
    assert found.cycles["twice.out0"][-1] < 1.02 * 2 * count, "words come at 60 %, and are needed at 50 %"


def test_a_read_that_never_waits_has_no_stall(compiled):
    _, modules = compiled
    ring = modules[NAMES.index("ring")].rtl
    assert "in0_wait" not in ring and "in0_tvalid" in ring
