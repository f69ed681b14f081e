# SPDX-License-Identifier: Apache-2.0
"""Where tables and RAMs live: LUTs or block RAM, by what each would cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from hwgen.hlsc import ir
from hwgen.hlsc.errors import HlsError

Style = Literal["distributed", "block", "ultra"]

_STYLES: Mapping[str, Style] = {"lutram": "distributed", "bram": "block", "uram": "ultra"}

_LUTS_PER_BLOCK = 150
_BLOCK_BITS = 18 * 1024
_BLOCK_PORT = 36


def blocks(width: int, depth: int) -> int:
    """Return the number of 18 Kb block RAMs of a memory with one read and one write port."""
    return max(ceil(width / _BLOCK_PORT), ceil(width * depth / _BLOCK_BITS))


def _lut_ram(width: int, depth: int) -> int:
    """Return the LUTs of a LUT RAM: 14 bits x 32 words in 8 of them."""
    return ceil(width / 14) * 8 * ceil(depth / 32)


def rom_style(rom: ir.Rom) -> Style:
    """Return the style of a table by its directive, else "block" where LUTs would cost more than block RAMs."""
    if rom.storage != "auto":
        return _STYLES[rom.storage]
    luts = rom.width * max(1, ceil(len(rom.words) / 64))
    return "block" if luts > _LUTS_PER_BLOCK * blocks(rom.width, len(rom.words)) else "distributed"


def ram_style(ram: ir.Ram) -> Style:
    """Return the style of a RAM by its directive, else by cost."""
    if ram.storage != "auto":
        return _STYLES[ram.storage]
    return "block" if _lut_ram(ram.width, ram.depth) > _LUTS_PER_BLOCK * blocks(ram.width, ram.depth) else "distributed"


def fifo_style(width: int, depth: int) -> Literal["registers", "distributed", "block"]:
    """Return where the words of a FIFO of `depth` words of `width` bits are kept."""
    if depth <= 2:
        return "registers"
    return "block" if _lut_ram(width, depth) > _LUTS_PER_BLOCK * blocks(width, depth) else "distributed"


@dataclass(frozen=True)
class Kept:
    """Where a memory is, and how many cycles after its address its word is there."""

    style: Style
    latency: int


IN_LUTS = Kept("distributed", 0)


def _kept(style: Style, latency: int | None) -> Kept:
    least = int(style != "distributed")
    return Kept(style, least if latency is None else max(least, latency))


def memories(process: ir.Process) -> dict[str, Kept]:
    """Return where each memory ("rom x", "ram x") is wanted."""
    found = {f"rom {r.name}": _kept(rom_style(r), r.latency) for r in process.roms}
    return found | {f"ram {r.name}": _kept(ram_style(r), r.latency) for r in process.rams}


def check(process: ir.Process, family: str) -> None:
    """Refuse UltraRAM where there is none.

    Raises
    ------
    HlsError
        At the array's place.
    """
    for ram in process.rams:
        if ram.storage == "uram" and family != "xcup":
            raise HlsError(
                f"The array {ram.name} must not be bound to uram: the family {family} has no UltraRAM.",
                file=ram.loc.file if ram.loc else "",
                line=ram.loc.line if ram.loc else 0,
                fix="Write impl=bram, or compile for xcup.",
            )
