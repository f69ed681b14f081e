# SPDX-License-Identifier: Apache-2.0
"""Simulations of the AXI4 data movers against cocotbext-axi's memory; `test_movers` starts them."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from axi_checks import Monitor, stalls, start
from cocotb.triggers import RisingEdge
from cocotbext.axi import (
    AxiRamRead,
    AxiRamWrite,
    AxiReadBus,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
    AxiWriteBus,
)
from simulator import leave, settings

SIZE = 1 << 16
LONG = 1 << 15
BAD = range(0x3000, 0x3100)
"""Where the memory answers with SLVERR, if it is told to."""


class Reads(AxiRamRead):
    bad = range(0)

    async def _read(self, address: int, length: int) -> bytes:
        if address in self.bad:
            raise ValueError("bad address")
        return bytes(await super()._read(address, length))


class Writes(AxiRamWrite):
    bad = range(0)

    async def _write(self, address: int, data: bytes) -> None:
        if address in self.bad:
            raise ValueError("bad address")
        await super()._write(address, data)


def descriptors(rng: random.Random, width: int, count: int) -> list[tuple[int, int]]:
    """Return (address, bytes), the corner cases first: one byte, one word, 4 KB boundaries, nothing at all."""
    if not count:
        return [(0, LONG)]
    found = [(4096 - 3, 7), (0, 1), (width - 1, 1), (width - 1, 2), (8192 - width, 2 * width), (5, 0), (0x2FFF, 4098)]
    found += [(0, 0), (1, 0), (2, 0), (3, 0), (2, 3 * width), (width, width)]
    while len(found) < count:
        length = rng.choice([rng.randrange(1, 4 * width), rng.randrange(1, 900)])
        found.append((rng.randrange(SIZE - length), length))
    return found


def expected(wanted: list[tuple[int, int]], width: int, bad: range) -> list[int]:
    """Return the status of each descriptor: SLVERR where a beat touches a bad address."""
    return [2 if n and max(a // width * width, bad.start) < min(a + n, bad.stop) else 0 for a, n in wanted]


class Bench:
    """The streams that both movers have, and their stalls."""

    def __init__(self, dut: Any, channel: str) -> None:
        self.told = settings()
        self.dut = dut
        self.rng = random.Random(self.told["seed"])
        self.width = self.told["width"] // 8
        self.desc = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_desc"), *self.pins, byte_lanes=1)
        self.status = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_status"), *self.pins, byte_lanes=1)
        self.monitor = Monitor(dut, "m_axi", channel, self.width, self.told["longest"])
        self.wanted = descriptors(self.rng, self.width, self.told["count"])
        self.bad = BAD if self.told["faulty"] else range(0)

    @property
    def pins(self) -> tuple[Any, Any, bool]:
        return self.dut.ap_clk, self.dut.ap_rst_n, False

    def stall(self, ram: Any, *parts: Any) -> None:
        """Give a memory its bad addresses, and pause everything."""
        ram.bad = self.bad
        for seed, part in enumerate((self.desc, self.status, *parts)):
            if self.told["stall"]:
                part.set_pause_generator(stalls(seed + 10 * self.told["seed"], self.told["stall"]))

    async def begin(self, ram: Any) -> bytearray:
        """Fill the memory, reset and send the descriptors; return what the memory holds."""
        memory = bytearray(self.rng.randbytes(SIZE))
        ram.write(0, bytes(memory))
        await start(self.dut)
        for address, length in self.wanted:
            await self.desc.send(AxiStreamFrame([address | length << 64]))
        return memory

    async def finish(self) -> None:
        said = [int((await self.status.recv()).tdata[0]) for _ in self.wanted]
        assert said == expected(self.wanted, self.width, self.bad)
        for _ in range(20):
            await RisingEdge(self.dut.ap_clk)
        m = self.monitor
        assert not m.flying and self.status.empty()
        leave(beats=m.beats, clocks=m.last - m.first + 1, most=m.most, bursts=len(m.bursts))


async def read(dut: Any) -> None:
    """Every descriptor's bytes arrive, in order, under stalls on every channel."""
    bench = Bench(dut, "ar")
    ram = Reads(AxiReadBus.from_prefix(dut, "m_axi"), *bench.pins, size=SIZE)
    data = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_data"), *bench.pins)
    bench.stall(ram, data, ram.ar_channel, ram.r_channel)
    memory = await bench.begin(ram)
    for address, length in bench.wanted:
        if length:
            got = bytes((await data.recv()).tdata)
            assert len(got) == length
            if expected([(address, length)], bench.width, bench.bad) == [0]:
                assert got == memory[address : address + length], f"{address:x}, {length}"
    await bench.finish()
    assert data.empty()


async def write(dut: Any) -> None:
    """Every descriptor's bytes land where they should, but for bad addresses, and no other byte changes."""
    bench = Bench(dut, "aw")
    ram = Writes(AxiWriteBus.from_prefix(dut, "m_axi"), *bench.pins, size=SIZE)
    data = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_data"), *bench.pins)
    bench.stall(ram, data, ram.aw_channel, ram.w_channel, ram.b_channel)
    memory = await bench.begin(ram)
    before = memory[bench.bad.start : bench.bad.stop]
    for address, length in bench.wanted:
        given = bench.rng.randbytes(length + -length % bench.width)
        memory[address : address + length] = given[:length]
        if given:
            await data.send(AxiStreamFrame(given))
    await bench.finish()
    memory[bench.bad.start : bench.bad.stop] = before
    assert ram.read(0, SIZE) == memory


@cocotb.test()
async def moves(dut: Any) -> None:
    """Whichever mover it is moves its bytes."""
    await (read if hasattr(dut, "m_axi_araddr") else write)(dut)
