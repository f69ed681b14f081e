# SPDX-License-Identifier: Apache-2.0
"""A Zynq around the simulated shell: its memory, an AXI DMA of ours, registers on AXI4-Lite, and PYNQ's few names."""

from __future__ import annotations

import types
from typing import Any

import cocotb
import numpy as np
from cocotb.task import resume
from cocotb.triggers import ClockCycles, First, RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from hwgen.handover import amd
from hwgen.handover.block_design import LENGTH_BITS, STEP
from hwgen.hw import boards
from tests.rtl.axi_checks import start

CONTROL = amd.processor(boards.load("zcu102")).control_base
DMA = CONTROL + STEP
MEMORY = 1 << 20
LATENCY = 60
"""Clocks from the start of a transfer to its first beat, as a DMA waits for its memory."""


class Channel:
    """One direction of an AXI DMA in direct register mode, as PG021 describes its registers."""

    CONTROL, STATUS, ADDRESS, HIGH, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
    RUN, RESET = 1, 4
    HALTED, IDLE, INTERNAL_ERROR, FINISHED = 1, 2, 1 << 4, 1 << 12

    def __init__(self, board: Zynq, stream: AxiStreamSource | AxiStreamSink) -> None:
        self.board, self.stream = board, stream
        self.registers = {self.CONTROL: 0, self.STATUS: self.HALTED, self.ADDRESS: 0, self.HIGH: 0, self.LENGTH: 0}
        self.task: Any = None
        self.transfers = 0
        self._quiet()

    def read(self, offset: int) -> int:
        return self.registers[offset]

    def write(self, offset: int, value: int) -> None:
        if offset == self.CONTROL and value & self.RESET:
            self.reset()
        elif offset == self.CONTROL:
            self.registers[offset] = value
            self.registers[self.STATUS] &= ~self.HALTED
        elif offset == self.STATUS:
            self.registers[offset] &= ~(value & self.FINISHED)
        else:
            self.registers[offset] = value & ((1 << LENGTH_BITS) - 1) if offset == self.LENGTH else value
        if offset == self.LENGTH:
            assert self.registers[self.CONTROL] & self.RUN and value < 1 << LENGTH_BITS
            self.registers[self.STATUS] &= ~(self.IDLE | self.FINISHED)
            self.transfers += 1
            self.task = cocotb.start_soon(self._transfer(self.registers[self.ADDRESS], self.registers[offset]))

    def reset(self) -> None:
        if self.task is not None and not self.task.done():
            self.task.cancel()
        self.stream.assert_reset(True)
        self.stream.assert_reset(False)
        self.stream.clear()
        self.registers[self.CONTROL] = 0
        self.registers[self.STATUS] = self.HALTED
        self._quiet()

    def _quiet(self) -> None:
        if isinstance(self.stream, AxiStreamSink):
            self.stream.pause = True

    def _end(self, flags: int) -> None:
        self.registers[self.STATUS] |= flags

    async def _transfer(self, address: int, size: int) -> None:
        if isinstance(self.stream, AxiStreamSource):
            await ClockCycles(self.board.dut.ap_clk, LATENCY)
            await self.stream.send(AxiStreamFrame(bytes(self.board.memory[address : address + size])))
            await self.stream.wait()
            self._end(self.IDLE | self.FINISHED)
            return
        self.stream.pause = False
        packet = bytes((await self.stream.recv()).tdata)
        self.stream.pause = True
        self.board.memory[address : address + min(size, len(packet))] = packet[:size]
        self.registers[self.LENGTH] = len(packet)
        self._end(self.HALTED | self.INTERNAL_ERROR if len(packet) > size else self.IDLE | self.FINISHED)


