# SPDX-License-Identifier: Apache-2.0
"""How many LUTs arithmetic takes as the compiler builds it: products, sums, counts of ones, sums of constants.

The rules are those of the compiler's back end (Booth's digits, tables for small factors, carry chains that a table's
word is added in), seen from outside: sizes in, amounts of LUTs out. What a family does otherwise, prices make up for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import ceil

import numpy as np

from hwgen.graph import Ints, TensorType
from hwgen.hw import Family
from hwgen.ops.area import FREE_WORDS, LUT_INPUTS, LaneTable, index_bits
from hwgen.ops.constant_sums import digits, dot_luts

_BITWISE = 8
"""Bits of the words whose constant multiples are added bit by bit."""
ADDERS_IN_A_STAGE: Mapping[Family, int] = {"xcup": 5, "xc7": 5, "ecp5": 5, "ice40": 5}
MANY_ADDERS = 5
NO_PRODUCTS: Mapping[str, float] = {"selects": 0.0, "products": 0.0, "heaps": 0.0, "constant_products": 0.0}
"""The parts of `products_parts` where nothing is multiplied."""
_SMALL = 4
"""Bits of the factors up to which a product is a table and one adder, where LUTs have six inputs."""


@cache
def product_luts(x_bits: int, x_signed: bool, w_bits: int, w_signed: bool, family: Family) -> float:
    """Return the LUTs of a product of two variables.

    A factor of one bit selects the other. Small factors make a table and an adder; of others, the one with fewer rows
    is taken apart into Booth's digits of two bits, each a row of the other's bits and two.
    """
    inputs = LUT_INPUTS[family]
    if min(x_bits, w_bits) < 2:
        return max(x_bits, w_bits) / 2
    if inputs == 6:
        if x_bits + w_bits <= inputs:
            return float(x_bits + w_bits)
        a, w = (x_bits, w_bits) if w_signed and w_bits > 2 else (w_bits, x_bits)
        if a <= _SMALL and 2 < w <= _SMALL:
            return float(a + 2 + a + w - 2 + 1)
    return float(_digits(x_bits, x_signed, w_bits, w_signed, inputs)[0])


@cache
def product_rows(x_bits: int, x_signed: bool, w_bits: int, w_signed: bool, family: Family) -> int:
    """Return how many adders in a row a product of two variables takes."""
    if min(x_bits, w_bits) < 2:
        return 0
    return _digits(x_bits, x_signed, w_bits, w_signed, LUT_INPUTS[family])[1]


def _digits(x_bits: int, x_signed: bool, w_bits: int, w_signed: bool, inputs: int) -> tuple[int, int]:
    """Return LUTs and rows of a product whose one factor is taken apart, the cheaper one."""
    pairs = ((x_bits, w_bits, w_signed), (w_bits, x_bits, x_signed))
    return min(_taken_apart(other, own, signed, inputs) for other, own, signed in pairs)


def _taken_apart(x_bits: int, w_bits: int, w_signed: bool, inputs: int) -> tuple[int, int]:
    """Return LUTs and rows by the digits of w, whose lowest bits come first, from a table if that fits a LUT."""
    bits = max(2, w_bits + (not w_signed))
    tabled = (k for k in range(2, w_bits) if (bits - k) % 2 == 0 and x_bits + k <= inputs)
    low = max(tabled, default=bits % 2)
    first = x_bits + low if low > 1 else low * x_bits
    rows = (bits - low) // 2
    return first + rows * (x_bits + 2), rows


def stages(adders: int, family: Family) -> int:
    """Return the pipeline stages of so many adders in a row, at the clocks that boards of the family have."""
    return ceil(adders / ADDERS_IN_A_STAGE[family])


def tree_luts(terms: int, bits: int) -> float:
    """Return the LUTs of a tree of adders over terms of so many bits: a bit more at every level."""
    luts = 0
    while terms > 1:
        bits += 1
        luts += terms // 2 * bits
        terms = ceil(terms / 2)
    return float(luts)


def summed_rows(sums: int, terms: int, bits: int) -> dict[str, float]:
    """Return the parts of some sums of terms side by side: a tree of adders, or from four terms on, rows."""
    luts = sums * tree_luts(terms, bits)
    return {"tree": luts if terms < 4 else 0.0, "rows": luts if terms >= 4 else 0.0}


def count_luts(bits: int, family: Family) -> float:
    """Return the LUTs that count how many of so many bits are ones: tables of a LUT's inputs, then adders."""
    inputs = LUT_INPUTS[family] if LUT_INPUTS[family] > 4 else 3
    if bits < 3:
        return float(max(0, bits - 1) * 2)
    groups, width = ceil(bits / inputs), min(bits, inputs).bit_length()
    luts = float(groups * width)
    if inputs == 6:
        luts += groups // 2 * (width + 1)
        groups, width = ceil(groups / 2), width + (groups > 1)
    return luts + tree_luts(groups, width)


