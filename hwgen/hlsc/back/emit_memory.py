# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog declarations of tables and RAMs."""

from __future__ import annotations

from collections.abc import Iterator

from hwgen.hlsc import ir
from hwgen.hlsc.back.emit_expr import literal, vector


def _style(block: bool) -> str:
    return "block" if block else "distributed"


def rom_lines(rom: ir.Rom, name: str, block: bool) -> Iterator[str]:
    """Declare a table and its contents."""
    where = f"  // {rom.loc}" if rom.loc else ""
    yield f'    (* rom_style = "{_style(block)}" *) logic {vector(rom.width)}{name} [0:{len(rom.words) - 1}];{where}'
    yield "    initial begin"
    for index, word in enumerate(rom.words):
        yield f"        {name}[{index}] = {literal(rom.width, word)};"
    yield "    end"


def ram_lines(ram: ir.Ram, name: str, block: bool) -> Iterator[str]:
    """Declare a RAM."""
    where = f"  // {ram.loc}" if ram.loc else ""
    yield f'    (* ram_style = "{_style(block)}" *) logic {vector(ram.width)}{name} [0:{ram.depth - 1}];{where}'
