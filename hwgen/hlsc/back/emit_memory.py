# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog declarations of tables and RAMs."""

from __future__ import annotations

from collections.abc import Iterator

from hwgen.hlsc import ir
from hwgen.hlsc.back.emit_expr import literal, vector


def is_module(rom: ir.Rom, block: bool) -> bool:
    """Tell whether a table gets a module of its own.

    A table that fills its LUTs is best left alone: where Yosys optimises it together with the logic around it, it
    spends up to four times the LUTs. A small one is better absorbed by its users.
    """
    return not block and len(rom.words) > 16


def table_module(rom: ir.Rom, name: str, address_bits: int) -> Iterator[str]:
    """Write the module of a table: `address` in, `word` out, no clock."""
    where = f" ({rom.loc})" if rom.loc else ""
    yield f"// Table {rom.name}{where}, kept apart so that synthesis spends one LUT a bit and 64 words."
    yield "(* keep_hierarchy *)"
    yield f"module {name} ("
    yield f"    input  logic {vector(address_bits)}address,"
    yield f"    output logic {vector(rom.width)}word"
    yield ");"
    yield from rom_lines(rom, "words", False)
    yield "    assign word = words[address];"
    yield "endmodule"
    yield ""


def rom_lines(rom: ir.Rom, name: str, block: bool) -> Iterator[str]:
    """Declare a table and its contents; Yosys has no mapping for a table that asks for LUTs, but takes them itself."""
    where = f"  // {rom.loc}" if rom.loc else ""
    style = '(* rom_style = "block" *) ' if block else ""
    yield f"    {style}logic {vector(rom.width)}{name} [0:{len(rom.words) - 1}];{where}"
    yield "    initial begin"
    for index, word in enumerate(rom.words):
        yield f"        {name}[{index}] = {literal(rom.width, word)};"
    yield "    end"


def ram_lines(ram: ir.Ram, name: str, block: bool) -> Iterator[str]:
    """Declare a RAM."""
    where = f"  // {ram.loc}" if ram.loc else ""
    style = "block" if block else "distributed"
    yield f'    (* ram_style = "{style}" *) logic {vector(ram.width)}{name} [0:{ram.depth - 1}];{where}'
