# SPDX-License-Identifier: Apache-2.0
"""Stream fork: copies one stream to several consumers. The plan inserts it; no graph has it."""

from __future__ import annotations

import numpy as np

from hwgen.hw import Family, KernelCall, Resources, Schedule, StreamType
from hwgen.ops.area import Parts, priced

HEADER = "fork.hpp"


def kernel(stream: StreamType, copies: int) -> KernelCall:
    """Return the call that copies every beat of `stream` to `copies` outputs."""
    config = {"kBits": stream.width, "kBeats": stream.beats, "kCopies": copies}
    return KernelCall(HEADER, "fork", config, (stream,), (stream,) * copies)


def schedule(stream: StreamType, copies: int) -> Schedule:
    """Read and write one beat in every iteration."""
    beats = np.arange(stream.beats, dtype=np.int64)
    return Schedule(stream.beats, (beats,), (beats,) * copies)


def parts(stream: StreamType, copies: int) -> Parts:
    """Return the parts of a fork: handshakes, and a register for every copy; nothing counts its beats."""
    ff = {"base": 1.0, "copies": float(copies * (stream.width + 1))}
    return Parts({"base": 1.0, "copies": float(copies)}, ff)


def cost(stream: StreamType, copies: int, family: Family) -> Resources:
    """Estimate a fork."""
    return priced("fork", family, parts(stream, copies))
