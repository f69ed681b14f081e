# SPDX-License-Identifier: Apache-2.0
"""The delay tables, what they predict, and the committed table of placed kernels against it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from random_ir import Draft
from test_emitted_rtl import MATVEC

from examples import matvec
from hwgen.errors import UserError
from hwgen.hlsc import Target, backend, interp, ir
from hwgen.hlsc.back.compare import lower_comparisons
from hwgen.hlsc.back.delays import DelayModel, families, family
from hwgen.hlsc.back.timing import timing
from hwgen.hw import boards

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
FAMILIES = ("ecp5", "ice40", "xc7", "xcup")


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import ecp5_timing

    yield ecp5_timing
    sys.path.remove(str(BENCHMARKS))


def single(opcode: ir.Opcode, width: int) -> tuple[list[ir.Value], ir.Value]:
    """Return an operator of two streams' words, and the values that it is among."""
    bits = 1 if opcode in ("eq", "ult", "slt") else width
    values = [ir.Value(0, "read", width, attr="a"), ir.Value(1, "read", width, attr="b")]
    value = ir.Value(2, opcode, bits, (0, 1))
    return [*values, value], value


def test_every_family_of_a_board_has_a_table():
    assert set(families()) == set(FAMILIES) == {boards.load(name).family for name in boards.names()} | {"xc7"}
    for table in families().values():
        assert min(table.overhead, table.level, table.carry, table.carry_bit, table.bram_out, table.dsp) > 0
        assert table.placed is (table.name == "ecp5")


def test_an_unknown_family_is_refused():
    with pytest.raises(UserError, match="must be one with a delay table, not ecp4"):
        family("ecp4")


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("opcode", ["add", "sub", "mul", "eq", "ult", "slt", "shl"])
def test_wider_operators_are_not_faster(name, opcode):
    model = DelayModel(family(name), 100.0)
    delays = [model.operator(*single(opcode, width)) for width in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)]
    assert all(a <= b for a, b in pairwise(delays)) and delays[0] < delays[-1]


@pytest.mark.parametrize("name", FAMILIES)
def test_deeper_tables_and_wider_nets_are_not_faster(name):
    model = DelayModel(family(name), 100.0)
    tables = [model.table(1 << bits) for bits in range(1, 13)]
    stalls = [model.stall(4, registers) for registers in (1, 10, 100, 1000, 10_000)]
    assert tables == sorted(tables) and tables[0] < tables[-1]
    assert stalls == sorted(stalls) and stalls[0] < stalls[-1]


def test_logic_of_few_bits_is_a_table_however_long_it_is_described():
    """Twelve operators of four bits take one LUT, not twelve."""
    d = Draft("narrow")
    d.stream("in0", "in", 4)
    word = d.op("read", 4, attr="in0")
    bits = [d.op("extract", 1, word, attr=i) for i in range(4)]
    value = bits[0]
    for step in range(12):
        value = d.op(("and", "or", "xor")[step % 3], 1, value, bits[(step * 3 + 1) % 4])
    d.stream("out0", "out", 1)
    d.writes.append(ir.Write("out0", value, None))
    model = DelayModel(family("ecp5"), 100.0)
    found = timing(backend.plan(d.done(), Target("ecp5", 100.0)))
    assert max(found.delays) <= 2.5 * model.family.level + model.stall(2, 20)


def test_the_report_tells_the_clock_and_where_the_figures_come_from():
    placed, estimated = (backend.compile(matvec(**MATVEC), Target(name, 100.0)).report for name in ("ecp5", "xcup"))
    for report in (placed, estimated):
        assert report["timing"]["period_ns"] * report["timing"]["mhz"] == pytest.approx(1000.0, rel=0.01)
        assert report["timing"]["levels"] == [stage["levels"] for stage in report["schedule"]]
        assert report["timing"]["path"] in ("logic", "stall")
        assert "not placed" in report["assumed"]
    assert "fitted to place-and-route" in placed["assumed"] and "an estimate" in estimated["assumed"]


@pytest.mark.parametrize("name", FAMILIES)
def test_stages_keep_to_the_period(name):
    mhz = 25.0 if name == "ice40" else 100.0
    found = timing(backend.plan(matvec(**MATVEC), Target(name, mhz)))
    assert found.period <= 1000.0 / mhz


def test_swapped_sign_bits_compare_as_signed_numbers_do():
    d = Draft("compare")
    for name in ("in0", "in1"):
        d.stream(name, "in", 4)
    a, b = (d.op("read", 4, attr=name) for name in ("in0", "in1"))
    d.stream("out0", "out", 3)
    results = [d.op("slt", 1, a, b), d.op("slt", 1, a, d.const(4, 13)), d.op("slt", 1, d.const(4, 5), b)]
    d.writes.append(ir.Write("out0", d.op("concat", 3, *results), None))
    process = d.done()
    lowered = lower_comparisons(process, family("ecp5"))
    assert not any(v.opcode == "slt" for v in lowered.values)
    assert lower_comparisons(process, family("xcup")) == process
    words = {"in0": [i // 16 for i in range(256)], "in1": [i % 16 for i in range(256)]}
    assert interp.run(lowered, words, 300) == interp.run(process, words, 300)


class TestPlacedKernels:
    """`benchmarks/data/ecp5_timing.csv`."""

    def test_every_kernel_of_the_library_is_there(self, bench):
        headers = {p.stem for p in Path(__file__).resolve().parents[3].glob("hls/include/hwgen/*.hpp")}
        assert {row["point"].rpartition("_")[0] for row in bench.read()} == set(bench.KERNELS) <= headers
        assert len(bench.KERNELS) == 12

    def test_all_reach_100_mhz_when_asked_for_it(self, bench):
        asked = [row for row in bench.read() if float(row["asked_mhz"]) == bench.CLOCK]
        assert {row["point"].rpartition("_")[0] for row in asked} == set(bench.KERNELS)
        assert [row["point"] for row in asked if float(row["achieved_mhz"]) < bench.CLOCK] == []

    def test_predictions_are_within_15_percent_at_the_median(self, bench):
        rows = bench.read()
        assert len(rows) >= 30
        assert np.median([abs(bench.error(row)) for row in rows]) <= bench.WITHIN

    def test_the_present_table_still_predicts_what_was_reached(self, bench):
        """Recompile one point of each kernel: where the RTL is the placed one, the prediction is the committed one."""
        rows = {row["point"]: row for row in bench.read() if float(row["asked_mhz"]) == bench.CLOCK}
        found = [bench.kernel_points(kernel, 1)[0] for kernel in bench.KERNELS]
        off = []
        for case in bench.compiled(found, bench.CLOCK):
            row = rows[case.point.name]
            off.append(abs(case.predicted / float(row["achieved_mhz"]) - 1))
            if case.digest == row["rtl"]:
                assert f"{case.predicted:.1f}" == row["predicted_mhz"], case.point.name
        assert np.median(off) <= bench.WITHIN
