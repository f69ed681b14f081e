# SPDX-License-Identifier: Apache-2.0
"""Boards are data: one YAML file each under `hwgen/hw/boards`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["xcup", "xc7", "ecp5"]


@dataclass(frozen=True)
class Resources:
    """Counts of what a design uses or a device offers (36 Kbit block RAMs; ECP5's 18 Kbit EBRs count as halves)."""

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
    """

    name: str
    title: str
    part: str
    family: Family
    resources: Resources
    clock_mhz: float
    axis_bits: int
    source: str
