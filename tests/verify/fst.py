# SPDX-License-Identifier: Apache-2.0
"""As much of the FST format as shows that a file is whole: its blocks, its times, the names in its hierarchy."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

HEADER, HIERARCHY_LZ4 = 0, 6


@dataclass(frozen=True)
class Fst:
    """First and last time, types of the blocks, and the hierarchy as it is stored."""

    begin: int
    end: int
    blocks: tuple[int, ...]
    hierarchy: bytes


def read(path: Path) -> Fst:
    """Read the blocks of a file: a type, a length that includes itself, and what the type says."""
    data, at = path.read_bytes(), 0
    found: dict[int, bytes] = {}
    while at < len(data):
        (length,) = struct.unpack_from(">Q", data, at + 1)
        found[data[at]] = data[at + 9 : at + 1 + length]
        at += 1 + length
    assert at == len(data), "the last block is not whole"
    (begin, end), (euler,) = struct.unpack_from(">QQ", found[HEADER]), struct.unpack_from("<d", found[HEADER], 16)
    assert abs(euler - 2.718281828459045) < 1e-15
    (size,) = struct.unpack_from(">Q", found[HIERARCHY_LZ4])
    hierarchy = lz4(found[HIERARCHY_LZ4][8:])
    assert len(hierarchy) == size
    return Fst(begin, end, tuple(found), hierarchy)


def lz4(data: bytes) -> bytes:
    """Decompress a block."""
    out, at = bytearray(), 0
    while True:
        token, at = data[at], at + 1
        count, at = length(data, at, token >> 4)
        out += data[at : at + count]
        at += count
        if at == len(data):
            return bytes(out)
        distance = int.from_bytes(data[at : at + 2], "little")
        count, at = length(data, at + 2, token & 15)
        assert 0 < distance <= len(out)
        for _ in range(count + 4):
            out.append(out[-distance])


def length(data: bytes, at: int, count: int) -> tuple[int, int]:
    """Return a length and where it ends: 15 goes on in bytes of 255."""
    if count < 15:
        return count, at
    while True:
        count, at = count + data[at], at + 1
        if data[at - 1] != 255:
            return count, at
