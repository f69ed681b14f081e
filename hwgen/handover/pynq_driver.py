# SPDX-License-Identifier: Apache-2.0
"""Use the accelerator on a Zynq with PYNQ: needs numpy, and onnxruntime where ``../host_*.onnx`` exist.

The JSON file of the same name beside this file says what the design is. Take the whole `driver` folder to the board,
and `weights` beside it where there is one. ::

    accelerator = open_overlay("digits.bit")
    outputs = accelerator.run({"pixels": images})

Everything goes through a `Board`: `PynqBoard` is the real one, and anything else with its few methods will do.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hwgen.handover.host_model import AcceleratorError, Array, Bytes, HostModel

START, DONE = 1 << 0, 1 << 1
RESPONSES = {
    1: "a frame at an input had another length than the design's",
    2: "memory answered a read with an error",
    4: "memory answered a write with an error",
}
DMA_ERRORS = {4: "an internal error, a buffer that is too small for instance", 5: "a slave error", 6: "a decode error"}
MM2S, S2MM = 0x00, 0x30
POLL_SECONDS = 0.0005


class Registers(Protocol):
    """A window of 32-bit registers: `pynq.MMIO`, say."""

    def read(self, offset: int, /) -> int:
        """Return the register at a byte offset."""

    def write(self, offset: int, value: int, /) -> Any:
        """Set the register at a byte offset."""


class Buffer(Protocol):
    """Memory that the hardware sees too: `pynq.allocate` gives it as an array."""

    physical_address: int

    def flush(self) -> Any:
        """Make what the processor wrote visible to the hardware."""

    def invalidate(self) -> Any:
        """Make what the hardware wrote visible to the processor."""

    def freebuffer(self) -> Any:
        """Give it back."""


class Board(Protocol):
    """What the accelerator sits on.

    Attributes
    ----------
    control
        Registers of the accelerator.
    dmas
        Registers of one AXI DMA for each pair of input and output.
    length_bits
        Bits of a DMA's length register.
    """

    control: Registers
    dmas: Sequence[Registers]
    length_bits: int

    def allocate(self, size: int) -> Any:
        """Return a `Buffer` of bytes that is an array of uint8."""

    def wait(self, seconds: float) -> None:
        """Return when the accelerator raises its interrupt, at the latest after `seconds`; earlier is no harm."""


class Channel:
    """One direction of an AXI DMA in direct register mode (AMD PG021)."""

    CONTROL, STATUS, ADDRESS, ADDRESS_HIGH, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
    RUN, RESET = 1 << 0, 1 << 2
    HALTED, IDLE = 1 << 0, 1 << 1

    def __init__(self, dma: Registers, base: int) -> None:
        self._dma, self._base = dma, base

    def reset(self) -> None:
        """Stop at once; both directions of a DMA are reset together."""
        self._dma.write(self._base + self.CONTROL, self.RESET)
        _until(lambda: not self._dma.read(self._base + self.CONTROL) & self.RESET, "The DMA does not leave its reset.")

    def start(self, address: int, size: int) -> None:
        """Move `size` bytes; to memory: at most so many, until TLAST."""
        self._dma.write(self._base + self.CONTROL, self.RUN)
        self._dma.write(self._base + self.ADDRESS, address & 0xFFFFFFFF)
        self._dma.write(self._base + self.ADDRESS_HIGH, address >> 32)
        self._dma.write(self._base + self.LENGTH, size)

    def done(self) -> bool:
        """Tell whether everything is moved.

        Raises
        ------
        AcceleratorError
            The DMA has stopped with an error.
        """
        status = self._dma.read(self._base + self.STATUS)
        for bit, reason in DMA_ERRORS.items():
            if status >> bit & 1:
                raise AcceleratorError(f"The DMA stopped with {reason} (status 0x{status:08x}).")
        return bool(status & (self.IDLE | self.HALTED))

    def moved(self) -> int:
        """Return how many bytes the last transfer to memory had."""
        return self._dma.read(self._base + self.LENGTH)


class Accelerator:
    """The accelerator on a board, ready to run frames.

    Parameters
    ----------
    board
        What it sits on.
    facts
        The JSON file that says what the design is.
    timeout
        Seconds without a frame after which a run is given up.

    Raises
    ------
    AcceleratorError
        The board holds another design.
    """

    def __init__(self, board: Board, facts: Path | None = None, *, timeout: float = 5.0) -> None:
        self.path = Path(__file__).with_suffix(".json") if facts is None else facts
        self.facts: dict[str, Any] = json.loads(self.path.read_text())
        self.board, self.timeout = board, timeout
        self.model = HostModel(self.facts, self.path.parent.parent)
        self.inputs, self.outputs = self.model.inputs, self.model.outputs
        self._at: dict[str, int] = self.facts["registers"]
        self._check()
        dmas = board.dmas
        if len(dmas) < max(len(self.inputs), len(self.outputs)):
            raise AcceleratorError(
                f"The design needs {max(len(self.inputs), len(self.outputs))} DMAs, not {len(dmas)}."
            )
        self._into = [Channel(dmas[i], MM2S) for i in range(len(self.inputs))]
        self._out = [Channel(dmas[i], S2MM) for i in range(len(self.outputs))]
        self._buffers: dict[str, Any] = {}
        self._feed()
        self.reset()

    def run(self, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs for frames of its inputs, both by name, ``(frames, *shape[1:])`` in ONNX layout.

        Raises
        ------
        AcceleratorError
            An array does not fit the model, or the hardware fails.
        """
        return self.model.from_ports(self.run_integers(self.model.to_ports(frames)), frames)

    def run_integers(self, integers: Mapping[str, Array]) -> dict[str, Array]:
        """Return the integers that leave each port for those that enter, both ``(frames, *shape[1:])``."""
        packed = [port.pack(np.asarray(integers[port.name])) for port in self.inputs]
        if len({len(frames) for frames in packed}) > 1:
            raise AcceleratorError("All inputs must have the same number of frames.")
        found = [np.empty((len(packed[0]), port.frame_bytes), np.uint8) for port in self.outputs]
        longest = max(port.frame_bytes for port in (*self.inputs, *self.outputs))
        most = ((1 << self.board.length_bits) - 1) // longest
        for first in range(0, len(packed[0]), most):
            part = slice(first, first + most)
            for all_frames, some in zip(found, self._batch([frames[part] for frames in packed]), strict=True):
                all_frames[part] = some
        return {port.name: port.unpack(found[i]) for i, port in enumerate(self.outputs)}

    def begin(self, frames: int) -> None:
        """Start a run; inputs are taken in from now on. The interrupt tells of its end and of errors."""
        self.write("errors", self.read("errors"))
        self.write("isr", self.read("isr"))
        self.write("ier", 0b101)
        self.write("gie", 1)
        self.write("frames", frames)
        self.write("control", START)

    def finish(self) -> None:
        """Wait for the end of a run.

        Raises
        ------
        AcceleratorError
            The accelerator reports an error, or no frame has left for the time-out; it is reset then.
        """
        count, since = self.read("frame_count"), time.monotonic()
        while not self.read("control") & DONE:
            errors = self.read("errors")
            if errors:
                self.reset()
                reasons = ", ".join(text for bit, text in RESPONSES.items() if errors & bit)
                raise AcceleratorError(f"The accelerator stopped: {reasons}.")
            if self.read("frame_count") != count:
                count, since = self.read("frame_count"), time.monotonic()
            if time.monotonic() - since > self.timeout:
                self.reset()
                raise AcceleratorError(f"No frame has left the accelerator for {self.timeout:g} s; it is reset.")
            self.board.wait(self.timeout)
            self.write("isr", self.read("isr"))

    def reset(self) -> None:
        """End whatever is under way, in the DMAs and in the accelerator; frames that are inside are lost."""
        for channel in (*self._into, *self._out):
            channel.reset()
        self.write("reset", 1)
        _until(lambda: not self.read("reset"), "The accelerator does not leave its reset.")
        self.write("errors", self.read("errors"))

    def read(self, register: str) -> int:
        """Return a register by its name; 64-bit counters whole."""
        low = self.board.control.read(self._at[register])
        return low | self.board.control.read(self._at[register] + 4) << 32 if register == "cycles" else low

    def write(self, register: str, value: int) -> None:
        """Set a register by its name."""
        self.board.control.write(self._at[register], value)

    def close(self) -> None:
        """Give the buffers back."""
        for buffer in self._buffers.values():
            buffer.freebuffer()
        self._buffers.clear()

    def _batch(self, packed: Sequence[Bytes]) -> list[Bytes]:
        """Run frames that one transfer of each DMA can hold."""
        count = len(packed[0])
        for port, channel in zip(self.outputs, self._out, strict=True):
            channel.start(self._buffer(port.name, count * port.frame_bytes).physical_address, count * port.frame_bytes)
        self.begin(count)
        for port, channel, frames in zip(self.inputs, self._into, packed, strict=True):
            buffer = self._buffer(port.name, frames.size)
            buffer[: frames.size] = frames.reshape(-1)
            buffer.flush()
            channel.start(buffer.physical_address, frames.size)
        self.finish()
        found = []
        for port, channel in zip(self.outputs, self._out, strict=True):
            _until(channel.done, "The DMA does not end its transfer.")
            if channel.moved() != count * port.frame_bytes:
                raise AcceleratorError(f"{port.name} gave {channel.moved()} bytes, not {count * port.frame_bytes}.")
            buffer = self._buffers[port.name]
            buffer.invalidate()
            found.append(np.array(buffer[: count * port.frame_bytes]).reshape(count, -1))
        return found

    def _buffer(self, name: str, size: int) -> Any:
        """Return the buffer of a port; it is kept as long as it is large enough."""
        old = self._buffers.get(name)
        if old is None or len(old) < size:
            if old is not None:
                old.freebuffer()
            self._buffers[name] = self.board.allocate(size)
        return self._buffers[name]

    def _feed(self) -> None:
        """Put streamed weights into memory, and tell the accelerator where they are."""
        for feed in self.facts["feeds"]:
            rows = np.fromfile(self.path.parent / feed["file"], np.uint8).reshape(feed["beats"], -1)
            padded = np.pad(rows, ((0, 0), (0, feed["beat_bytes"] - rows.shape[1])))
            buffer = self._buffer(feed["name"], padded.size)
            buffer[: padded.size] = padded.reshape(-1)
            buffer.flush()
            at = self._at[feed["register"]]
            self.board.control.write(at, buffer.physical_address & 0xFFFFFFFF)
            self.board.control.write(at + 4, buffer.physical_address >> 32)

    def _check(self) -> None:
        for register in ("id", "build", "model0"):
            found, wanted = self.read(register), self.facts["identity"][register]
            if found != wanted:
                name = self.facts["name"]
                raise AcceleratorError(
                    f"The board must hold the design {name}: {register} is 0x{found:08x}, not 0x{wanted:08x}. "
                    "Was the overlay made from this folder?"
                )


