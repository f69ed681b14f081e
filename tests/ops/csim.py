# SPDX-License-Identifier: Apache-2.0
"""Compares the compiled C++ of a rendered plan with the golden model, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hwgen.graph import Ints
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.hw import pack, to_beats
from hwgen.plan import Plan
from hwgen.render import render
from hwgen.resources import data_folder


def words(plan: Plan, channel: str, golden: Mapping[str, Ints]) -> np.ndarray:
    """Return a channel's golden words, one row a beat."""
    found = plan.channel(channel)
    return pack(to_beats(golden[found.tensor], found.type), found.type)


def jobs(plan: Plan, golden: Mapping[str, Ints], folder: Path, frames: int) -> list[CsimJob]:
    """Render `plan` into `folder`, and return a simulation of every process fed with golden words."""
    render(plan, folder)
    include = [folder / "hls/include", data_folder("hls") / "compat"]
    found = []
    for process in plan.processes:
        inputs = [words(plan, name, golden) for name in process.inputs]
        found.append(CsimJob(folder / f"hls/src/{process.name}.cpp", process.name, include, inputs, frames))
    return found


def differing(plans: list[tuple[Plan, Mapping[str, Ints]]], folder: Path, frames: int) -> list[str]:
    """Return the channels of all plans whose simulated words differ from the golden model's."""
    batches = [jobs(plan, golden, folder / str(i), frames) for i, (plan, golden) in enumerate(plans)]
    results = iter(csim_many([job for batch in batches for job in batch]))
    wrong = []
    for plan, golden in plans:
        for process in plan.processes:
            for name, got in zip(process.outputs, next(results), strict=True):
                if not np.array_equal(got, words(plan, name, golden)):
                    wrong.append(f"{plan.name}.{name} (PE {process.folding.pe}, SIMD {process.folding.simd})")
    return wrong
