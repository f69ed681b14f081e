# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from random_ir import Draft, random_process, random_words
from rtl_harness import build_compiled, equals_interpreter, interpreted

from examples import matvec
from hwgen.errors import UserError
from hwgen.hlsc import backend, ir
from hwgen.hlsc.target import Target

PATTERNS = [(100, 100), (50, 50), (5, 100), (100, 3), (35, 70)]
SEEDS = range(400, 416)
MATVEC = {"inputs": 16, "outputs": 8, "simd": 4, "pe": 2, "steps": 3}


def shared_sum() -> ir.Process:
    """A RAM that is read, added to and written in one iteration, and a block RAM read behind a counter."""
    d = Draft("shared_sum")
    d.stream("in0", "in", 8)
    word = d.op("read", 8, attr="in0")
    address = d.op("trunc", 3, word)
    old = d.op("ram", 16, address, attr="sums")
    new = d.op("add", 16, old, d.fit(word, 16))
    d.rams.append(ir.Ram("sums", 16, 8, ir.Store(address, new, None)))
    count, _ = d.counter("count", 600)
    late = d.op("ram", 24, d.op("trunc", 9, count), attr="history")
    d.rams.append(ir.Ram("history", 24, 512, ir.Store(d.op("trunc", 9, count), d.fit(new, 24), None), "bram"))
    d.stream("out0", "out", 40)
    d.writes.append(ir.Write("out0", d.op("concat", 40, new, late), None))
    return d.done()


def merge() -> ir.Process:
    """Two inputs, of which one is read every third time, and two outputs with different predicates."""
    d = Draft("merge")
    d.stream("in0", "in", 8)
    d.stream("in1", "in", 8)
    step, last = d.counter("step", 3)
    a = d.op("read", 8, attr="in0")
    b = d.op("read", 8, last, attr="in1")
    product = d.op("mul", 16, d.fit(a, 16, True), d.fit(b, 16))
    d.stream("out0", "out", 16)
    d.stream("out1", "out", 9)
    d.writes.append(ir.Write("out0", product, last))
    d.writes.append(ir.Write("out1", d.op("add", 9, d.fit(a, 9), d.fit(b, 9)), d.op("ne", 1, step, d.const(32, 1))))
    return d.done()


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    processes = [random_process(seed) for seed in SEEDS] + [matvec(**MATVEC), shared_sum(), merge()]
    return build_compiled(tmp_path_factory.mktemp("batch"), processes, Target("xcup", 600.0))


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(batch, valid, ready):
    model, _ = batch
    words = {p.name: random_words(p, 3, 60) for p in model.processes}
    equals_interpreter(model, words, valid, ready, cycles=30_000, iterations=3000, enough=500)


def test_reset_in_mid_frame_starts_again(batch):
    model, _ = batch
    words = {p.name: random_words(p, 9, 60) for p in model.processes}
    fresh = [p for p in model.processes if not p.rams or p.name == "matvec"]
    found = model.run(words, seed=4, valid=80, ready=80, cycles=30_000, reset_at=41)
    reference = interpreted(model, words, 3000)
    assert not found.violations
    for process in fresh:
        for stream in process.streams:
            if stream.direction == "out":
                name = f"{process.name}.{stream.name}"
                got = found.words[name]
                assert got == reference[name][: len(got)] and len(got) >= min(500, len(reference[name])), name


def test_frames_follow_each_other_without_bubbles(batch):
    model, compiled = batch
    process = next(p for p in model.processes if p.name == "matvec")
    depth = next(c.depth for c in compiled if c.report["name"] == "matvec")
    words = {"matvec": random_words(process, 5, 40)}
    found = model.run(words, cycles=2000)
    cycles = found.cycles["matvec.out0"]
    folds = 4
    assert cycles == [folds - 1 + depth + folds * i for i in range(10 * 4)]


def test_report_is_json_and_tells_the_schedule(batch):
    _, compiled = batch
    report = json.loads(json.dumps(next(c.report for c in compiled if c.report["name"] == "shared_sum")))
    assert report["ii"] == 1 and len(report["schedule"]) == report["stages"]
    assert {r["name"]: r["style"] for r in report["rams"]} == {"sums": "distributed", "history": "block"}
    assert sum(len(s["reads"]) for s in report["schedule"]) == 1
    assert report["depth"] >= report["stages"]


def test_slow_recurrence_is_reported():
    d = Draft("slow")
    d.stream("in0", "in", 32)
    word = d.op("read", 32, attr="in0")
    acc = d.state("acc", 32)
    d.define("acc", d.op("mul", 32, d.op("mul", 32, acc, word), acc), reset=1)
    d.stream("out0", "out", 32)
    d.writes.append(ir.Write("out0", acc, None))
    (warning,) = backend.compile(d.done(), Target("ecp5", 100.0)).report["warnings"]
    assert "recurrence through acc" in warning


def test_keyword_as_a_name_is_refused():
    d = Draft("join")
    d.stream("in0", "in", 1)
    d.stream("out0", "out", 1)
    d.writes.append(ir.Write("out0", d.op("read", 1, attr="in0"), None))
    with pytest.raises(UserError, match="join"):
        backend.compile(d.done(), Target("xcup", 100.0))


def test_slower_clock_needs_fewer_stages():
    stages = [backend.compile(matvec(), Target("xcup", mhz)).report["stages"] for mhz in (100, 400, 800)]
    assert stages == sorted(stages) and stages[0] < stages[2]


def test_text_is_reproducible_and_names_its_stages():
    first, second = (backend.compile(matvec(), Target("xcup", 400.0)).rtl for _ in range(2))
    assert first == second
    assert "// ---- stage 1 " in first and "product_0_0" in first
