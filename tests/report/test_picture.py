# SPDX-License-Identifier: Apache-2.0
"""Where things go: boxes do not touch, links go down, bars add up."""

from __future__ import annotations

import itertools

import pytest

from hwgen.plan import Plan
from hwgen.report import charts, network
from hwgen.report.picture import HIGH, WIDE, draw
from hwgen.report.roof_chart import LINE, roof_chart

DIAMOND = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("d", "e"), ("w", "d")]


def test_boxes_do_not_touch_and_links_go_down() -> None:
    found = draw(["a", "w", "b", "c", "d", "e"], DIAMOND)
    for one, other in itertools.combinations(found.boxes.values(), 2):
        assert abs(one[0] - other[0]) >= WIDE or abs(one[1] - other[1]) >= HIGH
    assert all(found.boxes[source][1] + HIGH <= found.boxes[target][1] for source, target in DIAMOND)
    assert all(0 <= x <= found.width - WIDE and 0 <= y <= found.height - HIGH for x, y in found.boxes.values())
    assert len(found.curves) == len(DIAMOND)


def test_a_link_past_boxes_goes_beside_them() -> None:
    found = draw(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    verticals = [float(x) for x in _bends(found.curves[3][0])]
    left, right = found.boxes["b"][0], found.boxes["b"][0] + WIDE
    assert all(x < left or x > right for x in verticals[:-1])


def _bends(path: str) -> list[str]:
    """Return the x at which each curve of a path ends."""
    return [part.split()[4] for part in path.split("C")[1:]]


def test_what_stands_alone_above_is_next_to_what_it_feeds() -> None:
    found = draw(["a", "w", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "d"), ("w", "d")])
    assert found.boxes["w"][1] == found.boxes["c"][1]


def test_links_fold_forks_and_converters_in(plan: Plan) -> None:
    found = network.links(plan)
    names = {process.name for process in network.layers(plan)} | {port.name for port in plan.ports}
    assert {link.source for link in found} | {link.target for link in found} == names
    glue = {process.name for process in plan.processes if process.op in network.GLUE}
    assert {name for link in found for name in link.through} == glue
    assert all(len(link.channels) == len(link.through) + 1 for link in found)


def test_the_parts_of_a_bar_add_up_to_the_whole() -> None:
    layers = [{"name": f"layer{i}", "cost": {"lut": float(i)}} for i in range(12)]
    parts = charts.stacked("lut", layers, 100.0)
    assert sum(part.amount for part in parts) == pytest.approx(100)
    assert parts[-1].start + parts[-1].size == pytest.approx(100, abs=0.1)
    assert [part.label for part in parts[-2:]] == [charts.REST, "FIFOs and ports"]
    assert len({part.shade for part in parts}) == len(parts) == charts.SHADES
    assert charts.stacked("lut", [{"name": "none", "cost": {"lut": 0}}], 0.0) == []


@pytest.mark.parametrize(("end", "found"), [(0, [0]), (7, [0, 2, 4, 6]), (1844, [0, 500, 1000, 1500]), (1e6, 6)])
def test_ticks_are_round(end: float, found: list[float] | int) -> None:
    ticks = charts.ticks(end)
    assert len(ticks) == found if isinstance(found, int) else ticks == found


def test_bars_of_the_timeline_are_parts_of_all_cycles() -> None:
    windows = {"a": [[0, 4, 2, 9], [10, 14, 12, 19]], "b": [[5, 9, 6, 19], [15, 18, 16, 39]]}
    found = charts.timeline({"source": "rtl", "processes": windows}, ["b", "a"])
    assert (found["cycles"], found["frames"]) == (40, 2)
    assert [row["name"] for row in found["rows"]] == ["b", "a"]
    assert found["rows"][1]["bars"][0] == {"start": 0.0, "size": 25.0, "taking": 50.0, "cycles": [0, 4, 2, 9]}


def test_faster_is_higher_and_names_are_apart() -> None:
    dot = {"macs": 1, "bytes": 1.0, "bottleneck": False}
    layers = [{**dot, "name": f"l{i}", "ops_per_byte": 3.0 * i, "ops_per_s": 2e9} for i in range(1, 8)]
    roofs = [
        {"name": "DSP", "basis": "", "ops_per_s": 5e11, "sloped": False},
        {"name": "bandwidth", "basis": "", "ops_per_s": 2e10, "sloped": True},
    ]
    network = {**dot, "name": "all", "ops_per_byte": 900.0, "ops_per_s": 4e10}
    found = roof_chart({"roofs": roofs, "layers": layers, "network": network})
    assert found["network"]["y"] < found["dots"][0]["y"] and found["network"]["x"] > found["dots"][6]["x"]
    flat, sloped = found["roofs"]
    assert flat["from"][1] == flat["to"][1] < found["network"]["y"] and sloped["from"][1] > sloped["to"][1]
    places = sorted(dot["label_y"] for dot in found["dots"] if dot["named"])
    assert len(places) == 5 and all(b - a >= LINE for a, b in itertools.pairwise(places))
    assert [words for words, _ in found["columns"]] == ["1", "10", "100", "1000"]
