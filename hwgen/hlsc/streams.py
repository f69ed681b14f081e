# SPDX-License-Identifier: Apache-2.0
"""Accesses to streams, at most II for each stream on any path of an iteration; and whether a word waits.

Accesses that may happen in one iteration have slots that ascend in the order of the program: LLVM keeps that of
volatile accesses, and blocks are visited before those they lead to. Accesses that exclude each other may share a slot.
"""

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

WIDEN = "Widen the stream's word, or make each access an iteration of its own."
"""What to do where a stream must not be accessed so often."""


@dataclass(frozen=True)
class Access:
    """One access in the source: the block it is in, when it happens, what it writes and where (-1 for neither).

    Of the accesses to a stream that may happen in one iteration, a later one has a higher slot.
    """

    block: str
    predicate: int
    data: int
    address: int
    loc: ir.Loc | None
    slot: int = 0


def _apart(builder: Builder, flow: Flow, old: Access, block: str, predicate: int) -> bool:
    """Tell whether an access under `predicate` in `block` never happens in the same iteration as `old`."""
    if old.block != block and not flow.reaches(old.block, block):
        return True
    return builder.number(builder.both(old.predicate, predicate)) == 0


def check_exclusive(builder: Builder, flow: Flow, accesses: list[Access], new: Access, rule: str, fix: str) -> None:
    """Refuse `new` if it may happen in the same iteration as one of `accesses`."""
    for old in accesses:
        if not _apart(builder, flow, old, new.block, new.predicate):
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
        self.before: dict[int, int] = {}
        """The read before each read that is not the first of its stream."""
        self.asked: dict[str, ir.Loc | None] = {}
        """Where it is asked whether a word waits on a stream."""

    def _note(
        self, table: dict[str, list[Access]], place: Place, block: str, data: int, condition: int | None
    ) -> Access:
        low, name = self._low, place.object
        if name in (self.writes if table is self.reads else self.reads):
            raise Refused(f"Stream {name[1:]} must be either read or written.", "Use two streams.")
        predicate = low.flow.predicate(block)
        if condition is not None:
            predicate = low.builder.both(predicate, condition)
        earlier = [a.slot for a in table.setdefault(name, []) if not _apart(low.builder, low.flow, a, block, predicate)]
        access = Access(block, predicate, data, -1, low.place, 1 + max(earlier, default=-1))
        if access.slot >= ir.SLOWEST:
            verb = "read" if table is self.reads else "written"
            raise Refused(
                f"Stream {name[1:]} must be {verb} at most {ir.SLOWEST} times in an iteration, on any path.", WIDEN
            )
        table[name].append(access)
        return access

    def read(self, place: Place, block: str, condition: int | None = None) -> int:
        """Return the word read where `condition` holds; reads of one slot are one value, as at most one happens."""
        name, width = place.object, self._low.streams[place.object]
        access = self._note(self.reads, place, block, -1, condition)
        found = self._low.builder.leaf("read", width, name[1:], slot=access.slot)
        if access.slot:
            self.before[found] = self._low.builder.leaf("read", width, name[1:], slot=access.slot - 1)
        return found

    def write(self, place: Place, value: int, block: str) -> None:
        """Write the low bits of a value."""
        width = self._low.streams[place.object]
        self._note(self.writes, place, block, self._low.builder.extract(value, 0, width), None)

    def most(self, name: str) -> int:
        """Return how many accesses to a stream a path of an iteration may have."""
        return 1 + max(access.slot for access in self.reads.get(name) or self.writes[name])

    def beyond(self, name: str, count: int) -> ir.Loc | None:
        """Return the place of the first access to a stream that comes after `count` others."""
        return next(access.loc for access in self.reads.get(name) or self.writes[name] if access.slot == count)

    def waits(self, place: Place) -> int:
        """Return whether a word waits; it is one answer in an iteration, however often it is asked."""
        if place.object not in self._low.streams:
            raise Refused("Whether a word waits must be asked of a stream parameter.", "Pass the stream by reference.")
        self.asked[place.object] = self._low.place
        return self._low.builder.leaf("valid", 1, place.object[1:])

    def parameters(self) -> tuple[ir.Stream, ...]:
        """Return the streams with their directions."""
        found = []
        for name, width in self._low.streams.items():
            if name in self.asked and name not in self.reads:
                what = "must be read where it is asked for words, and cannot be written"
                raise Refused(f"Stream {name[1:]} {what}.", "Call read_nb() or read(), or remove empty().")
            direction: Literal["in", "out"] = "in" if name in self.reads else "out"
            if name not in self.reads and name not in self.writes:
                raise Refused(f"Stream {name[1:]} must be read or written.", "Remove the parameter.")
            found.append(ir.Stream(name[1:], direction, width))
        return tuple(found)
