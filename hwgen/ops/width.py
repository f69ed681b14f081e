# SPDX-License-Identifier: Apache-2.0
"""Width converter: the same elements with other lanes. The plan inserts it between neighbours that differ."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from hwgen.hw import Family, KernelCall, Resources, Schedule, StreamType
from hwgen.ops.area import Parts, counting, priced


def chain(source: int, target: int) -> tuple[int, ...]:
    """Return the lanes after each converter from `source` to `target` lanes: none, one, or two through their gcd."""
    if source == target:
        return ()
    common = gcd(source, target)
    return (target,) if common in (source, target) else (common, target)


def relaned(stream: StreamType, lanes: int) -> StreamType:
    """Return `stream` with other lanes; the elements keep their order."""
    return replace(stream, lanes=lanes, beats=stream.beats * stream.lanes // lanes)


def kernel(source: StreamType, lanes: int) -> KernelCall:
    """Return the call that turns `source` into a stream of `lanes` lanes; one number of lanes divides the other."""
    config = {"kBits": source.bits, "kInLanes": source.lanes, "kOutLanes": lanes, "kInBeats": source.beats}
    return KernelCall("width.hpp", "width", config, (source,), (relaned(source, lanes),))


def schedule(source: StreamType, lanes: int) -> Schedule:
    """Gather: read always, write when a wide beat is full. Split: read a wide beat, write its parts one by one."""
    target = relaned(source, lanes)
    iterations = max(source.beats, target.beats)
    beats = np.arange(iterations, dtype=np.int64)
    if lanes > source.lanes:
        ratio = lanes // source.lanes
        return Schedule(iterations, (beats,), (beats[ratio - 1 :: ratio],))
    return Schedule(iterations, (beats[:: source.lanes // lanes],), (beats,))


def parts(source: StreamType, lanes: int) -> Parts:
    """Return the parts of a converter: what is kept of a wide beat, multiplexers where one splits, a counter."""
    narrow, wide = sorted((source.lanes * source.bits, lanes * source.bits))
    splits, ratio = lanes < source.lanes, wide // narrow
    counters = counting(ratio, source.beats * (ratio if splits else 1))
    out = narrow if splits else wide
    lut = {"base": 1.0, **counters, "select": float(wide if splits else 0)}
    return Parts(lut, {"base": 1.0, "state": counters["counters"] + wide - narrow + out})


def cost(source: StreamType, lanes: int, family: Family) -> Resources:
    """Estimate a converter."""
    return priced("width", family, parts(source, lanes))
