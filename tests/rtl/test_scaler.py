# SPDX-License-Identifier: Apache-2.0
"""A top that gives registers to compiled processes: each start is a frame with its own, against C simulation."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from hwgen.hlsc import Target, compile_dataflow, compile_process
from hwgen.hlsc.csim import CsimJob, csim_many

from .simulator import run
from .test_copier import INCLUDE, ROOT, lint

SOURCE = ROOT / "tests" / "hlsc" / "scalars.cpp"
TARGET = Target("xcup", 300.0)
LENGTHS = [5, 1, 0, 40, 2, 0, 17]


def expected(words: list[int], frames: list[dict[str, int]]) -> list[int]:
    """Return what the top writes, by the C++ of its processes."""
    scalars = {name: [frame[name] for frame in frames] for name in frames[0]}
    data = np.array(words, np.uint8)[:, None]
    for name, wanted in (("scale", ("gain", "length")), ("shift", ("offset", "negate", "length")), ("pass", ())):
        given = {key: scalars[key] for key in wanted}
        (data,) = csim_many([CsimJob(SOURCE, name, INCLUDE, [data], None, given)])[0]
    return [int.from_bytes(row.tobytes(), "little") for row in data]


@pytest.mark.parametrize("stall", [0, 50])
def test_scaler_equals_csim(stall: int, tmp_path: Path) -> None:
    rng = random.Random(stall)
    top = compile_dataflow(SOURCE, "scaler", INCLUDE, TARGET)
    assert top.registers == (("gain", 0x10, 8), ("offset", 0x18, 12), ("negate", 0x20, 1), ("length", 0x28, 12))
    sources = list(top.rtl_files)
    for name in ("scale", "shift", "pass"):
        sources.append(tmp_path / f"{name}.sv")
        sources[-1].write_text(compile_process(SOURCE, name, INCLUDE, TARGET).rtl)
    sources.append(tmp_path / "scaler.sv")
    sources[-1].write_text(top.rtl)
    assert not lint(sources, "scaler", tmp_path)
    frames = [
        {"gain": rng.getrandbits(8), "offset": rng.getrandbits(12), "negate": rng.getrandbits(1), "length": length}
        for length in LENGTHS
    ]
    words = [rng.getrandbits(8) for _ in range(sum(LENGTHS) + 9)]
    registers = {name: address for name, address, _ in top.registers}
    told = {"stall": stall, "words": words, "frames": frames, "registers": registers}
    found = run(tmp_path, sources, "scaler", "cocotb_scaler", **told)["found"]
    assert found == expected(words[: sum(LENGTHS)], frames)
