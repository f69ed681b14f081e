# SPDX-License-Identifier: Apache-2.0
"""II = n: iterations at least n clocks apart, recurrences over up to n stages."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from random_ir import Draft, random_process, random_words
from rtl_harness import build, equals_interpreter
from test_emitted_rtl import MATVEC, merge, shared_sum

from examples import matvec
from hwgen.hlsc import backend, ir
from hwgen.hlsc.target import Target
from hwgen.synth import count

PATTERNS = [(100, 100), (50, 50), (5, 100), (100, 4)]
TARGET = Target("xcup", 700.0)
SLOWER = Target("xcup", 250.0)


def horner(name: str = "horner", ii: int | None = 1) -> ir.Process:
    """acc = 3 * acc + x - (acc >> 7) with 32 bits: a loop through three adders."""
    d = Draft(name)
    d.stream("in0", "in", 8)
    word = d.fit(d.op("read", 8, attr="in0", name="x"), 32)
    acc = d.state("acc", 32)
    product = d.op("mul", 32, acc, d.const(32, 3), name="product")
    following = d.op("add", 32, product, word, name="following")
    d.define("acc", d.op("sub", 32, following, d.op("lshr", 32, acc, d.const(32, 7)), name="drained"), reset=3)
    d.stream("out0", "out", 32)
    d.writes.append(ir.Write("out0", acc, None))
    return replace(d.done(), ii=ii)


def dot(name: str, ii: int, lanes: int = 8, bits: int = 8, signed: tuple[bool, bool] = (True, False)) -> ir.Process:
    """The sum of the products of two words' lanes, as many multiplications as lanes; and one product of three."""
    d = Draft(name)
    d.stream("in0", "in", lanes * bits)
    d.stream("in1", "in", lanes * bits)
    words = [d.op("read", lanes * bits, attr=f"in{i}", name="xw"[i]) for i in range(2)]
    total = d.const(24, 0)
    for lane in range(lanes):
        x, w = (
            d.fit(d.op("extract", bits, word, attr=lane * bits), 24, s) for word, s in zip(words, signed, strict=True)
        )
        total = d.op("add", 24, total, d.op("mul", 24, x, w, name=f"product_{lane}"))
    cube = d.op("mul", 24, d.fit(d.op("extract", 12, total, attr=3), 24, signed[0]), d.fit(total, 24), name="cube")
    d.stream("out0", "out", 24)
    d.writes.append(ir.Write("out0", d.op("xor", 24, total, cube), None))
    return replace(d.done(), ii=ii)


def with_interval(process: ir.Process, ii: int) -> ir.Process:
    return replace(process, name=f"{process.name}_ii{ii}", ii=ii)


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    processes = [with_interval(random_process(500 + 10 * ii + i), ii) for ii in (2, 3, 4) for i in range(5)]
    processes += [with_interval(p, ii) for p in (matvec(**MATVEC), shared_sum(), merge()) for ii in (2, 3)]
    processes += [dot("dot_2", 2), dot("dot_3", 3, signed=(True, True)), dot("dot_4", 4, signed=(False, False))]
    processes += [with_interval(merge(), 9), *(horner(f"horner_{ii}", ii) for ii in (1, 2, 4))]
    compiled = {p.name: backend.compile(p, SLOWER if "dot" in p.name else TARGET) for p in processes}
    return build(tmp_path_factory.mktemp("batch"), processes, [c.rtl for c in compiled.values()]), compiled


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(batch, valid, ready):
    model, _ = batch
    words = {p.name: random_words(p, 5, 60) for p in model.processes}
    equals_interpreter(model, words, valid, ready, cycles=30_000, iterations=3000, enough=500)


@pytest.mark.parametrize("name", ["horner_1", "horner_2", "horner_4", "merge_ii9"])
def test_iterations_are_exactly_ii_clocks_apart(batch, name):
    model, compiled = batch
    process = next(p for p in model.processes if p.name == name)
    found = model.run({name: random_words(process, 5, 40)}, cycles=900)
    stream = "out1" if name.startswith("merge") else "out0"
    cycles = found.cycles[f"{name}.{stream}"]
    assert compiled[name].ii == process.ii
    assert name.startswith("merge") or cycles[0] == compiled[name].depth
    steps = {b - a for a, b in pairwise(cycles)}
    assert steps == ({9, 18} if name.startswith("merge") else {process.ii})


def test_a_recurrence_over_several_clocks_meets_the_clock():
    slow, fast = (backend.compile(horner(ii=ii), TARGET) for ii in (1, 3))
    assert slow.report["warnings"] and not fast.report["warnings"]
    limit = fast.report["period_ns"]
    assert max(s["delay_ns"] for s in slow.report["schedule"]) > limit
    assert max(s["delay_ns"] for s in fast.report["schedule"]) <= limit


def test_without_an_ii_the_smallest_that_meets_the_clock_is_taken():
    chosen = backend.compile(horner(ii=None), TARGET)
    assert chosen.ii > 1 and not chosen.report["warnings"]
    assert backend.compile(horner(ii=chosen.ii - 1), TARGET).report["warnings"]
    assert backend.compile(horner(ii=None), Target("xcup", 100.0)).ii == 1


def test_a_state_in_use_needs_no_copies():
    """Between its reading and its update a state is its own pipeline register."""
    rtl = backend.compile(horner(ii=4), TARGET).rtl
    assert "acc_s" not in rtl


def test_block_ram_in_a_recurrence_needs_forwarding_or_two_clocks():
    d = Draft("histogram")
    d.stream("in0", "in", 9)
    word = d.op("read", 9, attr="in0")
    old = d.op("ram", 16, word, attr="counts")
    d.rams.append(ir.Ram("counts", 16, 512, ir.Store(word, d.op("add", 16, old, d.const(16, 1)), None), "bram"))
    d.stream("out0", "out", 16)
    d.writes.append(ir.Write("out0", old, None))
    process = d.done()
    one, two = (backend.compile(replace(process, ii=ii), Target("xcup", 250.0)).report for ii in (1, 2))
    assert (one["rams"][0]["style"], one["rams"][0]["forwarded"]) == ("block", 1) and not one["warnings"]
    assert two["rams"][0]["style"] == "block" and not two["warnings"]


@pytest.mark.parametrize(("name", "units"), [("dot_2", 4), ("dot_3", 3), ("dot_4", 2)])
def test_multiplications_of_different_phases_share_a_multiplier(batch, name, units):
    """The product of three factors has no equal, and is made of adders of its own."""
    _, compiled = batch
    assert compiled[name].report["multiplications"] == {"count": 8, "units": units}
    assert compiled[name].rtl.count("_shared = ") == units


def test_small_products_are_not_shared():
    """The multiplexers would cost as much as the multiplier."""
    report = backend.compile(dot("dot_small", 2, bits=4), Target("ecp5", 50.0)).report
    assert report["multiplications"]["count"] == report["multiplications"]["units"]


def test_yosys_counts_fewer_luts_where_multipliers_are_shared(tmp_path):
    counts = {}
    for ii in (1, 2, 4):
        path = tmp_path / f"dot_{ii}.sv"
        path.write_text(backend.compile(dot(f"dot_{ii}", ii, lanes=7), SLOWER).rtl)
        counts[ii] = count([path], f"dot_{ii}", "xcup", dsp=True)
    assert counts[4].resources.lut < counts[2].resources.lut < counts[1].resources.lut
    assert [c.dsp for c in counts.values()] == [0, 0, 0]
