# SPDX-License-Identifier: Apache-2.0
"""Exact steps, multiply-shift proofs and names, against brute force."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwgen.graph import Ints
from hwgen.graph.naming import RESERVED, Namer, identifier
from hwgen.ops.requant_proof import Levels, find_multiply_shift
from hwgen.ops.requant_unit import Unit, choose, relabelling
from hwgen.ops.requantise import shift_with_ties
from hwgen.ops.steps import Curve, common, find_steps, sqrt, uniform

small = st.fractions(min_value=-3, max_value=3, max_denominator=64)
positive = st.fractions(min_value=Fraction(1, 64), max_value=3, max_denominator=64)


def _round(x: Fraction, mode: str) -> int:
    sign, size = (1 if x >= 0 else -1), abs(x)
    return {
        "ROUND": lambda: round(x),
        "FLOOR": lambda: floor(x),
        "CEIL": lambda: ceil(x),
        "UP": lambda: sign * ceil(size),
        "DOWN": lambda: sign * floor(size),
        "HALF_UP": lambda: sign * floor(size + Fraction(1, 2)),
        "HALF_DOWN": lambda: sign * ceil(size - Fraction(1, 2)),
    }[mode]()


MODES = ["ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    slope=small,
    offset=small,
    clip=st.tuples(small, small),
    scale=positive,
    zero=st.integers(-5, 5),
    mode=st.sampled_from(MODES),
    zero_first=st.booleans(),
    bits=st.integers(1, 5),
)
def test_steps_and_units_equal_the_quantiser(slope, offset, clip, scale, zero, mode, zero_first, bits) -> None:
    curve = Curve.line((slope,), (offset,)).clipped(min(clip), max(clip))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    quantiser = uniform((scale,), zero, low, high, mode, zero_first=zero_first)
    q = np.arange(-40, 41)
    steps = find_steps(curve, quantiser, q[:1], q[-1:])
    wanted = []
    for value in q.tolist():
        real = curve.value(value) / scale
        rounded = _round(real + zero, mode) if zero_first else _round(real, mode) + zero
        wanted.append(min(max(rounded, low), high))
    np.testing.assert_array_equal(steps.apply(q[np.newaxis])[0], wanted)
    shift = relabelling(steps)
    if shift is not None:
        np.testing.assert_array_equal(q + shift, wanted)
    unit = choose(steps, [slope / scale])
    assert unit is not None
    if unit.method == "multiply_shift":
        mul, add = (int(unit.constants[role][0]) for role in ("mul", "add"))
        shifted = shift_with_ties(q * mul + add, int(unit.attrs["shift"]), int(unit.attrs.get("ties", 0)))
        got = np.clip(shifted, unit.attrs["lo"], unit.attrs["hi"])
    else:
        table, flip = unit.constants["thresholds"][0], bool(unit.constants["flip"][0])
        got = int(unit.attrs["y_min"]) + ((q[:, np.newaxis] >= table) ^ flip).sum(axis=1)
        assert (np.diff(table) >= 0).all()
    np.testing.assert_array_equal(got, wanted)
    assert unit.out.lo.min() == min(wanted) and unit.out.hi.max() == max(wanted)


@pytest.mark.parametrize("slope", [0.00123, -0.0456, 1.7, 0.0])
def test_multiply_shift_equals_the_steps_everywhere(slope: float) -> None:
    ratio = Fraction(float(np.float32(slope)))
    curve = Curve.line((ratio,), (Fraction(1, 3),))
    quantiser = uniform((Fraction(1),), -7, -128, 127, "ROUND", zero_first=False)
    q = np.arange(-30000, 30001)
    steps = find_steps(curve, quantiser, q[:1], q[-1:])
    found = find_multiply_shift([ratio], Levels.of(steps), steps.flip)
    assert found is not None and np.sign(found.mul[0]) == np.sign(slope)
    got = np.clip((q * int(found.mul[0]) + int(found.add[0])) >> found.shift, -128, 127)
    np.testing.assert_array_equal(got, steps.apply(q[np.newaxis])[0])


def test_the_shift_is_the_smallest() -> None:
    quantiser = uniform((Fraction(16),), 0, 0, 63, "FLOOR", zero_first=True)
    steps = find_steps(Curve.identity(), quantiser, np.array([0]), np.array([2000]))
    found = find_multiply_shift([Fraction(1, 16)], Levels.of(steps), steps.flip)
    assert found is not None and (found.shift, int(found.mul[0]), int(found.add[0]) >> 4) == (4, 1, 0)


@pytest.mark.parametrize("zero", [0, 3, -128])
@pytest.mark.parametrize("slope", [1, -1])
def test_scales_that_are_powers_of_two_need_ties_to_even_and_no_thresholds(zero: int, slope: int) -> None:
    curve = Curve.line((Fraction(slope, 64),), (Fraction(0),))
    quantiser = uniform((Fraction(1),), zero, -128, 127, "ROUND", zero_first=False)
    q = np.arange(-20000, 20001)
    steps = find_steps(curve, quantiser, q[:1], q[-1:])
    unit = choose(steps, [Fraction(slope, 64)])
    assert unit is not None and unit.method == "multiply_shift"
    assert unit.attrs["ties"] == 1 + zero % 2 and int(unit.attrs["shift"]) <= 7
    exact = q * int(unit.constants["mul"][0]) + int(unit.constants["add"][0])
    got = np.clip(shift_with_ties(exact, int(unit.attrs["shift"]), int(unit.attrs["ties"])), -128, 127)
    np.testing.assert_array_equal(got, np.clip(np.rint(slope * q / 64) + zero, -128, 127))


def test_channels_share_one_shift() -> None:
    slopes = tuple(Fraction(float(np.float32(s))) for s in (0.1, -0.003, 0.77))
    curve = Curve.line(slopes, (Fraction(0), Fraction(5), Fraction(-2)))
    quantiser = uniform((Fraction(1),), 0, -128, 127, "ROUND", zero_first=False)
    lo, hi = np.array([-900, -50000, -100]), np.array([900, 50000, 300])
    steps = find_steps(curve, quantiser, lo, hi)
    found = find_multiply_shift(slopes, Levels.of(steps), steps.flip)
    assert found is not None
    for c in range(3):
        q = np.arange(lo[c], hi[c] + 1)
        got = np.clip((q * int(found.mul[c]) + int(found.add[c])) >> found.shift, -128, 127)
        exact = [min(max(round(curve.value(int(v), c)), -128), 127) for v in q]
        np.testing.assert_array_equal(got, exact)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.lists(st.tuples(positive, small, st.fractions(5, 60, max_denominator=8)), min_size=2, max_size=4),
    zero=st.integers(-128, 100),
)
def test_channels_whose_curves_end_at_ceilings_of_their_own_are_multiplied_and_clipped(rows, zero) -> None:
    slopes, offsets, ceilings = zip(*rows, strict=True)
    curve = Curve(slopes, offsets, (Fraction(0),) * len(rows), ceilings)
    quantiser = uniform((Fraction(1, 4),), zero, -128, 127, "ROUND", zero_first=False)
    lo, hi = np.full(len(rows), -150), np.full(len(rows), 400)
    steps = find_steps(curve, quantiser, lo, hi)
    unit = choose(steps, [4 * slope for slope in slopes])
    assert unit is not None
    q = np.tile(np.arange(-150, 401), (len(rows), 1))
    np.testing.assert_array_equal(_of(unit, q), steps.apply(q))


def test_ceilings_of_channels_need_no_thresholds() -> None:
    slopes = [Fraction(float(np.float32(s))) for s in (0.013, 0.0071, 0.0234)]
    ceilings = (Fraction(3), Fraction(6), Fraction(12))
    curve = Curve(tuple(slopes), (Fraction(0),) * 3, (Fraction(0),) * 3, ceilings)
    quantiser = uniform((Fraction(12, 255),), 0, 0, 255, "ROUND", zero_first=False)
    steps = find_steps(curve, quantiser, np.array([-9000, -9000, 500]), np.array([9000, 9000, 500]))
    unit = choose(steps, [slope / Fraction(12, 255) for slope in slopes])
    assert unit is not None and unit.method == "multiply_shift" and "limits of each channel" in unit.detail
    assert unit.constants["least"].tolist() == [0, 0, 249] and unit.constants["most"].tolist() == [64, 128, 249]
    q = np.tile(np.arange(-9000, 9001), (3, 1))
    q[2] = 500
    np.testing.assert_array_equal(_of(unit, q), steps.apply(q))


def _of(unit: Unit, q: Ints) -> Ints:
    """Return what a unit makes of `q`, int64 ``(C, N)``."""
    columns = {role: table.reshape(len(table), -1) for role, table in unit.constants.items()}
    if unit.method == "thresholds":
        reached = (q[:, :, np.newaxis] >= columns["thresholds"][:, np.newaxis]) ^ (columns["flip"] == 1)[:, np.newaxis]
        return unit.attrs["y_min"] + reached.sum(axis=2)
    exact = q * columns["mul"] + columns["add"]
    shifted = shift_with_ties(exact, int(unit.attrs["shift"]), int(unit.attrs.get("ties", 0)))
    return np.clip(shifted, columns.get("least", unit.attrs["lo"]), columns.get("most", unit.attrs["hi"]))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(small, small, small, small), min_size=1, max_size=4), st.integers(-20, 20))
def test_curves_compose_like_their_values(steps, q) -> None:
    curve, value = Curve.identity(), Fraction(q)
    for factor, offset, a, b in steps:
        curve = curve.scaled((factor,), (offset,)).clipped(min(a, b), max(a, b))
        value = min(max(factor * value + offset, min(a, b)), max(a, b))
    assert curve.value(q) == value


def test_square_roots() -> None:
    assert sqrt(Fraction(9, 16)) == Fraction(3, 4)
    root = sqrt(Fraction(2, 10**30))
    assert abs(root * root / Fraction(2, 10**30) - 1) < Fraction(1, 1 << 200)


def test_common_divisor_of_fractions() -> None:
    assert common([Fraction(3, 4), Fraction(-1, 2)]) == Fraction(1, 4)


@given(st.text(max_size=60))
def test_identifiers_are_legal(text: str) -> None:
    name = identifier(text)
    assert name.isascii() and name.isidentifier() and name == name.lower() and name not in RESERVED
    assert "__" not in name.strip("_") and identifier(name, limit=len(name)) == name


def test_identifiers_keep_the_last_layer_of_fused_names() -> None:
    assert identifier("model/a/Relu;model/conv2d_1/Conv2D1_prequant") == "conv2d_1_conv2d1"
    assert identifier("Relu__130:0") == "relu_130"
    assert identifier("42") == "n_42" and identifier("logic") == "logic_"


def test_names_are_handed_out_once() -> None:
    namer = Namer(["a"])
    assert [namer.fresh(n) for n in ("a", "a", "b", "a")] == ["a_2", "a_3", "b", "a_4"]
