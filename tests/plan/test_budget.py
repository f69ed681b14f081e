# SPDX-License-Identifier: Apache-2.0
"""Budgets and boards: strict files, all problems at once, sentences that name the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.config import Budget, FpsTarget, load_budget
from hwgen.errors import UserError
from hwgen.hw import Memory, boards


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
        "budget.yaml: limits.ff must be a number that is not negative, not -1.",
        "budget.yaml: target must be max_fps, min_latency or {fps: x} with x positive, not 'max_fsp'. "
        "Did you mean max_fps?",
    ]


@pytest.mark.parametrize("target", [{"fps": 0}, {"fps": "fast"}, {"frames": 3}, 7, None, {"fps": float("inf")}])
def test_a_wrong_target_is_one_sentence(target: object) -> None:
    with pytest.raises(UserError) as error:
        Budget.parse({"board": "zcu102", "target": target})
    assert len(sentences(error)) == 1
    assert "target must be max_fps, min_latency or {fps: x}" in sentences(error)[0]


@pytest.mark.parametrize("data", [[1], "zcu102", 3])
def test_a_budget_is_a_mapping(data: object) -> None:
    with pytest.raises(UserError, match=r"must be a mapping. Keys: board, clock_mhz, limits, target."):
        Budget.parse(data)


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
        ]
    )
    for name in boards.names():
        board = boards.load(name)
        assert board.name == name
        assert board.source
        assert board.axis_bits % 8 == 0
        assert board.memories and board.bandwidth_gbps == sum(m.gbytes_per_s for m in board.memories)
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
        (("family: xc7", "family: vax"), "Board 'toy': family must be one of xcup, xc7, ecp5, not 'vax'."),
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
