# SPDX-License-Identifier: Apache-2.0
"""Stream fork: copies one stream to several consumers. The plan inserts it; no graph has it."""

from __future__ import annotations

import numpy as np

from hwgen.hw import KernelCall, Resources, Schedule, StreamType

HEADER = "fork.hpp"


def kernel(stream: StreamType, copies: int) -> KernelCall:
    """Return the call that copies every beat of `stream` to `copies` outputs."""
    config = {"kBits": stream.width, "kBeats": stream.beats, "kCopies": copies}
    return KernelCall(HEADER, "fork", config, (stream,), (stream,) * copies)


def schedule(stream: StreamType, copies: int) -> Schedule:
    """Read and write one beat in every iteration."""
    beats = np.arange(stream.beats, dtype=np.int64)
    return Schedule(stream.beats, (beats,), (beats,) * copies)


def cost(stream: StreamType, copies: int) -> Resources:
    """Estimate a fork: handshakes, and one register for the data."""
    return Resources(10 + 4 * copies, 8 + stream.width)
