# SPDX-License-Identifier: Apache-2.0
"""Loop-carried locals and `static` variables as registers."""

from __future__ import annotations

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.builder import Builder
from hwgen.hlsc.names import Names
from hwgen.hlsc.trip import Induction
from hwgen.packing import signed_bits, unsigned_bits


class States:
    """The registers of a process.

    Parameters
    ----------
    builder, names
        Receive the values and their names.
    trip
        Iterations of a frame, None where that is not a constant.
    """

    def __init__(self, builder: Builder, names: Names, trip: int | None) -> None:
        self._builder = builder
        self._names = names
        self._trip = trip
        self.last: int | None = None
        self._resets: dict[int, int | None] = {}
        self._counters: dict[int, ir.State] = {}
        self.states: list[ir.State] = []

    def counter(self, name: str, chain: Induction) -> int:
        """Return the value of an induction variable, held in as few bits as its range needs."""
        assert self._trip is not None
        builder, trip = self._builder, self._trip
        span = chain.values(trip)
        assert span is not None
        low, high = span
        signed = low < 0
        width = min(chain.width, signed_bits(low, high) if signed else unsigned_bits(high))
        label = self._names.unique(name, "i")
        register = builder.leaf("state", width, label)
        builder.label(register, label)
        last = builder.make("eq", 1, (register, builder.const(chain.at(trip - 1), width)))
        if self.last is None:
            self.last = last
        following = builder.make("add", width, (register, builder.const(chain.step, width)))
        if (chain.at(trip) - chain.first) & ones(width):
            following = builder.select(last, builder.const(chain.first, width), following)
        self.states.append(ir.State(label, width, chain.first & ones(width), following))
        value = builder.extend(register, chain.width, signed)
        self._counters[value] = self.states[-1]
        return value

    def local(self, name: str, width: int, first: int | None) -> int:
        """Return the register of a local; `first` is what it holds when a frame starts, None for anything."""
        label = self._names.unique(name, "s")
        register = self._builder.leaf("state", width, label)
        self._builder.label(register, label)
        self._resets[register] = None if first is None else first & ones(width)
        return register

    def follow(self, register: int, following: int) -> None:
        """Give a local its next value; it starts anew after the frame's last iteration."""
        if register in self._counters:
            return
        reset = self._resets[register]
        width = self._builder.width(register)
        if reset is not None and self.last is not None:
            following = self._builder.select(self.last, self._builder.const(reset, width), following)
        elif self._trip == 1 and reset is not None:
            following = self._builder.const(reset, width)
        self.keep(register, reset or 0, following)

    def keep(self, register: int, reset: int, following: int) -> None:
        """Give a register its next value, whatever the frame does."""
        leaf = self._builder.values[register]
        self.states.append(ir.State(str(leaf.attr), leaf.width, reset, following))
