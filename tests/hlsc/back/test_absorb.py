# SPDX-License-Identifier: Apache-2.0
"""Logic in an adder's LUTs: scheduled with the adder, at no delay; Yosys indeed takes no further LUT for it."""

from __future__ import annotations

import pytest
from random_ir import Draft

from hwgen.hlsc import Target, backend, ir
from hwgen.hlsc.back.absorb import cones
from hwgen.hlsc.back.finalise import finalise
from hwgen.hlsc.back.netlist import Netlist
from hwgen.synth import count

WIDTH = 13
ADDER, SELECT, ROUTE = 0.55 + 0.012 * WIDTH, 0.6 * 0.38, 0.30


def example(form: str, left: int = 12, right: int = 12) -> ir.Process:
    """Return an adder of registers: `left` bits of one, and `right` bits of two others chosen and inverted."""
    bits = 2 + left + 2 * right
    d = Draft("p")
    d.stream("in0", "in", bits)
    d.stream("out0", "out", WIDTH)
    kept = d.state("kept", bits)
    d.define("kept", d.op("read", bits, attr="in0"))
    inverted, chosen = (d.op("extract", 1, kept, attr=i) for i in (0, 1))
    places = ((2, left), (2 + left, right), (2 + left + right, right))
    signal, one, other = (d.op("extract", width, kept, attr=low) for low, width in places)
    logic = d.op("xor", right, d.op("select", right, chosen, one, other), d.op("sext", right, inverted))
    args = [d.op("sext", WIDTH, signal), d.op("sext", WIDTH, logic)]
    if form == "compare":
        total = d.op("zext", WIDTH, d.op("slt", 1, *args))
    else:
        total = d.op("sub" if form == "sub" else "add", WIDTH, *(args[::-1] if form == "swapped" else args))
    d.writes.append(ir.Write("out0", total, None))
    if form == "shared":
        d.stream("out1", "out", right)
        d.writes.append(ir.Write("out1", logic, None))
    return d.done(100)


@pytest.mark.parametrize(("left", "right"), [(12, 12), (12, 7), (7, 12)])
@pytest.mark.parametrize("form", ["add", "swapped", "sub"])
def test_an_adder_with_logic_takes_the_luts_of_an_adder(tmp_path, form, left, right):
    source = tmp_path / "p.sv"
    source.write_text(backend.compile(example(form, left, right), Target("xcup", 100.0)).rtl)
    handshake = 4
    assert count([source], "p", "xcup").lut <= WIDTH + handshake


@pytest.mark.parametrize(("form", "family", "nodes"), [
    ("add", "xcup", 2), ("sub", "xc7", 2), ("swapped", "xcup", 2),
    ("shared", "xcup", 0), ("compare", "xcup", 0), ("add", "ecp5", 0),
])  # fmt: skip
def test_what_is_absorbed(form, family, nodes):
    scheduled = backend.plan(example(form), Target(family, 100.0))
    assert len(scheduled.scheduler().absorbed) == nodes


def test_absorbed_logic_takes_no_time_and_is_in_the_adders_stage():
    fits = 1000.0 / (ADDER + ROUTE + 0.01)
    assert backend.plan(example("add"), Target("xcup", fits)).stages == 1
    assert backend.plan(example("shared"), Target("xcup", fits)).stages == 2


def test_absorbed_logic_waits_for_its_adder():
    d = Draft("p")
    d.stream("in0", "in", 40)
    d.stream("out0", "out", 14)
    word = d.op("read", 40, attr="in0")
    places = ((0, 12), (12, 12), (24, 7), (31, 8))
    a, c, e, f = (d.op("sext", 14, d.op("extract", width, word, attr=low)) for low, width in places)
    total = d.op("xor", 14, d.op("add", 14, a, c), d.const(14, 1 << 13 | 1))
    chosen = d.op("select", 14, d.op("extract", 1, word, attr=39), e, f)
    d.writes.append(ir.Write("out0", d.op("add", 14, total, chosen), None))
    scheduled = backend.plan(d.done(100), Target("xcup", 800.0))
    cones_of = {adder: cone.nodes for adder, cone in scheduled.netlist.cones.items() if cone.nodes}
    assert cones_of
    for adder, nodes in cones_of.items():
        assert scheduled.stage[adder] > 0
        assert {scheduled.stage[n] for n in nodes} == {scheduled.stage[adder]}


def test_more_than_five_values_are_too_many():
    def nodes(values: int) -> int:
        d = Draft("p")
        d.stream("in0", "in", 12 * (values + 1))
        d.stream("out0", "out", 12)
        word = d.op("read", 12 * (values + 1), attr="in0")
        parts = [d.op("extract", 12, word, attr=12 * i) for i in range(values + 1)]
        logic = parts[1]
        for part in parts[2:]:
            logic = d.op("xor", 12, logic, part)
        d.writes.append(ir.Write("out0", d.op("add", 12, parts[0], logic), None))
        netlist = Netlist(finalise(d.done(100)), {})
        return sum(len(c.nodes) for c in cones(netlist.process, [a for s in netlist.sinks for a in s.args]).values())

    assert [nodes(values) for values in (3, 5, 6, 7)] == [2, 4, 4, 4]
