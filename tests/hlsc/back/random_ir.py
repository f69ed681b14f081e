# SPDX-License-Identifier: Apache-2.0
"""Seeded random processes for differential tests: every opcode, counters, RAMs, ROMs, conditional reads and writes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import ones

KINDS = [
    *("add", "add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "eq", "ne", "ult", "ule", "slt", "sle"),
    *("select", "select", "trunc", "zext", "sext", "concat", "extract", "const", "pack", "sum"),
]
WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 40)


@dataclass
class Draft:
    """A process under construction, without any simplification."""

    name: str
    values: list[ir.Value] = field(default_factory=list)
    streams: list[ir.Stream] = field(default_factory=list)
    states: list[ir.State] = field(default_factory=list)
    roms: list[ir.Rom] = field(default_factory=list)
    rams: list[ir.Ram] = field(default_factory=list)
    writes: list[ir.Write] = field(default_factory=list)

    def op(self, opcode, width, *args, attr=None, name=""):
        self.values.append(ir.Value(len(self.values), opcode, width, tuple(args), attr, None, name))
        return len(self.values) - 1

    def const(self, width, pattern):
        return self.op("const", width, attr=pattern & ones(width))

    def width(self, value):
        return self.values[value].width

    def stream(self, name, direction, width):
        self.streams.append(ir.Stream(name, direction, width))

    def state(self, name, width):
        return self.op("state", width, attr=name, name=name)

    def define(self, name, next_, reset=0):
        self.states.append(ir.State(name, self.width(next_), reset, next_))

    def counter(self, name, limit, width=32, enable=None):
        """A counter 0..limit-1 in a wide register, as C++ writes it; return (value, is last)."""
        value = self.state(name, width)
        last = self.op("eq", 1, value, self.const(width, limit - 1))
        more = self.op("add", width, value, self.const(width, 1))
        next_ = self.op("select", width, last, self.const(width, 0), more)
        self.define(name, next_ if enable is None else self.op("select", width, enable, next_, value))
        return value, last

    def fit(self, value, width, signed=False):
        own = self.width(value)
        if own == width:
            return value
        if own > width:
            return self.op("trunc", width, value)
        return self.op("sext" if signed else "zext", width, value)

    def done(self, trip_count=None):
        return ir.Process(
            self.name,
            tuple(self.streams),
            tuple(self.values),
            tuple(self.states),
            tuple(self.roms),
            tuple(self.rams),
            tuple(self.writes),
            trip_count,
        )


def _operator(d: Draft, rng: random.Random, pool: list[int]) -> int:
    kind = rng.choice(KINDS)
    pick = lambda: rng.choice(pool[-12:] if rng.random() < 0.7 else pool)  # noqa: E731
    a, c = pick(), pick()
    width = d.width(a)
    signed = rng.random() < 0.5
    if kind == "sum":
        return _sum(d, rng, [pick() for _ in range(rng.randint(3, 9))])
    if kind in ("add", "sub", "mul", "and", "or", "xor"):
        return d.op(kind, width, a, d.fit(c, width, signed))
    if kind in ("shl", "lshr", "ashr"):
        if rng.random() < 0.5:
            return d.op(kind, width, a, d.const(width, rng.randrange(width + 2)))
        return d.op(kind, width, a, d.fit(d.fit(c, min(3, width)), width))
    if kind in ("eq", "ne", "ult", "ule", "slt", "sle"):
        other = d.fit(c, width, signed) if rng.random() < 0.6 else d.const(width, rng.getrandbits(width))
        return d.op(kind, 1, a, other)
    if kind == "select":
        return d.op("select", width, d.fit(pick(), 1), a, d.fit(c, width, signed))
    if kind == "trunc":
        return d.op("trunc", rng.randint(1, width), a)
    if kind in ("zext", "sext"):
        return d.op(kind, min(64, width + rng.randrange(9)), a)
    if kind == "concat":
        parts = [x for x in (a, c, pick()) if d.width(x) < 24][:3] or [d.fit(a, 1)]
        return d.op("concat", sum(d.width(x) for x in parts), *parts)
    if kind == "extract":
        low = rng.randrange(width)
        return d.op("extract", rng.randint(1, width - low), a, attr=low)
    if kind == "pack":
        wide = width + d.width(c)
        high = d.op("shl", wide, d.fit(a, wide), d.const(wide, d.width(c)))
        return d.op("or", wide, high, d.fit(c, wide)) if wide <= 64 else a
    width = rng.choice(WIDTHS)
    return d.const(width, rng.choice([0, 1, -1, rng.getrandbits(width)]))


def _sum(d: Draft, rng: random.Random, terms: list[int]) -> int:
    """A chain of additions and subtractions whose width stays or grows, as C++ sums do."""
    if rng.random() < 0.4:
        terms = [d.op("eq", 1, t, d.const(d.width(t), rng.getrandbits(d.width(t)))) for t in terms]
    total = terms[0]
    for term in terms[1:]:
        width = min(64, max(d.width(total), d.width(term)) + rng.randrange(3))
        signed = rng.random() < 0.5
        total = d.fit(total, width, signed)
        total = d.op(rng.choice(["add", "add", "sub"]), width, total, d.fit(term, width, rng.random() < 0.5))
    return total


def _memories(d: Draft, rng: random.Random, pool: list[int], address: int, ready: int) -> list[tuple[str, int]]:
    """Add ROM and RAM loads to the pool; return the RAMs (name, width) whose stores are still to be chosen."""
    if rng.random() < 0.6:
        depth, width = rng.choice([4, 8, 64]), rng.choice(WIDTHS)
        words = [rng.getrandbits(width) >> rng.randrange(width) for _ in range(depth)]
        d.roms.append(ir.Rom("table", width, tuple(words)))
        pool.append(d.op("rom", width, d.fit(rng.choice(pool), depth.bit_length() - 1), attr="table"))
    rams = []
    for index in range(rng.choice([0, 1, 1, 2])):
        name, width = f"ram{index}", rng.choice(WIDTHS)
        rams.append((name, width))
        for _ in range(rng.choice([1, 1, 2])):
            load = d.op("ram", width, d.fit(rng.choice([address, *pool]), 3), attr=name)
            pool.append(d.op("select", width, ready, load, d.const(width, 0)))
    return rams


def random_process(seed: int, size: int = 30) -> ir.Process:
    """Return a process of about `size` operators; the same seed gives the same process."""
    rng = random.Random(seed)
    d = Draft(f"random_{seed}")
    step, last = d.counter("step", rng.choice([1, 3, 5, 8, 12]) + 1)
    outer, _ = d.counter("outer", rng.choice([2, 7]), enable=last)
    pool = [step, outer, last, d.op("eq", 1, step, d.const(32, 0))]
    for index in range(rng.choice([1, 1, 2])):
        width = rng.choice(WIDTHS)
        d.stream(f"in{index}", "in", width)
        predicate = [rng.choice(pool[2:4])] if rng.random() < 0.5 else []
        value = d.op("read", width, *predicate, attr=f"in{index}")
        if predicate and rng.random() < 0.7:
            held = d.state(f"held{index}", width)
            value = d.op("select", width, predicate[0], value, held)
            d.define(f"held{index}", value)
        pool.append(value)
    free = [(f"free{i}", rng.choice(WIDTHS)) for i in range(rng.randrange(4))]
    pool += [d.state(name, width) for name, width in free]
    rams = _memories(d, rng, pool, step, d.op("ult", 1, d.const(32, 0), outer))
    for _ in range(size):
        pool.append(_operator(d, rng, pool))
    for name, width in free:
        d.define(name, d.fit(rng.choice(pool[-15:]), width), rng.getrandbits(width))
    for name, width in rams:
        predicate = rng.choice([None, last])
        store = ir.Store(d.fit(rng.choice([step, pool[-3]]), 3), d.fit(rng.choice(pool[-15:]), width), predicate)
        d.rams.append(ir.Ram(name, width, 8, store, rng.choice(["auto", "lutram", "bram"])))
    for index in range(rng.choice([1, 1, 2])):
        parts = [x for x in rng.sample(pool[-20:], 6) if d.width(x) <= 40]
        data = d.op("concat", sum(d.width(x) for x in parts), *parts)
        d.stream(f"out{index}", "out", d.width(data))
        d.writes.append(ir.Write(f"out{index}", data, last if rng.random() < 0.4 else None))
    return d.done()


def random_words(process: ir.Process, seed: int, count: int) -> dict[str, list[int]]:
    """Return `count` random words per input stream, with corner values often."""
    rng = random.Random(seed)
    return {
        s.name: [rng.choice([0, ones(s.width), *[rng.getrandbits(s.width)] * 5]) for _ in range(count)]
        for s in process.streams
        if s.direction == "in"
    }
