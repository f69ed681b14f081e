# SPDX-License-Identifier: Apache-2.0
"""Simulation of a top whose compiled processes take scalars from registers; `test_scaler` starts it."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from axi_checks import start
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from simulator import leave, settings


@cocotb.test()
async def runs(dut: Any) -> None:
    """Each start is a frame with the registers as they were then, however early the data comes."""
    told = settings()
    rng = random.Random(told["stall"])
    lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), dut.ap_clk, dut.ap_rst_n, False)
    dut.in0_tvalid.value = dut.out0_tready.value = 0
    found: list[int] = []
    taken = 0

    async def feed() -> None:
        nonlocal taken
        for word in told["words"]:
            while rng.randrange(100) < told["stall"]:
                await RisingEdge(dut.ap_clk)
            dut.in0_tdata.value, dut.in0_tvalid.value = word, 1
            await RisingEdge(dut.ap_clk)
            while not dut.in0_tready.value:
                await RisingEdge(dut.ap_clk)
            dut.in0_tvalid.value = 0
            taken += 1

    async def drain() -> None:
        while True:
            dut.out0_tready.value = ready = int(rng.randrange(100) >= told["stall"])
            await RisingEdge(dut.ap_clk)
            if ready and dut.out0_tvalid.value:
                found.append(int(dut.out0_tdata.value))

    await start(dut)
    cocotb.start_soon(feed())
    cocotb.start_soon(drain())
    for _ in range(40):
        await RisingEdge(dut.ap_clk)
    assert not taken and not found, "nothing may start before ap_start"
    wanted = 0
    for number, frame in enumerate(told["frames"]):
        for name, value in frame.items():
            await lite.write_dword(told["registers"][name], value)
        await lite.write_dword(0, 1)
        for name in frame:  # the frame keeps the registers it was started with
            await lite.write_dword(told["registers"][name], 0xFFFFFFFF if number % 2 else 0)
        while not await lite.read_dword(0) & 2:
            pass
        wanted += frame["length"]
        assert taken == wanted, "a frame takes its words, and ap_done says that it did"
    for _ in range(100):
        await RisingEdge(dut.ap_clk)
        if len(found) == wanted:
            break
    assert taken == wanted
    leave(found=found)
