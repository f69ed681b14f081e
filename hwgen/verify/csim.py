# SPDX-License-Identifier: Apache-2.0
"""The C++ against the golden model: every process is compiled and run on whole frames, every stream edge compared.

Each process is fed with the golden values of its inputs. Where nothing differs, those *are* the outputs of its
producers, so that the whole design equals the golden model by induction over the dataflow; where something differs,
the first process in the order of the data is named, and the ones behind it are not blamed for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import MismatchError
from hwgen.graph import Ints
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.hw import pack, to_beats
from hwgen.plan.types import Channel, Plan, Process
from hwgen.verify.compare import Mismatch, Words, differs, first_difference, words_to_tensor
from hwgen.verify.testbench import tensor


@dataclass(frozen=True)
class CsimResult:
    """What csim showed.

    Parameters
    ----------
    tensors
        Channels compared.
    mismatches
        The first finding for each of them, in the order of the data.
    frames
        Frames run.
    seconds
        Time taken, compilation included.
    """

    tensors: int
    mismatches: tuple[Mismatch, ...]
    frames: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing differed."""
        return not self.mismatches

    def require(self) -> CsimResult:
        """Return self.

        Raises
        ------
        MismatchError
            When something differed.
        """
        if self.mismatches:
            raise MismatchError(self.mismatches)
        return self


def check(plan: Plan, golden: Mapping[str, Ints], hls: Path, frames: int | None = None) -> CsimResult:
    """Run every process of a design in csim and compare its outputs with the golden model.

    Parameters
    ----------
    plan
        The design.
    golden
        Every tensor of the integer graph, int64 ``(frames, *shape[1:])``.
    hls
        Folder with ``src/<process>.cpp`` and ``include``.
    frames
        How many frames to run; None for all.

    Raises
    ------
    UserError
        When the golden tensors lack one, or a process does not take in its frame.
    """
    started = time.perf_counter()
    recorded = min(len(tensor(golden, channel)) for channel in plan.channels)
    count = min(recorded, frames or recorded)
    jobs = [_job(plan, process, golden, hls, count) for process in plan.processes]
    mismatches: list[Mismatch] = []
    for process, words in zip(plan.processes, csim_many(jobs), strict=True):
        for name, beats in zip(process.outputs, words, strict=True):
            channel = plan.channel(name)
            found = _compare(process, channel, tensor(golden, channel)[:count], beats)
            mismatches += [found] if found else []
    tensors = sum(len(process.outputs) for process in plan.processes)
    return CsimResult(tensors, tuple(mismatches), count, time.perf_counter() - started)


def _job(plan: Plan, process: Process, golden: Mapping[str, Ints], hls: Path, frames: int) -> CsimJob:
    inputs = []
    for name in process.inputs:
        channel = plan.channel(name)
        inputs.append(pack(to_beats(tensor(golden, channel)[:frames], channel.type), channel.type))
    return CsimJob(hls / "src" / f"{process.name}.cpp", process.name, [hls / "include"], inputs, frames)


def _compare(process: Process, channel: Channel, expected: Ints, words: Words) -> Mismatch | None:
    beats = len(expected) * channel.type.beats
    if len(words) != beats:
        message = f"Layer {process.name} writes {len(words)} beats to {channel.name} instead of {beats} (csim)."
        return Mismatch(message, layer=process.name, stream=channel.name, scenario="csim")
    found = first_difference(expected, words_to_tensor(words, channel))
    return differs(process.name, channel, "csim", *found) if found else None
