# SPDX-License-Identifier: Apache-2.0
"""Budgets and boards: strict files, all problems at once, sentences that name the nearest name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ops.build import residual

from hwgen.config import Budget, FpsTarget, LatencyTarget, LayerChoice, load_budget, load_inputs
from hwgen.errors import UserError
from hwgen.hw import Memory, Resources, boards
from hwgen.hw.limits import bandwidth_of, limits_of, port_bits, reserved_of
from hwgen.plan.overrides import choices_of
from hwgen.request import parse_changes


def sentences(error: pytest.ExceptionInfo[UserError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def test_every_problem_is_told_at_once() -> None:
    data = {"bord": "x", "limits": {"luts": 3, "ff": -1}, "target": "max_fsp", "clock_mhz": "abc"}
    with pytest.raises(UserError) as error:
        Budget.parse(data, "budget.yaml")
    assert sorted(sentences(error)) == [
        "budget.yaml has an unknown key 'bord'. Did you mean board?",
        "budget.yaml has an unknown key 'limits.luts'. Did you mean lut?",
        "budget.yaml must name a board. Give --board, or board: in the file.",
        "budget.yaml: clock_mhz must be a positive number, not 'abc'.",
        "budget.yaml: limits.ff must be a number that is not negative, or a per cent such as 80%, not -1.",
        "budget.yaml: target must be max_fps, min_latency, {fps: x} or {latency_us: x} with x positive, not 'max_fsp'. "
        "Did you mean max_fps?",
    ]


@pytest.mark.parametrize("target", [{"fps": 0}, {"fps": "fast"}, {"frames": 3}, 7, None, {"fps": float("inf")}])
def test_a_wrong_target_is_one_sentence(target: object) -> None:
    with pytest.raises(UserError) as error:
        Budget.parse({"board": "zcu102", "target": target})
    assert len(sentences(error)) == 1
    assert "target must be max_fps, min_latency, {fps: x} or {latency_us: x}" in sentences(error)[0]


@pytest.mark.parametrize("data", [[1], "zcu102", 3])
def test_a_budget_is_a_mapping(data: object) -> None:
    with pytest.raises(
        UserError, match=r"must be a mapping. Keys: board, clock_mhz, pipeline_mhz, limits, reserved, target, layers, "
    ):
        Budget.parse(data)


BUDGET = """
board: u280
limits: {lut: 80%, ff: 12.5 %, dsp: 100, bandwidth_gbps: 50%}
reserved: {lut: 103680, ff: 0%, uram: 10%}
target: {latency_us: 12.5}
layers:
  conv.1: {unit: dsp, pe: 4, simd: 8, pixels: 2, weights: bram}
  /fc/MatMul: {weights: streamed}
