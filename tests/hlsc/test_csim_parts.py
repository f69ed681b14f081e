# SPDX-License-Identifier: Apache-2.0
"""The pure parts of C simulation: a module's rewritten text, and what runs with different pauses agree on."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hwgen.hlsc.csim_pauses import PAUSES, agreed
from hwgen.hlsc.csim_text import asks, instrument

MODULE = """target triple = "x86_64"
define void @_Z1pv(ptr %in0, ptr %out0) {
  %0 = load volatile i16, ptr %in0, align 2, !dbg !7
  %"a b" = load i16, ptr %in0, align 2
  store volatile i16 %0, ptr %out0, align 2
  ret void
}
"""
WAITS = "declare zeroext i1 @hwgen_stream_waits(ptr) #1\n"


def column(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)[:, None]


def test_volatile_accesses_move_a_cursor_and_others_stay() -> None:
    lines = instrument(MODULE, "_Z1pv", ["ptr", "ptr"]).splitlines()
    at = lines.index("  %hwgen.at.1 = call ptr @hwgen.pop(ptr %in0, i64 2)")
    assert lines[at + 1 : at + 5] == [
        "  %0 = load i16, ptr %hwgen.at.1, align 1",
        '  %"a b" = load i16, ptr %in0, align 2',
        "  %hwgen.at.2 = call ptr @hwgen.push(ptr %out0, i64 2)",
        "  store i16 %0, ptr %hwgen.at.2, align 1",
    ]
    assert not any(line.startswith("target") for line in lines)


@pytest.mark.parametrize(("symbol", "called"), [("_Z1pv", "@_Z1pv("), ("odd name", '@"odd name"(')])
def test_the_entry_hands_its_arguments_on(symbol: str, called: str) -> None:
    text = instrument(MODULE, symbol, ["ptr", "i8 zeroext"])
    assert "define void @hwgen.call(ptr %s0, i8 zeroext %s1) {" in text
    assert f"call void {called}ptr %s0, i8 zeroext %s1) noinline" in text


def test_only_a_module_with_non_blocking_reads_asks() -> None:
    assert asks(MODULE + WAITS) and not asks(MODULE)
    assert WAITS not in instrument(MODULE + WAITS, "_Z1pv", [])


def test_the_first_run_sees_every_word_and_all_draw_differently() -> None:
    assert PAUSES[0][1] == 256
    assert len({seed for seed, _ in PAUSES}) == len(PAUSES)


def test_runs_that_agree_give_the_longest() -> None:
    runs = [[column(1, 2), column(5)], [column(1, 2, 3), column()], [column(1), column(5)]]
    words, differ = agreed(runs, ["a", "b"], whole=False)
    assert differ is None
    assert [w[:, 0].tolist() for w in words] == [[1, 2, 3], [5]]


@pytest.mark.parametrize(
    ("one", "other", "whole", "said"),
    [
        (column(1, 2, 3), column(1, 9, 4), False, "What b carries .* word 1 is 0x2 or 0x9"),
        (column(1, 2), column(1), True, "What b carries .* word 1 is 0x2 or missing"),
        (column(1), column(1, 2), True, "What b carries .* word 1 is missing or 0x2"),
    ],
)
def test_runs_that_differ_are_a_sentence(one: np.ndarray, other: np.ndarray, whole: bool, said: str) -> None:
    _, differ = agreed([[column(7), one], [column(7), other]], ["a", "b"], whole)
    assert differ is not None and re.match(said, differ)


def test_no_run_is_no_difference() -> None:
    assert agreed([], ["a"], whole=True) == ([], None)
