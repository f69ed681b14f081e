# SPDX-License-Identifier: Apache-2.0
"""Delay model: nanoseconds per operator and family, with an average route folded into each logic level.

The figures stand in ``delays.yaml`` with their sources; they decide how much is chained into one stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from math import ceil, log, log2
from pathlib import Path

import yaml

from hwgen.errors import UserError, did_you_mean
from hwgen.hlsc import ir
from hwgen.hlsc.back.bitsum import is_part
from hwgen.hlsc.back.fold import WIRES

TABLE = Path(__file__).parent / "delays.yaml"
_FREE_FANOUT = 16


@dataclass(frozen=True)
class Family:
    """Delays of one FPGA family, in ns; `inputs` is the size of its LUT.

    Attributes
    ----------
    overhead
        Clock to output plus last route, set-up and uncertainty: what a stage loses to its registers.
    level
        One LUT and an average route.
    wide, wide_bits
        Multiplexers behind the LUTs: increment per address bit that they add to a table, and how many bits they can.
    carry, carry_bit
        An adder: fixed part (route, entry and exit) and the increment per bit.
    compressor
        Levels of a step that makes two rows of a multiplication out of three.
    fanout
        Increment of a route for every doubling of its loads beyond 16.
    enable
        Route from logic to the clock enables of 16 registers.
    bram_out, bram_setup
        Clock to data of a block RAM without output register, and its address set-up beyond a flip-flop's.
    dsp, dsp_setup, dsp_out
        Through a multiplier block without registers, set-up of its input registers, output register to result.
    margin
        Share of the clock period that the scheduler leaves free, for routes longer than average.
    swap_signs
        Whether signed comparisons are cheaper as unsigned ones with the sign bits swapped.
    placed
        Whether the figures were fitted to place-and-route; else they are estimates.
    """

    name: str
    inputs: int
    overhead: float
    level: float
    wide: float
    wide_bits: int
    carry: float
    carry_bit: float
    compressor: float
    fanout: float
    enable: float
    bram_out: float
    bram_setup: float
    dsp: float
    dsp_setup: float
    dsp_out: float
    margin: float
    swap_signs: bool
    placed: bool


@cache
def families() -> dict[str, Family]:
    """Return the delay tables by family."""
    data = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    names = [f.name for f in fields(Family) if f.name != "name"]
    return {name: Family(name, **{key: rows[key] for key in names}) for name, rows in data.items()}


def family(name: str) -> Family:
    """Return the delay table of a family, or raise `UserError` with the known ones."""
    known = families()
    if name not in known:
        raise UserError(
            f"The FPGA family must be one with a delay table, not {name}.", hint=did_you_mean(name, [*known])
        )
    return known[name]


@dataclass(frozen=True)
class DelayModel:
    """Delay of each operator for a family and a clock."""

    family: Family
    clock_mhz: float

    @property
    def period(self) -> float:
        """Time for logic between two registers, in ns."""
        return max(self.family.level, (1.0 - self.family.margin) * 1000.0 / self.clock_mhz - self.family.overhead)

    def memory_out(self, style: str, latency: int) -> float:
        """Delay from the clock to the word of a memory that is read through `latency` registers."""
        if style == "distributed" or latency > 2:
            return 0.0
        slow = 1.3 if style == "ultra" else 1.0
        return self.family.bram_out * slow * (1.0 if latency == 1 else 0.25)

    def tree(self, inputs: float) -> float:
        """Delay of a tree of LUTs with so many leaves."""
        return self.family.level * max(1, ceil(log(max(2.0, inputs), self.family.inputs) - 1e-9))

    def adder(self, bits: int) -> float:
        """Delay of a carry chain."""
        return self.family.carry + self.family.carry_bit * bits

    def table(self, depth: int) -> float:
        """Delay of a table of `depth` words made of LUTs: one level, the multiplexers behind it, more levels."""
        beyond = max(0, (depth - 1).bit_length() - self.family.inputs)
        behind = min(beyond, self.family.wide_bits)
        return self.family.level + self.family.wide * behind + self.selection(beyond - behind)

    def selection(self, bits: int) -> float:
        """Delay of selecting one of ``2**bits`` signals."""
        return self.family.level * bits / (2 if self.family.inputs > 4 else 1)

    def load(self, loads: int) -> float:
        """Return the time that a route with so many loads takes beyond an average one."""
        return self.family.fanout * max(0.0, log2(max(1, loads) / _FREE_FANOUT))

    def stall(self, inputs: int, registers: int) -> float:
        """Delay from the conditions of a stall to the clock enables of the registers that it holds."""
        return self.tree(inputs) + self.family.enable + self.load(registers)

    def operator(self, values: Sequence[ir.Value], value: ir.Value, depth: int = 0) -> float:
        """Return the delay through an operator; `depth` is that of the table or RAM it reads asynchronously."""
        opcode, level = value.opcode, self.family.level
        if opcode in WIRES or opcode in ("const", "state"):
            return 0.0
        if opcode in ("read", "valid"):
            return 0.5 * level
        if is_part(value):
            return 0.0 if depth < 1 << self.family.inputs else level
        if opcode == "dsp":
            return self.family.dsp
        if opcode in ("rom", "ram"):
            return self.table(depth) + self.load(value.width * ceil(depth / (1 << self.family.inputs)))
        if opcode in ("and", "or", "xor"):
            constant = any(values[a].opcode == "const" for a in value.args)
            return 0.0 if constant else 0.5 * level
        if opcode == "select":
            return 0.6 * level + self.load(value.width)
        widths = [true_width(values, a) for a in value.args]
        if opcode in ("add", "sub"):
            return self.adder(value.width) if value.width > 2 else level
        if opcode == "eq":
            constant = any(values[a].opcode == "const" for a in value.args)
            return self.tree(max(widths) if constant else 2 * max(widths))
        if opcode in ("ult", "slt"):
            return self.adder(max(widths)) if max(widths) > 3 else level
        if opcode == "mul":
            return self.multiplier(values, value)
        return self.selection(max(1, value.width.bit_length() - 1)) if len(value.args) > 1 else level

    def multiplier(self, values: Sequence[ir.Value], value: ir.Value) -> float:
        """Delay of a multiplier in LUTs: partial products, rows reduced three to two, an adder."""
        widths = [true_width(values, a) for a in value.args]
        if sum(widths) <= self.family.inputs:
            return self.family.level
        return self.rows(values, value) + self.adder(min(value.width, sum(widths)))

    def rows(self, values: Sequence[ir.Value], value: ir.Value) -> float:
        """Delay of a multiplication until two rows are left; a constant factor has a row for each of its ones.

        Its rows are mere copies, those of a variable take a level of their own; and the rows of a narrow variable by a
        constant are a table of it.
        """
        variables = [true_width(values, a) for a in value.args if values[a].opcode != "const"]
        constants = [f for f in (values[a] for a in value.args) if f.opcode == "const"]
        count, levels = min(variables), 1.0
        for factor in constants:
            assert isinstance(factor.attr, int)
            negated = (1 << factor.width) - factor.attr
            count, levels = min(factor.attr.bit_count(), 1 + negated.bit_count()), 0.0
        while count > 2:
            count, levels = ceil(count * 2 / 3), levels + self.family.compressor
        delay = self.family.level * levels
        return min(delay, self.table(1 << variables[0])) if constants else delay

    def levels(self, values: Sequence[ir.Value], value: ir.Value, depth: int = 0) -> float:
        """Return the LUT levels through an operator, an adder counting as one; logic that is absorbed as a part."""
        opcode, level = value.opcode, self.family.level
        widths = [true_width(values, a) for a in value.args]
        if opcode in ("add", "sub", "ult", "slt"):
            return 1.0
        if opcode == "mul":
            small = sum(widths) <= self.family.inputs
            return 1.0 if small else 1.0 + self.rows(values, value) / level
        if opcode in ("rom", "ram"):
            beyond = max(0, (depth - 1).bit_length() - self.family.inputs - self.family.wide_bits)
            return 1.0 + self.selection(beyond) / level
        if opcode == "select":
            return 0.6
        return self.operator(values, value, depth) / level


def true_width(values: Sequence[ir.Value], index: int) -> int:
    """Return the width of a value without its extension."""
    value = values[index]
    while value.opcode in ("zext", "sext"):
        value = values[value.args[0]]
    return value.attr.bit_length() if value.opcode == "const" and isinstance(value.attr, int) else value.width
