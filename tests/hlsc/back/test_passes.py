# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from random_ir import Draft, random_process, random_words

from hwgen.errors import InternalError, UserError
from hwgen.hlsc import backend, interp, ir, verify_ir
from hwgen.hlsc.back.balance import balance
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.back.finalise import finalise
from hwgen.hlsc.back.fold import evaluate, ones, to_signed
from hwgen.hlsc.back.identifiers import Identifiers
from hwgen.hlsc.back.intervals import exact, join, transfer
from hwgen.hlsc.back.knownbits import computed_bits
from hwgen.hlsc.back.narrow import narrow
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.target import Target
from hwgen.packing import signed_bits, unsigned_bits

MODEL = DelayModel(family("xcup"), 300.0)
PASSES = {
    "rebuild": rebuild,
    "narrow": narrow,
    "balance": lambda p: balance(p, MODEL),
    "finalise": finalise,
    "optimise": lambda p: backend.optimise(p, MODEL),
}


@pytest.mark.parametrize("name", PASSES)
def test_pass_keeps_the_meaning_of_random_processes(name):
    for seed in range(60):
        process = random_process(seed)
        words = random_words(process, seed, 40)
        found = PASSES[name](process)
        verify_ir.verify(found)
        assert interp.run(found, words, 40) == interp.run(process, words, 40), seed


def test_passes_in_sequence_keep_the_meaning():
    for seed in range(100, 160):
        process = found = random_process(seed)
        words = random_words(process, seed, 40)
        for name in ("rebuild", "narrow", "balance", "narrow", "finalise", "narrow"):
            found = PASSES[name](found)
        assert interp.run(found, words, 40) == interp.run(process, words, 40), seed


def test_optimising_twice_changes_nothing_that_matters():
    for seed in range(20):
        once = backend.optimise(random_process(seed), MODEL)
        assert len(backend.optimise(once, MODEL).values) <= len(once.values)


def draft(*widths):
    d = Draft("p")
    words = []
    for i, width in enumerate(widths):
        d.stream(f"in{i}", "in", width)
        words.append(d.op("read", width, attr=f"in{i}"))
    return d, words


def output(d, value, predicate=None):
    d.stream("out0", "out", d.width(value))
    d.writes.append(ir.Write("out0", value, predicate))
    return d.done()


def opcodes(process):
    return [v.opcode for v in process.values if v.opcode not in ("read", "const")]


def test_packing_by_shifts_and_ors_is_wires():
    d, (a, b) = draft(5, 7)
    wide = d.op("or", 12, d.op("shl", 12, d.fit(a, 12), d.const(12, 7)), d.fit(b, 12))
    assert opcodes(rebuild(output(d, wide))) == ["concat"]


def test_unpacking_by_shifts_and_truncations_is_wires():
    d, (a,) = draft(32)
    lane = d.op("trunc", 4, d.op("lshr", 32, a, d.const(32, 12)))
    found = rebuild(output(d, lane))
    assert opcodes(found) == ["extract"]
    assert next(v.attr for v in found.values if v.opcode == "extract") == 12


@pytest.mark.parametrize("limit", [2, 3, 5, 8, 100, 784])
@pytest.mark.parametrize("form", ["eq", "ult", "add_eq", "slt"])
def test_counter_has_only_the_bits_it_needs(limit, form):
    d = Draft("p")
    value = d.state("i", 32)
    more = d.op("add", 32, value, d.const(32, 1))
    zero = d.const(32, 0)
    if form == "eq":
        next_ = d.op("select", 32, d.op("eq", 1, value, d.const(32, limit - 1)), zero, more)
    elif form == "add_eq":
        next_ = d.op("select", 32, d.op("eq", 1, more, d.const(32, limit)), zero, more)
    else:
        next_ = d.op("select", 32, d.op(form, 1, value, d.const(32, limit - 1)), more, zero)
    d.define("i", next_)
    found = backend.optimise(output(d, value), MODEL)
    assert [s.width for s in found.states] == [(limit - 1).bit_length()]


