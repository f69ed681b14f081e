# SPDX-License-Identifier: Apache-2.0
"""A quantised function of a wide integer that rises and falls: the steps up counted, less the steps down.

Both counts are thresholds. Where a step is, is found by computing every integer of the range, so nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwgen.graph import Ints

MAX_EVALUATIONS = 1 << 25
CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Difference:
    """``low + step * (#{t in up : q >= t} - #{t in down : q >= t})``; up and down are int64 ``(C, T)``, ascending.

    Parameters
    ----------
    least, most
        Range of the result, int64 ``(C,)``.
    detail
        For the proof.
    """

    up: Ints
    down: Ints
    low: int
    step: int
    least: Ints
    most: Ints
    detail: str


def difference(outputs: Callable[[Ints], Ints], lo: int, hi: int, rows: int, step: int) -> Difference | None:
    """Return the steps of a function of integers in ``[lo, hi]``; None where there are too many integers to try.

    Parameters
    ----------
    outputs
        Takes int64 ``(1, N)``, returns int64 ``(rows, N)``.
    """
    if (hi - lo + 1) * rows > MAX_EVALUATIONS:
        return None
    first = outputs(np.array([[lo]]))
    least, most, last = first[:, 0], first[:, 0], first
    found: list[tuple[Ints, Ints, Ints]] = []
    for start in range(lo, hi + 1, CHUNK):
        q = np.arange(start, min(start + CHUNK, hi + 1), dtype=np.int64)
        now = outputs(q[np.newaxis])
        change = np.diff(np.concatenate([last, now], axis=1), axis=1) // step
        row, column = np.nonzero(change)
        found.append((row, q[column], change[row, column]))
        least, most, last = np.minimum(least, now.min(axis=1)), np.maximum(most, now.max(axis=1)), now[:, -1:]
    row, at, change = (np.concatenate(parts) for parts in zip(*found, strict=True))
    low = int(first.min())
    begin = (first[:, 0] - low) // step
    ups, downs = [], []
    for channel in range(rows):
        here, size = at[row == channel], change[row == channel]
        always = np.full(begin[channel], lo, dtype=np.int64)
        ups.append(np.concatenate([always, np.repeat(here, np.maximum(size, 0))]))
        downs.append(np.repeat(here, np.maximum(-size, 0)))
    detail = f"{rows} channels, inputs {lo} to {hi}"
    return Difference(_padded(ups, hi + 1), _padded(downs, hi + 1), low, step, least, most, detail)


def _padded(rows: list[Ints], never: int) -> Ints:
    """Return rows of one length; what is added is never reached."""
    count = max(1, *(len(row) for row in rows))
    return np.stack([np.concatenate([row, np.full(count - len(row), never, dtype=np.int64)]) for row in rows])
