# SPDX-License-Identifier: Apache-2.0
"""Random networks: the golden model equals onnxruntime, and csim equals the golden model."""

from __future__ import annotations

import itertools
import os
import random
import time
from pathlib import Path

import onnx
import pytest

import hwgen
from hwgen.request import BuildResult, VerifyLevel

from .random_nets import random_net


def built(seed: int, folder: Path, verify: VerifyLevel) -> BuildResult:
    path = folder / f"random_{seed}.onnx"
    onnx.save(random_net(seed), path)
    return hwgen.build(path, "ulx3s", out=folder / f"out_{seed}", verify=verify, frames=4)


@pytest.mark.parametrize("seed", range(6))
def test_csim_equals_golden(seed: int, tmp_path: Path) -> None:
    result = built(seed, tmp_path, "csim")
    assert result.ok, result.report["verify"]["problems"]
    assert result.report["parity"]["max_lsb"] <= 1


@pytest.mark.fuzz
def test_rtl_equals_golden_for_as_long_as_you_like(tmp_path: Path) -> None:
    end = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "120"))
    start = int(os.environ.get("FUZZ_SEED", random.randrange(1 << 30)))
    for seed in itertools.count(start):
        if time.monotonic() > end:
            break
        result = built(seed, tmp_path, "rtl")
        assert result.ok, f"FUZZ_SEED={seed}: {result.report['verify']['problems']}"
        print(f"seed {seed}: equal")
