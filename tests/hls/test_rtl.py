# SPDX-License-Identifier: Apache-2.0
"""Every kernel of the library at random parameters: the RTL writes what NumPy expects, under random stalls."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hwgen.graph import Ints
from hwgen.hlsc import Module, Target, compile_process
from hwgen.hw import StreamType, pack
from tests.hlsc.fuzz import rtl

from . import test_elements, test_products, test_reductions, test_window
from .kernels import COMPAT, INCLUDE, Case, KernelChecks

MODULES = (test_elements, test_products, test_reductions, test_window)
KERNELS: tuple[type[KernelChecks], ...] = tuple(
    found
    for module in MODULES
    for name, found in sorted(vars(module).items())
    if name.startswith("Test") and issubclass(found, KernelChecks)
)
TARGETS = (Target("xcup", 300.0), Target("ecp5", 100.0), Target("xcup", 500.0), Target("xc7", 150.0))


def words(stream: StreamType, beats: Ints) -> list[int]:
    """Return frames of beats as the words of a stream."""
    return [int.from_bytes(row.tobytes(), "little") for row in pack(beats, stream)]


def drawn(seed: int) -> list[Case]:
    """Return a random configuration of every kernel."""
    return [
        kernel().case(np.random.default_rng((seed, number)), int(np.random.default_rng(seed + number).integers(64)))
        for number, kernel in enumerate(KERNELS)
    ]


def differences(cases: Sequence[Case], seed: int, folder: Path, rates: Sequence[tuple[int, int]]) -> list[str]:
    """Compile the cases into one model, run it at each rate of valid and ready, and say what is wrong."""
    modules: list[Module] = []
    for number, case in enumerate(cases):
        source = folder / f"k{number}.cpp"
        source.write_text(case.render(f"k{number}"))
        target = TARGETS[(seed + number) % len(TARGETS)]
        modules.append(compile_process(source, f"k{number}", [COMPAT, INCLUDE], target))
    model = rtl.build(folder, modules)
    inputs = {(f"k{n}", f"in{k}"): words(*given) for n, c in enumerate(cases) for k, given in enumerate(c.inputs)}
    found = []
    for at, (valid, ready) in enumerate(rates):
        seen = model.run(inputs, seed + at, valid, ready)
        for number, case in enumerate(cases):
            wrong = list(seen.broken.get(f"k{number}", []))
            for k, expected in enumerate(case.outputs):
                if seen.words[f"k{number}", f"out{k}"] != words(*expected):
                    wrong.append(f"out{k} differs")
            found += [f"{case.function} {dict(case.config)} at {valid}/{ready}: {said}" for said in wrong]
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_every_kernel_in_rtl_equals_numpy(tmp_path: Path, seed: int) -> None:
    assert len(KERNELS) == 14
    assert not differences(drawn(seed), seed, tmp_path, rtl.RATES[:3])


@pytest.mark.fuzz
def test_many_kernels_in_rtl_equal_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    end = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "120"))
    first = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(10**6, 10**9)))
    seed = first
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            found = differences(drawn(seed), seed, Path(folder), rtl.RATES)
        assert not found, (seed, found)
        seed += 1
    with capsys.disabled():
        print(f"\n{(seed - first) * len(KERNELS)} kernels from seed {first}: no difference")
