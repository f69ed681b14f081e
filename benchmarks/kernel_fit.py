# SPDX-License-Identifier: Apache-2.0
"""Find the prices of `hwgen/ops/area.yaml` from counted points.

For every kernel, resource and size of LUT: prices that are not negative (not below `LEAST` where that says so), with
the least sum of absolute relative errors over the kernel's points (least squares, reweighted), drawn a little towards
`EXPECTED`, which a part keeps that no point has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from kernel_points import MAKERS, Point, points

from hwgen.hw import Family
from hwgen.ops.area import PRICES, price_list, prices

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# LUTs and registers for one unit of a part (see area.py), by kernel and by inputs of a LUT; fitted by
# benchmarks/kernel_costs.py --fit.
"""
FAMILIES: tuple[Family, ...] = ("xcup", "ecp5")
EXPECTED: dict[str, dict[str, float]] = {
    "lut": {
        "base": 8.0, "counters": 1.2, "place": 1.5, "ahead": 1.5, "rom": 1.0, "table": 0.7, "ram": 1.0, "vector": 0.7,
        "products": 1.1, "constant_products": 0.5, "tree": 1.0, "sums": 1.3, "padding": 0.7, "word": 0.5,
        "constant": 1.0, "absorbed": 0.7, "compared": 0.6, "count": 1.1, "flip": 1.0, "shift_adds": 1.0, "clip": 0.7,
        "ties": 0.7, "largest": 1.5, "bias": 0.5, "best": 1.5, "select": 0.7, "copies": 2.0, "tested": 0.3,
        "inverted": 1.0, "signed": 0.3, "selects": 0.4, "unpacked": 1.0, "wraps": 0.7, "zeros": 1.0,
    },
    "ff": {
        "base": 3.0, "state": 1.0, "pipeline": 0.1, "block": 1.0, "copies": 1.0, "words": 1.0, "place": 1.0,
        "counters": 1.0, "table": 0.7, "unpacked": 0.5,
    },
}  # fmt: skip
LEAST = {("lut", "base"): 1.0}
"""Prices that no fit goes below: even a process of wires alone has a handshake."""

FLOOR = 20.0
PULL = 0.05
ROUNDS = 30
EXACT = ("rom", "ram")
Row = Mapping[str, str]


def write_prices(rows: Sequence[Row]) -> None:
    """Fit all prices to the rows of the table, and write them."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kernel in sorted(MAKERS):
        of_kernel = [row for row in rows if row["point"].rpartition("_")[0] == kernel]
        numbers = [int(row["point"].rpartition("_")[2]) for row in of_kernel]
        known = points(kernel, 1 + max(numbers, default=0))
        found[kernel] = {}
        for resource in EXPECTED:
            for family in FAMILIES:
                here = [(n, row) for n, row in zip(numbers, of_kernel, strict=True) if row["family"] == family]
                counted = {n: float(row[resource]) for n, row in here or zip(numbers, of_kernel, strict=True)}
                found[kernel][price_list(resource, family)] = _fit(resource, family, known, counted)
    PRICES.write_text(HEADER + _text(found))
    prices.cache_clear()


def _fit(resource: str, family: Family, known: Sequence[Point], counted: Mapping[int, float]) -> dict[str, float]:
    names = sorted(getattr(known[0].parts(family), resource))
    made = [getattr(known[n].parts(family), resource) for n in counted]
    amounts = np.array([[parts.get(name, 0.0) for name in names] for parts in made]).reshape(-1, len(names))
    counts = np.array(list(counted.values()))
    expected = np.array([EXPECTED[resource][name] for name in names])
    least = np.array([LEAST.get((resource, name), 0.0) for name in names])
    scale = np.maximum(counts, FLOOR)
    pull = np.where([name in EXACT for name in names], 12.0, 1.0) * PULL / expected
    counts, expected = counts - amounts @ least, expected - least
    price, weight = expected, np.ones(len(counts))
    for _ in range(ROUNDS):
        price = _not_negative(
            np.concatenate([amounts / scale[:, None] * weight[:, None], np.diag(pull)]),
            np.concatenate([counts / scale * weight, expected * pull]),
        )
        off = np.abs(amounts @ price - counts) / scale
        weight = 1 / np.sqrt(np.maximum(off, 0.1) / 0.1)
    return {name: round(float(value), 3) for name, value in zip(names, price + least, strict=True)}


def _not_negative(rows: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the least-squares solution whose negative components are held at zero."""
    free = np.ones(rows.shape[1], dtype=bool)
    found = np.zeros(rows.shape[1])
    while free.any():
        found[:] = 0.0
        found[free] = np.linalg.lstsq(rows[:, free], wanted, rcond=None)[0]
        if (found >= 0).all():
            break
        free &= found > 0
    return np.maximum(found, 0.0)


def _text(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    lines = []
    for kernel, lists in found.items():
        lines.append(f"{kernel}:")
        for name, parts in lists.items():
            items = ", ".join(f"{part}: {price:g}" for part, price in parts.items())
            lines.append(f"  {name}: {{{items}}}")
    return "\n".join(lines) + "\n"
