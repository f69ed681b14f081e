# SPDX-License-Identifier: Apache-2.0
"""A dataflow top: process instances joined by FIFO channels, as plain data.

Produced from a C++ dataflow function by the front half, turned into structural SystemVerilog by `dataflow_emit`.
Every channel has exactly one writer and one reader; every port of the top is bound to exactly one instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hwgen.hlsc.blackbox import STREAM, BlackBox
from hwgen.hlsc.interfaces import Register
from hwgen.hlsc.ir import Loc, Stream
from hwgen.hlsc.scalars import ARGUMENTS, DONE


@dataclass(frozen=True)
class Channel:
    """A FIFO between two processes, or wires where `depth` is 0.

    `width` is in bits, `depth` in words, `style` a RAM style or "auto".
    """

    name: str
    width: int
    depth: int
    style: Literal["auto", "registers", "distributed", "block"] = "auto"
    loc: Loc | None = None


@dataclass(frozen=True)
class Instance:
    """One process; `bindings` maps each of its stream parameters to a channel or to a port of the top.

    `ports` are the process's streams in parameter order, `bindings` has exactly their names as keys. A black box `box`
    has values for its module's parameters. `arguments` gives for each scalar the top's register or a number.
    """

    name: str
    process: str
    ports: tuple[Stream, ...]
    bindings: Mapping[str, str]
    loc: Loc | None = None
    box: BlackBox | None = None
    values: Mapping[str, int | str] = field(default_factory=dict)
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """The arguments in the word that starts a run, lowest first."""
        return self.box.fields if self.box else tuple(self.arguments)

    @property
    def start(self) -> Mapping[str, str]:
        """Pins of the stream whose words start a run, by tdata, tvalid and tready; empty where nothing starts it."""
        return self.box.start if self.box else self._own(ARGUMENTS)

    @property
    def done(self) -> Mapping[str, str]:
        """Pins of the stream that gives a word at the end of a run."""
        return self.box.done if self.box else self._own(DONE)

    def _own(self, stream: str) -> Mapping[str, str]:
        return {signal: f"{stream}_{signal}" for signal in STREAM} if self.arguments else {}


@dataclass(frozen=True)
class Argument:
    """What a scalar or address is given, `bits` wide: a register of the top's, or a number.

    `word` are the bits of the words that an address points to.
    """

    bits: int
    value: str | int
    word: int = 0


@dataclass(frozen=True)
class Master:
    """An AXI4 master of the top: its bundle, data width, and the instances that read and write through it.

    `reader` and `writer` are (instance, prefix of its pins).
    """

    bundle: str
    bits: int
    reader: tuple[str, str] | None
    writer: tuple[str, str] | None


@dataclass(frozen=True)
class Control:
    """The AXI4-Lite slave of the top: its bundle, its registers, and the instances that a run starts, in order."""

    bundle: str
    registers: tuple[Register, ...]
    started: tuple[str, ...]


@dataclass(frozen=True)
class Dataflow:
    """The structural top `name`: its stream ports, channels and instances, each in source order."""

    name: str
    ports: tuple[Stream, ...]
    channels: tuple[Channel, ...]
    instances: tuple[Instance, ...]
    loc: Loc | None = None
    control: Control | None = None
    masters: tuple[Master, ...] = ()