class Dma:
    """Both directions behind one window of registers."""

    S2MM = 0x30

    def __init__(self, board: Zynq, source: str, sink: str) -> None:
        pins = (board.dut.ap_clk, board.dut.ap_rst_n, False)
        self.mm2s = Channel(board, AxiStreamSource(AxiStreamBus.from_prefix(board.dut, source), *pins))
        self.s2mm = Channel(board, AxiStreamSink(AxiStreamBus.from_prefix(board.dut, sink), *pins))

    def read(self, offset: int) -> int:
        return self.s2mm.read(offset - self.S2MM) if offset >= self.S2MM else self.mm2s.read(offset)

    def write(self, offset: int, value: int) -> None:
        """Set a register; a reset of one direction resets both."""
        if offset in (0, self.S2MM) and value & Channel.RESET:
            self.mm2s.reset()
            self.s2mm.reset()
        elif offset >= self.S2MM:
            self.s2mm.write(offset - self.S2MM, value)
        else:
            self.mm2s.write(offset, value)


class Zynq:
    """The simulated shell with all around it; `read` and `write` are the processor's."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.memory = bytearray(MEMORY)
        self.used = 0x1000
        self.interrupts = 0
        pins = (dut.ap_clk, dut.ap_rst_n, False)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), *pins)
        self.dma = Dma(self, "s_axis_0", "m_axis_0") if hasattr(dut, "s_axis_0_tdata") else None

    async def start(self) -> None:
        """Start the clock and perform a reset."""
        await start(self.dut)

    async def read(self, address: int) -> int:
        if address >= DMA:
            await ClockCycles(self.dut.ap_clk, 4)
            assert self.dma is not None
            return self.dma.read(address - DMA)
        return int(await self.lite.read_dword(address - CONTROL))

    async def write(self, address: int, value: int) -> None:
        if address >= DMA:
            await ClockCycles(self.dut.ap_clk, 4)
            assert self.dma is not None
            self.dma.write(address - DMA, value)
        else:
            await self.lite.write_dword(address - CONTROL, value)

    async def interrupt(self, clocks: int = 3000) -> None:
        """Wait for the interrupt, at most so many clocks."""
        if not self.dut.interrupt.value:
            await First(RisingEdge(self.dut.interrupt), ClockCycles(self.dut.ap_clk, clocks))
        self.interrupts += int(self.dut.interrupt.value)

    def allocate(self, size: int) -> int:
        """Return the address of fresh memory."""
        address, self.used = self.used, self.used + -(-size // 4096) * 4096
        assert self.used <= MEMORY
        return address


class Memory(np.ndarray):
    """What `pynq.allocate` returns, over the simulated memory."""

    physical_address: int

    def flush(self) -> None:
        """Nothing: there is no cache."""

    def invalidate(self) -> None:
        """Nothing: there is no cache."""

    def freebuffer(self) -> None:
        """Nothing: memory is never given out again."""


def fake_pynq(board: Zynq, vlnv: str) -> Any:
    """Return a module with as much of PYNQ as the driver uses, over a simulated board."""

    class Mmio:
        def __init__(self, base: int, length: int) -> None:
            self.base, self.length = base, length

        def read(self, offset: int) -> int:
            assert offset < self.length
            return int(resume(board.read)(self.base + offset))

        def write(self, offset: int, value: int) -> None:
            assert offset < self.length
            resume(board.write)(self.base + offset, value)

    class Interrupt:
        async def wait(self) -> None:
            resume(board.interrupt)()

    def allocate(shape: tuple[int], dtype: Any) -> Memory:
        address = board.allocate(shape[0])
        buffer = np.frombuffer(board.memory, np.uint8, shape[0], address).view(Memory)
        buffer.physical_address = address
        return buffer

    cells = {
        "accelerator_0": {"type": vlnv, "phys_addr": CONTROL, "addr_range": STEP, "parameters": {}},
        "dma_0": {
            "type": "xilinx.com:ip:axi_dma:7.1",
            "phys_addr": DMA,
            "addr_range": STEP,
            "parameters": {"c_sg_length_width": str(LENGTH_BITS)},
        },
    }

    def overlay(bitstream: str) -> Any:
        assert bitstream.endswith(".bit")
        return types.SimpleNamespace(ip_dict=cells, accelerator_0=types.SimpleNamespace(interrupt=Interrupt()))

    return types.SimpleNamespace(Overlay=overlay, MMIO=Mmio, allocate=allocate)
