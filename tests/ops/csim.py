# SPDX-License-Identifier: Apache-2.0
"""Compares the compiled C++ of a rendered plan with the golden model, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hwgen.graph import Graph, Ints, Node
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.hw import Built, Choice, Folding, Resources, StreamType, boards, fed, pack, to_beats
from hwgen.ops.base import hardware_op
from hwgen.plan import Channel, Plan, Process
from hwgen.render import render
from hwgen.resources import data_folder

from .build import evaluate, random_inputs

FRAMES = 2
BOARD = "zcu102"


def alone(name: str, built: Built) -> Plan:
    """Return a plan that holds one kernel call, its streams open."""
    board = boards.load(BOARD)
    ins, outs = (
        tuple(Channel(f"{name}_{side}{i}", side, (), stream, 0, None, None) for i, stream in enumerate(streams))
        for side, streams in (("in", built.call.inputs), ("out", built.call.outputs))
    )
    ends = [tuple(channel.name for channel in channels) for channels in (ins, outs)]
    choice, function = Choice(Folding(1, 1)), built.call.function
    process = Process(name, name, function, (), choice, built.call, ends[0], ends[1], 0, 0, Resources(), "")
    return Plan(
        "alone", board, board.clock_mhz, board.resources, (process,), (*ins, *outs), (), 0, 0, Resources(), "", "", (),
        arrays=built.arrays,
    )  # fmt: skip


def alone_differing(graph: Graph, node: Node, choices: Sequence[Choice], folder: Path) -> list[str]:
    """Return the choices whose compiled C++, alone, writes other words than the golden model."""
    golden = evaluate(graph, random_inputs(graph, FRAMES))
    found, outputs = [], []
    for number, choice in enumerate(choices):
        name = f"unit{number}"
        built = hardware_op(node).kernel(graph, node, choice)
        render(alone(name, built), folder)
        include = [folder / "hls/include", data_folder("hls") / "compat"]
        inputs = [packed(v, s) for v, s in zip(given(node, built, golden, FRAMES), built.call.inputs, strict=True)]
        found.append(CsimJob(folder / f"hls/src/{name}.cpp", name, include, inputs, FRAMES))
        outputs.append([packed(golden[t], s) for t, s in zip(node.outputs, built.call.outputs, strict=True)])
    pairs = zip(choices, csim_many(found), outputs, strict=True)
    return [str(c) for c, got, want in pairs if not all(map(np.array_equal, got, want))]


def given(node: Node, built: Built, golden: Mapping[str, Ints], frames: int) -> list[Ints]:
    """Return the tensors on the inputs of a kernel call: those of the node, and what feeds bring."""
    streams = built.call.inputs[len(node.inputs) :]
    feeds = zip(built.call.feeds, streams, strict=True)
    return [*(golden[name] for name in node.inputs), *(fed(built.arrays[key], s, frames) for key, s in feeds)]


def packed(values: Ints, stream: StreamType) -> np.ndarray:
    """Return the words of a tensor on a stream, one row a beat."""
    return pack(to_beats(values, stream), stream)


def words(plan: Plan, channel: str, golden: Mapping[str, Ints]) -> np.ndarray:
    """Return a channel's golden words, one row a beat."""
    found = plan.channel(channel)
    return packed(golden[found.tensor], found.type)


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
