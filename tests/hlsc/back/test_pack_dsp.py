# SPDX-License-Identifier: Apache-2.0
"""Products that share a multiplier block: exact for every value of every factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from random_ir import Draft

from hwgen.hlsc import ir, verify_ir
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.back.fold import evaluate
from hwgen.hlsc.back.pack_dsp import bind_products

Format = tuple[bool, int]
XCUP, XC7, ECP5 = (DelayModel(family(name), 250.0) for name in ("xcup", "xc7", "ecp5"))


def products(factors: Sequence[Format], pairs: Sequence[tuple[int, int]], model: DelayModel) -> ir.Process:
    """A process that writes the products of pairs of factors, each factor and product a stream of its own."""
    d = Draft("p")
    inner = []
    for k, (_, width) in enumerate(factors):
        d.stream(f"f{k}", "in", width)
        inner.append(d.op("read", width, attr=f"f{k}"))
    for k, (i, j) in enumerate(pairs):
        width = factors[i][1] + factors[j][1]
        args = [d.op("sext" if factors[f][0] else "zext", width, inner[f]) for f in (i, j)]
        d.values.append(ir.Value(len(d.values), "mul", width, tuple(args), bind=ir.Binding("dsp")))
        d.stream(f"p{k}", "out", width)
        d.writes.append(ir.Write(f"p{k}", len(d.values) - 1, None))
    process = bind_products(d.done(), model)
    verify_ir.verify(process)
    return process


def blocks(process: ir.Process) -> int:
    return sum(v.opcode == "dsp" for v in process.values)


def run(process: ir.Process, factors: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Evaluate a process without state on arrays of bit patterns that broadcast against each other."""
    found: list[np.ndarray] = []
    last = {a: v.id for v in process.values for a in v.args}
    kept = {w.data for w in process.writes}
    for v in process.values:
        args = [found[a] for a in v.args]
        widths = [process.values[a].width for a in v.args]
        if v.opcode == "read":
            found.append(factors[int(str(v.attr)[1:])])
        elif v.opcode == "const":
            found.append(np.array(v.attr, np.int64))
        else:
            found.append(vector(v, args, widths))
        for a in v.args:
            if last[a] == v.id and a not in kept:
                found[a] = np.zeros(1, np.int64)
    return [found[w.data] for w in process.writes]


def signed(x: np.ndarray, width: int) -> np.ndarray:
    return ((x & ((1 << width) - 1)) ^ (1 << (width - 1))) - (1 << (width - 1))


def vector(v: ir.Value, args: list[np.ndarray], widths: list[int]) -> np.ndarray:
    mask = (1 << v.width) - 1
    if v.opcode == "dsp":
        return signed(args[0] - args[1], widths[0]) * signed(args[2], widths[2]) & mask
    if v.opcode == "sext":
        return signed(args[0], widths[0]) & mask
    if v.opcode == "zext":
        return args[0]
    if v.opcode == "extract":
        assert isinstance(v.attr, int)
        return args[0] >> v.attr & mask
    if v.opcode == "concat":
        total = np.zeros(1, np.int64)
        for x, width in zip(args, widths, strict=True):
            total = total << width | x
        return total
    if v.opcode == "select":
        return np.where(args[0] != 0, args[1], args[2])
    if v.opcode == "shl":
        return args[0] << args[1] & mask
    operator = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "and": np.bitwise_and, "or": np.bitwise_or}
    return (operator | {"xor": np.bitwise_xor})[v.opcode](args[0], args[1]) & mask


def every(factors: Sequence[Format], chosen: dict[int, np.ndarray] | None = None) -> list[np.ndarray]:
    """All values of all factors, each along its own axis."""
    grids = [(chosen or {}).get(k, np.arange(1 << width, dtype=np.int64)) for k, (_, width) in enumerate(factors)]
    return [g.reshape([-1 if i == k else 1 for i in range(len(grids))]) for k, g in enumerate(grids)]


