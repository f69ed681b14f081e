# SPDX-License-Identifier: Apache-2.0
"""What a process writes must not depend on when words come: one that asks is run with different pauses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint8]

PAUSES = ((0, 256), (0x1B873593, 128), (0xCC9E2D51, 128), (0x2127599B, 128), (0x85EBCA6B, 20), (0xC2B2AE35, 230))
"""For each run: a seed, and how likely, of 256, a non-blocking read sees a word that is there; the first sees all."""


def agreed(runs: Iterable[Sequence[Words]], names: Sequence[str], whole: bool) -> tuple[list[Words], str | None]:
    """Return the most that any run wrote to each stream, and how two runs differ, if they do.

    Parameters
    ----------
    runs
        Of each run, the words of every output, one row each.
    names
        Of the outputs.
    whole
        Whether all runs must write as many words; else one may have got less far than another.
    """
    longest: list[Words] = []
    for run in runs:
        longest = longest or list(run)
        for number, (name, one, other) in enumerate(zip(names, longest, run, strict=True)):
            differs = _difference(name, one, other, whole)
            if differs:
                return longest, differs
            longest[number] = max(one, other, key=len)
    return longest, None


def _difference(name: str, one: Words, other: Words, whole: bool) -> str | None:
    both = min(len(one), len(other))
    rows = np.flatnonzero((one[:both] != other[:both]).any(axis=1))
    if not len(rows) and (len(one) == len(other) or not whole):
        return None
    at = int(rows[0]) if len(rows) else both
    said = ["missing" if at >= len(a) else f"{int.from_bytes(a[at].tobytes(), 'little'):#x}" for a in (one, other)]
    return (
        f"What {name} carries must not depend on when words come: word {at} is {said[0]} or {said[1]}, by whether "
        "non-blocking reads find a word."
    )
