# SPDX-License-Identifier: Apache-2.0
"""A dataflow top: process instances joined by FIFO channels, as plain data.

Produced from a C++ dataflow function by the front half, turned into structural SystemVerilog by `dataflow_emit`.
Every channel has exactly one writer and one reader; every port of the top is bound to exactly one instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hwgen.hlsc.ir import Loc, Stream


@dataclass(frozen=True)
class Channel:
    """A FIFO between two processes; `width` in bits, `depth` in words, `style` a RAM style or "auto"."""

    name: str
    width: int
    depth: int
    style: Literal["auto", "registers", "distributed", "block"] = "auto"
    loc: Loc | None = None


@dataclass(frozen=True)
class Instance:
    """One process; `bindings` maps each of its stream parameters to a channel or to a port of the top.

    `ports` are the process's streams in parameter order, `bindings` has exactly their names as keys.
    """

    name: str
    process: str
    ports: tuple[Stream, ...]
    bindings: Mapping[str, str]
    loc: Loc | None = None


@dataclass(frozen=True)
class Dataflow:
    """The structural top `name`: its stream ports, channels and instances, each in source order."""

    name: str
    ports: tuple[Stream, ...]
    channels: tuple[Channel, ...]
    instances: tuple[Instance, ...]
    loc: Loc | None = None
