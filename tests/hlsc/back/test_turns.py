# SPDX-License-Identifier: Apache-2.0
"""RTL of several accesses to one stream in an iteration, under random valid and ready."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from random_ir import Draft, random_words
from rtl_harness import build_compiled, equals_interpreter

from hwgen.errors import InternalError
from hwgen.hlsc import backend, interp, ir, verify_ir
from hwgen.hlsc.front import read_process
from hwgen.hlsc.target import Target

SOURCE = Path(__file__).parents[1] / "front/turns.cpp"
NAMES = (
    "pairs", "twice", "triples", "escaped", "sometimes", "counts", "chosen", "packet", "total", "either", "crossed",
)  # fmt: skip
PATTERNS = [(100, 100), (50, 50), (8, 100), (100, 8), (60, 30)]
RANDOM = [(ii, seed) for ii in (2, 3, 4) for seed in range(3)]


def turns(seed: int, ii: int) -> ir.Process:
    """Return a process with `ii` reads of each input and up to `ii` writes of each output, most of them conditional."""
    rng = random.Random(seed)
    d = Draft(f"turns_{ii}_{seed}")
    pool = [d.state("sum", 16)]
    for name in ("in0", "in1"):
        d.stream(name, "in", 16)
    for slot in range(ii):
        for name in ("in0", "in1"):
            bit = d.op("extract", 1, rng.choice(pool), attr=rng.randrange(12))
            args = () if rng.random() < 0.3 and name == "in0" else (bit,)
            read = d.op("read", 16, *args, attr=name)
            d.values[read] = replace(d.values[read], slot=slot)
            pool += [read, d.op(rng.choice(["add", "sub", "mul", "xor"]), 16, rng.choice(pool), read)]
    d.define("sum", d.op("add", 16, pool[-1], pool[1]))
    for name in ("out0", "out1"):
        d.stream(name, "out", 16)
        for _ in range(rng.randint(2, ii)):
            bit = d.op("extract", 1, rng.choice(pool), attr=rng.randrange(12))
            d.writes.append(ir.Write(name, rng.choice(pool), None if rng.random() < 0.3 else bit))
    return replace(d.done(), ii=ii)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    processes = [read_process(SOURCE, name) for name in NAMES] + [turns(seed, ii) for ii, seed in RANDOM]
    simulated, compiled = build_compiled(tmp_path_factory.mktemp("turns"), processes, Target("xcup", 300.0))
    return simulated, {p.name: c.ii for p, c in zip(processes, compiled, strict=True)}


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(model, valid, ready):
    simulated, _ = model
    words = {p.name: random_words(p, valid + ready, 240) for p in simulated.processes}
    written = equals_interpreter(simulated, words, valid, ready, cycles=40_000)
    assert {name: len(written[f"{name}.out0"]) for name in NAMES if len(written[f"{name}.out0"]) <= 10} == {}


def test_a_word_each_clock(model):
    """The accesses of following iterations leave no gap where there are as many as the II has clocks."""
    simulated, chosen = model
    found = simulated.run({"twice": {"in0": [*range(40)]}, "triples": {"in0": [*range(60)]}}, cycles=400)
    assert {b - a for a, b in pairwise(found.cycles["twice.out0"])} == {1}
    assert {b - a for a, b in pairwise(found.cycles["triples.out0"][::3])} == {4} == {chosen["triples"]}


def test_reset_in_the_middle(model):
    simulated, _ = model
    words = {p.name: random_words(p, 9, 120) for p in simulated.processes if p.name in ("pairs", "twice", "escaped")}
    found = simulated.run(words, seed=3, valid=60, ready=60, cycles=3000, reset_at=70)
    assert not found.violations
    for process in simulated.processes:
        if process.name in words:
            expected = interp.run(process, words[process.name], 1000)["out0"]
            assert found.words[f"{process.name}.out0"][: len(expected)] == expected, process.name


@pytest.mark.parametrize("clock", [100.0, 700.0])
def test_accesses_lie_in_a_window_of_the_ii(clock):
    """Where the clock is too fast for what is between two reads, they still come in time, and it is said."""
    process = turns(1, 3)
    report = backend.compile(process, Target("xcup", clock)).report
    for kind, names in (("reads", ("in0", "in1")), ("writes", ("out0", "out1"))):
        for name in names:
            stages = [row["stage"] for row in report["schedule"] for n in row[kind] if n == name]
            assert len(stages) == len(set(stages)) and max(stages) - min(stages) < 3, (name, stages)
    assert bool(report["warnings"]) == (clock > 100)
    assert clock == 100 or "#pragma HLS PIPELINE II=" in report["warnings"][0]


def test_the_ii_grows_with_what_decides_about_the_next_read():
    fast = Target("xcup", 700.0)
    asked = backend.compile(turns(1, 3), fast)
    found = backend.compile(replace(turns(1, 3), ii=None), fast)
    assert asked.report["warnings"] and not found.report["warnings"]
    assert found.ii > 3


def test_malformed_accesses():
    process = turns(0, 2)
    swapped = [replace(v, slot=1 - v.slot) if v.opcode == "read" else v for v in process.values]
    with pytest.raises(InternalError, match="must have a slot after"):
        verify_ir.verify(replace(process, values=tuple(swapped)))
    with pytest.raises(InternalError, match="must be accessed 1 times an iteration, its ii, not 2"):
        verify_ir.verify(replace(process, ii=1))
    slotted = [replace(v, slot=1) if v.opcode == "state" else v for v in process.values]
    with pytest.raises(InternalError, match="must not have a slot"):
        verify_ir.verify(replace(process, values=tuple(slotted)))
