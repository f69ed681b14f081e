# SPDX-License-Identifier: Apache-2.0
"""The width converter and the clock-domain FIFO."""

from __future__ import annotations

from pathlib import Path

import pytest

from .simulator import RTL, run


@pytest.mark.parametrize("stall", [0, 50])
@pytest.mark.parametrize(("source", "sink"), [(8, 32), (48, 16), (32, 32)])
def test_width_keeps_frames(source: int, sink: int, stall: int, tmp_path: Path) -> None:
    parameters = {"IN_BITS": source, "OUT_BITS": sink, "UNIT": 8}
    run(tmp_path, [RTL / "hwgen_width.sv"], "hwgen_width", "cocotb_streams", parameters, seed=3, stall=stall, bytes=0)


@pytest.mark.parametrize(("source", "sink", "beats"), [(8, 32, 48), (48, 16, 24)])
def test_width_moves_a_narrow_word_every_clock(source: int, sink: int, beats: int, tmp_path: Path) -> None:
    parameters = {"IN_BITS": source, "OUT_BITS": sink, "UNIT": 8}
    module = [RTL / "hwgen_width.sv"]
    left = run(tmp_path, module, "hwgen_width", "cocotb_streams", parameters, seed=3, stall=0, bytes=48)
    assert left["clocks"] == beats


CLOCKS = [(10, 10, 3), (10, 34, 1), (34, 10, 7), (10, 14, 5), (22, 18, 9), (10, 10, 0)]
"""Periods of both clocks and the reading clock's phase."""


@pytest.mark.parametrize(("write", "read", "phase"), CLOCKS)
@pytest.mark.parametrize("stall", [0, 50])
def test_cdc_fifo_loses_nothing(write: int, read: int, phase: int, stall: int, tmp_path: Path) -> None:
    told = {"seed": write * read + phase, "late": 4 * phase, "stall": stall, "count": 300}
    parameters = {"WIDTH": 40, "DEPTH": 8}
    module = [RTL / "hwgen_cdc_fifo.sv"]
    left = run(
        tmp_path, module, "hwgen_cdc_fifo", "cocotb_streams", parameters, write=write, read=read, phase=phase, **told
    )
    if write == read and not stall:
        assert left["clocks"] == 300
    if not stall and read > write:
        assert left["clocks"] == 300  # the slower side sets the pace
