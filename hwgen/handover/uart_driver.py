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
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

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
    UartError,
    packet,
)  # fmt: skip

__all__ = ["Identity", "Port", "Uart", "UartError"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

WINDOW = 16
"""Most requests that are sent before the first of them is answered; the board may ask for fewer."""


@dataclass(frozen=True)
class Port:
    """One side of the design as `uart.json` describes it: the integers, and the tensor of the model they stand for."""

    onnx: str
    onnx_shape: Sequence[int]
    dtype: str
    scale: Sequence[float]
    zero_point: int
    offset: Sequence[float]
    axes: Sequence[int]
    order: Sequence[int]
    shape: Sequence[int]
    signed: bool
    bits: int
    element_bits: int

    @property
    def element(self) -> np.dtype[Any]:
        """Type of an element on the line."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.element_bits // 8}")

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest integer; signed one-bit elements are -1 and +1."""
        if not self.signed:
            return 0, (1 << self.bits) - 1
        half = 1 << (self.bits - 1)
        return (-1, 1) if self.bits == 1 else (-half, half - 1)

    def to_bytes(self, integers: Ints) -> list[bytes]:
        """Return each frame, channels innermost, elements extended to whole bytes."""
        return [frame.tobytes() for frame in np.moveaxis(integers, 1, -1).astype(self.element)]

    def from_bytes(self, frames: Sequence[bytes]) -> Ints:
        """Inverse of `to_bytes`."""
        last = (len(frames), *self.shape[2:], self.shape[1])
        values = np.frombuffer(b"".join(frames), self.element).astype(np.int64)
        return np.ascontiguousarray(np.moveaxis(values.reshape(last), -1, 1))

    def to_integers(self, values: Array) -> Ints:
        """Return the integers of a tensor of the model, ``round((value - offset) / scale) + zero_point``.

        Raises
        ------
        UartError
            A value does not fit its element.
        """
        frames = len(values)
        if len(self.order):
            values = values.reshape(frames, *self.axes).transpose(0, *(axis + 1 for axis in self.order))
        values = values.reshape(frames, *self.shape[1:])
        if values.dtype.kind not in "iub":
            reals = values.astype(np.float64) - _per_channel(self.offset or [0.0], values.ndim)
            values = np.rint(reals / _per_channel(self.scale, values.ndim)) + self.zero_point
        integers = values.astype(np.int64)
        low, high = self.limits
        if integers.size and (integers.min() < low or integers.max() > high):
            found = f"{integers.min()} to {integers.max()}"
            message = f"The design takes integers from {low} to {high}, not {found}."
            raise UartError(message, "Scale the frames to the range that the model was trained with.")
        return integers

    def to_values(self, integers: Ints) -> Array:
        """Inverse of `to_integers`."""
        values: Array = integers
        if np.dtype(self.dtype).kind not in "iub":
            values = (integers - self.zero_point).astype(np.float64) * _per_channel(self.scale, integers.ndim)
            values = values + _per_channel(self.offset or [0.0], integers.ndim)
        values = values.astype(self.dtype)
        if len(self.order):
            values = values.reshape(len(values), *(self.axes[axis] for axis in self.order))
            values = values.transpose(0, *(int(axis) + 1 for axis in np.argsort(self.order)))
        return values.reshape(len(values), *self.onnx_shape[1:])


def _per_channel(numbers: Sequence[float], rank: int) -> Array:
    values = np.asarray(numbers, np.float64)
    return values if len(values) == 1 else values.reshape(1, -1, *[1] * (rank - 2))


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
        self.source, self.sink = Port(**self.facts["source"]), Port(**self.facts["sink"])
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
        UartError
            The port cannot be opened, nothing answers, or the board holds another design.
        """
        import serial

        facts = json.loads(((folder or Path(__file__).parent) / "uart.json").read_text())
        try:
            line = serial.Serial(device, baud or facts["baud"], timeout=timeout)
        except (serial.SerialException, OSError, ValueError) as error:
            raise UartError(f"Port {device} cannot be opened: {_reason(error)}.", _ports()) from error
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
        UartError
            Nothing answers.
        """
        for _ in range(self.retries):
            found = self._synchronise({})
            if found is not None:
                return found
        raise UartError(
            f"No design of hwgen answers on {self.name}.",
            "Is the board programmed, is this its port, and is --baud the rate it was built for?",
        )

    def check(self) -> None:
        """Make sure that the board holds the design that `uart.json` describes.

        Raises
        ------
        UartError
            It does not, or nothing answers.
        """
        found = self.identify()
        wanted = self.facts["build_id"]
        if found.protocol != PROTOCOL:
            raise UartError(f"The board on {self.name} must speak protocol {PROTOCOL}, not {found.protocol}.")
        if found.build_id != wanted:
            message = f"The board on {self.name} must hold {self.facts['name']} ({wanted}), not {found.build_id}."
            raise UartError(message, "Program it with the bitstream of this folder.")
        if (found.in_bytes, found.out_bytes) != (self.facts["in_bytes"], self.facts["out_bytes"]):
            sizes = f"{found.in_bytes} bytes in and {found.out_bytes} out"
            raise UartError(f"The board on {self.name} has frames of {sizes}: it was built from another folder.")
        self._window = min(WINDOW, found.queue)

    def run(self, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs for frames of its inputs.

        Parameters
        ----------
        frames
            Every model input by name, ``(frames, *shape[1:])`` in ONNX layout.

        Returns
        -------
        dict
            Every model output by name, ``(frames, *shape[1:])``.

        Raises
        ------
        UartError
            An array does not fit the model, or the board stops answering.
        """
        given = self._fitting(frames)
        integers = self.run_integers(self.to_port(given))
        return self.from_port(integers, given)

    def run_integers(self, integers: Ints) -> Ints:
        """Return the integers that leave the design for those that enter it, both ``(frames, *shape[1:])``."""
        return self.sink.from_bytes(self.exchange(self.source.to_bytes(integers)))

    def to_port(self, frames: Mapping[str, Array]) -> Ints:
        """Return the integers that enter the design for frames of the model's inputs."""
        given = self._fitting(frames)
        value = given.get(self.source.onnx)
        if value is None:
            value = self._host("host_pre", given, [self.source.onnx])[self.source.onnx]
        return self.source.to_integers(value)

    def from_port(self, integers: Ints, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs for the integers that leave the design; some may need the model's inputs too."""
        known = {self.sink.onnx: self.sink.to_values(integers)}
        rest = [name for name in self.facts["outputs"] if name not in known]
        if rest:
            known |= self._host("host_post", {**frames, **known}, rest)
        return {name: known[name] for name in self.facts["outputs"]}

    def exchange(self, frames: Sequence[bytes]) -> list[bytes]:
        """Return the board's answer to each frame; what gets lost on the way is sent again.

        Raises
        ------
        UartError
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
                raise UartError(f"The board on {self.name} {what}.", "See whether the cable and the rate are right.")
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

    def _broken(self, error: OSError) -> UartError:
        return UartError(f"Port {self.name} failed: {_reason(error)}.", "Is the board still plugged in?")

    def _fitting(self, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's inputs as it wants them."""
        given = {}
        for name, wanted in self.facts["inputs"].items():
            if name not in frames:
                have = ", ".join(sorted(frames)) or "nothing"
                raise UartError(f"The frames must hold an array for the model's input {name}, not only {have}.")
            value, shape = np.asarray(frames[name]), tuple(wanted["shape"][1:])
            if value.ndim == 0 or value.shape[1:] != shape:
                text = f"(frames, {', '.join(map(str, shape))})"
                raise UartError(f"Array {name} must have the shape {text}, not {value.shape}.")
            given[name] = value.astype(wanted["dtype"])
        if len({len(value) for value in given.values()}) > 1:
            raise UartError("All inputs must have the same number of frames.")
        if not all(len(value) for value in given.values()):
            raise UartError("There must be at least one frame.")
        return given

    def _host(self, program: str, values: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
        """Run a part of the model on the host, frame by frame."""
        import onnxruntime

        session = onnxruntime.InferenceSession(self.folder / f"{program}.onnx", providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        count = len(values[names[0]])
        rows = [session.run(list(want), {n: values[n][i : i + 1] for n in names}) for i in range(count)]
        return {name: np.concatenate([row[at] for row in rows]) for at, name in enumerate(want)}


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
