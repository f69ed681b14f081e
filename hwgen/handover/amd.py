# SPDX-License-Identifier: Apache-2.0
"""What Vivado has to know of a board beside its part: `amd.yaml` as data classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hwgen.hw import Board


@dataclass(frozen=True)
class Processor:
    """The processing system of a Zynq, as a cell of a block design.

    Parameters
    ----------
    ip
        Name of the IP, from ``xilinx.com:ip``.
    preset
        Options of its block automation.
    config
        Properties to set, without ``CONFIG.``.
    clock_config
        The property that takes the frequency of the fabric's clock, in MHz.
    clock, reset, interrupt
        Pins: fabric clock, its reset (active low), and where an interrupt enters.
    master, slave
        Interface pins: the one that reaches the registers, and the one that reaches memory.
    clocked
        Pins that take the clock of those two.
    segments
        What the names of the memory's address segments begin with.
    control_base
        First address that `master` reaches.
    address_bits
        Width of a memory address.
    """

    ip: str
    preset: str
    config: Mapping[str, int]
    clock_config: str
    clock: str
    reset: str
    interrupt: str
    master: str
    slave: str
    clocked: tuple[str, ...]
    segments: str
    control_base: int
    address_bits: int


@dataclass(frozen=True)
class ZynqBoard:
    """A board with a Zynq on it.

    Parameters
    ----------
    processor
        Its processing system.
    board_part
        Pattern of its name in Vivado's board store.
    memory
        Address segments of its memory: name, offset, size in bytes.
    excluded
        Segments that a DMA must not reach.
    """

    processor: Processor
    board_part: str
    memory: tuple[tuple[str, int, int], ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """An Alveo card: what v++ calls its memory, how many banks of it there are, and a platform for it."""

    bank: str
    banks: int
    platform: str


@cache
def _data() -> dict[str, Any]:
    text = (Path(__file__).parent / "amd.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def zynq(board: str) -> ZynqBoard | None:
    """Return the Zynq board of that name; None where it is none, or not known."""
    found = _data()["boards"].get(board)
    if found is None:
        return None
    memory = tuple((name, offset, size) for name, offset, size in found["memory"])
    return ZynqBoard(_processor(found["processor"]), found["board_part"], memory, tuple(found["excluded"]))


def processor(board: Board) -> Processor:
    """Return the processing system that a driver for a board meets: that of the board, else of its family's Zynq."""
    known = zynq(board.name)
    if known is not None:
        return known.processor
    return _processor("processing_system7" if board.family == "xc7" else "zynq_ultra_ps_e")


def _processor(ip: str) -> Processor:
    facts = _data()["processors"][ip]
    return Processor(ip, **{**facts, "clocked": tuple(facts["clocked"])})


def card(board: str) -> Card | None:
    """Return the Alveo card of that name; None where it is none, or not known."""
    found = _data()["cards"].get(board)
    return None if found is None else Card(**found)
