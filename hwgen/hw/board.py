# SPDX-License-Identifier: Apache-2.0
"""Boards are data: one YAML file each under `hwgen/hw/boards`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from hwgen.hw.open_flow import OpenFlow

Family = Literal["xcup", "xc7", "ecp5", "ice40"]
MemoryKind = Literal["ddr3", "ddr4", "lpddr4", "hbm", "sdram"]


@dataclass(frozen=True)
class Resources:
    """Counts of what a design uses or a device offers.

    Block RAMs are of 36 Kbit: ECP5's EBRs of 18 Kbit count as halves, iCE40's of 4 Kbit as ninths.
    """

    lut: float = 0
    ff: float = 0
    dsp: float = 0
    bram36: float = 0
    uram: float = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.lut + other.lut,
            self.ff + other.ff,
            self.dsp + other.dsp,
            self.bram36 + other.bram36,
            self.uram + other.uram,
        )

    def to_json(self) -> dict[str, float]:
        """Return a JSON-ready dict."""
        return {"lut": self.lut, "ff": self.ff, "dsp": self.dsp, "bram36": self.bram36, "uram": self.uram}

    def __sub__(self, other: Resources) -> Resources:
        """Return what is left of each resource, never less than nothing."""
        pairs = ((f.name, getattr(self, f.name) - getattr(other, f.name)) for f in fields(self))
        return Resources(**{name: max(0, left) for name, left in pairs})


@dataclass(frozen=True)
class Memory:
    """A memory outside the chip that the fabric can reach.

    Parameters
    ----------
    name, kind
        What it is called, and what it is.
    gbytes_per_s
        Most bytes a second at its pins, in units of 10^9.
    size_mib
        Its size in units of 2^20 bytes.
    """

    name: str
    kind: MemoryKind
    gbytes_per_s: float
    size_mib: int


@dataclass(frozen=True)
class Board:
    """A board: its part, what the part offers, and the clock that hwgen assumes on it.

    Parameters
    ----------
    name
        What the user types.
    part
        Vendor part number.
    family
        Yosys family, and the delay table that the HLS compiler uses.
    resources
        The whole device.
    clock_mhz
        Default clock.
    axis_bits
        Widest AXI4-Stream port that the board's DMA feeds well.
    source
        Where the numbers come from.
    memories
        Those outside the chip; empty where the board's file names none.
    open
        What place-and-route with open tools has to know; None where they do not know the part.
    note
        What somebody who plans for the board should know; empty if nothing.
    """

    name: str
    title: str
    part: str
    family: Family
    resources: Resources
    clock_mhz: float
    axis_bits: int
    source: str
    memories: tuple[Memory, ...] = ()
    note: str = ""
    open: OpenFlow | None = None

    @property
    def bandwidth_gbps(self) -> float:
        """Bytes a second of all memories together, in units of 10^9; 0 where none is known."""
        return sum(memory.gbytes_per_s for memory in self.memories)
