# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog declarations of tables and RAMs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.balance import COUNTER
from hwgen.hlsc.back.bitsum import PART
from hwgen.hlsc.back.emit_expr import literal, vector
from hwgen.hlsc.back.storage import Style

_SMALL = 16


def is_selects(rom: ir.Rom) -> bool:
    """Tell whether a table is written as selects of constants, so that the logic that uses it can absorb it.

    As a memory Yosys would move the address register behind it, and so pay a register for each bit of a word.
    """
    return len(rom.words) <= _SMALL or rom.name.startswith(PART)


def is_module(rom: ir.Rom, block: bool) -> bool:
    """Tell whether a table gets a module of its own.

    A table that fills its LUTs is best left alone: where Yosys optimises it together with the logic around it, it
    spends up to four times the LUTs. Counting tables are not: their inputs' logic fits into them.
    """
    return not block and not is_selects(rom) and not rom.name.startswith(COUNTER)


def select_text(rom: ir.Rom, address: str) -> str:
    """Return nested selects of the words by the bits of the signal `address`."""

    def tree(words: Sequence[int], bit: int) -> str:
        if len(words) == 1:
            return literal(rom.width, words[0])
        half = 1 << bit
        if len(words) <= half:
            return tree(words, bit - 1)
        index = address if len(rom.words) <= 2 else f"{address}[{bit}]"
        return f"({index} ? {tree(words[half:], bit - 1)} : {tree(words[:half], bit - 1)})"

    bits = max(1, (len(rom.words) - 1).bit_length())
    return tree(rom.words, bits - 1)


def table_module(rom: ir.Rom, name: str, address_bits: int) -> Iterator[str]:
    """Write the module of a table: `address` in, `word` out, no clock."""
    where = f" ({rom.loc})" if rom.loc else ""
    yield f"// Table {rom.name}{where}, kept apart so that synthesis spends one LUT a bit and 64 words."
    yield "(* keep_hierarchy *)"
    yield f"module {name} ("
    yield f"    input  logic {vector(address_bits)}address,"
    yield f"    output logic {vector(rom.width)}word"
    yield ");"
    yield from rom_lines(rom, "words", "distributed")
    yield "    assign word = words[address];"
    yield "endmodule"
    yield ""


def rom_lines(rom: ir.Rom, name: str, style: Style) -> Iterator[str]:
    """Declare a table and its contents; Yosys has no mapping for a table that asks for LUTs, but takes them itself."""
    where = f"  // {rom.loc}" if rom.loc else ""
    asked = '(* rom_style = "block" *) ' if style == "block" else ""
    yield f"    {asked}logic {vector(rom.width)}{name} [0:{len(rom.words) - 1}];{where}"
    yield "    initial begin"
    for index, word in enumerate(rom.words):
        yield f"        {name}[{index}] = {literal(rom.width, word)};"
    yield "    end"


def ram_lines(ram: ir.Ram, name: str, style: Style, collides: bool) -> Iterator[str]:
    """Declare a RAM and its initial contents; unless it `collides`, nobody looks at a word while it is written."""
    where = f"  // {ram.loc}" if ram.loc else ""
    free = "" if collides else ", no_rw_check"
    yield f'    (* ram_style = "{style}"{free} *) logic {vector(ram.width)}{name} [0:{ram.depth - 1}];{where}'
    if ram.init is None:
        return
    if len(set(ram.init)) == 1:
        value = literal(ram.width, ram.init[0])
        yield f"    initial for (int row = 0; row < {ram.depth}; row++) {name}[row] = {value};"
        return
    yield "    initial begin"
    for index, word in enumerate(ram.init):
        yield f"        {name}[{index}] = {literal(ram.width, word)};"
    yield "    end"