def check(
    process: ir.Process, factors: Sequence[Format], pairs: Sequence[tuple[int, int]], words: list[np.ndarray]
) -> None:
    values = [signed(w, width) if s else w for w, (s, width) in zip(words, factors, strict=True)]
    for got, (i, j) in zip(run(process, words), pairs, strict=True):
        width = factors[i][1] + factors[j][1]
        assert not np.any((got ^ values[i] * values[j]) & ((1 << width) - 1)), (factors, i, j)


SIGNS = [(False, False), (False, True), (True, False), (True, True)]
FOUR = [(0, 1), (0, 2), (0, 3), (0, 4)]


@pytest.mark.parametrize("bits", [4, 5, 6])
@pytest.mark.parametrize("signs", SIGNS)
def test_four_weights_of_four_bits_share_an_activation(bits: int, signs: tuple[bool, bool]) -> None:
    factors = [(signs[0], bits), *[(signs[1], 4)] * 4]
    process = products(factors, FOUR, XCUP)
    assert blocks(process) == 1
    check(process, factors, FOUR, every(factors))


@pytest.mark.parametrize("mixed", range(1, 15))
def test_weights_of_both_kinds_share_an_activation(mixed: int) -> None:
    for model, count in ((XCUP, 1), (XC7, 1)):
        factors = [(True, 4), *[(bool(mixed >> k & 1), 4) for k in range(4)]]
        process = products(factors, FOUR, model)
        assert blocks(process) == count
        check(process, factors, FOUR, every(factors))


CROSS = [(0, 2), (0, 3), (1, 2), (1, 3)]


@pytest.mark.parametrize("bits", [4, 5, 6])
@pytest.mark.parametrize("signs", SIGNS)
def test_two_weights_and_two_activations_share_a_block(bits: int, signs: tuple[bool, bool]) -> None:
    factors = [*[(signs[0], bits)] * 2, *[(signs[1], 4)] * 2]
    process = products(factors, CROSS, XCUP)
    assert blocks(process) == 1
    check(process, factors, CROSS, every(factors))


@pytest.mark.parametrize("model", [XCUP, XC7])
@pytest.mark.parametrize("signs", SIGNS)
def test_two_weights_of_eight_bits_share_an_activation(signs: tuple[bool, bool], model: DelayModel) -> None:
    factors = [(signs[0], 8), (signs[1], 8), (signs[1], 8)]
    process = products(factors, [(0, 1), (0, 2)], model)
    assert blocks(process) == 1
    for low in range(0, 256, 64):
        check(process, factors, [(0, 1), (0, 2)], every(factors, {0: np.arange(low, low + 64, dtype=np.int64)}))


@pytest.mark.parametrize("signs", SIGNS)
def test_two_weights_of_four_bits_share_an_18_bit_block(signs: tuple[bool, bool]) -> None:
    factors = [(signs[0], 4), *[(signs[1], 4)] * 4]
    process = products(factors, FOUR, ECP5)
    assert blocks(process) == 2
    check(process, factors, FOUR, every(factors))


def test_vector_evaluation_is_that_of_the_ir() -> None:
    value = ir.Value(3, "dsp", 13, (0, 1, 2))
    rng = np.random.default_rng(1)
    for _ in range(200):
        args = [int(rng.integers(0, 1 << w)) for w in (8, 8, 5)]
        found = vector(value, [np.array(a) for a in args], [8, 8, 5])
        assert int(found) == evaluate("dsp", 13, args, [8, 8, 5], None)


def test_products_on_each_other_do_not_share_a_block() -> None:
    d = Draft("p")
    d.stream("a", "in", 4)
    d.stream("y", "out", 8)
    x = d.op("sext", 8, d.op("read", 4, attr="a"))
    first = d.op("mul", 8, x, d.op("sext", 8, d.op("extract", 4, x, attr=1)))
    second = d.op("mul", 8, x, d.op("sext", 8, d.op("extract", 4, first, attr=2)))
    d.writes.append(ir.Write("y", second, None))
    values = tuple(replace(v, bind=ir.Binding("dsp")) if v.opcode == "mul" else v for v in d.values)
    process = bind_products(replace(d.done(), values=values), XCUP)
    verify_ir.verify(process)
    assert blocks(process) == 2
