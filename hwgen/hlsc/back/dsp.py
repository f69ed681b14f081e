# SPDX-License-Identifier: Apache-2.0
"""Multiplications that a directive binds to a multiplier block: what a block can do, and how many cycles it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.delays import DelayModel, Family
from hwgen.hlsc.back.fold import to_signed
from hwgen.hlsc.back.netlist import Netlist
from hwgen.hlsc.back.rows import Factor
from hwgen.hlsc.errors import HlsError
from hwgen.packing import BLOCKS, Block, signed_bits

LIBRARY = "hwgen_mul"
"""Module of `hls/rtl` that an emitted multiplier block is an instance of."""
_PIPELINED = 3


def block(family: Family) -> Block:
    """Return the multiplier block of a family."""
    return BLOCKS[family.name]


def factor(b: Builder, index: int) -> Factor:
    """Return an argument of a multiplication without its extension; constants are as narrow as they can be."""
    value = b.values[index]
    if value.opcode in ("zext", "sext"):
        return Factor(value.args[0], b.width(value.args[0]), value.opcode == "sext")
    constant = b.constant(index)
    if constant is None:
        return Factor(index, value.width, True)
    number = to_signed(constant, value.width)
    width = signed_bits(number, number)
    return Factor(b.const(width, number), width, True)


def single(b: Builder, model: DelayModel, value: ir.Value, args: Sequence[int]) -> int:
    """Return one bound multiplication as one block.

    Raises
    ------
    HlsError
        When the factors are wider than the block's.
    """
    ports = block(model.family)
    factors = [factor(b, a) for a in args]
    left, right = sorted(factors, key=lambda f: f.width + (not f.signed), reverse=True)
    wide, narrow = (f.width + (not f.signed) for f in (left, right))
    if wide > ports.wide or narrow > ports.narrow:
        raise HlsError(
            f"The factors of a multiplication in one {ports.name} must have at most {ports.wide} and {ports.narrow} "
            f"bits with sign, not {wide} and {narrow}.",
            file=value.loc.file if value.loc else "",
            line=value.loc.line if value.loc else 0,
            fix="Use narrower types, or impl=fabric.",
        )
    first, second = (b.resize(f.value, w, f.signed) for f, w in ((left, wide), (right, narrow)))
    product = b.op("dsp", wide + narrow, (first, b.const(wide, 0), second))
    return b.resize(product, value.width, True)


def time_blocks(process: ir.Process, model: DelayModel) -> ir.Process:
    """Return the process with a latency for every block: the directive's, or what the clock needs.

    A block on a recurrence has none unless a directive asks for it; whether the II allows that is for the scheduler.
    """
    if not any(v.opcode == "dsp" for v in process.values):
        return process
    stuck = looping(process)
    wanted = _PIPELINED if model.family.dsp > model.period else _PIPELINED - 1
    values = []
    for value in process.values:
        if value.opcode == "dsp":
            bind = value.bind or ir.Binding("dsp")
            latency = bind.latency
            if latency is None:
                latency = 0 if value.id in stuck else wanted
            value = replace(value, bind=ir.Binding("dsp", latency))
        values.append(value)
    return replace(process, values=tuple(values))


def looping(process: ir.Process) -> frozenset[int]:
    """Return the values whose results are needed in the loop through storage that they are part of."""
    netlist = Netlist(process, {})
    found: set[int] = set()
    for component in netlist.components(tied=True):
        inside = set(component)
        found.update(n for n in component if any(c in inside for c in netlist.consumers[n]))
    return frozenset(found)
