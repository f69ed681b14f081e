# SPDX-License-Identifier: Apache-2.0
"""Roofs: the formulas, the work of every layer, and what stands under them."""

from __future__ import annotations

from typing import Any

import pytest
from ops.build import GraphBuilder, mlp, residual

from hwgen.config import Budget
from hwgen.graph import Graph
from hwgen.hw import boards
from hwgen.plan import Plan, make_plan
from hwgen.plan.roofs import luts_per_mac, products_per_dsp, roofline


def made(graph: Graph, **budget: Any) -> Plan:
    return make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", **budget}))


def test_macs_are_those_of_the_layers() -> None:
    work = {p.layer: p.work for p in made(residual()).processes if p.work is not None}
    stem, inner, fc = work["stem"], work["inner"], work["fc"]
    assert (stem.macs, stem.weights, stem.act_bits) == (8 * 27 * 100, 8 * 27, 8)
    assert (inner.macs, inner.weights) == (8 * 72 * 100, 8 * 72)
    assert (fc.macs, fc.weights) == (80, 80)


def test_macs_are_the_lanes_times_the_cycles() -> None:
    for process in made(residual()).processes:
        if process.op == "matvec":
            assert process.work is not None
            folding = process.folding
            assert process.work.macs == process.cycles * folding.pe * folding.simd * folding.pixels


def test_the_roofs_are_those_of_the_formulas() -> None:
    plan = made(mlp(), clock_mhz=250, limits={"lut": 40000, "dsp": 100})
    found = roofline(plan, 8.0)
    assert found is not None and (found.weight_bits, found.act_bits) == (4, 4)
    roofs = {roof.name: roof for roof in found.roofs}
    luts = luts_per_mac(plan.board, 4, 4)["lut_generic"]
    assert roofs["LUT, lut_generic"].ops_per_s == pytest.approx(2 * 40000 / luts * 250e6)
    assert roofs["DSP"].ops_per_s == 2 * 100 * 4 * 250e6
    assert roofs["bandwidth"].ops_per_s == 8e9 and roofs["bandwidth"].sloped
    assert f"{luts:.1f} LUT" in roofs["LUT, lut_generic"].basis
    bare = roofline(made(mlp(), limits={"dsp": 0}), None)
    assert bare is not None and not {"DSP", "bandwidth"} & {roof.name for roof in bare.roofs}


def test_the_dots_stand_at_their_rates() -> None:
    plan = made(mlp())
    found = roofline(plan, None)
    assert found is not None
    macs = 64 * 32 + 32 * 10
    assert found.network.macs == macs and found.network.ops_per_s == pytest.approx(2 * macs * plan.fps)
    first = next(p for p in plan.processes if p.layer == "fc0")
    dot = next(d for d in found.layers if d.name == first.name)
    assert dot.ops_per_s == pytest.approx(2 * 64 * 32 / first.cycles * plan.clock_mhz * 1e6)
    streams = [plan.channel(name).type for name in (*first.inputs, *first.outputs)]
    assert dot.bytes == sum(s.width * s.beats for s in streams) / 8
    assert dot.ops_per_byte == 2 * dot.macs / dot.bytes
    assert sum(dot.bottleneck for dot in found.layers) <= 1


def test_streamed_weights_cost_bandwidth() -> None:
    b = GraphBuilder("streamed")
    graph = b.graph([b.matvec("fc", b.input("x", (512,), 8), 256)])
    plan = made(graph, limits={"lut": 2500, "ff": 20000, "dsp": 8, "bram36": 1})
    (fc,) = (p for p in plan.processes if p.layer == "fc")
    assert fc.choice.storage == "streamed"
    found = roofline(plan, 8.0)
    assert found is not None
    weights = 512 * 256 * fc.work.weight_bits / 8 if fc.work else 0
    assert found.network.bytes >= weights > 0 and found.layers[0].bytes >= weights


def test_a_network_that_multiplies_nothing_has_no_roof() -> None:
    b = GraphBuilder("nothing")
    graph = b.graph([b.node("best", "argmax", [b.input("x", (16,), 4)])])
    assert roofline(made(graph), 1.0) is None


@pytest.mark.parametrize(("weights", "acts", "products"), [(4, 4, 4), (6, 4, 4), (8, 8, 2), (7, 5, 2), (9, 8, 1)])
def test_products_in_a_dsp_block(weights: int, acts: int, products: int) -> None:
    assert products_per_dsp(weights, acts) == products


def test_wider_products_cost_more_luts() -> None:
    board = boards.load("zcu102")
    costs = [luts_per_mac(board, bits, bits)["lut_generic"] for bits in (2, 4, 8)]
    assert costs == sorted(costs) and costs[0] > 0
    assert list(luts_per_mac(board, 1, 1)) == ["xnor"]
