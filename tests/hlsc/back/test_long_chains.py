# SPDX-License-Identifier: Apache-2.0
"""A value needs as many iterations to cross a shift register as that is long: the range analysis must wait for it."""

from __future__ import annotations

import pytest

from hwgen.hlsc import ir
from hwgen.hlsc.back.ranges import Ranges


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("length", [3, 64, 200])
def test_what_enters_a_shift_register_comes_out(length: int, backwards: bool) -> None:
    values = [ir.Value(0, "read", 8, attr="in0")]
    values += [ir.Value(k + 1, "state", 8, attr=f"s{k}") for k in range(length)]
    states = [ir.State(f"s{k}", 8, 0, k) for k in range(length)]
    process = ir.Process(
        "chain",
        (ir.Stream("in0", "in", 8), ir.Stream("out0", "out", 8)),
        tuple(values),
        tuple(reversed(states) if backwards else states),
        (),
        (),
        (ir.Write("out0", length, None),),
        None,
    )
    last = Ranges(process).facts[length]
    assert (last.ulo, last.uhi) == (0, 255)
