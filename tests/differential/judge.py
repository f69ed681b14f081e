# SPDX-License-Identifier: Apache-2.0
"""What must hold for any quantised network: hwgen's integers against onnxruntime's, and the graph's own promises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime

from hwgen.frontend import host, load
from hwgen.frontend.reference import Reference, session
from hwgen.graph import Graph, Ints
from hwgen.ops.lowered import Lowered
from hwgen.passes import golden
from hwgen.passes.lower import lower
from hwgen.passes.verify import verify_graph
from hwgen.verify import parity

from .builder import Array
from .networks import Network

FRAMES = 9


@dataclass(frozen=True)
class Verdict:
    """Elements compared, those that differ by one step, and the operators that were used."""

    elements: int
    inexact: int
    operators: tuple[str, ...]


def judge(network: Network, folder: Path) -> Verdict:
    """Load, lower and run a network; raise AssertionError where a promise is broken."""
    path = folder / f"net_{network.seed}.onnx"
    path.write_bytes(network.model.SerializeToString())
    reference = Reference(load(path))
    lowered = lower(reference.model)
    verify_graph(lowered.graph)
    same_after_json(lowered.graph)
    feeds = network.frames(FRAMES)
    if network.dialect == "qdq":
        same_as_the_file(path, reference, feeds)
    expected = host.observed(lowered, reference, feeds)
    evaluate = partial(golden.evaluate, lowered.graph)
    found = parity.measure(lowered.graph, evaluate, expected, lowered.observations, lowered.outputs)
    compared, inexact = judge_layers(network, lowered, found, expected)
    integers = golden.run(lowered.graph, {name: expected[name] for name in lowered.graph.inputs})
    inside_their_types(lowered.graph, integers)
    if network.exact:
        assert found.free_max_lsb == 0
        same_outputs(lowered, reference, integers, feeds)
    assert all(proof.exact and proof.differing == 0 for proof in lowered.proofs)
    return Verdict(compared, inexact, tuple(sorted({node.op for node in lowered.graph.nodes})))


def judge_layers(
    network: Network, lowered: Lowered, found: parity.Parity, expected: dict[str, Ints]
) -> tuple[int, int]:
    """Hold each layer to its bound; return the elements that one step is a bound for, and those that differ.

    Exact networks must be equal. In others, of equal classes float32 sums may pick any, and the steps of sums beyond
    18 bits are finer than float32 sums are exact.
    """
    compared = inexact = 0
    for layer in found.layers:
        classes = lowered.graph.producer[layer.tensor].op == "argmax"
        finer = int(np.abs(expected[layer.tensor]).max()) >> 18
        bound = 0 if network.exact else layer.elements if classes else max(1, finer)
        assert layer.teacher.max_lsb <= bound, f"{layer.tensor} differs: {layer.teacher}\n{lowered.graph}"
        if not classes and not finer:
            compared, inexact = compared + layer.elements, inexact + layer.teacher.inexact
    return compared, inexact


def same_after_json(graph: Graph) -> None:
    text = json.dumps(graph.to_json())
    assert Graph.from_json(json.loads(text), graph.constants) == graph


def inside_their_types(graph: Graph, integers: dict[str, Ints]) -> None:
    """Hold every tensor of the golden model to the format and shape that it declares."""
    assert set(integers) == set(graph.types)
    for name, values in integers.items():
        kind = graph.types[name]
        assert values.dtype == np.int64 and values.shape[1:] == kind.shape[1:], name
        assert kind.lo <= values.min() and values.max() <= kind.hi, (
            f"{name}: {kind} holds {values.min()}, {values.max()}"
        )
        assert not kind.bipolar or not (values == 0).any(), f"{name} is bipolar and holds 0"


def same_as_the_file(path: Path, reference: Reference, feeds: dict[str, Array]) -> None:
    """Compare the imported model with onnxruntime on the file itself."""
    original = session(path.read_bytes())
    assert isinstance(original, onnxruntime.InferenceSession)
    names = list(reference.model.outputs)
    imported = reference.run(feeds, names)
    for frame in range(3):
        values = original.run(names, {name: value[frame : frame + 1] for name, value in feeds.items()})
        for name, value in zip(names, values, strict=True):
            got = imported[name][frame : frame + 1].reshape(value.shape)
            np.testing.assert_allclose(got, value, rtol=1e-5, atol=1e-6, err_msg=name)


def same_outputs(lowered: Lowered, reference: Reference, integers: dict[str, Ints], feeds: dict[str, Array]) -> None:
    """Compare what the host makes of the accelerator's integers with the model's outputs."""
    wanted = reference.run(feeds, reference.model.outputs)
    got = host.to_outputs(lowered, reference, integers, feeds)
    assert set(got) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
