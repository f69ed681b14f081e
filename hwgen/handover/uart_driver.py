# SPDX-License-Identifier: Apache-2.0
"""Use a design that sits behind a serial line: needs numpy and pyserial, and onnxruntime where host_*.onnx exist.

`uart.json` beside this file says what the design is. ::

    from uart import Uart
    with Uart.open("/dev/ttyUSB0") as board:
        outputs = board.run({"pixels": images})
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.handover.host_model import AcceleratorError, HostModel
from hwgen.handover.uart_protocol import (
    FRAME,
    HEAD,
    IDENTIFY,
    IDENTITY,
    IDENTITY_BYTES,
    PROTOCOL,
    REASONS,
    REFUSED,
    RESULT,
    TAIL,
    Identity,
    Line,
    Reader,
    packet,
)  # fmt: skip

__all__ = ["AcceleratorError", "Identity", "Uart"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

WINDOW = 16
"""Most requests that are sent before the first of them is answered; the board may ask for fewer."""


class Uart:
    """A board that answers requests over a serial line.

    Parameters
    ----------
    line
        An open `serial.Serial`, or something like it.
    folder
        Holds ``uart.json`` and the host's share of the model.
    name
        What errors call the line.
    timeout
        Seconds that an answer may take beside the time that its bytes need.
    retries
        How often in a row it is tried to get on after an error.
    """

    def __init__(
        self, line: Line, folder: Path | None = None, *, name: str = "the line", timeout: float = 1.0, retries: int = 5
    ) -> None:
        self.folder = Path(__file__).parent if folder is None else folder
        self.facts: dict[str, Any] = json.loads((self.folder / "uart.json").read_text())
        self.model = HostModel(self.facts, self.folder)
        self.name, self.timeout, self.retries = name, timeout, retries
        self.sent = self.received = self.recoveries = 0
        self._line = line
        self._tag = 0
        self._window = min(WINDOW, self.facts["queue"])
        lengths = {RESULT: self.facts["out_bytes"] + 1, IDENTITY: IDENTITY_BYTES + 1, REFUSED: 1}
        self._reader = Reader(lengths)
        self._refusal = ""

    @classmethod
    def open(
        cls, device: str, baud: int | None = None, folder: Path | None = None, *, timeout: float = 1.0, retries: int = 5
    ) -> Uart:
        """Open a serial port and make sure that the design is behind it.

        Raises
        ------
        AcceleratorError
            The port cannot be opened, nothing answers, or the board holds another design.
        """
        import serial

        facts = json.loads(((folder or Path(__file__).parent) / "uart.json").read_text())
        try:
            line = serial.Serial(device, baud or facts["baud"], timeout=timeout)
        except (serial.SerialException, OSError, ValueError) as error:
            raise AcceleratorError(f"Port {device} cannot be opened: {_reason(error)}.", _ports()) from error
        two_frames = 20 * (facts["in_bytes"] + facts["out_bytes"] + 32) / line.baudrate
        board = cls(line, folder, name=device, timeout=timeout + two_frames, retries=retries)
        try:
            board.check()
        except BaseException:
            board.close()
            raise
        return board

    def close(self) -> None:
        """Close the line."""
        self._line.close()

    def __enter__(self) -> Uart:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def identify(self) -> Identity:
        """Return what the board says about itself; the line is in step afterwards.

        Raises
        ------
        AcceleratorError
            Nothing answers.
        """
        for _ in range(self.retries):
            found = self._synchronise({})
            if found is not None:
                return found
        raise AcceleratorError(
            f"No design of hwgen answers on {self.name}.",
            "Is the board programmed, is this its port, and is --baud the rate it was built for?",
        )

    def check(self) -> None:
        """Make sure that the board holds the design that `uart.json` describes.

        Raises
        ------
        AcceleratorError
            It does not, or nothing answers.
        """
        found = self.identify()
        wanted = self.facts["build_id"]
        if found.protocol != PROTOCOL:
            raise AcceleratorError(f"The board on {self.name} must speak protocol {PROTOCOL}, not {found.protocol}.")
        if found.build_id != wanted:
            message = f"The board on {self.name} must hold {self.facts['name']} ({wanted}), not {found.build_id}."
            raise AcceleratorError(message, "Program it with the bitstream of this folder.")
        if (found.in_bytes, found.out_bytes) != (self.facts["in_bytes"], self.facts["out_bytes"]):
            sizes = f"{found.in_bytes} bytes in and {found.out_bytes} out"
            raise AcceleratorError(f"The board on {self.name} has frames of {sizes}: it was built from another folder.")
        self._window = min(WINDOW, found.queue)

    def run(self, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs for frames of its inputs, both by name, ``(frames, *shape[1:])`` in ONNX layout.

        Raises
        ------
        AcceleratorError
            An array does not fit the model, or the board stops answering.
        """
        integers = self.run_integers(self.model.to_ports(frames))
        return self.model.from_ports(integers, frames)

    def run_integers(self, integers: Mapping[str, Array]) -> dict[str, Ints]:
        """Return the integers that leave the port for those that enter, both by its name, ``(frames, *shape[1:])``."""
        (source,), (sink,) = self.model.inputs, self.model.outputs
        frames = [row.tobytes() for row in source.pack(np.asarray(integers[source.name]))]
        answers = np.frombuffer(b"".join(self.exchange(frames)), np.uint8)
        return {sink.name: sink.unpack(answers.reshape(len(frames), -1))}

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        """Return the board's answer to each frame; what gets lost on the way is sent again.

        Raises
        ------
        AcceleratorError
            The board stops answering, or refuses again and again.
        """
        answers: dict[int, bytes] = {}
        waiting: dict[int, int] = {}
        todo = deque(range(len(frames)))
        failures = 0
        while len(answers) < len(frames):
            while todo and len(waiting) < self._window:
                index = todo.popleft()
                tag = self._next_tag()
                waiting[tag] = index
                self._write(packet(FRAME, bytes([tag]) + frames[index]))
            before = len(answers)
            fine = self._collect(waiting, answers)
            failures = 0 if len(answers) > before else failures
            if fine:
                continue
            failures += 1
            self.recoveries += 1
            if failures > self.retries:
                what = f"refused {failures} times in a row ({self._refusal})" if self._refusal else "no longer answers"
                raise AcceleratorError(
                    f"The board on {self.name} {what}.", "See whether the cable and the rate are right."
                )
            self._synchronise(waiting, answers)
            todo = deque(sorted((*waiting.values(), *todo)))
            waiting.clear()
        return [answers[index] for index in range(len(frames))]

    def _collect(self, waiting: dict[int, int], answers: dict[int, bytes]) -> bool:
        """Take what has come; False where a request was refused, or nothing came in time."""
        fine, self._refusal = True, ""
        data = self._read()
        for kind, payload in self._reader.feed(data):
            if kind == RESULT and payload[0] in waiting:
                answers[waiting.pop(payload[0])] = payload[1:]
            elif kind == REFUSED:
                fine, self._refusal = False, REASONS.get(payload[0], f"reason {payload[0]}")
        return fine and bool(data)

    def _synchronise(self, waiting: dict[int, int], answers: dict[int, bytes] | None = None) -> Identity | None:
        """Bring both sides in step, taking late answers; return the board's identity, None where it says nothing.

        A frame of zeros ends whatever the board still waits for. It answers in order, so what is asked for has been
        answered when it says who it is.
        """
        tag = self._next_tag()
        self._write(bytes(self.facts["in_bytes"] + 1 + HEAD + TAIL) + packet(IDENTIFY, bytes([tag])))
        while data := self._read():
            for kind, payload in self._reader.feed(data):
                if kind == RESULT and answers is not None and payload[0] in waiting:
                    answers[waiting.pop(payload[0])] = payload[1:]
                elif kind == IDENTITY and payload[0] == tag:
                    return Identity.parse(payload[1:])
        return None

    def _next_tag(self) -> int:
        self._tag = (self._tag + 1) % 256
        return self._tag

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except OSError as error:
            raise self._broken(error) from error
        self.sent += len(data)

    def _read(self) -> bytes:
        """Return what has come, at least a byte; nothing after the time-out."""
        try:
            self._line.timeout = self.timeout
            data = self._line.read(1)
            if data and self._line.in_waiting:
                data += self._line.read(self._line.in_waiting)
        except OSError as error:
            raise self._broken(error) from error
        self.received += len(data)
        return data

    def _broken(self, error: OSError) -> AcceleratorError:
        return AcceleratorError(f"Port {self.name} failed: {_reason(error)}.", "Is the board still plugged in?")


def _reason(error: Exception) -> str:
    """Return why a port cannot be opened, in a few words."""
    number = getattr(error, "errno", None)
    if number == 2:
        return "there is no such port"
    if number == 13:
        return "you may not use it (on Linux: add yourself to its group, often dialout)"
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _ports() -> str:
    from serial.tools import list_ports

    names = sorted(port.device for port in list_ports.comports())
    return f"Ports of this computer: {', '.join(names)}." if names else "This computer has no serial ports now."
