# SPDX-License-Identifier: Apache-2.0
"""Amounts of LUTs for arithmetic: the compiler's own rules, and every knob in the right direction."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hwgen.graph import Graph, Node, TensorType
from hwgen.hlsc.back import rows
from hwgen.hw import Choice, Folding, Resources, boards
from hwgen.ops import arithmetic
from hwgen.ops.area import lane_table
from hwgen.ops.matvec import Matvec


@pytest.mark.parametrize("signs", list(product((False, True), repeat=2)))
def test_products_of_large_factors_cost_what_the_compiler_says(signs: tuple[bool, bool]) -> None:
    for a, b in product(range(5, 12), repeat=2):
        x, w = rows.Factor(0, a, signs[0]), rows.Factor(1, b, signs[1])
        for family, inputs in (("xcup", 6), ("ecp5", 4)):
            best = min((rows.cost(p, q, inputs), rows.adders(p, q, inputs)) for p, q in ((x, w), (w, x)))
            found = (
                arithmetic.product_luts(a, signs[0], b, signs[1], family),
                arithmetic.product_rows(a, signs[0], b, signs[1], family),
            )
            assert found == best


def test_small_products_are_a_table_and_an_adder() -> None:
    assert arithmetic.product_luts(4, True, 4, True, "xcup") == 13
    assert arithmetic.product_luts(2, False, 4, True, "xcup") == 6
    assert arithmetic.product_luts(8, True, 1, False, "ecp5") == 4


def test_sums_and_counts() -> None:
    assert arithmetic.tree_luts(1, 8) == 0 and arithmetic.tree_luts(4, 8) == 9 + 9 + 10
    assert arithmetic.count_luts(6, "xcup") == 3 and arithmetic.count_luts(12, "xcup") == 3 + 3 + 4
    assert arithmetic.count_luts(1, "ecp5") == 0


def test_constant_sums_are_heaps_where_words_are_short() -> None:
    assert arithmetic.makes_heap([5, 3, 7], [4] * 3, "xcup")
    assert not arithmetic.makes_heap([5, 3, 7], [4] * 3, "ecp5")
    assert not arithmetic.makes_heap([1, -1, 4], [4] * 3, "xcup")


def test_constant_multiples_are_rows_of_ones_or_tables() -> None:
    assert arithmetic.shifted_rows([5, 3], [8, 4]) == 4 + 4
    assert arithmetic.shifted_rows([1, 91], [8, 4]) == 4 + 7 - 1


def test_the_larger_of_two_is_a_comparison_and_a_choice() -> None:
    assert [arithmetic.largest_luts(bits, "xcup") for bits in (1, 3, 8, 12)] == [1, 3, 14, 20]
    assert [arithmetic.largest_luts(bits, "ecp5") for bits in (1, 3, 8, 12)] == [1, 12, 16, 24]


def test_the_first_of_two_lanes_needs_no_index() -> None:
    assert [arithmetic.chosen_index(lanes) for lanes in (1, 2, 4, 12)] == [0, 0, 1, 11]


def test_long_sums_are_added_three_rows_to_two() -> None:
    assert arithmetic.chained_sums(3, 8) == {"paired": 16, "chained": 0, "grown": 0}
    assert arithmetic.chained_sums(9, 8) == {"paired": 0, "chained": 60, "grown": 40}


def test_a_table_of_weights_says_which_products_there_are() -> None:
    x = TensorType((1, 4), True, 8)
    weight = np.array([[0, 4, -8, 5], [0, 12, 7, 5], [0, 8, 0, 5]], dtype=np.int64)
    parts = arithmetic.products_parts(lane_table(weight, 1, 4), 8, x, 16, "ecp5")
    wanted = arithmetic.product_luts(8, True, 2, False, "ecp5") + arithmetic.product_luts(8, True, 4, True, "ecp5")
    assert parts["products"] == wanted and parts["selects"] == 0 and parts["constant_products"] == 10


def _cost(choice: Choice, bits: int = 8, weight_bits: int = 8, board: str = "zcu102") -> Resources:
    rng = np.random.default_rng(7)
    top = 1 << weight_bits - 1
    weight, bias = rng.integers(-top, top, (16, 32), dtype=np.int64), rng.integers(-99, 99, 16, dtype=np.int64)
    attrs = {"per_pixel": True, "weight_bits": weight_bits, "weight_signed": True}
    node = Node("m", "matvec", ("x",), ("y",), attrs, {"weight": "w", "bias": "b"}, ())
    types = {"x": TensorType((1, 32, 4, 4), True, bits)}
    graph = Graph("g", ("x",), (), (node,), types, {"w": weight, "b": bias})
    (types["y"],) = Matvec().infer(graph, node)
    graph = Graph("g", ("x",), ("y",), (node,), types, {"w": weight, "b": bias})
    return Matvec().cost(graph, node, choice, boards.load(board))


@pytest.mark.parametrize("board", ["zcu102", "ulx3s"])
def test_every_knob_of_a_matrix_moves_its_estimate(board: str) -> None:
    start = Choice(Folding(4, 2), "lut_generic", "lut")
    base = _cost(start, board=board)
    assert _cost(replace(start, folding=Folding(8, 2)), board=board).lut > base.lut
    assert _cost(replace(start, folding=Folding(4, 4)), board=board).lut > base.lut
    assert _cost(start, bits=4, board=board).lut < base.lut > _cost(start, weight_bits=4, board=board).lut
    blocks, in_blocks = (
        _cost(replace(start, unit="dsp"), board=board),
        _cost(replace(start, storage="bram"), board=board),
    )
    assert blocks.dsp > 0 == base.dsp and blocks.lut < base.lut
    assert in_blocks.bram36 > 0 == base.bram36 and in_blocks.lut < base.lut


def test_a_comparison_with_a_long_counter_is_repeated_where_it_does_not_fit() -> None:
    assert arithmetic.restarted(13, 25, "ecp5") == 13 and arithmetic.restarted(13, 4, "ecp5") == 0
    assert arithmetic.restarted(13, 25, "xcup") == 0 and arithmetic.restarted(13, 64, "xcup") == 13


def test_a_kept_maximum_costs_small_luts_a_choice_more() -> None:
    assert arithmetic.renewed_luts(8, "xcup") == 14 and arithmetic.renewed_luts(8, "ecp5") == 24
    assert arithmetic.renewed_luts(1, "ecp5") == 1


def test_a_sum_of_products_is_cut_at_half_its_terms() -> None:
    assert arithmetic.pipeline_bits(5, 4, 16, "xcup") == 0 and arithmetic.pipeline_bits(7, 4, 16, "xcup") == 2 * 17
