# SPDX-License-Identifier: Apache-2.0
"""The window's RTL: right words under any handshake and after any reset, and in the clocks that the rule tells."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hwgen.graph import Ints
from hwgen.hlsc import Target, compile_process, ir
from hwgen.hw import pack
from hwgen.ops.line_buffer import interval

from .kernels import COMPAT, FRAMES, INCLUDE, Case
from .test_window import make_case
from .window_reference import Shape, rule

sys.path.append(str(Path(__file__).parents[1] / "hlsc" / "back"))

from rtl_harness import Model, build

SHAPES = [
    (Shape(8, 8, 2, (3, 3), (1, 1), (0, 0, 0, 0), False), 64),
    (Shape(5, 6, 1, (3, 3), (1, 1), (1, 1, 1, 1), False), 16),
    (Shape(6, 5, 3, (3, 2), (2, 3), (0, 1, 2, 0), True), 64),
    (Shape(3, 2, 3, (3, 1), (2, 2), (2, 0, 2, 0), False), 16),
    (Shape(6, 6, 2, (2, 2), (2, 2), (0, 0, 0, 0), True), 32),
    (Shape(9, 7, 1, (1, 1), (4, 3), (0, 0, 0, 0), False), 2),
    (Shape(4, 3, 2, (4, 3), (3, 1), (3, 2, 3, 2), True), 32),
    (Shape(7, 8, 2, (3, 2), (1, 2), (2, 1, 2, 3), False, (2, 3)), 128),
    (Shape(4, 5, 6, (2, 3), (1, 1), (1, 1, 1, 1), False, (1, 1), 3), 64),
    (Shape(2, 3, 4, (2, 2), (2, 1), (3, 2, 3, 2), False, (3, 2), 2), 64),
    (Shape(1, 2, 3, (1, 2), (1, 3), (0, 4, 0, 4), True, (1, 4)), 16),
    (Shape(6, 5, 1, (3, 3), (1, 1), (1, 1, 1, 1), False, beside=9), 16),
    (Shape(9, 8, 1, (3, 3), (2, 2), (0, 0, 1, 1), False, beside=3), 64),
    (Shape(7, 6, 1, (3, 2), (2, 1), (2, 1, 0, 0), True, (1, 3), beside=2), 32),
    (Shape(6, 6, 1, (2, 2), (2, 2), (0, 0, 0, 0), True, beside=4), 16),
]


@dataclass(frozen=True)
class Windows:
    """Compiled windows in one model."""

    model: Model
    cases: list[Case]
    depths: list[int]

    def words(self, values: Ints, number: int, side: int) -> list[int]:
        """Return a stream's words as integers."""
        stream = (self.cases[number].inputs, self.cases[number].outputs)[side][0][0]
        return [int.from_bytes(row.tobytes(), "little") for row in pack(values, stream)]

    def inputs(self) -> dict[str, dict[str, list[int]]]:
        """Return FRAMES frames for each window."""
        return {f"k{n}": {"in0": self.words(case.inputs[0][1], n, 0)} for n, case in enumerate(self.cases)}


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Windows:
    folder = tmp_path_factory.mktemp("windows")
    cases = [make_case(np.random.default_rng(n), shape, depth) for n, (shape, depth) in enumerate(SHAPES)]
    modules = []
    for number, case in enumerate(cases):
        source = folder / f"k{number}.cpp"
        source.write_text(case.render(f"k{number}"))
        modules.append(compile_process(source, f"k{number}", [COMPAT, INCLUDE], Target("xcup", 300.0)))
    shells = [
        ir.Process(m.name, tuple(ir.Stream(p.name, p.direction, p.bits) for p in m.ports), (), (), (), (), (), None)
        for m in modules
    ]
    return Windows(build(folder, shells, [m.rtl for m in modules]), cases, [m.depth for m in modules])


@pytest.mark.parametrize("reset", [0, 23, 61, 118])
@pytest.mark.parametrize(("valid", "ready"), [(100, 100), (50, 100), (100, 50), (40, 40), (10, 90), (95, 8)])
def test_words_under_any_handshake(windows: Windows, valid: int, ready: int, reset: int) -> None:
    found = windows.model.run(windows.inputs(), seed=valid + reset, valid=valid, ready=ready, reset_at=reset)
    assert not found.violations
    for number, case in enumerate(windows.cases):
        assert found.words[f"k{number}.out0"] == windows.words(case.outputs[0][1], number, 1), SHAPES[number]


def test_clocks_are_those_of_the_rule(windows: Windows) -> None:
    found = windows.model.run(windows.inputs())
    for number, (shape, depth) in enumerate(SHAPES):
        _, writes = rule(shape.geometry, depth, [0] * FRAMES * shape.geometry.total, FRAMES)
        assert found.cycles[f"k{number}.out0"] == [t + windows.depths[number] for t in writes], shape


def test_frames_follow_without_a_pause() -> None:
    for shape, depth in SHAPES[:3]:
        beats = shape.kernel[0] * shape.kernel[1] * shape.out[0] * shape.out[1] * shape.folds
        assert interval(shape.geometry, 4 * depth) == max(beats, shape.geometry.total)
