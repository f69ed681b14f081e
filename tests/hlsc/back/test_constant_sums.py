# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

import pytest
from random_ir import Draft, random_words
from rtl_harness import build, equals_interpreter

from hwgen.hlsc import backend, interp, ir, verify_ir
from hwgen.hlsc.back.balance import balance
from hwgen.hlsc.back.bitsum import PART
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.back.narrow import narrow
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.target import Target
from hwgen.synth import count

MODEL = DelayModel(family("xcup"), 333.0)


def dot(
    name: str, weights: list[list[int]], bits: int, width: int, signed: bool, biases: list[int], form: str = "plain"
) -> ir.Process:
    """Constant matrix times vector, `width` bits a sum; `form` is how the products and sums are written."""
    d = Draft(name)
    d.stream("in0", "in", bits * len(weights[0]))
    word = d.op("read", bits * len(weights[0]), attr="in0")
    lanes = [d.op("extract", bits, word, attr=bits * k) for k in range(len(weights[0]))]
    sums = []
    for row, bias in zip(weights, biases, strict=True):
        total = d.const(width, bias)
        for lane, weight in zip(lanes, row, strict=True):
            x = d.fit(lane, width, signed)
            term = d.op("mul", width, x, d.const(width, weight))
            if form == "shifted":
                term = d.op("shl", width, x, d.const(width, abs(weight) % 5))
            opcode = "sub" if form != "plain" and weight % 3 == 0 else "add"
            total = d.op(opcode, width, total, term)
        if form == "halves":
            total = d.op("add", width, total, d.op("shl", width, total, d.const(width, 1)))
        sums.append(total)
    d.stream("out0", "out", width * len(sums))
    d.writes.append(ir.Write("out0", d.op("concat", width * len(sums), *reversed(sums)), None))
    return d.done()


def random_dot(seed: int) -> ir.Process:
    rng = random.Random(seed)
    rows, columns, size = rng.randint(1, 4), rng.randint(2, 12), rng.randint(2, 7)
    weights = [[rng.randint(-(1 << size - 1), (1 << size - 1) - 1) for _ in range(columns)] for _ in range(rows)]
    biases = [rng.choice((0, rng.randint(-500, 500))) for _ in range(rows)]
    form = rng.choice(("plain", "plain", "mixed", "shifted", "halves"))
    return dot(f"dot{seed}", weights, rng.randint(1, 6), rng.randint(5, 24), rng.random() < 0.5, biases, form)


def test_sums_of_constant_multiples_are_exact():
    tables = 0
    for seed in range(150):
        process = random_dot(seed)
        words = random_words(process, seed, 30)
        balanced = balance(narrow(rebuild(process)), MODEL)
        verify_ir.verify(balanced)
        tables += any(r.name.startswith(PART) for r in balanced.roms)
        expected = interp.run(process, words, 30)
        assert interp.run(balanced, words, 30) == expected, seed
        assert interp.run(backend.optimise(process, MODEL), words, 30) == expected, seed
    assert tables > 80


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    processes = [random_dot(seed) for seed in range(200, 212)]
    sources = [backend.compile(p, Target("xcup", mhz)).rtl for p, mhz in zip(processes, [333, 100] * 6, strict=True)]
    return build(tmp_path_factory.mktemp("sums"), processes, sources)


@pytest.mark.parametrize(("valid", "ready"), [(100, 100), (40, 60)])
def test_rtl_of_constant_sums_equals_the_interpreter(model, valid, ready):
    words = {p.name: random_words(p, 3, 60) for p in model.processes}
    equals_interpreter(model, words, valid, ready, cycles=5000)


def test_a_constant_multiply_accumulate_takes_four_luts(tmp_path):
    rng = random.Random(1)
    weights = [[rng.randint(-8, 7) for _ in range(16)] for _ in range(4)]
    process = dot("dot", weights, 4, 12, False, [0] * 4)
    (tmp_path / "dot.sv").write_text(backend.compile(process, Target("xcup", 100.0)).rtl)
    assert count([tmp_path / "dot.sv"], "dot", "xcup").lut <= 4 * 64


def test_terms_without_a_factor_join_the_bits_of_a_sum_with_constants():
    process = dot("dot", [[1, 3, 4, -5, 8, 11, 16, 13]], 6, 16, False, [0])
    values = balance(rebuild(process), MODEL).values
    words = {v.id for v in values if v.opcode in ("zext", "sext") and values[v.args[0]].width == 6}
    assert any(v.opcode == "add" for v in values)
    assert not any(words & {*v.args} for v in values if v.opcode in ("add", "sub"))


def test_sums_of_variables_stay_adders():
    d = Draft("p")
    d.stream("in0", "in", 32)
    word = d.op("read", 32, attr="in0")
    total = d.const(12, 0)
    for lane in range(4):
        total = d.op("add", 12, total, d.fit(d.op("extract", 8, word, attr=8 * lane), 12))
    d.stream("out0", "out", 12)
    d.writes.append(ir.Write("out0", total, None))
    assert not any(r.name.startswith(PART) for r in balance(rebuild(d.done()), MODEL).roms)
