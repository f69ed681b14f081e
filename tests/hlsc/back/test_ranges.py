# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from random_ir import Draft

from hwgen.hlsc.back.ranges import Ranges


def test_the_sign_of_a_number_in_a_word_bounds_what_is_chosen_by_it() -> None:
    d = Draft("clip")
    d.stream("in0", "in", 100)
    d.stream("out0", "out", 11)
    word = d.op("read", 100, attr="in0")
    number, sign = d.op("extract", 11, word, attr=40), d.op("extract", 1, word, attr=50)
    least = d.op("select", 11, sign, d.const(11, 0), number)
    below = d.op("slt", 1, least, d.const(11, 63))
    clipped = d.op("select", 11, below, least, d.const(11, 63))
    negative = d.op("select", 11, sign, number, d.const(11, -1))
    process = d.done()
    facts = Ranges(process).facts
    assert (facts[least].slo, facts[least].shi) == (0, 1023)
    assert (facts[clipped].slo, facts[clipped].shi) == (0, 63)
    assert (facts[negative].slo, facts[negative].shi) == (-1024, -1)
