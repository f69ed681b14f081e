# SPDX-License-Identifier: Apache-2.0
"""A multiplier that several multiplications share, written as rows of digits (see `rows`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.emit_expr import Expressions, vector
from hwgen.hlsc.back.fold import WIRES
from hwgen.hlsc.back.normalise import RULES
from hwgen.hlsc.back.rows import Factor, cost, product
from hwgen.hlsc.back.share import Unit


def multiplier(unit: Unit, name: str, inputs: Sequence[str], fresh: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines that assign the product of the signals `inputs` to the signal `name`."""
    b = Builder(RULES)
    x, w = (
        Factor(b.intern("state", f.width, (), text), f.width, f.extension != "zext")
        for text, f in zip(inputs, unit.factors, strict=True)
    )
    x, w = min((x, w), (w, x), key=lambda pair: cost(pair[0], pair[1], 0))
    whole = product(b, x, w, min(unit.width, x.width + w.width))
    result = b.resize(whole, unit.width, x.signed or w.signed)
    signals = {v.id: str(v.attr) for v in b.values if v.opcode == "state"}
    expressions = Expressions(
        ir.Process(name, (), tuple(b.values), (), (), (), (), None), lambda node, _: signals[node]
    )
    for value in _needed(b, result):
        if value.opcode not in WIRES and value.opcode not in ("const", "state"):
            signals[value.id] = fresh(f"{name}_{value.id}")
            yield f"    wire {vector(value.width)}{signals[value.id]} = {expressions.operator(value, 0)};"
    yield f"    assign {name} = {expressions.ref(result, 0)};"


def _needed(b: Builder, result: int) -> list[ir.Value]:
    """Return the values that a value is made of, operands first."""
    needed, work = {result}, [result]
    while work:
        more = set(b.args(work.pop())) - needed
        needed |= more
        work += more
    return [v for v in b.values if v.id in needed]
