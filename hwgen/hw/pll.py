# SPDX-License-Identifier: Apache-2.0
"""Clocks that a board's PLL can make of its oscillator: the dividers, in integers, of the fastest that is not too fast.

Limits: Lattice FPGA-DS-02012 (ECP5 family data sheet, sysCLOCK PLL timing) and FPGA-DS-02008 (iCE40 UltraPlus family
data sheet, sysCLOCK PLL timing). The least clock of the ECP5's phase detector is that of Project Trellis' ``ecppll``,
the ranges of the iCE40's loop filter are those of Project IceStorm's ``icepll``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from hwgen.hw.board import Board, Family

ECP5_DETECTOR, ECP5_VCO, ECP5_MIDDLE, ECP5_LEAST = (3.125, 400), (400, 800), 600, 10
ICE40_DETECTOR, ICE40_VCO, ICE40_LEAST = (10, 133), (533, 1066), 16
"""MHz: of the phase detector, of the oscillator inside the PLL and its middle, and the least that comes out."""
ICE40_FILTERS = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5), (134, 6))
"""Setting of the loop filter by the phase detector's clock, in MHz, that it is below."""


@dataclass(frozen=True)
class Clock:
    """A clock made of a board's oscillator.

    Parameters
    ----------
    mhz
        Its frequency.
    settings
        Parameters of the PLL's primitive; empty where the oscillator itself is the clock.
    """

    mhz: Fraction
    settings: Mapping[str, int] = field(default_factory=dict)


def fastest(board: Board, mhz: float) -> Clock | None:
    """Return the fastest clock of a board with open pins that is not above `mhz`; None where all are."""
    assert board.open is not None
    source = Fraction(board.open.oscillator_mhz).limit_denominator(1000)
    limit = Fraction(mhz).limit_denominator(1_000_000)
    if source == limit:
        return Clock(source)
    plls = (clock for clock in _PLLS[board.family](source) if clock.mhz <= limit)
    found = max(plls, key=lambda clock: clock.mhz, default=None)
    return Clock(source) if source < limit and (found is None or found.mhz <= source) else found


def slowest(board: Board) -> float:
    """Return the slowest clock that `fastest` can find, in MHz."""
    assert board.open is not None
    source = Fraction(board.open.oscillator_mhz).limit_denominator(1000)
    return float(min(source, *(clock.mhz for clock in _PLLS[board.family](source))))


def _ecp5(source: Fraction) -> Iterator[Clock]:
    """Yield what EHXPLLL makes, its output fed back: input / CLKI_DIV * CLKFB_DIV, and CLKOP_DIV times that inside."""
    for divider in range(1, 129):
        detector = source / divider
        if not ECP5_DETECTOR[0] <= detector <= ECP5_DETECTOR[1]:
            continue
        for factor in range(1, 81):
            mhz = detector * factor
            inside = round(ECP5_MIDDLE / mhz)
            if mhz >= ECP5_LEAST and 1 <= inside <= 128 and ECP5_VCO[0] <= mhz * inside <= ECP5_VCO[1]:
                yield Clock(mhz, {"CLKI_DIV": divider, "CLKFB_DIV": factor, "CLKOP_DIV": inside})


def _ice40(source: Fraction) -> Iterator[Clock]:
    """Yield what SB_PLL40 makes with simple feedback: input / (DIVR + 1) * (DIVF + 1) / 2 ** DIVQ."""
    for divr in range(16):
        detector = source / (divr + 1)
        if not ICE40_DETECTOR[0] <= detector <= ICE40_DETECTOR[1]:
            continue
        filtered = next(setting for below, setting in ICE40_FILTERS if detector < below)
        for divf in range(128):
            inside = detector * (divf + 1)
            if not ICE40_VCO[0] <= inside <= ICE40_VCO[1]:
                continue
            for divq in range(1, 7):
                if inside / (1 << divq) >= ICE40_LEAST:
                    settings = {"DIVR": divr, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": filtered}
                    yield Clock(inside / (1 << divq), settings)


_PLLS: Mapping[Family, Callable[[Fraction], Iterator[Clock]]] = {"ecp5": _ecp5, "ice40": _ice40}
