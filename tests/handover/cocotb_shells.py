# SPDX-License-Identifier: Apache-2.0
"""Both shells around a tiny core that adds weights to frames; `test_shells_run` starts it."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from axi_checks import stalls, start
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiReadBus,
    AxiSlaveRead,
    AxiSlaveWrite,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
    AxiWriteBus,
    MemoryRegion,
)
from simulator import leave, settings

BEATS, BEAT = 8, 4
FRAME = BEATS * BEAT
SOURCE, WEIGHTS, SINK = 0x1003, 0x2000, 0x3001
CONTROL, GIE, IER, ISR, FRAMES, ERRORS, RESET, COUNT, CYCLES = 0, 4, 8, 12, 16, 20, 24, 28, 32


class Bench:
    """A shell, its memory, and its streams where it has them."""

    def __init__(self, dut: Any) -> None:
        self.dut, told = dut, settings()
        pins = (dut.ap_clk, dut.ap_rst_n, False)
        self.at = told["pointers"]
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), *pins)
        self.memory = MemoryRegion(1 << 16)
        rows = bytes(random.Random(5).randrange(256) for _ in range(FRAME // 2))
        self.memory[WEIGHTS : WEIGHTS + len(rows)] = rows
        self.weights = 2 * rows  # four rows, twice for each frame
        self.slaves: list[Any] = []
        for index, way in enumerate(told["memories"]):
            bus, slave = (AxiReadBus, AxiSlaveRead) if way == "in" else (AxiWriteBus, AxiSlaveWrite)
            signals = bus.from_prefix(dut, f"m_axi_gmem{index}")
            self.slaves.append(slave(signals, dut.ap_clk, dut.ap_rst_n, target=self.memory, reset_active_level=False))
        self.streams = told["shell"] == "ip"
        if self.streams:
            self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_0"), *pins)
            self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis_0"), *pins)

    def stall(self) -> None:
        """Have everything around the shell pause now and then."""
        channels = [self.source, self.sink] if self.streams else []
        for slave in self.slaves:
            names = ("ar_channel", "r_channel", "aw_channel", "w_channel", "b_channel")
            channels += [getattr(slave, name) for name in names if hasattr(slave, name)]
        for seed, channel in enumerate(channels):
            channel.set_pause_generator(stalls(seed, 30))

    async def start(self) -> None:
        await start(self.dut)
        for name, address in (("s_axis_0", SOURCE), ("s_axis_w0", WEIGHTS), ("m_axis_0", SINK)):
            await self.lite.write_qword(self.at[f"ptr_{name}"], address)

    async def begin(self, frames: bytes, control: int = 1) -> None:
        """Have frames ready, and start a run of them."""
        self.memory[SOURCE : SOURCE + len(frames)] = frames
        await self.lite.write_dword(FRAMES, len(frames) // FRAME)
        await self.lite.write_dword(CONTROL, control)
        if self.streams and frames:
            await self.source.send(AxiStreamFrame(frames))

    async def finish(self) -> int:
        """Wait for ap_done and return all bits that the register has had."""
        seen = 0
        for _ in range(4000):
            seen |= int(await self.lite.read_dword(CONTROL))
            if seen & 2:
                return seen
        raise AssertionError("no ap_done")

    async def result(self, size: int) -> bytes:
        if self.streams:
            return bytes((await self.sink.recv()).tdata)
        return bytes(self.memory[SINK : SINK + size])

    async def interrupt(self) -> None:
        for _ in range(4000):
            if self.dut.interrupt.value:
                return
            await RisingEdge(self.dut.ap_clk)
        raise AssertionError("no interrupt")

    def expected(self, frames: bytes) -> bytes:
        """Return the frames plus weights, byte by byte; every fourth byte is padding."""
        sums = (0 if i % BEAT == BEAT - 1 else (v + self.weights[i % FRAME]) & 255 for i, v in enumerate(frames))
        return bytes(sums)


async def bench(dut: Any) -> Bench:
    found = Bench(dut)
    await found.start()
    return found


@cocotb.test()
async def runs_of_any_length(dut: Any) -> None:
    """Frames go through whatever the pauses, the weights again for each; the bits of ap_ctrl_hs tell the truth."""
    it, rng, total = await bench(dut), random.Random(1), 0
    assert await it.lite.read_dword(CONTROL) == 4
    for count in (1, 2, 5, 1):
        frames = rng.randbytes(FRAME * count)
        await it.begin(frames)
        assert await it.finish() & 0b1010 == 0b1010
        assert await it.lite.read_dword(CONTROL) == 4
        assert await it.result(len(frames)) == it.expected(frames)
        total += count
        assert await it.lite.read_dword(COUNT) == total
        cycles = await it.lite.read_qword(CYCLES)
        assert BEATS * count <= cycles and cycles == await it.lite.read_qword(CYCLES)
        if count == 2:
            it.stall()
    await it.begin(b"")
    assert await it.finish() & 0b1010 == 0b1010
    assert await it.lite.read_dword(ERRORS) == 0
    leave()


@cocotb.test()
async def interrupts(dut: Any) -> None:
    """The interrupt is raised by what is enabled, stays until taken back, and says what it was."""
    it, rng = await bench(dut), random.Random(2)
    for enabled, causes in ((1, 1), (2, 2), (7, 3), (0, 0)):
        await it.lite.write_dword(IER, enabled)
        await it.lite.write_dword(GIE, 1)
        frames = rng.randbytes(FRAME)
        await it.begin(frames)
        if causes:
            await it.interrupt()
        await it.finish()
        assert await it.result(FRAME) == it.expected(frames)
        assert await it.lite.read_dword(ISR) == causes
        assert bool(await it.lite.read_dword(CONTROL) >> 9 & 1) == bool(causes)
        await it.lite.write_dword(ISR, causes)
        assert await it.lite.read_dword(ISR) == 0 and not dut.interrupt.value
    await it.lite.write_dword(GIE, 0)
    await it.begin(frames)
    await it.finish()
    assert not dut.interrupt.value


@cocotb.test()
async def auto_restart_goes_on_without_a_gap(dut: Any) -> None:
    """Runs of one frame follow each other at the pace of the core until auto_restart is taken back."""
    it, rng = await bench(dut), random.Random(3)
    frames = rng.randbytes(FRAME)
    it.memory[SOURCE : SOURCE + FRAME] = frames
    await it.begin(frames, 0x81)
    if it.streams:
        for _ in range(49):
            await it.source.send(AxiStreamFrame(frames))
        for _ in range(50):
            assert await it.result(FRAME) == it.expected(frames)
        assert await it.lite.read_qword(CYCLES) < 50 * BEATS + 120
    while await it.lite.read_dword(COUNT) < 50:
        pass
    await it.lite.write_dword(CONTROL, 0)
    if it.streams:
        for _ in range(3):
            await it.source.send(AxiStreamFrame(frames))
    while not await it.lite.read_dword(CONTROL) & 4:
        pass
    count = await it.lite.read_dword(COUNT)
    await ClockCycles(dut.ap_clk, 200)
    assert await it.lite.read_dword(COUNT) == count and (not it.streams or count <= 53)
    if not it.streams:
        assert await it.result(FRAME) == it.expected(frames)


@cocotb.test()
async def a_reset_in_flight(dut: Any) -> None:
    """A soft reset waits for the memory, whatever was under way, and the next run is right."""
    it, rng = await bench(dut), random.Random(4)
    it.stall()
    for _ in range(8):
        await it.begin(rng.randbytes(FRAME * 9), rng.choice((1, 0x81)))
        await ClockCycles(dut.ap_clk, rng.randrange(1, 90))
        if it.streams:
            it.source.assert_reset(True)
            it.source.assert_reset(False)
            it.source.clear()
        await it.lite.write_dword(RESET, 1)
        while await it.lite.read_dword(RESET):
            pass
        if it.streams:
            it.sink.assert_reset(True)
            it.sink.assert_reset(False)
            it.sink.clear()
        assert await it.lite.read_dword(CONTROL) & 0b101 == 4
        frames = rng.randbytes(FRAME * 2)
        await it.lite.read_dword(CONTROL)
        await it.begin(frames)
        await it.finish()
        assert await it.result(len(frames)) == it.expected(frames)
        assert await it.lite.read_dword(ERRORS) == 0


@cocotb.test()
async def errors_of_memory_are_told(dut: Any) -> None:
    """An answer that is an error sets its bit and raises the interrupt; writing 1 clears it."""
    it = await bench(dut)
    await it.lite.write_dword(IER, 4)
    await it.lite.write_dword(GIE, 1)
    for name, bit in (("ptr_s_axis_w0", 2), ("ptr_m_axis_0", 4)):
        if it.streams and bit == 4:
            continue
        kept = await it.lite.read_qword(it.at[name])
        await it.lite.write_qword(it.at[name], 1 << 32)
        await it.begin(bytes(FRAME))
        await it.interrupt()
        await it.finish()
        if it.streams:
            await it.result(FRAME)
        assert await it.lite.read_dword(ERRORS) == bit
        assert await it.lite.read_dword(ISR) == 4
        await it.lite.write_dword(ISR, 4)
        await it.lite.write_dword(ERRORS, bit)
        assert await it.lite.read_dword(ERRORS) == 0
        await it.lite.write_qword(it.at[name], kept)
    frames = bytes(range(FRAME))
    await it.begin(frames)
    await it.finish()
    assert await it.result(FRAME) == it.expected(frames)
