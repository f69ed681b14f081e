# SPDX-License-Identifier: Apache-2.0
"""Which hardware computes a quantiser: none, thresholds, or multiply-add-shift, each proven equal to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from hwgen.graph import Attr, Ints
from hwgen.ops.ranges import Range
from hwgen.ops.requant_proof import Levels, find_multiply_shift
from hwgen.ops.steps import Steps

FEW_LEVELS = 15
MANY_LEVELS = 255
TIES = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Unit:
    """A requantisation ready to be emitted."""

    method: Literal["thresholds", "multiply_shift", "table"]
    attrs: Mapping[str, Attr]
    constants: Mapping[str, Ints]
    out: Range
    detail: str


def relabelling(steps: Steps) -> int | None:
    """Return d where the output is ``q + d`` for every q in range, so that no hardware is needed; None elsewhere."""
    if steps.flip.any():
        return None
    first = steps.low + steps.step * (steps.at <= steps.lo[:, np.newaxis]).sum(axis=1)
    last = steps.low + steps.step * (steps.at <= steps.hi[:, np.newaxis]).sum(axis=1)
    shift = int(first[0] - steps.lo[0])
    if (first - steps.lo != shift).any() or (last - steps.hi != shift).any():
        return None
    if steps.step != 1:
        return shift if bool((steps.hi - steps.lo <= 2).all()) and bool((steps.at[:, 0] == steps.hi).all()) else None
    levels = steps.low + 1 + np.arange(steps.at.shape[1], dtype=np.int64)
    inside = (levels > first[:, np.newaxis]) & (levels <= last[:, np.newaxis])
    return shift if bool((steps.at == levels - shift)[inside].all()) else None


def choose(steps: Steps, slopes: Sequence[Fraction]) -> Unit | None:
    """Choose the cheaper of the methods that equal the quantiser, None when there is none.

    Thresholds serve up to four output bits; beyond, a multiply-shift, or thresholds again where none is exact.

    Parameters
    ----------
    slopes
        Output steps for each unit of the input, one for each row of `steps`; empty to ask for thresholds.
    """
    first, last = _ends(steps)
    low, high = _reachable(steps, first, last)
    start = (low - steps.low) // steps.step
    steps = replace(steps, low=low, at=steps.at[:, start : max((high - steps.low) // steps.step, start + 1)])
    if not steps.at.shape[1]:
        steps = replace(steps, at=np.where(steps.flip, steps.lo, steps.hi + 1)[:, np.newaxis])
    out = Range(np.minimum(first, last), np.maximum(first, last))
    count = (high - low) // steps.step
    covered = f"{count + 1} levels, {len(steps.lo)} channels, inputs {steps.lo.min()} to {steps.hi.max()}"
    if count > FEW_LEVELS and slopes:
        found = _multiply_shift(steps, slopes, out, covered)
        if found is not None:
            return found
    if count > MANY_LEVELS:
        return None
    at = steps.at.copy()
    at[steps.flip] = at[steps.flip][:, ::-1]
    flip = steps.flip.astype(np.int64)
    if len(at) > 1 and (at == at[0]).all() and (flip == flip[0]).all():
        at, flip = at[:1], flip[:1]
    attrs: dict[str, Attr] = {"y_min": low, "step": steps.step}
    return Unit("thresholds", attrs, {"thresholds": at, "flip": flip}, out, covered)


def _multiply_shift(steps: Steps, slopes: Sequence[Fraction], out: Range, covered: str) -> Unit | None:
    """Return the multiply-shift of a staircase, where it must be with limits for each channel, None without one."""
    shared = Levels.of(steps)
    for levels in (shared, shared.within(out.lo, out.hi)):
        for ties in TIES:
            found = find_multiply_shift(slopes, levels, steps.flip, ties=ties)
            if found is None:
                continue
            constants = _shrunk(mul=found.mul, add=found.add)
            if levels is not shared:
                constants |= _shrunk(least=out.lo) | _shrunk(most=out.hi)
            attrs = shift_attrs(found.shift, found.ties, out.least, out.most)
            clip = "" if levels is shared else "limits of each channel, "
            return Unit("multiply_shift", attrs, constants, out, f"shift {found.shift}, {clip}{covered}")
    return None


def _shrunk(**tables: Ints) -> dict[str, Ints]:
    """Return tables with one entry each where all channels share all of them."""
    alike = all((table == table[0]).all() for table in tables.values())
    return {role: table[:1] if alike else table for role, table in tables.items()}


def shift_attrs(shift: int, ties: int, low: int, high: int) -> dict[str, Attr]:
    """Return the attributes of a `requantise`."""
    attrs: dict[str, Attr] = {"shift": shift, "lo": low, "hi": high}
    return {**attrs, "ties": ties} if ties else attrs


def _ends(steps: Steps) -> tuple[Ints, Ints]:
    """Return each channel's output at its smallest and at its largest input."""
    ends = []
    for q in (steps.lo, steps.hi):
        reached = (q[:, np.newaxis] >= steps.at) ^ steps.flip[:, np.newaxis]
        ends.append(steps.low + steps.step * reached.sum(axis=1, dtype=np.int64))
    return ends[0], ends[1]


def _reachable(steps: Steps, first: Ints, last: Ints) -> tuple[int, int]:
    if steps.step != 1:
        return steps.low, steps.low + steps.step * steps.at.shape[1]
    return int(min(first.min(), last.min())), int(max(first.max(), last.max()))