ports: {bits: 256}
quantize: {weights: 4}
"""


def test_everything_that_a_budget_may_say(tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text(BUDGET)
    budget, board = load_budget(path), boards.load("u280")
    left = 1303680 - 103680
    assert limits_of(board, budget) == Resources(0.8 * left, 2607360 / 8, 100, int(0.7 * 2016), int(0.7 * 864))
    assert reserved_of(board, budget) == Resources(lut=103680, uram=96)
    assert bandwidth_of(board, budget) == pytest.approx(498.4 / 2)
    assert port_bits(board, budget) == 256 and port_bits(board, Budget(board="u280")) == 512
    assert budget.target == LatencyTarget(latency_us=12.5)
    assert budget.layers["conv.1"] == LayerChoice(unit="dsp", pe=4, simd=8, pixels=2, weights="bram")
    assert budget.layers["/fc/MatMul"] == LayerChoice(weights="streamed")
    assert Budget.parse(budget.model_dump(mode="json")) == budget


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"limits": {"lut": "101%"}}, "limits.lut must be a number that is not negative, or a per cent such as 80%"),
        ({"limits": {"lut": "many"}}, "limits.lut must be a number that is not negative, or a per cent such as 80%"),
        ({"limits": {"lut": True}}, "limits.lut must be a number that is not negative, or a per cent such as 80%"),
        ({"limits": 3}, "limits must be a mapping with keys among lut, ff, dsp, bram36, uram, bandwidth_gbps, not 3"),
        ({"reserved": {"bandwidth": 3}}, "unknown key 'reserved.bandwidth'"),
        ({"layers": {"c": {"unit": "dps"}}}, "layers.c.unit must be lut_const, lut_generic, dsp or xnor, not 'dps'"),
        ({"layers": {"c": {"weights": "ram"}}}, "layers.c.weights must be lut, lutram, bram, uram or streamed"),
        ({"layers": {"c": {"pe": 0}}}, "layers.c.pe must be a whole number of at least 1, not 0"),
        ({"layers": {"c": {"smid": 2}}}, "unknown key 'layers.c.smid'. Did you mean simd?"),
        ({"layers": {"c": 3}}, "layers.c must be a mapping with keys among unit, pe, simd, pixels, weights, not 3"),
        ({"layers": [3]}, "layers must be a mapping with layer names as keys, not [3]"),
        ({"shapes": 3}, "shapes must be a mapping with input names as keys, not 3"),
        ({"shapes": {"x": [1, 0]}}, "shapes.x must be positive sizes, [1, 3, 224, 224], or one of a symbolic axis"),
        ({"shapes": {"x": []}}, "shapes.x must be positive sizes"),
        ({"input_types": {"x": "int99"}}, "input_types.x must be int1 to int16, or uint1 to uint16, not 'int99'"),
        ({"layers": {3: {"pe": 1}}}, "layers must have texts as keys, not 3"),
        ({"ports": {"bits": 12}}, "ports.bits must be a multiple of 8, not 12"),
        ({"target": {"latency_us": -1}}, "target must be max_fps, min_latency, {fps: x} or {latency_us: x}"),
        ({"quantize": {"weights": 9}}, "quantize.weights must be a whole number from 2 to 8, not 9"),
        ({"quantize": {"layers": {"c": {"wights": 4}}}}, "'quantize.layers.c.wights'. Did you mean weights?"),
        ({"quantize": {"trip": 1}}, "quantize.trip must be true or false, not 1"),
        ({"quantize": {"method": "best"}}, "quantize.method must be adaptive or nearest, not 'best'"),
    ],
)
def test_a_wrong_value_is_a_sentence(data: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        Budget.parse({"board": "zcu102", **data})
    (text,) = sentences(error)
    assert sentence in text


def test_bandwidth_in_per_cent_needs_memories(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(GOOD)
    board = boards.load(str(path))
    assert bandwidth_of(board, Budget.parse({"board": "toy"})) is None
    assert bandwidth_of(board, Budget.parse({"board": "toy", "limits": {"bandwidth_gbps": 2}})) == 2
    with pytest.raises(UserError, match=r"must be in GB/s, not '80%': board toy names no memories. Give a number, or "):
        bandwidth_of(board, Budget.parse({"board": "toy", "limits": {"bandwidth_gbps": "80%"}}))


def test_choices_are_those_of_nodes() -> None:
    graph = residual()
    nodes = [replace(node, source=(f"/net/{node.name}",)) for node in graph.nodes]
    graph = replace(graph, nodes=tuple(nodes))
    first, second = [node.name for node in nodes if node.op == "matvec"][:2]
    layers = {first: {"pe": 2}, f"/net/{second}": {"unit": "dsp"}}
    found = choices_of(graph, Budget.parse({"board": "zcu102", "layers": layers}))
    assert found == {first: LayerChoice(pe=2), second: LayerChoice(unit="dsp")}
    wrong = {f"{first}x": {"pe": 2}, "?": {"pe": 2}, f"/net/{first}": {"pe": 4}, first: {"pe": 2}}
    with pytest.raises(UserError) as error:
        choices_of(graph, Budget.parse({"board": "zcu102", "layers": wrong}))
    unknown, odd, twice = sentences(error)
    assert unknown.startswith(f"layers.{first}x must be a layer of the network, but there is none. Did you mean ")
    assert first in unknown and odd.startswith("layers.? must be a layer of the network")
    assert twice == f"layers.{first} must be named once, but layers./net/{first} is the same layer."


def test_changes_are_keys_of_the_budget(tmp_path: Path) -> None:
    texts = ["limits.lut=80%", "limits.dsp=3", "layers.a.b/c.unit=dsp", "target={fps: 9}", "quantize.layers.a.b.acts=4"]
    changes = parse_changes(texts)
    assert changes == {
        "limits": {"lut": "80%", "dsp": 3},
        "layers": {"a.b/c": {"unit": "dsp"}},
        "target": {"fps": 9},
        "quantize": {"layers": {"a.b": {"acts": 4}}},
    }
    path = tmp_path / "budget.yaml"
    path.write_text("board: ulx3s\nlimits: {lut: 1, ff: 7}\ntarget: {latency_us: 3}\nlayers: {a.b/c: {pe: 2}}\n")
    budget = load_budget(path, changes)
    assert (budget.limits.lut, budget.limits.ff, budget.limits.dsp) == ("80%", 7, 3)
    assert budget.target == FpsTarget(fps=9) and budget.layers["a.b/c"] == LayerChoice(unit="dsp", pe=2)


@pytest.mark.parametrize("text", ["limits.lut", "=3", "limits..lut=3", "clock_mhz=", "clock_mhz=[", ""])
def test_a_change_must_be_one(text: str) -> None:
    with pytest.raises(UserError, match=r"^--set must be KEY=VALUE with a key of the budget, not "):
        parse_changes([text])


def test_the_command_line_wins(tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text("board: ulx3s\nclock_mhz: 40\nlimits: {lut: 1000, dsp: 0}\ntarget: {fps: 10}\n")
    budget = load_budget(path, board="zcu102", clock_mhz=None, limits={"lut": 5000})
    assert (budget.board, budget.clock_mhz) == ("zcu102", 40)
    assert (budget.limits.lut, budget.limits.dsp, budget.limits.ff) == (5000, 0, None)
    assert budget.target == FpsTarget(fps=10)


def test_the_command_line_mends_a_file(tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text("clock_mhz: fast\n")
    assert load_budget(path, board="ulx3s", clock_mhz=25.0).clock_mhz == 25


@pytest.mark.parametrize("text", ["board: [unclosed", "\x00"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"^Budget file .* cannot be read: "):
        load_budget(path, board="zcu102")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_budget(tmp_path / "absent.yaml")


def test_boards_come_with_their_sources() -> None:
    assert boards.names() == sorted(
        [
            "zcu102",
            "zcu104",
            "kv260",
            "ultra96",
            "pynq-z2",
            "kria-kr260",
            "u250",
            "u280",
            "u50",
            "vck190",
            "arty-a7-100",
            "ulx3s",
            "icebreaker",
        ]
    )
    for name in boards.names():
        board = boards.load(name)
        assert board.name == name
        assert board.source
        assert board.axis_bits % 8 == 0
        assert bool(board.memories) is (name != "icebreaker")
        assert board.bandwidth_gbps == sum(m.gbytes_per_s for m in board.memories)
    assert boards.load("ulx3s").resources.bram36 == 208 / 2


def test_an_unknown_board_names_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        boards.load("zcu103")
    assert sentences(error) == ["Board 'zcu103' is not known. Did you mean zcu104, zcu102, vck190?"]
    with pytest.raises(UserError, match=r"Known: arty-a7-100, .*, zcu102, zcu104\.$"):
        boards.load("qqqqqq")


GOOD = """
title: Toy
part: xc7a35t
family: xc7
resources: {lut: 20800, ff: 41600, dsp: 90, bram36: 50, uram: 0}
clock_mhz: 100
axis_bits: 32
source: a data sheet
"""
RAM = "memories: [{{name: x, kind: {}, gbytes_per_s: {}, size_mib: 1}}]\n"


def test_a_board_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(GOOD)
    board = boards.load(str(path))
    assert (board.name, board.part, board.resources.lut) == ("toy", "xc7a35t", 20800)
    assert (board.memories, board.bandwidth_gbps, board.note) == ((), 0, "")
    path.write_text(GOOD + "memories: [{name: ram, kind: ddr3, gbytes_per_s: 1.5, size_mib: 256}]\nnote: slow\n")
    board = boards.load(str(path))
    assert (board.memories, board.bandwidth_gbps) == ((Memory("ram", "ddr3", 1.5, 256),), 1.5)
    assert board.note == "slow"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("family: xc7", "family: vax"), "Board 'toy': family must be one of xcup, xc7, ecp5, ice40, not 'vax'."),
        (("axis_bits: 32", "axis_bits: 33"), "Board 'toy': axis_bits must be a multiple of 8, not 33."),
        (("clock_mhz: 100", "clock_mhz: 0"), "Board 'toy': clock_mhz must be a positive number, not 0."),
        (("title: Toy", "titel: Toy"), "Board 'toy' lacks the key title."),
        (("lut: 20800", "lut: -1"), "Board 'toy': resources must be numbers that are not negative."),
        (("source:", "memory: 3\nsource:"), "Board 'toy' has an unknown key 'memory'. Did you mean memories?"),
        (("source:", "memories: 3\nsource:"), "Board 'toy': memories must be a list of mappings with the keys "),
        (("source:", "memories: [{name: x}]\nsource:"), "Board 'toy': memories[0] must be a mapping with the keys "),
        (("source:", RAM.format("ddr9", 1) + "source:"), "Board 'toy': memories[0].kind must be one of ddr3, "),
        (
            ("source:", RAM.format("ddr4", -1) + "source:"),
            "Board 'toy': memories[0].gbytes_per_s must be a positive number, not -1.",
        ),
    ],
)
def test_a_wrong_board_file_is_a_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(UserError) as error:
        boards.load(str(path))
    assert any(sentence in text for text in sentences(error))


def test_shapes_and_types_of_inputs_need_no_board(tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text("shapes: {x: [1, 3, 8, 8], n: 4}\ninput_types: {x: uint8}\nlimits: 3\n")
    found = load_inputs(path, parse_changes(["shapes.a.b=[1, 2]", "input_types.x=int4"]))
    assert found.shapes == {"x": [1, 3, 8, 8], "n": [4], "a.b": [1, 2]}
    assert found.input_types == {"x": "int4"}
    assert load_inputs(None).shapes == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("site: 35", "sight: 35"), "open.pins[0] must be a mapping with the keys port, site, pull, inverted, not "),
        (("port: led0", "port: led9"), "open.pins[4].port must be one of clk, uart_rx, "),
        (("{port: clk, site: 35}", "{port: led3, site: 35}"), "open.pins must have each of clk, "),
        (("pull: up", "pull: left"), "open.pins[1].pull must be one of none, up, down, not 'left'."),
        (("oscillator_mhz: 12", "oscillator_mhz: 0"), "open.oscillator_mhz must be a positive number, not 0."),
        (("  package: sg48\n", ""), "open must be a mapping with the keys device, oscillator_mhz, package, pins, sou"),
    ],
)
def test_wrong_pins_are_a_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    text = (Path(boards.__file__).parent / "boards" / "icebreaker.yaml").read_text()
    path = tmp_path / "toy.yaml"
    path.write_text(text)
    assert boards.load(str(path)).open == boards.load("icebreaker").open
    path.write_text(text.replace(*change, 1))
    with pytest.raises(UserError) as error:
        boards.load(str(path))
    assert f"Board 'toy': {sentence}" in str(error.value)