@cache
def largest_luts(bits: int, family: Family) -> float:
    """Return the LUTs of the larger of two numbers: a comparison and a choice.

    Six inputs hold both numbers up to three bits, else three bits are compared in two LUTs. LUTs of four inputs compare
    from five bits on along a carry chain of an even length, a LUT a bit, and shorter numbers in a tree of multiplexers.
    """
    if bits <= 2:
        return float(bits)
    if LUT_INPUTS[family] == 6:
        return float(bits if bits == 3 else bits + ceil(2 * bits / 3))
    return float(4 * bits) if bits < 5 else 4.0 * ceil(bits / 2)


def renewed_luts(bits: int, family: Family) -> float:
    """Return the LUTs of a register that keeps the largest number so far.

    With LUTs of four inputs the choice that starts it over is not shared with the comparison's.
    """
    return 3.0 * bits if LUT_INPUTS[family] == 4 and bits > 1 else largest_luts(bits, family)


def restarted(register: float, count: int, family: Family) -> float:
    """Return the bits of a register that starts over with every `count`-th word where no LUT of its own tells when.

    A bit and the counter that is compared fit a LUT together up to a size; beyond it synthesis repeats the comparison.
    """
    return register if index_bits(count) >= LUT_INPUTS[family] else 0.0


def chained_sums(terms: int, bits: int) -> dict[str, float]:
    """Return the parts of a sum of terms one after the other.

    Two adders make three terms; more are added three rows to two, the later ones growing in width; the lowest bit of a
    row has no carry.
    """
    return {
        "paired": bits * (terms - 1) if terms <= 3 else 0.0,
        "chained": (bits - 0.5) * (terms - 1) if terms > 3 else 0.0,
        "grown": float(bits * max(0, terms - 4)),
    }


def chosen_index(lanes: int) -> int:
    """Return the bits that choose the place of the best of some lanes in a tree: all but the first of each place."""
    if lanes < 2:
        return 0
    half = lanes // 2
    return chosen_index(half) + chosen_index(lanes - half) + index_bits(lanes) - 1


def _digits_of(factor: int) -> int:
    """Return the digits -1 and 1 of a factor in the form that has the fewest."""
    return (factor ^ 3 * factor).bit_count()


def makes_heap(factors: Sequence[int], bits: Sequence[int], family: Family) -> bool:
    """Tell whether a sum of at least three constant multiples of words of `bits` bits is made bit by bit."""
    return LUT_INPUTS[family] == 6 and max(bits) <= _BITWISE and max(map(_digits_of, factors)) > 1