def test_nested_counters_have_only_the_bits_they_need():
    d = Draft("p")
    inner, last = d.counter("inner", 10)
    outer, _ = d.counter("outer", 3, enable=last)
    found = backend.optimise(output(d, d.op("add", 32, inner, outer)), MODEL)
    assert {s.name: s.width for s in found.states} == {"inner": 4, "outer": 2}


def test_product_of_extended_factors_is_as_wide_as_both():
    d, (a, b) = draft(4, 5)
    product = d.op("mul", 32, d.fit(a, 32, True), d.fit(b, 32, True))
    found = backend.optimise(output(d, product), MODEL)
    assert max(v.width for v in found.values if v.opcode in ("mul", "add", "concat")) == 9


def test_state_that_never_changes_is_a_constant():
    d, (a,) = draft(8)
    kept = d.state("kept", 8)
    d.define("kept", kept, reset=5)
    found = backend.optimise(output(d, d.op("add", 8, a, kept)), MODEL)
    assert found.states == ()


def test_dead_state_and_memory_are_dropped():
    d, (a,) = draft(8)
    loop = d.state("loop", 8)
    d.define("loop", d.op("add", 8, loop, a))
    d.op("ram", 8, d.const(3, 1), attr="memory")
    d.rams.append(ir.Ram("memory", 8, 8, ir.Store(d.const(3, 1), a, None)))
    found = rebuild(output(d, a))
    assert found.states == () and found.rams == ()


def test_chain_of_additions_becomes_a_tree():
    d, words = draft(*[8] * 8)
    total = words[0]
    for word in words[1:]:
        total = d.op("add", 16, d.fit(total, 16), d.fit(word, 16))
    found = backend.optimise(output(d, total), MODEL)
    depth = {}
    for value in found.values:
        depth[value.id] = (value.opcode == "add") + max((depth[a] for a in value.args), default=0)
    assert max(depth.values()) == 3
    assert sorted(v.width for v in found.values if v.opcode == "add") == [9] * 4 + [10] * 2 + [11]


def test_accumulator_is_added_last():
    d, words = draft(*[8] * 4)
    acc = d.state("acc", 24)
    total = acc
    for word in words:
        total = d.op("add", 24, total, d.fit(word, 24, True))
    d.define("acc", total)
    found = backend.optimise(output(d, total), MODEL)
    state = next(v.id for v in found.values if v.opcode == "state")
    users = [v for v in found.values if state in v.args]
    assert [u.id for u in users] == [found.states[0].next]


def test_ones_are_counted_by_tables():
    d, (a,) = draft(12)
    total = d.const(32, 0)
    for i in range(12):
        total = d.op("add", 32, total, d.fit(d.op("extract", 1, a, attr=i), 32))
    found = backend.optimise(output(d, total), MODEL)
    assert opcodes(found).count("rom") == 3 and "add" not in opcodes(found)
    words = {"in0": list(range(0, 4096, 37))}
    assert interp.run(found, words, 200)["out0"] == [w.bit_count() for w in words["in0"]]


