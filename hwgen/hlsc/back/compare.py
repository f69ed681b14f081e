# SPDX-License-Identifier: Apache-2.0
"""Signed comparisons as unsigned ones with the sign bits swapped.

Where the signs are equal the swap changes nothing; where they are not, the smaller number is the one with the sign
bit, which its opponent then has. A signed comparison in a carry chain needs the two highest carries; on ECP5 a carry
that leaves a chain in its middle splits it, at 1.5 ns and up to four times the LUTs.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.delays import Family
from hwgen.hlsc.back.normalise import rebuild


def _swapped(b: Builder, value: ir.Value, args: Sequence[int]) -> int:
    width = b.width(args[0]) if value.opcode == "slt" else 0
    if width < 2:
        return b.op(value.opcode, value.width, args, value.attr)
    signs = [b.extract(a, width - 1, 1) for a in args]
    rests = [b.extract(a, 0, width - 1) for a in args]
    return b.op("ult", 1, [b.concat([signs[1], rests[0]]), b.concat([signs[0], rests[1]])])


def lower_comparisons(process: ir.Process, family: Family) -> ir.Process:
    """Return the process without signed comparisons, for families where they cost more than unsigned ones."""
    if not family.swap_signs or not any(v.opcode == "slt" for v in process.values):
        return process
    return rebuild(process, _swapped)
