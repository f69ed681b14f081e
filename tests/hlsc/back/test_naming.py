# SPDX-License-Identifier: Apache-2.0
"""Values without a name in the source get one that tells what they are."""

from __future__ import annotations

from random_ir import Draft

from hwgen.hlsc import backend, ir
from hwgen.hlsc.target import Target


def test_names_tell_roles_and_origins():
    d = Draft("counting")
    count, last = d.counter("count", 5, width=3)
    d.stream("in0", "in", 8)
    word = d.op("read", 8, last, attr="in0")
    d.stream("out0", "out", 8)
    odd = d.op("extract", 1, count, attr=0)
    d.writes.append(ir.Write("out0", d.op("add", 8, word, d.fit(count, 8)), odd))
    rtl = backend.compile(d.done(), Target("xcup", 100.0)).rtl
    for text in ("in0_read = count == 3'd4;", "count_next = in0_read ?", "count_plus_1 = count + 3'd1;"):
        assert f"{text}" in rtl
    assert "out0_word = " in rtl and "count <= count_next;" in rtl
