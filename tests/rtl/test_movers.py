# SPDX-License-Identifier: Apache-2.0
"""The AXI4 data movers: any address and length, stalls everywhere, errors, and their throughput."""

from __future__ import annotations

from pathlib import Path

import pytest

from .simulator import RTL, run

PARTS = [RTL / "hwgen_fifo.sv", RTL / "hwgen_axi_bursts.sv"]
MOVERS = ("hwgen_axi_read", "hwgen_axi_write")


def move(folder: Path, module: str, width: int = 64, longest: int = 16, **told: int) -> dict[str, int]:
    beats = min(longest, 4096 * 8 // width)
    parameters = {"DATA_BITS": width, "MAX_BURST": longest, "OUTSTANDING": told.pop("outstanding", 4)}
    settings = {"count": 30, "stall": 0, "faulty": 0, "seed": 1, **told, "width": width, "longest": beats}
    return run(folder, [*PARTS, RTL / f"{module}.sv"], module, "cocotb_movers", parameters, **settings)


@pytest.mark.parametrize("module", MOVERS)
@pytest.mark.parametrize(("width", "longest", "stall"), [(32, 256, 0), (64, 16, 60), (512, 256, 30)])
def test_every_byte_moves(module: str, width: int, longest: int, stall: int, tmp_path: Path) -> None:
    move(tmp_path, module, width, longest, stall=stall)


@pytest.mark.parametrize("module", MOVERS)
def test_errors_are_told_for_their_descriptor_alone(module: str, tmp_path: Path) -> None:
    move(tmp_path, module, stall=20, faulty=1, seed=2)


@pytest.mark.parametrize("module", MOVERS)
def test_long_transfers_are_fast(module: str, tmp_path: Path) -> None:
    figures = move(tmp_path, module, count=0)
    assert figures["beats"] == 4096
    assert figures["beats"] >= 0.95 * figures["clocks"]
    assert figures["most"] > 1


@pytest.mark.parametrize("module", MOVERS)
def test_one_burst_at_a_time(module: str, tmp_path: Path) -> None:
    assert move(tmp_path, module, outstanding=1, stall=20, count=14)["most"] == 1
