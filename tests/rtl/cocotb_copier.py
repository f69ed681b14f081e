# SPDX-License-Identifier: Apache-2.0
"""Simulation of a top with registers and a memory; `test_copier` starts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
from axi_checks import Monitor, stalls, start
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam
from simulator import leave, settings


@cocotb.test()
async def runs(dut: Any) -> None:
    """Each run of the list copies what its registers say; `ap_done`, the interrupt and readback work."""
    told = settings()
    pins = (dut.ap_clk, dut.ap_rst_n, False)
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi_gmem"), *pins, size=1 << 16)
    lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), *pins)
    reads = Monitor(dut, "m_axi_gmem", "ar", 8, 32)
    writes = Monitor(dut, "m_axi_gmem", "aw", 8, 16)
    channels = (ram.read_if.ar_channel, ram.read_if.r_channel)
    channels += (ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel)
    for seed, channel in enumerate(channels):
        if told["stall"]:
            channel.set_pause_generator(stalls(seed, told["stall"]))
    memory = Path("memory.bin").read_bytes()
    ram.write(0, memory)
    await start(dut)
    assert await lite.read_dword(0) == 4  # idle
    at = told["registers"]
    clocks = 0
    for source, destination, count in told["runs"]:
        await lite.write_qword(at["source"], source)
        await lite.write_qword(at["destination"], destination)
        await lite.write_dword(at["bytes"], count)
        assert await lite.read_qword(at["destination"]) == destination
        assert await lite.read_dword(at["destination"] + 8) == 0
        await lite.write_dword(4, 1)
        await lite.write_dword(8, 1)
        await lite.write_dword(0, 1)
        await lite.write_dword(at["bytes"], 0)  # a run keeps the arguments it was started with
        clocks = 0
        while not dut.interrupt.value:
            await RisingEdge(dut.ap_clk)
            clocks += 1
            assert clocks < 20000
        assert await lite.read_dword(0) & 0x1000F == 0xE  # done, idle, ready, no error
        assert await lite.read_dword(0) & 0xF == 4  # reading cleared done and ready
        await lite.write_dword(12, 1)
        await RisingEdge(dut.ap_clk)
        assert not dut.interrupt.value
    Path("after.bin").write_bytes(ram.read(0, len(memory)))
    leave(clocks=clocks, reads=reads.most, writes=writes.most)
