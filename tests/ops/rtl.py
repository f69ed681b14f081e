# SPDX-License-Identifier: Apache-2.0
"""Runs the RTL of one operator alone, at several rates of valid and ready, against the golden model."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hwgen.graph import Graph, Ints, Node
from hwgen.hlsc import Module, Target, compile_process
from hwgen.hw import Built, Choice, StreamType
from hwgen.ops.base import hardware_op
from hwgen.render import render
from hwgen.resources import cache_folder
from tests.hlsc.fuzz import rtl

from .build import evaluate, random_inputs
from .csim import alone, given, packed

FRAMES = 2
Stream = tuple[str, str, StreamType]
"""Name in the RTL, tensor, format."""


def differing(graph: Graph, node: Node, choices: Sequence[Choice]) -> list[str]:
    """Build all choices into one simulator; say at which rates one of them differs from the golden model."""
    golden = evaluate(graph, random_inputs(graph, FRAMES))

    def words(values: Ints, stream: StreamType) -> list[int]:
        return [int.from_bytes(row.tobytes(), "little") for row in packed(values, stream)]

    modules, inputs, outputs = [], {}, {}
    for number, choice in enumerate(choices):
        name = f"unit{number}"
        built = hardware_op(node).kernel(graph, node, choice)
        modules.append(_compiled(name, built))
        values = given(node, built, golden, FRAMES)
        for i, stream in enumerate(built.call.inputs):
            inputs[name, f"in{i}"] = words(values[i], stream)
        for i, stream in enumerate(built.call.outputs):
            outputs[name, f"out{i}"] = words(golden[node.outputs[i]], stream)
    model, found = _model(modules), []
    for seed, (valid, ready) in enumerate(rtl.RATES):
        seen = model.run(inputs, seed, valid, ready)
        found += [text for texts in seen.broken.values() for text in texts]
        found += [f"{name} at {valid}/{ready}" for name, expected in outputs.items() if seen.words[name] != expected]
    return found


def _compiled(name: str, built: Built) -> Module:
    """Compile a kernel call that stands alone."""
    plan = alone(name, built)
    with tempfile.TemporaryDirectory() as folder:
        render(plan, Path(folder))
        source, include = Path(folder) / f"hls/src/{name}.cpp", Path(folder) / "hls/include"
        return compile_process(source, name, [include], Target(plan.board.family, plan.clock_mhz))


def _model(modules: Sequence[Module]) -> rtl.Model:
    """Build a simulator, or take the one that was built of the same RTL and the same driver before."""
    digest = hashlib.sha256((rtl.HERE / "driver.hpp").read_bytes() + Path(rtl.__file__).read_bytes())
    for module in modules:
        digest.update(module.rtl.encode())
    folder = cache_folder() / "operators" / digest.hexdigest()[:24]
    if not (folder / "simulator").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            rtl.build(made, modules)
            if not folder.exists():
                made.rename(folder)
    return rtl.Model(folder / "simulator", tuple(modules))
