# SPDX-License-Identifier: Apache-2.0
"""The compiler's IR: one iteration of a process's loop as a flat, predicated, synchronous dataflow graph.

Control flow is gone: branches became selects and predicates, the loop became state registers. Every value is an
unsigned bit pattern of a known width; signedness lives in the opcodes, as in LLVM. Frames are gone too: a local that
is reset when the loop starts again has that in its `next` value, so every state simply has a reset value.

Grammar, on one screen::

    process  = Process(name, streams, values, states, roms, rams, writes, trip_count, loc, ii, scalars)
    value    = Value(id, opcode, width, args, attr, loc, name, bind, slot)
    opcode   = const             attr: the constant (unsigned)
             | state             attr: state name            its value at the start of the iteration
             | read              attr: stream name, args: () or (predicate,)     blocking read, 0 where predicate is 0;
                                 those of a stream happen in the order of their ids, and `slot` ascends with it
             | valid             attr: stream name             whether a word waits on an input stream right now: never
                                                               blocks; one answer an iteration, that `read` has too
             | rom               attr: rom name, args: (address,)
             | ram               attr: ram name, args: (address,)   reads what earlier iterations wrote
             | add sub mul and or xor            two args of the result's width, modulo 2**width
             | dsp               (d, a, b): (d - a) * b of a multiplier block, signed; d - a wraps at their width
             | shl lshr ashr                     (value, amount); amounts >= width give 0 (or the sign for ashr)
             | eq ne ult ule slt sle             two args of equal width, result width 1
             | select                            (condition of width 1, if one, if zero)
             | trunc zext sext                   one arg
             | concat                            args most significant first
             | extract                           attr: lowest bit, one arg
    write    = Write(stream, data, predicate)    those of a stream happen in this order
    state    = State(name, width, reset, next)
    rom      = Rom(name, width, words, storage, latency)
    ram      = Ram(name, width, depth, store, storage, init, latency, independent, distance)
               store = Store(address, data, predicate)
    scalar   = Scalar(name, width, low)             a field of the stream `args`, which is read when a frame starts

A stream has at most `ii` reads or writes; one that is asked for words by `valid` has one read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Opcode = Literal[
    "const",
    "state",
    "read",
    "valid",
    "rom",
    "ram",
    "add",
    "sub",
    "mul",
    "dsp",
    "and",
    "or",
    "xor",
    "shl",
    "lshr",
    "ashr",
    "eq",
    "ne",
    "ult",
    "ule",
    "slt",
    "sle",
    "select",
    "trunc",
    "zext",
    "sext",
    "concat",
    "extract",
]


SLOWEST = 64
"""Largest II: a stage's valid bit is spent on each clock of it."""

Storage = Literal["auto", "lutram", "bram", "uram"]
"""Where a memory is kept: LUTs, block RAM, UltraRAM, or whatever costs least."""


@dataclass(frozen=True)
class Loc:
    """Place in the user's source, the outermost inlining site outside the compatibility headers."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")


@dataclass(frozen=True)
class Binding:
    """What a multiplication is made of, by directive; `latency` is in cycles, None for what the clock needs."""

    impl: Literal["dsp", "fabric"]
    latency: int | None = None


@dataclass(frozen=True)
class Value:
    """One node of the dataflow graph.

    `args` are ids of earlier values; `bind` is for `mul` and `dsp` only, `slot` for `read`.
    """

    id: int
    opcode: Opcode
    width: int
    args: tuple[int, ...] = ()
    attr: int | str | None = None
    loc: Loc | None = None
    name: str = ""
    bind: Binding | None = None
    slot: int = 0

    @staticmethod
    def made(
        id: int,
        opcode: str,
        width: int,
        args: tuple[int, ...],
        attr: int | str | None,
        loc: Loc | None,
        name: str,
        bind: Binding | None,
        slot: int,
    ) -> Value:
        """Return a value as the constructor does, which takes four times as long."""
        found = object.__new__(Value)
        found.__dict__.update(
            id=id, opcode=opcode, width=width, args=args, attr=attr, loc=loc, name=name, bind=bind, slot=slot
        )
        return found

    def moved(self, id: int, args: tuple[int, ...]) -> Value:
        """Return the same operation under another id, of other arguments."""
        if id == self.id and args == self.args:
            return self
        found = object.__new__(Value)
        found.__dict__.update(self.__dict__, id=id, args=args)
        return found


@dataclass(frozen=True)
class Stream:
    """A stream parameter of the process, in parameter order."""

    name: str
    direction: Literal["in", "out"]
    width: int


@dataclass(frozen=True)
class Scalar:
    """A scalar parameter of the process: `width` bits from bit `low` of each word of the stream `args`."""

    name: str
    width: int
    low: int


@dataclass(frozen=True)
class State:
    """A register that carries a value from one iteration to the next; `next` is a value id."""

    name: str
    width: int
    reset: int
    next: int


@dataclass(frozen=True)
class Rom:
    """A constant table; words are unsigned bit patterns. `latency`: cycles from address to word, None: free."""

    name: str
    width: int
    words: tuple[int, ...] = field(repr=False)
    loc: Loc | None = None
    storage: Storage = "auto"
    latency: int | None = None


@dataclass(frozen=True)
class Store:
    """The one write port of a RAM; `predicate` None writes in every iteration."""

    address: int
    data: int
    predicate: int | None


@dataclass(frozen=True)
class Ram:
    """A writable array with a run-time index. Reads see the writes of earlier iterations, not of this one.

    Attributes
    ----------
    init
        The words at first, None where they are unknown; a reset does not restore them.
    latency
        Cycles from address to word; None lets the compiler choose.
    independent
        The source promises that no iteration reads or writes a word that an earlier one, still running, writes.
    distance
        So many of the last iterations may not have written yet when this one reads: nobody looks at a word that they
        write, because what they write is forwarded around the memory.
    """

    name: str
    width: int
    depth: int
    store: Store
    storage: Storage = "auto"
    loc: Loc | None = None
    init: tuple[int, ...] | None = field(default=None, repr=False)
    latency: int | None = None
    independent: bool = False
    distance: int = 0


@dataclass(frozen=True)
class Write:
    """A blocking write; `predicate` None writes in every iteration."""

    stream: str
    data: int
    predicate: int | None
    loc: Loc | None = None


@dataclass(frozen=True)
class Process:
    """One pipelined process. `values` are in topological order and `values[i].id == i`."""

    name: str
    streams: tuple[Stream, ...]
    values: tuple[Value, ...]
    states: tuple[State, ...]
    roms: tuple[Rom, ...]
    rams: tuple[Ram, ...]
    writes: tuple[Write, ...]
    trip_count: int | None
    loc: Loc | None = None
    ii: int | None = 1
    """Clocks between the starts of two iterations, at least; None: the smallest at which recurrences meet the clock."""
    scalars: tuple[Scalar, ...] = ()
