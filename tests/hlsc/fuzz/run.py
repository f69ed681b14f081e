# SPDX-License-Identifier: Apache-2.0
"""Judge many random programs: ``python -m tests.hlsc.fuzz.run --count 1000 --seed 1``."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from .judge import Verdict, judge
from .model import source
from .program import generate
from .shrink import shrink

BATCH = 10


@dataclass
class Tally:
    """What was found so far."""

    programs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, Verdict]] = field(default_factory=list)

    def summary(self, seconds: float) -> dict[str, Any]:
        return {
            "programs": self.programs,
            "refused": sum(self.refused.values()),
            "refused_by_rule": dict(self.refused.most_common()),
            "differences": len(self.failures),
            "failing_seeds": {str(seed): verdict.kind for seed, verdict in self.failures},
            "seconds": round(seconds, 1),
        }


def rule(text: str) -> str:
    """Return a refusal's rule without the names in it."""
    return re.sub(r"\b[a-z]+\d+(_\d+)?\b", "_", text)


def fuzz(first: int, count: int, seconds: float, log: TextIO | None = None) -> Tally:
    """Judge the programs of `count` seeds, or as many as `seconds` allow."""
    start, tally = time.monotonic(), Tally()
    for at in range(first, first + count, BATCH):
        if time.monotonic() - start > seconds:
            break
        seeds = list(range(at, min(at + BATCH, first + count)))
        for seed, verdict in zip(seeds, judge([generate(s) for s in seeds], at), strict=True):
            tally.programs += 1
            if verdict.kind == "refused":
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
    parser.add_argument("--shrink", type=float, default=60, help="seconds to spend on making a failing program small")
    parser.add_argument("--log", type=Path, default=None, help="file for one JSON line a program")
    parser.add_argument("--summary", type=Path, default=None, help="file for the summary that is printed")
    options = parser.parse_args()
    start = time.monotonic()
    log = options.log.open("a") if options.log else None
    tally = fuzz(options.seed, options.count, options.seconds, log)
    for seed, verdict in tally.failures[:10]:
        report(seed, verdict, options.shrink, sys.stderr)
    summary = json.dumps({"first_seed": options.seed, **tally.summary(time.monotonic() - start)}, indent=2)
    print(summary)
    if options.summary:
        options.summary.write_text(summary + "\n")
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
