# SPDX-License-Identifier: Apache-2.0
"""Where tables and RAMs live: LUTs or block RAM, by what each would cost."""

from __future__ import annotations

from math import ceil
from typing import Literal

from hwgen.hlsc import ir

Style = Literal["distributed", "block"]

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
    """Return "block" where a table in LUTs would cost more than the block RAMs are worth."""
    luts = rom.width * max(1, ceil(len(rom.words) / 64))
    return "block" if luts > _LUTS_PER_BLOCK * blocks(rom.width, len(rom.words)) else "distributed"


def ram_style(ram: ir.Ram) -> Style:
    """Return the style of a RAM by its directive, else by cost."""
    if ram.storage != "auto":
        return "block" if ram.storage == "bram" else "distributed"
    return "block" if _lut_ram(ram.width, ram.depth) > _LUTS_PER_BLOCK * blocks(ram.width, ram.depth) else "distributed"


def fifo_style(width: int, depth: int) -> Literal["registers", "distributed", "block"]:
    """Return where the words of a FIFO of `depth` words of `width` bits are kept."""
    if depth <= 2:
        return "registers"
    return "block" if _lut_ram(width, depth) > _LUTS_PER_BLOCK * blocks(width, depth) else "distributed"


def synchronous(process: ir.Process) -> frozenset[str]:
    """Return the memories ("rom x", "ram x") that are wanted in block RAM, whose data comes a stage later."""
    return frozenset(
        [f"rom {r.name}" for r in process.roms if rom_style(r) == "block"]
        + [f"ram {r.name}" for r in process.rams if ram_style(r) == "block"]
    )
