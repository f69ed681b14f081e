# SPDX-License-Identifier: Apache-2.0
"""What simulations with AXI share: the start, stalls, and a monitor of the address channels."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

PERIOD = 10


def stalls(seed: int, percent: int) -> Iterator[bool]:
    """Yield for ever whether to pause; `percent` of the clocks."""
    rng = random.Random(seed)
    while True:
        yield rng.randrange(100) < percent


async def start(dut: Any) -> None:
    """Start the clock and perform a reset."""
    cocotb.start_soon(Clock(dut.ap_clk, PERIOD, "step").start())
    dut.ap_rst_n.value = 0
    for _ in range(4):
        await RisingEdge(dut.ap_clk)
    dut.ap_rst_n.value = 1
    await RisingEdge(dut.ap_clk)


class Monitor:
    """Watches an address channel and its answers: no burst crosses 4 KB, and how many are under way at most."""

    def __init__(self, dut: Any, prefix: str, channel: str, bytes_per_beat: int, longest: int) -> None:
        self.bursts: list[tuple[int, int]] = []
        self.most = self.flying = self.beats = self.clocks = 0
        self.first = self.last = -1
        self._size, self._longest = bytes_per_beat, longest
        self._pins = {n: getattr(dut, f"{prefix}_{n}") for n in self._names(channel)}
        self._channel = channel
        cocotb.start_soon(self._watch(dut.ap_clk))

    @staticmethod
    def _names(channel: str) -> list[str]:
        other = ["rvalid", "rready", "rlast"] if channel == "ar" else ["bvalid", "bready", "wvalid", "wready"]
        return [f"{channel}{n}" for n in ("addr", "len", "size", "valid", "ready")] + other

    def _moves(self, name: str) -> bool:
        return bool(self._pins[f"{name}valid"].value) and bool(self._pins[f"{name}ready"].value)

    async def _watch(self, clock: Any) -> None:
        beat, answer = ("r", "r") if self._channel == "ar" else ("w", "b")
        while True:
            await RisingEdge(clock)
            await ReadOnly()
            self.clocks += 1
            if self._moves(self._channel):
                self._burst()
            if self._moves(beat):
                self.beats += 1
                self.first = self.clocks if self.first < 0 else self.first
                self.last = self.clocks
            if self._moves(answer) and (answer == "b" or self._pins["rlast"].value):
                self.flying -= 1

    def _burst(self) -> None:
        address, beats = int(self._pins[f"{self._channel}addr"].value), int(self._pins[f"{self._channel}len"].value) + 1
        assert 1 << int(self._pins[f"{self._channel}size"].value) == self._size
        assert address % self._size == 0
        assert beats <= self._longest
        assert address // 4096 == (address + beats * self._size - 1) // 4096, f"{address:x} + {beats} beats"
        self.bursts.append((address, beats))
        self.flying += 1
        self.most = max(self.most, self.flying)
