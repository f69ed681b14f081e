# SPDX-License-Identifier: Apache-2.0
"""The C driver, compiled, against the simulated shell; `test_drivers` starts it."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.task import bridge, resume
from simulator import leave, settings
from zynq import CONTROL, DMA, Zynq

from hwgen.handover.host_model import Port

READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32)
OK, WRONG_DESIGN, WRONG_SIZE, STREAM_ERROR, MEMORY_ERROR, DMA_ERROR, TIMEOUT = range(7)


def port(side: str) -> Port:
    """Return the only port of a side, ``inputs`` or ``outputs``."""
    return Port(**json.loads(Path(settings()["facts"]).read_text())[side][0])


class Device(ctypes.Structure):
    _fields_ = [
        ("context", ctypes.c_void_p),
        ("read", READ),
        ("write", WRITE),
        ("control", ctypes.c_size_t),
        ("dma", ctypes.c_size_t * 1),
        ("polls", ctypes.c_uint32),
    ]


class Buffer(ctypes.Structure):
    _fields_ = [("address", ctypes.c_uint64), ("bytes", ctypes.c_size_t)]


class Driver:
    """The compiled driver; its two functions go into the simulation."""

    def __init__(self, board: Zynq) -> None:
        self.board = board
        self.library, self.name = ctypes.CDLL(settings()["library"]), settings()["name"]
        read, write = READ(lambda _, at: resume(board.read)(at)), WRITE(lambda _, at, v: resume(board.write)(at, v))
        self.device = Device(None, read, write, CONTROL, (ctypes.c_size_t * 1)(DMA), 100)
        self.into, self.out = port("inputs"), port("outputs")
        self.source, self.sink = board.allocate(4096), board.allocate(4096)

    def call(self, function: str, *arguments: Any) -> int:
        return int(self.library[f"{self.name}_{function}"](ctypes.byref(self.device), *arguments))

    def move(self, function: str, frames: int, in_bytes: int, out_bytes: int) -> int:
        buffers = ctypes.byref(Buffer(self.source, in_bytes)), ctypes.byref(Buffer(self.sink, out_bytes))
        return self.call(function, frames, *buffers)

    def put(self, frames: Any) -> None:
        data = self.into.pack(frames).tobytes()
        self.board.memory[self.source : self.source + len(data)] = data

    def got(self, count: int) -> Any:
        data = self.board.memory[self.sink : self.sink + self.out.frame_bytes * count]
        return self.out.unpack(np.frombuffer(bytes(data), np.uint8).reshape(count, -1))


async def perform(dut: Any, work: Callable[[Driver, Any, Any], None]) -> Zynq:
    """Start a board, and `work` with its driver and frames in a thread."""
    board = Zynq(dut)
    await board.start()
    kept = np.load("frames.npz")
    await bridge(work)(Driver(board), kept["entering"], kept["leaving"])
    return board


@cocotb.test()
async def frames_come_back_right(dut: Any) -> None:
    """Runs of many sizes by polling, then by the interrupt."""

    def work(driver: Driver, entering: Any, leaving: Any) -> None:
        size_in, size_out, told = driver.into.frame_bytes, driver.out.frame_bytes, settings()
        assert driver.call("open") == OK
        for count in (1, 7, len(entering)):
            driver.put(entering[:count])
            driver.device.polls = 0
            assert driver.move("run", count, size_in * count, size_out * count) == OK
            assert np.array_equal(driver.got(count), leaving[:count])
        driver.library[f"{driver.name}_cycles"].restype = ctypes.c_uint64
        assert count * told["ii"] < driver.call("cycles") < count * told["ii"] + told["latency"] + 500
        driver.call("interrupts", 1)
        assert driver.move("start", 3, size_in * 3, size_out * 3) == OK
        resume(driver.board.interrupt)()
        driver.device.polls = 1
        assert driver.call("wait") == OK
        assert driver.call("acknowledge") == 1 and driver.call("acknowledge") == 0
        assert np.array_equal(driver.got(3), leaving[:3])

    board = await perform(dut, work)
    assert board.interrupts == 1
    leave()


@cocotb.test()
async def failures_are_told(dut: Any) -> None:
    """Wrong sizes, a wrong design, hardware that does not answer, an error in flight and a reset out of it."""

    def work(driver: Driver, entering: Any, leaving: Any) -> None:
        size_in, size_out = driver.into.frame_bytes, driver.out.frame_bytes
        assert driver.call("open") == OK
        for sizes in (
            (2, size_in * 2 - 1, size_out * 2),
            (2, size_in * 2, size_out * 3),
            (0, 0, 0),
            (1 << 21, size_in << 21, size_out << 21),
        ):
            assert driver.move("run", *sizes) == WRONG_SIZE
        driver.put(entering[:8])
        assert driver.move("start", 8, size_in * 8, size_out * 8) == OK
        driver.device.polls = 3
        assert driver.call("wait") == TIMEOUT
        driver.device.polls = 0
        assert driver.call("reset") == OK
        resume(driver.board.write)(CONTROL + 0x10, 2)
        resume(driver.board.write)(CONTROL, 1)
        for at, value in ((0x00, 1), (0x18, driver.source), (0x28, size_in * 2 - driver.into.beat_bytes)):
            resume(driver.board.write)(DMA + at, value)
        assert driver.call("wait") == STREAM_ERROR
        assert driver.call("reset") == OK
        assert driver.move("run", 8, size_in * 8, size_out * 8) == OK
        assert np.array_equal(driver.got(8), leaving[:8])
        driver.device.control = CONTROL + 4
        assert driver.call("open") == WRONG_DESIGN
        text = driver.library[f"{driver.name}_text"]
        text.restype = ctypes.c_char_p
        assert text(STREAM_ERROR) == b"a frame at an input had another length than the design's"
        assert len({text(status) for status in range(8)}) == 8

    await perform(dut, work)