@pytest.mark.parametrize("signs", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("widths", [(1, 4), (2, 2), (3, 3), (3, 4), (4, 3), (4, 4), (4, 2), (5, 3)])
def test_small_products_in_tables_are_exact(widths, signs):
    d = Draft("p")
    d.stream("in0", "in", sum(widths))
    word = d.op("read", sum(widths), attr="in0")
    x = d.op("extract", widths[0], word, attr=0)
    w = d.op("extract", widths[1], word, attr=widths[0])
    process = output(d, d.op("mul", 12, d.fit(x, 12, signs[0]), d.fit(w, 12, signs[1])))
    found = backend.optimise(process, MODEL)
    words = {"in0": list(range(1 << sum(widths)))}
    assert interp.run(found, words, 1 << sum(widths)) == interp.run(process, words, 1 << sum(widths))
    assert max(widths) > 4 or "mul" not in opcodes(found)


def test_read_without_predicate_needs_no_mask_behind_a_select():
    d, (a,) = draft(1)
    d.stream("in1", "in", 8)
    taken = d.op("read", 8, a, attr="in1")
    held = d.state("held", 8)
    value = d.op("select", 8, a, taken, held)
    d.define("held", value)
    assert opcodes(finalise(rebuild(output(d, value)))).count("select") == 1


def test_observed_read_is_masked():
    d, (a,) = draft(1)
    d.stream("in1", "in", 8)
    taken = d.op("read", 8, a, attr="in1")
    assert "select" in opcodes(finalise(rebuild(output(d, taken))))


CASES = ["add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "eq", "ne", "ult", "ule", "slt", "sle"]


@pytest.mark.parametrize("opcode", CASES)
def test_facts_hold_for_every_pair_in_random_boxes(opcode):
    rng = random.Random(opcode)
    width = 4
    out = 1 if opcode in ("eq", "ne", "ult", "ule", "slt", "sle") else width
    value = ir.Value(2, opcode, out, (0, 1))
    for _ in range(150):
        sets = [[rng.randrange(16) for _ in range(rng.choice([1, 2, 3]))] for _ in range(2)]
        facts = []
        for members in sets:
            fact = exact(members[0], width)
            for member in members[1:]:
                fact = join(fact, exact(member, width))
            facts.append(fact)
        found = transfer(value, facts, [width, width], {})
        bits = computed_bits(opcode, out, None, [(f.zeros, f.ones) for f in facts], [width, width])
        for x, y in itertools.product(*sets):
            result = evaluate(opcode, out, [x, y], [width, width], None)
            assert found.ulo <= result <= found.uhi
            assert found.slo <= to_signed(result, out) <= found.shi
            assert not result & (found.zeros | bits[0])
            assert (found.ones | bits[1]) & ~result == 0


@pytest.mark.parametrize(("low", "high", "bits"), [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-8, 7, 4), (-9, 0, 5), (0, 8, 5)])
def test_signed_bits(low, high, bits):
    assert signed_bits(low, high) == bits


def test_unsigned_bits_are_at_least_one():
    assert [unsigned_bits(n) for n in (0, 1, 2, 255, 256)] == [1, 1, 2, 8, 9]


def test_sext_and_concat_evaluate():
    assert evaluate("sext", 8, [0b101], [3], None) == 0b11111101
    assert evaluate("concat", 5, [0b10, 0b011], [2, 3], None) == 0b10011
    assert evaluate("ashr", 4, [0b1000, 9], [4, 4], None) == ones(4)


def test_verifier_names_every_fault():
    d, (a,) = draft(8)
    process = output(d, a)
    broken = replace(
        process,
        values=(*process.values, ir.Value(1, "add", 8, (0, 5)), ir.Value(7, "const", 2, (), 9)),
        writes=(ir.Write("out0", 0, 0), ir.Write("nowhere", 0, None)),
    )
    with pytest.raises(InternalError) as error:
        verify_ir.verify(broken)
    assert len(error.value.problems) >= 4
    assert "earlier values" in str(error.value) and "nowhere" in str(error.value)


def test_unknown_family_is_refused_with_the_known_ones():
    d, (a,) = draft(8)
    with pytest.raises(UserError, match="xcupp"):
        backend.compile(output(d, a), Target("xcupp", 100.0))


def test_identifiers_are_legal_and_unique():
    names = Identifiers(["taken"])
    assert [names.fresh(n) for n in ("table", "table", "taken", "a.b", "3x", "", "x")] == [
        "table_1", "table_2", "taken_1", "a_b", "v3x", "v", "x",
    ]  # fmt: skip


def test_interpreter_stops_when_an_input_is_empty():
    d, (a,) = draft(8)
    assert interp.run(output(d, a), {"in0": [1, 2, 3]}, 10) == {"out0": [1, 2, 3]}