def shifted_rows(factors: Sequence[int], bits: Sequence[int]) -> float:
    """Return the bits of the rows that constant multiples are the sum of, a row for each one in a factor, beyond two.

    Synthesis adds three rows to two with a table for each bit of the sum and one for its carry. The multiples of words
    that fit a LUT may be a row each out of a table, whose lowest bit is a wire.
    """
    ones = [abs(factor).bit_count() for factor in factors]
    tabled = [count > 1 and own <= _SMALL for count, own in zip(ones, bits, strict=True)]
    widths = [own + abs(factor).bit_length() for factor, own in zip(factors, bits, strict=True)]
    in_rows = sorted(own for count, own in zip(ones, bits, strict=True) for _ in range(count))
    in_tables = sorted(
        size
        for count, own, width, table in zip(ones, bits, widths, tabled, strict=True)
        for size in ([width] if table else [own] * count)
    )
    tables = sum(width - 1 for width, table in zip(widths, tabled, strict=True) if table)
    return float(min(sum(in_rows[:-2]), sum(in_tables[:-2]) + tables))


def products_parts(table: LaneTable, weight_bits: int, x: TensorType, width: int, family: Family) -> dict[str, float]:
    """Return the parts of the products of an input with a table of weights.

    Parameters
    ----------
    table
        What its lanes hold, (rows, columns), all of which work side by side.
    weight_bits
        Most bits that a weight takes.
    x
        The input's format.
    width
        Bits of a row's sum.
    """
    varies = table.bits > 0
    bits = np.where(varies, np.maximum(np.minimum(table.bits, weight_bits) - table.zeros, 1), 0)
    narrow = varies & (np.minimum(bits, x.bits) == 1)
    kinds = np.bincount((2 * bits + (table.least < 0))[varies & ~narrow])
    products = (
        int(kinds[kind]) * product_luts(x.bits, x.signed, int(kind) // 2, bool(kind % 2), family)
        for kind in np.flatnonzero(kinds)
    )
    selects = float(np.where(narrow, np.maximum(bits, x.bits), 0).sum())
    made = {**NO_PRODUCTS, "selects": selects, "products": float(sum(products))}
    return made if varies.all() else made | _sums_of_rows(np.where(varies, 0, table.first), x.bits, width, family)


def _sums_of_rows(factors: Ints, bits: int, width: int, family: Family) -> dict[str, float]:
    """Return the parts of `constant_sums` for every row of factors, all words being of so many bits."""
    used = digits(factors)
    heaped = (used.max(axis=1) > 1) & (LUT_INPUTS[family] == 6 and bits <= _BITWISE)
    adders = np.maximum(used[~heaped].sum(axis=1) - 1, 0).sum()
    return {"heaps": dot_luts(factors[heaped], bits), "constant_products": float(adders * min(width, bits + 2))}


def table_is_late(bram: float, rom: float, depth: int, adders: float, family: Family) -> bool:
    """Tell whether the word of a table of `depth` rows is registered before its use.

    It is out of block RAM, and on ECP5 where it comes through multiplexers and then many adders in a row.
    """
    return bram > 0 or (rom > 0 and LUT_INPUTS[family] == 4 and depth > FREE_WORDS[4] and adders >= MANY_ADDERS)


def read_parts(table: Mapping[str, float], one_bit: bool) -> dict[str, float]:
    """Return the parts of reading a table of weights; what single bits choose is drawn into their multiplexers."""
    return {
        "weights": table["table"],
        "rom": 0.0 if one_bit else table["rom"],
        "bits": table["rom"] if one_bit else 0.0,
    }


def pipeline_bits(adders: float, terms: int, bits: int, family: Family) -> float:
    """Return the registers that cut a sum of products where it has too many adders in a row: of half its terms."""
    return (stages(round(adders), family) - 1) * ceil(terms / 2) * float(bits + 1)


def fetched_parts(late: bool, stored: int, word: int, folds: int) -> dict[str, float]:
    """Return the registers around a table whose word comes a cycle late: that word, the input's, and where to go on."""
    return {"fetched": float(stored * late), "behind": float((word + index_bits(folds) + 4) * late)}
