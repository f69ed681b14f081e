# SPDX-License-Identifier: Apache-2.0
"""Judge many random networks: ``python -m tests.differential.run --count 1000 --seed 1``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from .judge import judge
from .networks import generate


def main() -> int:
    """Return 1 when a network failed; its seed and model file are told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="number of networks")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the models that fail")
    options = parser.parse_args()
    used: Counter[str] = Counter()
    failures, elements, inexact, start, seed = 0, 0, 0, time.monotonic(), options.seed
    for seed in range(options.seed, options.seed + options.count):
        if time.monotonic() - start > options.seconds:
            break
        network = generate(seed)
        try:
            with tempfile.TemporaryDirectory() as folder:
                verdict = judge(network, Path(folder))
        except Exception:
            failures += 1
            print(f"seed {seed} fails: {' '.join(network.features)}\n{traceback.format_exc(limit=-3)}", file=sys.stderr)
            if options.keep is not None:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"net_{seed}.onnx").write_bytes(network.model.SerializeToString())
            continue
        elements, inexact = elements + verdict.elements, inexact + verdict.inexact
        used.update((*network.features, *(f"hw_{op}" for op in verdict.operators)))
    taken = time.monotonic() - start
    print(
        f"{seed - options.seed + 1} networks, {failures} fail, {inexact} of {elements} elements differ, {taken:.0f} s"
    )
    print(" ".join(f"{name}={count}" for name, count in sorted(used.items())))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
