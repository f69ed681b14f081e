# SPDX-License-Identifier: Apache-2.0
"""Simulations of the width converter and the clock-domain FIFO; `test_streams` starts them."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from axi_checks import stalls, start
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from simulator import leave, settings

FRAMES = 40


def drawn() -> tuple[dict[str, Any], random.Random]:
    """Return the settings and their random numbers."""
    told = settings()
    return told, random.Random(told["seed"])


async def frames(dut: Any) -> None:
    """Frames of any number of bytes keep their bytes and their ends."""
    told, rng = drawn()
    pins = (dut.ap_clk, dut.ap_rst_n, False)
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s"), *pins)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m"), *pins)
    if told["stall"]:
        source.set_pause_generator(stalls(1, told["stall"]))
        sink.set_pause_generator(stalls(2, told["stall"]))
    await start(dut)
    sent = [rng.randbytes(told["bytes"] or rng.randrange(1, 70)) for _ in range(FRAMES)]
    for data in sent:
        await source.send(AxiStreamFrame(data))
    clocks, previous = 0, 0
    for number, data in enumerate(sent):
        assert bytes((await sink.recv()).tdata) == data, f"frame {number}"
        clocks = cocotb.utils.get_sim_time("step") // 10 - previous
        previous += clocks
    leave(clocks=clocks)


async def crossing(dut: Any) -> None:
    """No word is lost, doubled or reordered between two clocks."""
    told, rng = drawn()
    count = told["count"]
    words = [rng.getrandbits(len(dut.s_tdata)) for _ in range(count)]
    dut.s_tvalid.value = dut.m_tready.value = dut.s_rst_n.value = dut.m_rst_n.value = 0
    cocotb.start_soon(Clock(dut.s_clk, told["write"], "step").start())
    await Timer(told["phase"] or 1, "step")
    cocotb.start_soon(Clock(dut.m_clk, told["read"], "step").start())
    await Timer(6 * max(told["write"], told["read"]), "step")
    await RisingEdge(dut.s_clk)
    dut.s_rst_n.value = 1
    if told["late"]:
        await Timer(told["late"], "step")
    await RisingEdge(dut.m_clk)
    dut.m_rst_n.value = 1

    async def feed() -> None:
        at, valid = 0, False
        while at < count:
            valid = valid or rng.randrange(100) >= told["stall"]
            dut.s_tvalid.value = valid
            dut.s_tdata.value = words[at]
            await RisingEdge(dut.s_clk)
            if valid and dut.s_tready.value:
                at, valid = at + 1, False
        dut.s_tvalid.value = 0

    cocotb.start_soon(feed())
    got: list[int] = []
    clocks = first = 0
    while len(got) < count:
        ready = rng.randrange(100) >= told["stall"]
        dut.m_tready.value = ready
        await RisingEdge(dut.m_clk)
        clocks += 1
        assert clocks < 100 * count
        if ready and dut.m_tvalid.value:
            first = first or clocks
            got.append(int(dut.m_tdata.value))
    assert got == words
    dut.m_tready.value = 1
    for _ in range(20):
        await RisingEdge(dut.m_clk)
        assert not dut.m_tvalid.value
    leave(clocks=clocks - first + 1)


@cocotb.test()
async def moves(dut: Any) -> None:
    """Whichever module it is keeps what passes through it."""
    await (frames if hasattr(dut, "ap_clk") else crossing)(dut)
