# SPDX-License-Identifier: Apache-2.0
"""Delay model: nanoseconds per operator and family, with an average route folded into each logic level.

The figures are estimates for the middle speed grade of each family; they decide how much is chained into one stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

from hwgen.errors import UserError, did_you_mean
from hwgen.hlsc import ir
from hwgen.hlsc.back.bitsum import is_part
from hwgen.hlsc.back.fold import WIRES


@dataclass(frozen=True)
class Family:
    """Delays of one FPGA family, in ns; `inputs` is the size of its LUT.

    Attributes
    ----------
    overhead
        Clock to output plus set-up plus uncertainty: what a stage loses to its registers.
    level
        One LUT and an average route.
    carry, carry_bit
        An adder: fixed part (LUT, entry, exit and route) and the increment per bit.
    bram_out, bram_setup
        Clock to data of a block RAM without output register, and its address set-up beyond a flip-flop's.
    dsp, dsp_setup, dsp_out
        Through a multiplier block without registers, set-up of its input registers, output register to result.
    """

    name: str
    inputs: int
    overhead: float
    level: float
    carry: float
    carry_bit: float
    bram_out: float
    bram_setup: float
    dsp: float
    dsp_setup: float
    dsp_out: float


FAMILIES = {
    f.name: f
    for f in (
        Family("xcup", 6, 0.30, 0.38, 0.55, 0.012, 0.95, 0.25, 3.1, 0.35, 0.60),
        Family("xc7", 6, 0.50, 0.70, 0.95, 0.025, 2.10, 0.40, 5.2, 0.50, 1.00),
        Family("ecp5", 4, 0.90, 0.95, 1.30, 0.045, 5.60, 0.30, 6.5, 0.80, 1.50),
    )
}


def family(name: str) -> Family:
    """Return the delay table of a family, or raise `UserError` with the known ones."""
    if name not in FAMILIES:
        raise UserError(
            f"The FPGA family must be one with a delay table, not {name}.", hint=did_you_mean(name, [*FAMILIES])
        )
    return FAMILIES[name]


@dataclass(frozen=True)
class DelayModel:
    """Delay of each operator for a family and a clock."""

    family: Family
    clock_mhz: float

    @property
    def period(self) -> float:
        """Time for logic between two registers, in ns."""
        return max(self.family.level, 1000.0 / self.clock_mhz - self.family.overhead)

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
        """Delay of a table of `depth` words made of LUTs."""
        address = max(1, (depth - 1).bit_length())
        return self.family.level * (1 + 0.5 * max(0, ceil((address - self.family.inputs) / 2)))

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
            return self.table(depth)
        if opcode in ("and", "or", "xor"):
            constant = any(values[a].opcode == "const" for a in value.args)
            return 0.0 if constant else 0.5 * level
        if opcode == "select":
            return 0.6 * level
        widths = [true_width(values, a) for a in value.args]
        if opcode in ("add", "sub"):
            return self.adder(value.width) if value.width > 2 else level
        if opcode == "eq":
            constant = any(values[a].opcode == "const" for a in value.args)
            return self.tree(max(widths) if constant else 2 * max(widths))
        if opcode in ("ult", "slt"):
            return self.adder(max(widths)) if max(widths) > 3 else level
        if opcode == "mul":
            return self.multiplier(widths)
        return self.tree(4 ** max(1, value.width.bit_length() - 1) if len(value.args) > 1 else 1)

    def multiplier(self, widths: Sequence[int]) -> float:
        """Delay of a multiplier in LUTs: rows of partial products and a tree of adders."""
        rows = max(1, ceil(min(widths) / 2))
        return self.family.level + sum(
            self.adder(min(sum(widths), max(widths) + 4)) for _ in range(max(0, (rows - 1).bit_length()))
        )

    def levels(self, values: Sequence[ir.Value], value: ir.Value, depth: int = 0) -> float:
        """Return the LUT levels through an operator, an adder counting as one; logic that is absorbed as a part."""
        if value.opcode in ("add", "sub", "ult", "slt"):
            return 1.0
        if value.opcode == "mul":
            rows = max(1, ceil(min(true_width(values, a) for a in value.args) / 2))
            return 1.0 + (rows - 1).bit_length()
        return self.operator(values, value, depth) / self.family.level


def true_width(values: Sequence[ir.Value], index: int) -> int:
    """Return the width of a value without its extension."""
    value = values[index]
    while value.opcode in ("zext", "sext"):
        value = values[value.args[0]]
    return value.attr.bit_length() if value.opcode == "const" and isinstance(value.attr, int) else value.width
