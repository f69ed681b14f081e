# SPDX-License-Identifier: Apache-2.0
"""RTL of processes with scalars: each frame takes its own, whatever valid and ready do."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from rtl_harness import Model, build_compiled

from hwgen.hlsc import interp, ir
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.hlsc.front import read_process
from hwgen.hlsc.scalars import declared, packed
from hwgen.hlsc.target import Target

SOURCE = Path(__file__).parents[1] / "scalars.cpp"
NAMES = ("scale", "shift", "widths", "once", "doubled")
PATTERNS = [(100, 100), (50, 50), (10, 100), (100, 10)]
FRAMES = 25


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    processes = [read_process(SOURCE, name) for name in NAMES]
    return build_compiled(tmp_path_factory.mktemp("scalars"), processes, Target("xcup", 300.0))[0]


def frames(process: ir.Process, rng: random.Random) -> list[dict[str, int]]:
    """Return the scalars of each frame; counts are small."""
    small = ("length", "words")
    return [
        {s.name: rng.randrange(9) if s.name in small else rng.getrandbits(s.width) for s in process.scalars}
        for _ in range(FRAMES)
    ]


def simulated(process: ir.Process, rows: list[dict[str, int]], words: list[int]) -> list[int]:
    width = process.streams[0].width
    data = np.array([list(w.to_bytes((width + 7) // 8, "little")) for w in words], np.uint8)
    scalars = {s.name: [row[s.name] for row in rows] for s in process.scalars}
    (out,) = csim_many([CsimJob(SOURCE, process.name, [], [data], None, scalars)])[0]
    return [int.from_bytes(row.tobytes(), "little") for row in out]


@pytest.mark.parametrize(("valid", "ready"), PATTERNS)
def test_rtl_equals_csim(model: Model, valid: int, ready: int) -> None:
    rng = random.Random(valid + ready)
    given, expected = {}, {}
    for process in model.processes:
        rows = frames(process, rng)
        (stream,) = [s for s in declared(process) if s.direction == "in"]
        words = [rng.getrandbits(stream.width) for _ in range(9 * FRAMES)]
        given[process.name] = {"in0": words, "args": [packed(process.scalars, row) for row in rows]}
        expected[process.name] = simulated(process, rows, words)
        assert interp.run(process, given[process.name], 10_000)["out0"] == expected[process.name]
    found = model.run(given, seed=valid, valid=valid, ready=ready, cycles=60_000)
    assert not found.violations
    for name, words in expected.items():
        assert found.words[f"{name}.out0"] == words, name
        assert found.words[f"{name}.done"] == [0] * FRAMES, name


def test_nothing_starts_without_arguments(model: Model) -> None:
    found = model.run({p.name: {"in0": [1, 2, 3]} for p in model.processes}, cycles=200)
    assert not any(found.words.values())


def test_a_frame_costs_one_clock_more(model: Model) -> None:
    args = [2 | 3 << 8, 5 | 4 << 8]
    found = model.run({"scale": {"in0": [1, 2, 3, 4, 5, 6, 7], "args": args}})
    assert found.words["scale.out0"] == [2, 4, 6, 20, 25, 30, 35]
    times = [t - found.cycles["scale.out0"][0] for t in found.cycles["scale.out0"]]
    assert times == [0, 1, 2, 4, 5, 6, 7]
    first = found.cycles["scale.out0"]
    assert found.cycles["scale.done"][0] >= first[2] - 1 and found.cycles["scale.done"][1] >= first[-1] - 1
