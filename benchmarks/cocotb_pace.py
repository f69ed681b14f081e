# SPDX-License-Identifier: Apache-2.0
"""Frames through the bare core, or through the PYNQ driver, DMA and shell; `pynq.py` starts it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge
from cocotb.triggers import ClockCycles
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from driver_module import load
from simulator import leave, settings
from zynq import Zynq, fake_pynq

PERIOD = 10


def clocks() -> int:
    return round(get_sim_time("step")) // PERIOD


async def bare(dut: Any) -> tuple[int, bytes]:
    """Return the clocks from the first beat offered to the last one taken, and what came out."""
    cocotb.start_soon(Clock(dut.ap_clk, PERIOD, "step").start())
    pins = (dut.ap_clk, dut.ap_rst_n, False)
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_0"), *pins)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_0"), *pins)
    dut.ap_rst_n.value = 0
    await ClockCycles(dut.ap_clk, 8)
    dut.ap_rst_n.value = 1
    await ClockCycles(dut.ap_clk, 2)
    begin, frames = clocks(), np.load("packed.npy")
    for frame in frames:
        await source.send(AxiStreamFrame(frame.tobytes()))
    found = b"".join([bytes((await sink.recv()).tdata) for _ in frames])
    return clocks() - begin, found


async def pynq(dut: Any) -> tuple[int, bytes]:
    """Return the clocks of the driver's whole call, and what it gave."""
    path = Path(settings()["driver"])
    board, module = Zynq(dut), load(path)
    sys.modules["pynq"] = fake_pynq(board, settings()["vlnv"])
    await board.start()

    def work() -> tuple[int, bytes]:
        accelerator = module.open_overlay("design.bit")
        (source,), (sink,) = accelerator.inputs, accelerator.outputs
        integers = {source.name: source.unpack(np.load("packed.npy"))}
        begin = clocks()
        found = accelerator.run_integers(integers)
        return clocks() - begin, sink.pack(found[sink.name]).tobytes()

    return tuple(await bridge(work)())


@cocotb.test()
async def frames(dut: Any) -> None:
    """Measure, and keep what came out for a comparison."""
    taken, found = await (bare if settings()["way"] == "bare" else pynq)(dut)
    Path("found.bin").write_bytes(found)
    leave(clocks=taken)
