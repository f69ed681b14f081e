# SPDX-License-Identifier: Apache-2.0
"""Bars and axes as numbers that a page can place: percentages and pixels, nothing drawn yet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36", "uram": "URAM"}
SHADES = 8
"""Colours for parts of a bar; what does not get one of its own is added up."""
REST = "all others"


@dataclass(frozen=True)
class Part:
    """A piece of a bar: `start` and `size` in percent of it, its colour's number, and the amount in words."""

    label: str
    amount: float
    start: float
    size: float
    shade: int


def ticks(end: float, count: int = 6) -> list[float]:
    """Return about `count` round numbers from 0 to at most `end`."""
    if end <= 0:
        return [0.0]
    rough = end / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough)
    return [step * i for i in range(int(end / step + 1e-9) + 1)]


def timeline(found: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the bars of when each process is busy.

    Parameters
    ----------
    found
        The report's ``timeline``.
    names
        Processes to show, in order.

    Returns
    -------
    dict
        ``source``, ``frames``, ``cycles`` in all, ``ticks`` as (cycle, percent), and ``rows`` of ``name`` and ``bars``:
        per frame ``start``, ``taking`` and ``size`` in percent, and the four cycles.
    """
    windows = found["processes"]
    end = max(window[3] for rows in windows.values() for window in rows) + 1

    def bar(window: Sequence[int]) -> dict[str, Any]:
        first, last, _, done = window
        size = done + 1 - first
        return {
            "start": round(100 * first / end, 3),
            "size": round(100 * size / end, 3),
            "taking": round(100 * min(1.0, (last + 1 - first) / size), 1),
            "cycles": list(window),
        }

    rows = [{"name": name, "bars": [bar(window) for window in windows[name]]} for name in names if name in windows]
    return {
        "source": found["source"],
        "frames": max(len(row["bars"]) for row in rows),
        "cycles": end,
        "ticks": [(at, round(100 * at / end, 3)) for at in ticks(end)],
        "rows": rows,
    }


def stacked(kind: str, layers: Sequence[Mapping[str, Any]], total: float) -> list[Part]:
    """Return the parts of what a design needs of one resource: the largest layers, the others, FIFOs and ports.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    layers
        The report's ``layers``.
    total
        What the whole design needs.
    """
    amounts = sorted(((layer["cost"][kind], layer["name"]) for layer in layers), key=lambda pair: -pair[0])
    named = [(name, amount) for amount, name in amounts[: SHADES - 2] if amount > 0]
    others = sum(amount for amount, _ in amounts[SHADES - 2 :])
    between = max(0.0, total - sum(amount for amount, _ in amounts))
    named += [(label, round(rest, 1)) for label, rest in ((REST, others), ("FIFOs and ports", between)) if rest >= 0.05]
    whole = sum(amount for _, amount in named)
    parts, start = [], 0.0
    for number, (label, amount) in enumerate(named):
        size = 100 * amount / whole
        parts.append(Part(label, amount, round(start, 3), round(size, 3), number))
        start += size
    return parts
