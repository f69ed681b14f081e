# SPDX-License-Identifier: Apache-2.0
"""RAMs that are read, changed and written again: forwarding is exact at every distance, under stalls and bubbles."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from random_ir import Draft
from rtl_harness import build, equals_interpreter

from hwgen.hlsc import backend, interp, ir, verify_ir
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.back.finalise import finalise
from hwgen.hlsc.back.forward import forwarded, recurrent
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.target import Target

PATTERNS = [(100, 100), (50, 50), (15, 90), (90, 15)]


def written(d: Draft, width: int, *parts: int) -> ir.Process:
    """End a process that writes parts of `width` bits together to out0."""
    d.stream("out0", "out", width)
    d.writes.append(ir.Write("out0", d.op("concat", width, *parts), None))
    return d.done()


def histogram(name: str, storage: ir.Storage, *, depth=16, conditional=False, latency=None) -> ir.Process:
    """t[x] += y, shown before it is added."""
    d = Draft(name)
    d.stream("in0", "in", 16)
    word = d.op("read", 16, attr="in0")
    address = d.fit(d.op("trunc", 6, word), (depth - 1).bit_length())
    old = d.op("ram", 12, address, attr="sums")
    new = d.op("add", 12, old, d.fit(d.op("extract", 8, word, attr=8), 12))
    enable = d.op("extract", 1, word, attr=7) if conditional else None
    init = tuple(7 * i & 4095 for i in range(depth))
    d.rams.append(ir.Ram("sums", 12, depth, ir.Store(address, new, enable), storage, None, init, latency))
    d.stream("out0", "out", 12)
    d.writes.append(ir.Write("out0", old, None))
    return d.done()


def moved(name: str, storage: ir.Storage) -> ir.Process:
    """t[a] = t[b] * t[c] + 1 where a is odd: three loads' addresses, none of them the store's."""
    d = Draft(name)
    d.stream("in0", "in", 12)
    word = d.op("read", 12, attr="in0")
    a, b, c = (d.op("extract", 3, word, attr=low) for low in (0, 3, 6))
    left, right = d.op("ram", 8, b, attr="t"), d.op("ram", 8, c, attr="t")
    new = d.op("add", 8, d.op("mul", 8, left, right), d.const(8, 1))
    d.rams.append(ir.Ram("t", 8, 8, ir.Store(a, new, d.op("extract", 1, word, attr=0)), storage, None, (3,) * 8))
    return written(d, 16, left, right)


def late(name: str) -> ir.Process:
    """The value that is added comes out of a long multiplication; a second load has an address as late."""
    d = Draft(name)
    d.stream("in0", "in", 16)
    word = d.op("read", 16, attr="in0")
    square = d.op("mul", 16, word, d.op("xor", 16, word, d.const(16, 0x5A5A)))
    address = d.op("trunc", 2, word)
    old = d.op("ram", 16, address, attr="t")
    other = d.op("ram", 16, d.op("extract", 2, square, attr=9), attr="t")
    store = ir.Store(address, d.op("add", 16, old, square), None)
    d.rams.append(ir.Ram("t", 16, 4, store, "bram", None, (1, 2, 3, 4)))
    return written(d, 32, old, other)


def chase(name: str) -> ir.Process:
    """x = t[x]: the address is what was read in the iteration before, so that nothing can be earlier."""
    d = Draft(name)
    d.stream("in0", "in", 8)
    word = d.op("read", 8, attr="in0")
    at = d.state("at", 3)
    found = d.op("ram", 3, at, attr="t")
    d.define("at", found, 5)
    d.rams.append(ir.Ram("t", 3, 8, ir.Store(d.op("trunc", 3, word), d.op("extract", 3, word, attr=4), None),
                         "auto", None, (1, 2, 3, 4, 5, 6, 7, 0)))  # fmt: skip
    d.stream("out0", "out", 3)
    d.writes.append(ir.Write("out0", found, None))
    return d.done()


def pair(name: str) -> ir.Process:
    """Two RAMs, each of which stores what was read from the other."""
    d = Draft(name)
    d.stream("in0", "in", 8)
    word = d.op("read", 8, attr="in0")
    a, b = d.op("trunc", 2, word), d.op("extract", 2, word, attr=2)
    left, right = d.op("ram", 8, a, attr="left"), d.op("ram", 8, b, attr="right")
    d.rams.append(ir.Ram("left", 8, 4, ir.Store(b, d.op("add", 8, right, word), None), "bram", None, (0, 1, 2, 3)))
    d.rams.append(ir.Ram("right", 8, 4, ir.Store(a, d.op("xor", 8, left, word), None), "bram", None, (9, 8, 7, 6)))
    return written(d, 16, left, right)


CASES = [
    (histogram("block", "bram"), 250),
    (histogram("block_fast", "bram", conditional=True), 600),
    (histogram("output_register", "bram", latency=2), 300),
    (histogram("deep", "bram", latency=4, conditional=True), 500),
    (histogram("luts", "lutram"), 300),
    (histogram("luts_fast", "lutram", conditional=True), 800),
    (histogram("luts_registered", "lutram", latency=1), 500),
    (histogram("more_words", "auto", depth=64), 400),
    (moved("moved_block", "bram"), 300),
    (moved("moved_luts", "lutram"), 650),
    (late("late"), 400),
    (chase("chase"), 400),
    (pair("pair"), 350),
    (replace(histogram("two_clocks", "bram", conditional=True), ii=2), 800),
    (replace(moved("three_clocks", "bram"), ii=3), 700),
    (replace(histogram("two_clocks_late", "bram", latency=4), ii=2), 300),
]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    compiled = {p.name: backend.compile(p, Target("xcup", mhz)) for p, mhz in CASES}
    processes = [p for p, _ in CASES]
    model = build(tmp_path_factory.mktemp("forwarding"), processes, [c.rtl for c in compiled.values()])
    return model, compiled


def words(process: ir.Process, seed: int, count: int) -> list[int]:
    """Return words whose low bits, the addresses, come again after every distance, near ones most of all."""
    rng = random.Random(seed)
    (stream,) = (s for s in process.streams if s.direction == "in")
    found: list[int] = []
    for index in range(count):
        word = rng.getrandbits(stream.width)
        if index and rng.random() < 0.7:
            word = word & ~63 | found[-min(index, rng.randint(1, 7))] & 63
        found.append(word)
    return found


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_the_interpreter(batch, valid, ready):
    model, _ = batch
    given = {p.name: {"in0": words(p, valid + ready, 300)} for p in model.processes}
    equals_interpreter(model, given, valid, ready, cycles=30_000)


def test_block_ram_is_kept_with_the_fewest_iterations_forwarded(batch):
    _, compiled = batch
    rams = {name: c.report["rams"][0] for name, c in compiled.items()}
    assert {n: (r["style"], r["latency"], r["forwarded"]) for n, r in rams.items()} == {
        "block": ("block", 1, 1),
        "block_fast": ("block", 1, 2),
        "output_register": ("block", 2, 2),
        "deep": ("block", 4, 4),
        "luts": ("distributed", 0, 0),
        "luts_fast": ("distributed", 0, 1),
        "luts_registered": ("distributed", 1, 1),
        "more_words": ("distributed", 0, 0),
        "moved_block": ("block", 1, 2),
        "moved_luts": ("distributed", 0, 0),
        "late": ("block", 1, 1),
        "chase": ("distributed", 0, 0),
        "pair": ("block", 1, 1),
        "two_clocks": ("block", 1, 1),
        "three_clocks": ("block", 1, 1),
        "two_clocks_late": ("block", 4, 2),
    }


class Slow(dict[int, int]):
    """A memory whose writes of an iteration arrive `distance` iterations later."""

    def __init__(self, words: dict[int, int], distance: int) -> None:
        super().__init__(words)
        self.waiting: list[list[tuple[int, int]]] = [[] for _ in range(distance + 1)]

    def __setitem__(self, address: int, word: int) -> None:
        self.waiting[-1].append((address, word))

    def tick(self) -> None:
        self.update(self.waiting.pop(0))
        self.waiting.append([])


def lagging(process: ir.Process, inputs: dict[str, list[int]]) -> dict[str, list[int]]:
    """Run a process whose RAMs are written as late as their `distance` allows."""
    machine = interp.Machine(process, inputs)
    machine.rams = {r.name: Slow(machine.rams[r.name], r.distance) for r in process.rams}
    while machine.step():
        for ram in machine.rams.values():
            ram.tick()
    return machine.outputs


@pytest.mark.parametrize("distance", range(1, 7))
@pytest.mark.parametrize("make", [lambda: histogram("h", "auto", conditional=True), lambda: moved("m", "auto")])
def test_forwarding_hides_every_late_write(make, distance):
    process = finalise(backend.optimise(make(), DelayModel(family("xcup"), 300.0)))
    (name,) = recurrent(process)
    changed = forwarded(process, {name: distance})
    verify_ir.verify(changed)
    given = {"in0": words(process, distance, 400)}
    expected = interp.run(process, given, 400)
    assert interp.run(changed, given, 400) == expected == lagging(changed, given)


def test_late_writes_are_seen_without_forwarding():
    process = finalise(backend.optimise(histogram("h", "auto"), DelayModel(family("xcup"), 300.0)))
    given = {"in0": words(process, 1, 400)}
    slow = replace(process, rams=(replace(process.rams[0], distance=2),))
    assert lagging(slow, given) != interp.run(process, given, 400)


def test_a_promise_takes_the_forwarding_away():
    process = histogram("promised", "bram")
    process = replace(process, rams=(replace(process.rams[0], independent=True),))
    (ram,) = backend.compile(process, Target("xcup", 300.0)).report["rams"]
    assert (ram["style"], ram["forwarded"], ram["gap"]) == ("block", 0, 1)


def test_a_latency_inside_a_recurrence_is_refused():
    process = chase("chase")
    process = replace(process, rams=(replace(process.rams[0], storage="bram", latency=1),))
    with pytest.raises(HlsError, match="latency of 1"):
        backend.compile(process, Target("xcup", 100.0))


@pytest.mark.parametrize("name", ["xc7", "ecp5"])
def test_ultraram_is_refused_where_there_is_none(name):
    with pytest.raises(HlsError, match="no UltraRAM"):
        process = histogram("ultra", "uram")
        process = replace(process, rams=(replace(process.rams[0], init=None),))
        backend.compile(process, Target(name, 100.0))
