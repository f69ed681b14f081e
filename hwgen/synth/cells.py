# SPDX-License-Identifier: Apache-2.0
"""From the cells of a netlist to LUT, FF, DSP, BRAM: the counting rules, one table for each vendor.

LUT is the number of look-up tables that the cells occupy: logic (LUT1 to LUT6 count one each, no two share a LUT6_2),
inverters that Yosys leaves as cells, shift registers, and distributed RAM by the LUTs that its primitive fills. On ECP5
a carry cell fills two; on iCE40 it lies beside a LUT that is counted already, and three of four registers fill a cell
whose LUT is lost (of 1,425 registers of a placed digits-mlp, nextpnr packed 378 behind a LUT). Every part of the sum is
kept, so that a reader may add differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hwgen.hw import Family, Resources

_LUT = {f"LUT{n}": 1.0 for n in range(1, 7)}
_XILINX_RAM = {
    "RAM16X1D": 2.0, "RAM32X1S": 1.0, "RAM32X1D": 2.0, "RAM32M": 4.0, "RAM32M16": 8.0, "RAM64X1S": 1.0,
    "RAM64X1D": 2.0, "RAM64M": 4.0, "RAM64M8": 8.0, "RAM64X8SW": 8.0, "RAM128X1S": 2.0, "RAM128X1D": 4.0,
    "RAM256X1S": 4.0, "RAM256X1D": 8.0, "RAM512X1S": 8.0,
}  # fmt: skip
_XILINX: dict[str, dict[str, float]] = {
    "lut_logic": _LUT,
    "lut_inv": {"INV": 1.0},
    "lut_ram": _XILINX_RAM,
    "lut_srl": {"SRL16E": 1.0, "SRLC32E": 1.0},
    "ff": dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1", "LDCE", "LDPE"), 1.0),
    "dsp": dict.fromkeys(("DSP48E1", "DSP48E2", "DSP58"), 1.0),
    "bram18": {"RAMB18E1": 1.0, "RAMB18E2": 1.0},
    "bram36": {"RAMB36E1": 1.0, "RAMB36E2": 1.0},
    "uram": {"URAM288": 1.0, "URAM288_BASE": 1.0},
    "carry": {"CARRY4": 1.0, "CARRY8": 1.0},
    "mux": {"MUXF7": 1.0, "MUXF8": 1.0, "MUXF9": 1.0},
}
_ECP5: dict[str, dict[str, float]] = {
    "lut_logic": {"LUT4": 1.0},
    "lut_carry": {"CCU2C": 2.0},
    "lut_ram": {"TRELLIS_DPR16X4": 4.0},
    "ff": {"TRELLIS_FF": 1.0},
    "dsp": {"MULT18X18D": 1.0, "ALU54B": 1.0},
    "bram18": {"DP16KD": 1.0, "PDPW16KD": 1.0},
    "carry": {"CCU2C": 1.0},
    "mux": {"PFUMX": 1.0, "L6MUX21": 1.0},
}
_ICE40_FF = [
    f"SB_DFF{edge}{kind}" for edge in ("", "N") for kind in ("", "E", "SR", "R", "SS", "S", "ESR", "ER", "ESS", "ES")
]
_ICE40: dict[str, dict[str, float]] = {
    "lut_logic": {"SB_LUT4": 1.0},
    "lut_ff": dict.fromkeys(_ICE40_FF, 0.75),
    "ff": dict.fromkeys(_ICE40_FF, 1.0),
    "dsp": {"SB_MAC16": 1.0},
    "bram4": dict.fromkeys(("SB_RAM40_4K", "SB_RAM40_4KNR", "SB_RAM40_4KNW", "SB_RAM40_4KNRNW"), 1.0),
    "carry": {"SB_CARRY": 1.0},
}
_RULES: dict[Family, dict[str, dict[str, float]]] = {"xcup": _XILINX, "xc7": _XILINX, "ecp5": _ECP5, "ice40": _ICE40}


@dataclass(frozen=True)
class YosysCounts:
    """What Yosys maps a module to.

    Parameters
    ----------
    lut_logic, lut_inv, lut_ram, lut_srl, lut_carry, lut_ff
        LUTs by what fills them.
    ff, dsp, bram4, bram18, bram36, uram
        Registers, multipliers, block RAMs by their Kbit (iCE40's EBRs have 4, ECP5's 18).
    carry, mux
        Carry cells and wide multiplexers, outside the LUT count.
    cells
        Every cell type with its number.
    """

    lut_logic: float = 0
    lut_inv: float = 0
    lut_ram: float = 0
    lut_srl: float = 0
    lut_carry: float = 0
    lut_ff: float = 0
    ff: float = 0
    dsp: float = 0
    bram4: float = 0
    bram18: float = 0
    bram36: float = 0
    uram: float = 0
    carry: float = 0
    mux: float = 0
    cells: Mapping[str, int] = field(default_factory=dict)

    @property
    def lut(self) -> float:
        """All LUTs."""
        return self.lut_logic + self.lut_inv + self.lut_ram + self.lut_srl + self.lut_carry + self.lut_ff

    @property
    def resources(self) -> Resources:
        """The same in the words of a board; an 18 Kbit block counts as half a block RAM, one of 4 Kbit as a ninth."""
        blocks = self.bram36 + self.bram18 / 2 + self.bram4 / 9
        return Resources(self.lut, self.ff, self.dsp, blocks, self.uram)

    def __add__(self, other: YosysCounts) -> YosysCounts:
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "cells"}
        names = sorted({*self.cells, *other.cells})
        return YosysCounts(**sums, cells={n: self.cells.get(n, 0) + other.cells.get(n, 0) for n in names})

    def to_json(self) -> dict[str, Any]:
        """Return ``lut``, ``ff``, ``dsp``, ``bram36`` (halves included), ``uram``, and the parts under ``detail``."""
        parts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "cells"}
        detail = {name: value for name, value in parts.items() if value}
        return {**self.resources.to_json(), "detail": {**detail, "cells": dict(sorted(self.cells.items()))}}


def tally(cells: Mapping[str, int], family: Family) -> YosysCounts:
    """Count the cells of a flat netlist by the rules of a family."""
    rules = _RULES[family]
    sums = {part: sum(cells.get(cell, 0) * each for cell, each in rule.items()) for part, rule in rules.items()}
    return YosysCounts(**sums, cells=dict(sorted(cells.items())))
