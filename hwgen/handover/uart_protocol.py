# SPDX-License-Identifier: Apache-2.0
"""What goes over the line between a host and the UART shell, as bytes; hwgen's docs/uart.md tells the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

SYNC = b"HW"
FRAME, IDENTIFY = 0x01, 0x02
RESULT, IDENTITY, REFUSED = 0x81, 0x82, 0xEE
REASONS = {1: "a wrong CRC", 2: "a wrong length", 3: "an unknown type", 4: "no room for it", 5: "its end missing"}
HEAD, TAIL = 5, 2
PROTOCOL = 1
IDENTITY_BYTES = 14


class Line(Protocol):
    """What is used of a `serial.Serial`."""

    timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to `size` bytes, fewer after `timeout` seconds."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""

    def close(self) -> None:
        """Close the line."""


@dataclass(frozen=True)
class Identity:
    """What a board says about itself: protocol, design, bytes of a frame in and out, requests that may wait."""

    protocol: int
    build_id: str
    in_bytes: int
    out_bytes: int
    queue: int

    @classmethod
    def parse(cls, payload: bytes) -> Identity:
        """Return what an answer of type IDENTITY says behind its tag."""
        numbers = [int.from_bytes(payload[at : at + 2], "little") for at in (9, 11)]
        return cls(payload[0], payload[1:9].hex(), numbers[0], numbers[1], payload[13])


def crc16(data: bytes) -> int:
    """Return the CRC-16/CCITT-FALSE of bytes: polynomial 0x1021, from 0xffff on, highest bit first."""
    crc = 0xFFFF
    for byte in data:
        top = (crc >> 8) ^ byte
        top ^= top >> 4
        crc = ((crc << 8) ^ (top << 12) ^ (top << 5) ^ top) & 0xFFFF
    return crc


def packet(kind: int, payload: bytes) -> bytes:
    """Return a request or an answer as it goes over the line."""
    body = bytes([kind]) + len(payload).to_bytes(2, "little") + payload
    return SYNC + body + crc16(body).to_bytes(2, "little")


class Reader:
    """Finds answers in what comes over the line; what is none is skipped.

    Parameters
    ----------
    lengths
        Bytes of the payload for each type of answer; anything else is noise.
    """

    def __init__(self, lengths: Mapping[int, int]) -> None:
        self.lengths = dict(lengths)
        self._held = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield type and payload of each answer that is whole now."""
        self._held += data
        while (start := self._held.find(SYNC)) >= 0:
            self._held = self._held[start:]
            if len(self._held) < HEAD:
                return
            kind, length = self._held[2], int.from_bytes(self._held[3:HEAD], "little")
            whole = HEAD + length + TAIL
            if self.lengths.get(kind) != length:
                self._held = self._held[len(SYNC) :]
            elif len(self._held) < whole:
                return
            elif crc16(self._held[2 : whole - TAIL]) != int.from_bytes(self._held[whole - TAIL : whole], "little"):
                self._held = self._held[len(SYNC) :]
            else:
                payload, self._held = self._held[HEAD : whole - TAIL], self._held[whole:]
                yield kind, payload
        self._held = self._held[-1:] if self._held.endswith(SYNC[:1]) else b""