class PynqBoard:
    """A Zynq under PYNQ: finds the accelerator by its VLNV, and DMAs by their names, in the HWH beside the bitstream.

    Raises
    ------
    AcceleratorError
        The overlay has no such accelerator.
    """

    def __init__(self, bitstream: str | Path, vlnv: str) -> None:
        import pynq

        overlay = pynq.Overlay(str(bitstream))
        cells: Mapping[str, Any] = overlay.ip_dict
        found = [name for name, cell in cells.items() if cell["type"] == vlnv]
        if not found:
            raise AcceleratorError(f"{bitstream} must hold the IP {vlnv}, not only {', '.join(sorted(cells))}.")
        dmas = [
            cells[name]
            for name in sorted(cells, key=lambda n: (len(n), n))
            if cells[name]["type"].startswith("xilinx.com:ip:axi_dma:")
        ]
        self._pynq: Any = pynq
        self._interrupt: Any = getattr(getattr(overlay, found[0]), "interrupt", None)
        self.control: Registers = self._window(cells[found[0]])
        self.dmas: Sequence[Registers] = [self._window(cell) for cell in dmas]
        self.length_bits = min((int(cell["parameters"]["c_sg_length_width"]) for cell in dmas), default=14)

    def allocate(self, size: int) -> Any:
        """Return contiguous memory."""
        return self._pynq.allocate(shape=(size,), dtype=np.uint8)

    def wait(self, seconds: float) -> None:
        """Wait for the interrupt where it is connected; else look again in a moment."""
        if self._interrupt is None:
            time.sleep(min(seconds, POLL_SECONDS))
            return
        loop = _event_loop()
        loop.run_until_complete(asyncio.wait([loop.create_task(self._interrupt.wait())], timeout=seconds))

    def _window(self, cell: Mapping[str, Any]) -> Registers:
        window: Registers = self._pynq.MMIO(cell["phys_addr"], cell["addr_range"])
        return window


def open_overlay(bitstream: str | Path, **options: Any) -> Accelerator:
    """Load a bitstream with its HWH and return the accelerator in it; `options` are those of `Accelerator`."""
    facts = json.loads(Path(__file__).with_suffix(".json").read_text())
    return Accelerator(PynqBoard(bitstream, facts["vlnv"]), **options)


def _event_loop() -> asyncio.AbstractEventLoop:
    """Return this thread's event loop, the one that PYNQ's interrupts use; a new one where there is none."""
    try:
        return asyncio.get_event_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        return loop


def _until(done: Callable[[], bool], complaint: str, seconds: float = 5.0) -> None:
    """Look until something is done."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise AcceleratorError(complaint)
