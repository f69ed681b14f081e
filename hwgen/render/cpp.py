# SPDX-License-Identifier: Apache-2.0
"""C++ text from plain data: literals, configuration members, constant tables, signatures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from hwgen.graph import Ints
from hwgen.hw import CType, StreamType

COLUMNS = 120
SIGNED = frozenset({"kPadValue", "kYMin", "kStep", "kLo", "kHi", "kM0", "kM1", "kBias", "kZeroA", "kZeroB"})


def stream_type(stream: StreamType) -> str:
    """Return the C++ type of a stream."""
    return f"hls::stream<ap_uint<{stream.width}>>"


def literal(value: int) -> str:
    """Return an integer literal; what does not fit an int gets a suffix."""
    if -(1 << 31) < value < 1 << 31:
        return str(value)
    return f"(-{(1 << 63) - 1}LL - 1)" if value == -(1 << 63) else f"{value}LL"


def member(name: str, value: int | bool | CType) -> str:
    """Return one member of a configuration struct."""
    if isinstance(value, CType):
        return f"using {name} = {value};"
    if isinstance(value, bool):
        return f"static constexpr bool {name} = {'true' if value else 'false'};"
    if not -(1 << 31) <= value < 1 << 31:
        return f"static constexpr long long {name} = {literal(value)};"
    kind = "int" if name in SIGNED else "unsigned"
    return f"static constexpr {kind} {name} = {value};"


def table(values: Ints) -> list[str]:
    """Return the initialiser of a two-dimensional table, one row of the table a paragraph."""
    lines = []
    small = abs(int(values.min())) < 1 << 31 and int(values.max()) < 1 << 31
    for row in values.tolist():
        items = ", ".join(map(str, row)) if small else ", ".join(map(literal, row))
        text = f"    {{{items}}},"
        if len(text) <= COLUMNS:
            lines.append(text)
        else:
            lines += textwrap.wrap(text, COLUMNS, initial_indent="    ", subsequent_indent="     ")
    return lines


def wrapped(head: str, parts: Sequence[str], tail: str, indent: int = 0) -> str:
    """Return ``head(parts)tail``, continued under the opening bracket when the line is too long."""
    column = indent + len(head) + 1
    lines = [""]
    for index, part in enumerate(parts):
        piece = part + ("," if index + 1 < len(parts) else "")
        last = index + 1 == len(parts)
        room = COLUMNS - column - (len(tail) + 3 if last else 0)
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > room:
            lines.append("")
        lines[-1] += f" {piece}" if lines[-1] else piece
    body = ("\n" + " " * column).join(lines)
    return f"{head}({body}){tail}"


def comment(text: str) -> list[str]:
    """Return lines of a comment, without the slashes."""
    return textwrap.wrap(text, COLUMNS - 3)
