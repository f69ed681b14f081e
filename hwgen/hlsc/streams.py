# SPDX-License-Identifier: Apache-2.0
"""Accesses to streams: at most one for each stream on any path of an iteration; and whether a word waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hwgen.hlsc import ir
from hwgen.hlsc.address import Place
from hwgen.hlsc.builder import Builder
from hwgen.hlsc.flow import Flow
from hwgen.hlsc.lower_ops import Refused

if TYPE_CHECKING:
    from hwgen.hlsc.lower import Lowering


WAITS = "@hwgen_stream_waits"
"""What `read_nb` and `empty` of hls_stream.h call."""


@dataclass(frozen=True)
class Access:
    """One access in the source: the block it is in, when it happens, what it writes and where (-1 for neither)."""

    block: str
    predicate: int
    data: int
    address: int
    loc: ir.Loc | None


def check_exclusive(builder: Builder, flow: Flow, accesses: list[Access], new: Access, rule: str, fix: str) -> None:
    """Refuse `new` if it may happen in the same iteration as one of `accesses`."""
    for old in accesses:
        apart = old.block != new.block and not flow.reaches(old.block, new.block)
        if not apart and builder.number(builder.both(old.predicate, new.predicate)) != 0:
            raise Refused(rule, fix)


def combine(builder: Builder, accesses: list[Access]) -> tuple[int, int, int | None]:
    """Return address, data and predicate (None: always) of exclusive accesses together."""
    address, data, predicate = accesses[-1].address, accesses[-1].data, accesses[-1].predicate
    for access in reversed(accesses[:-1]):
        if access.address >= 0:
            address = builder.select(access.predicate, access.address, address)
        if access.data >= 0:
            data = builder.select(access.predicate, access.data, data)
        predicate = builder.either(access.predicate, predicate)
    return address, data, None if builder.number(predicate) == 1 else predicate


class Streams:
    """The stream accesses of a process."""

    def __init__(self, lowering: Lowering) -> None:
        self._low = lowering
        self.reads: dict[str, list[Access]] = {}
        self.writes: dict[str, list[Access]] = {}
        self._asked: dict[str, ir.Loc | None] = {}

    def _note(self, table: dict[str, list[Access]], place: Place, block: str, data: int, verb: str) -> int:
        low, name = self._low, place.object
        if name in (self.writes if table is self.reads else self.reads):
            raise Refused(f"Stream {name[1:]} must be either read or written.", "Use two streams.")
        access = Access(block, low.flow.predicate(block), data, -1, low.place)
        check_exclusive(
            low.builder,
            low.flow,
            table.setdefault(name, []),
            access,
            f"Stream {name[1:]} must be {verb} at most once in an iteration, on any path, whatever the II.",
            "Widen the stream's word, or make each access an iteration of its own: n times as many at II=1, not one at "
            "II=n.",
        )
        table[name].append(access)
        return low.streams[name]

    def read(self, place: Place, block: str) -> int:
        """Return the word read; all reads of a stream are one value, because at most one of them happens."""
        width = self._note(self.reads, place, block, -1, "read")
        return self._low.builder.leaf("read", width, place.object[1:])

    def write(self, place: Place, value: int, block: str) -> None:
        """Write the low bits of a value."""
        width = self._low.streams[place.object]
        self._note(self.writes, place, block, self._low.builder.extract(value, 0, width), "written")

    def waits(self, place: Place) -> int:
        """Return whether a word waits; it is one answer in an iteration, however often it is asked."""
        if place.object not in self._low.streams:
            raise Refused("Whether a word waits must be asked of a stream parameter.", "Pass the stream by reference.")
        self._asked[place.object] = self._low.place
        return self._low.builder.leaf("valid", 1, place.object[1:])

    def parameters(self) -> tuple[ir.Stream, ...]:
        """Return the streams with their directions."""
        found = []
        for name, width in self._low.streams.items():
            if name in self._asked and name not in self.reads:
                what = "must be read where it is asked for words, and cannot be written"
                raise Refused(f"Stream {name[1:]} {what}.", "Call read_nb() or read(), or remove empty().")
            direction: Literal["in", "out"] = "in" if name in self.reads else "out"
            if name not in self.reads and name not in self.writes:
                raise Refused(f"Stream {name[1:]} must be read or written.", "Remove the parameter.")
            found.append(ir.Stream(name[1:], direction, width))
        return tuple(found)
