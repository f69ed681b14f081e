# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from pathlib import Path

import pytest
from random_ir import Draft
from rtl_harness import build

from hwgen.errors import InternalError
from hwgen.hlsc import backend, dataflow_emit, ir
from hwgen.hlsc.dataflow import Channel, Dataflow, Instance
from hwgen.hlsc.target import Target

FIFO = Path(__file__).resolve().parents[3] / "hls" / "rtl" / "hwgen_fifo.sv"
PORTS = (ir.Stream("in0", "in", 40), ir.Stream("out0", "out", 40))
DEPTHS = (0, 1, 2, 3, 5, 8, 33, 100)


def copy() -> ir.Process:
    d = Draft("copy")
    d.streams += PORTS
    d.writes.append(ir.Write("out0", d.op("read", 40, attr="in0"), None))
    return d.done()


def chain(depth: int) -> Dataflow:
    first = Instance("first", "copy", PORTS, {"in0": "in0", "out0": "c"})
    second = Instance("second", "copy", PORTS, {"in0": "c", "out0": "out0"})
    return Dataflow(f"chain_{depth}", PORTS, (Channel("c", 40, depth),), (first, second))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    tops = [chain(depth) for depth in DEPTHS]
    sources = [FIFO, backend.compile(copy(), Target("xcup", 300.0)).rtl, *map(dataflow_emit.emit, tops)]
    shells = [ir.Process(t.name, PORTS, (), (), (), (), (), None) for t in tops]
    return build(tmp_path_factory.mktemp("fifo"), shells, sources)


@pytest.mark.parametrize(("valid", "ready", "reset"), [(100, 100, 0), (5, 90, 0), (90, 3, 0), (50, 50, 99)])
def test_fifos_of_every_kind_keep_the_order(model, valid, ready, reset):
    rng = random.Random(valid)
    words = {p.name: {"in0": [rng.getrandbits(40) for _ in range(250)]} for p in model.processes}
    found = model.run(words, seed=7, valid=valid, ready=ready, reset_at=reset)
    assert not found.violations
    for process in model.processes:
        assert found.words[f"{process.name}.out0"] == words[process.name]["in0"]


def test_fifos_have_full_throughput(model):
    words = {p.name: {"in0": list(range(200))} for p in model.processes}
    found = model.run(words)
    for depth in DEPTHS:
        cycles = found.cycles[f"chain_{depth}.out0"]
        assert cycles == list(range(cycles[0], cycles[0] + 200))
        assert cycles[0] == (2 if depth == 0 else 3 if depth <= 2 else 4)


def test_fifo_holds_its_depth(model):
    words = {p.name: {"in0": list(range(200))} for p in model.processes}
    found = model.run(words, ready=1, valid=100, cycles=300, seed=1)
    assert all(len(v) < 10 for v in found.words.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"in0": "in0", "out0": "in0"}, "must be used as"),
        ({"in0": "in0", "out0": "nowhere"}, "not nowhere"),
        ({"in0": "in0"}, "not None"),
    ],
)
def test_wrong_structure_is_refused(change, message):
    good = chain(2)
    bad = Dataflow("bad", PORTS, good.channels, (Instance("first", "copy", PORTS, change), good.instances[1]))
    with pytest.raises(InternalError, match=message):
        dataflow_emit.emit(bad)
