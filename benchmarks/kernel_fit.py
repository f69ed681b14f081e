# SPDX-License-Identifier: Apache-2.0
"""Find the prices of `hwgen/ops/area.yaml` from counted points.

For every kernel, resource and size of LUT: prices that are not negative (not below `LEAST` where that says so), with
the least sum of absolute relative errors over the kernel's points (least squares, reweighted), drawn a little towards
`EXPECTED` (1 where that is silent), which a part keeps that no point has.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from kernel_points import MAKERS, point

from hwgen.hw import Family
from hwgen.ops.area import PRICES, Parts, price_list, prices

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# LUTs and registers for one unit of a part (see area.py), by kernel and by inputs of a LUT; fitted by
# benchmarks/kernel_costs.py --fit.
"""
FAMILIES: tuple[Family, ...] = ("xcup", "ecp5")
EXPECTED: dict[str, dict[str, float]] = {
    "lut6": {
        "base": 3.0, "counters": 0.9, "wraps": 0.5, "place": 1.0, "table": 0.3, "weights": 0.9,
        "products": 1.05, "sums": 1.2, "direct": 0.9, "added": 0.9, "merged": 1.0, "rows": 0.95,
        "tree": 0.95, "constant_products": 1.0, "selects": 0.7, "vector": 0.9, "padding": 0.7, "word": 0.2,
        "compared": 0.5, "shift_adds": 1.3, "clip": 0.4, "ties": 0.4,
        "largest": 1.0, "bias": 0.5, "best": 0.7, "grown": 0.7, "edge": 0.5, "fill": 0.3,
        "restart": 0.3, "renewed": 1.0, "select": 1.0, "bits": 1.2,
        "held": 2.0, "moved": 2.0, "walked": 1.5, "summed": 1.05, "copies": 1.3, "tested": 0.3, "count": 1.3,
        "searched": 0.8,
    },
    "lut4": {
        "base": 4.0, "counters": 2.2, "wraps": 0.1, "place": 1.8, "table": 0.6, "weights": 1.0,
        "products": 2.5, "sums": 2.2, "direct": 1.2, "added": 1.25, "merged": 2.0, "rows": 2.4,
        "tree": 2.0, "constant_products": 2.0, "selects": 1.2, "vector": 1.2, "padding": 0.9, "word": 0.7,
        "compared": 0.9, "shift_adds": 2.6, "clip": 0.6, "ties": 0.6,
        "largest": 1.0, "bias": 1.0, "best": 1.0, "grown": 0.1, "edge": 0.7, "fill": 0.5,
        "restart": 1.5, "renewed": 1.0, "select": 1.0, "bits": 2.0, "held": 4.0, "moved": 3.0, "walked": 2.5,
        "summed": 1.9, "searched": 1.1,
        "copies": 1.4, "tested": 0.5, "paired": 1.6, "chained": 2.8, "index": 1.5, "count": 2.0,
    },
    "ff6": {"base": 2.0, "pipeline": 1.0, "table": 0.1, "unpacked": 0.1, "fetched": 0.1},
    "ff4": {"base": 2.0, "pipeline": 1.0, "table": 0.1, "unpacked": 0.1, "fetched": 1.2},
}  # fmt: skip
FITTED = ("lut", "ff")
LEAST = {("lut", "base"): 1.0}
"""Prices that no fit goes below: even a process of wires alone has a handshake."""

FOLDS = 5
FLOOR = 20.0
PULL = 0.1
ROUNDS = 30
EXACT = ("rom", "ram", "words", "state")
Row = Mapping[str, str]


Prices = dict[str, dict[str, dict[str, float]]]


def fitted(rows: Sequence[Row]) -> Prices:
    """Return the prices that fit the rows of the table best."""
    found: Prices = {}
    for kernel in sorted(MAKERS):
        of_kernel = [row for row in rows if kernel_of(row) == kernel]
        found[kernel] = {}
        for resource in FITTED:
            for family in FAMILIES:
                here = [row for row in of_kernel if row["family"] == family]
                found[kernel][price_list(resource, family)] = _fit(resource, family, kernel, here)
    return found


def write_prices(rows: Sequence[Row]) -> None:
    """Fit all prices to the rows of the table, and write them."""
    PRICES.write_text(HEADER + _text(fitted(rows)))
    prices.cache_clear()


def kernel_of(row: Row) -> str:
    """Return the kernel that a row of the table is about."""
    return row["point"].rpartition("_")[0]


def fold_of(row: Row) -> int:
    """Return the fold in which a row is held out: one for all rows of the same settings but for the folding."""
    settings = re.sub(r"(simd|pe|pixels)=\d+", "", row["settings"])
    return zlib.crc32(f"{kernel_of(row)} {settings}".encode()) % FOLDS


def held_out(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, float]]:
    """Return for each (family, point) the LUTs and registers by prices that were fitted to the other folds."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for fold in range(FOLDS):
        known = fitted([row for row in rows if fold_of(row) != fold])
        for row in rows:
            if fold_of(row) == fold:
                parts, family = parts_of(row["point"], family_of(row)), family_of(row)
                found[row["family"], row["point"]] = {
                    resource: total(known[kernel_of(row)][price_list(resource, family)], getattr(parts, resource))
                    for resource in FITTED
                }
    return found


def family_of(row: Row) -> Family:
    """Return the family of a row."""
    return next(family for family in FAMILIES if family == row["family"])


@cache
def parts_of(name: str, family: Family) -> Parts:
    """Return what a point is made of."""
    return point(name).parts(family)


def total(known: Mapping[str, float], amounts: Mapping[str, float]) -> float:
    """Return what some amounts cost; a part that no known point has costs what is expected."""
    return sum(known[part] * amount for part, amount in amounts.items())


def _fit(resource: str, family: Family, kernel: str, rows: Sequence[Row]) -> dict[str, float]:
    made = [getattr(parts_of(row["point"], family), resource) for row in rows]
    names = sorted({*getattr(parts_of(f"{kernel}_0", family), resource), *(name for parts in made for name in parts)})
    amounts = np.array([[parts.get(name, 0.0) for name in names] for parts in made]).reshape(-1, len(names))
    counts = np.array([float(row[resource]) for row in rows])
    expected = np.array([EXPECTED[price_list(resource, family)].get(name, 1.0) for name in names])
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
