# SPDX-License-Identifier: Apache-2.0
"""How a tensor travels over a stream: which elements share a beat, and in which order the beats come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints, TensorType

Order = Literal["nhwc", "taps"]


@dataclass(frozen=True)
class StreamType:
    """Format of one stream.

    Parameters
    ----------
    signed, bits
        Format of one element; signed one-bit means bipolar, as in `TensorType`.
    lanes
        Elements in one beat; lane 0 is the lowest channel and sits in the lowest bits.
    beats
        Beats in one frame.
    order
        ``nhwc``: pixels row by row, channels innermost, folded by `lanes`. ``taps``: for each pixel, for each fold of
        `lanes` channels, the taps of the window one after the other (what depthwise and pooling units read); the
        tensor's channel axis is then ``(tap, channel)`` with the channel innermost.
    taps
        Number of window taps for order ``taps``; 1 otherwise.
    beside
        Taps of a beat: 1, or all of them, tap by tap, and `lanes` counts the elements of all.
    """

    signed: bool
    bits: int
    lanes: int
    beats: int
    order: Order = "nhwc"
    taps: int = 1
    beside: int = 1

    @property
    def width(self) -> int:
        """Bits in one beat."""
        return self.bits * self.lanes

    @classmethod
    def of(cls, tensor: TensorType, lanes: int, order: Order = "nhwc", taps: int = 1) -> StreamType:
        """Return the stream that carries `tensor` with `lanes` elements a beat (a divisor of its channels)."""
        return cls(tensor.signed, tensor.bits, lanes, tensor.elements // lanes, order, taps)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "signed": self.signed,
            "bits": self.bits,
            "lanes": self.lanes,
            "beats": self.beats,
            "order": self.order,
            "taps": self.taps,
            "beside": self.beside,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StreamType:
        """Inverse of `to_json`."""
        return cls(**data)


def to_beats(values: Ints, stream: StreamType) -> Ints:
    """Arrange frames of a tensor in stream order.

    Parameters
    ----------
    values
        int64, shape ``(frames, C, ...)`` in ONNX layout.
    stream
        Format of the stream.

    Returns
    -------
    Ints
        Shape ``(frames, beats, lanes)``.
    """
    frames, channels = values.shape[:2]
    pixels = np.moveaxis(values.reshape(frames, channels, -1), 1, 2)
    if stream.order == "taps":
        lanes = stream.lanes // stream.beside
        folds = channels // stream.taps // lanes
        pixels = pixels.reshape(frames, -1, stream.taps, folds, lanes).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(pixels).reshape(frames, stream.beats, stream.lanes)


def from_beats(beats: Ints, stream: StreamType, shape: tuple[int, ...]) -> Ints:
    """Inverse of `to_beats`; `shape` is the tensor's ONNX shape with a batch of 1."""
    frames, channels = beats.shape[0], shape[1]
    if stream.order == "taps":
        lanes = stream.lanes // stream.beside
        folds = channels // stream.taps // lanes
        beats = beats.reshape(frames, -1, folds, stream.taps, lanes).transpose(0, 1, 3, 2, 4)
    pixels = beats.reshape(frames, -1, channels)
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 1)).reshape(frames, *shape[1:])


def pack(beats: Ints, stream: StreamType) -> npt.NDArray[np.uint8]:
    """Pack lanes into beats.

    Returns
    -------
    ndarray of uint8
        Shape ``(frames * beats, ceil(width / 8))``, little endian: byte 0 holds bits 7..0.
    """
    codes = (beats + 1) // 2 if stream.signed and stream.bits == 1 else beats
    shifts = np.arange(stream.bits, dtype=np.int64)
    bits = ((codes.reshape(-1, stream.lanes, 1) >> shifts) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(bits.shape[0], -1), axis=1, bitorder="little")


def unpack(words: npt.NDArray[np.uint8], stream: StreamType) -> Ints:
    """Inverse of `pack`; returns shape ``(frames, beats, lanes)``."""
    bits = np.unpackbits(words, axis=1, bitorder="little", count=stream.width)
    weights = np.int64(1) << np.arange(stream.bits, dtype=np.int64)
    if stream.signed and stream.bits > 1:
        weights[-1] = -weights[-1]
    codes = bits.reshape(-1, stream.lanes, stream.bits).astype(np.int64) @ weights
    values = 2 * codes - 1 if stream.signed and stream.bits == 1 else codes
    return values.reshape(-1, stream.beats, stream.lanes)
