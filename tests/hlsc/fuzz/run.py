# SPDX-License-Identifier: Apache-2.0
"""Judge many random programs: ``python -m tests.hlsc.fuzz.run --count 1000 --seed 1``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from .cpp import source
from .judge import Verdict, judge
from .program import generate
from .shrink import shrink

BATCH = 10


@dataclass
class Tally:
    """What was found so far."""

    programs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    rightly: int = 0
    failures: list[tuple[int, Verdict]] = field(default_factory=list)

    def summary(self, seconds: float) -> dict[str, Any]:
        return {
            "programs": self.programs,
            "refused": sum(self.refused.values()),
            "refused_rightly": self.rightly,
            "refused_by_rule": dict(self.refused.most_common()),
            "differences": len(self.failures),
            "failing_seeds": {str(seed): verdict.kind for seed, verdict in self.failures},
            "seconds": round(seconds, 1),
        }


def rule(text: str) -> str:
    """Return a refusal's rule without the names and the path in it."""
    return re.sub(r"\b[a-z]+\d+(_\d+)?\b", "_", text.partition(" The path:")[0])


def _batch(seeds: Sequence[int]) -> list[Verdict]:
    return judge([generate(s) for s in seeds], seeds[0])


def _verdicts(batches: Sequence[Sequence[int]], seconds: float, jobs: int) -> Iterator[tuple[int, Verdict]]:
    """Give the verdicts in the order of the seeds; begin no batch after `seconds`."""
    start = time.monotonic()
    waiting, left = deque[tuple[Sequence[int], Future[list[Verdict]]]](), deque(batches)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        while left or waiting:
            while left and len(waiting) < 2 * jobs and time.monotonic() - start < seconds:
                waiting.append((left[0], pool.submit(_batch, left.popleft())))
            if not waiting:
                return
            seeds, found = waiting.popleft()
            yield from zip(seeds, found.result(), strict=True)


def fuzz(first: int, count: int, seconds: float, log: TextIO | None = None, jobs: int = 1) -> Tally:
    """Judge the programs of `count` seeds, or as many as `seconds` allow, in `jobs` processes."""
    tally, end = Tally(), time.monotonic() + seconds
    batches = [range(at, min(at + BATCH, first + count)) for at in range(first, first + count, BATCH)]
    alone = (pair for seeds in batches if time.monotonic() < end for pair in zip(seeds, _batch(seeds), strict=True))
    for seed, verdict in alone if jobs == 1 else _verdicts(batches, seconds, jobs):
        tally.programs += 1
        if verdict.kind == "refused" and verdict.rightly:
            tally.rightly += 1
        elif verdict.kind == "refused":
            tally.refused[rule(verdict.detail)] += 1
        elif verdict.failed:
            tally.failures.append((seed, verdict))
        if log is not None:
            line = {"seed": seed, "verdict": verdict.kind, "detail": verdict.detail}
            if verdict.kind != "same":
                line["source"] = source(generate(seed))
            print(json.dumps(line), file=log, flush=True)
    return tally


def report(seed: int, verdict: Verdict, shrinking: float, out: TextIO | None) -> None:
    """Print a failure and the smallest program that fails the same way."""
    print(f"seed {seed}: {verdict.kind}: {verdict.detail}", file=out)
    if shrinking > 0:
        smallest, found = shrink(generate(seed), seed, verdict.kind, shrinking)
        print(f"{found.kind}: {found.detail}\n{source(smallest)}", file=out, flush=True)


def main() -> int:
    """Return 1 when a program failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="number of programs")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--jobs", type=int, default=1, help="processes that judge programs")
    parser.add_argument("--shrink", type=float, default=60, help="seconds to spend on making a failing program small")
    parser.add_argument("--log", type=Path, default=None, help="file for one JSON line a program")
    parser.add_argument("--summary", type=Path, default=None, help="file for the summary that is printed")
    options = parser.parse_args()
    start = time.monotonic()
    if options.log:
        options.log.parent.mkdir(parents=True, exist_ok=True)
    log = options.log.open("w") if options.log else None
    tally = fuzz(options.seed, options.count, options.seconds, log, options.jobs)
    for seed, verdict in tally.failures[:10]:
        report(seed, verdict, options.shrink, sys.stderr)
    summary = json.dumps({"first_seed": options.seed, **tally.summary(time.monotonic() - start)}, indent=2)
    print(summary)
    if options.summary:
        options.summary.write_text(summary + "\n")
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
