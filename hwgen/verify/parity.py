# SPDX-License-Identifier: Apache-2.0
"""Parity of the integer golden model with the reference (onnxruntime on the original model), layer by layer.

Two questions are answered for every observed tensor. *Teacher-forced*: fed the reference's own integers at the
observed tensors before it, by how many steps (LSB) does the layer's result differ? That is the layer's own error.
*Free-running*: fed the reference's integers at the inputs only, how far has the whole network drifted by then?
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from hwgen.graph import Graph, Ints

Evaluate: TypeAlias = Callable[[Mapping[str, Ints], Sequence[str]], Mapping[str, Ints]]
"""Computes the wanted tensors from given ones; both by name, int64 ``(frames, *shape[1:])``."""


class Observed(Protocol):
    """An integer tensor and the ONNX tensor it stands for: ``real = scale * (q - zero_point) + offset``."""

    @property
    def tensor(self) -> str:
        """Name in the integer graph."""

    @property
    def onnx(self) -> str:
        """Name in the ONNX model."""

    @property
    def scale(self) -> tuple[float, ...]:
        """One value, or one for each channel (axis 1)."""

    @property
    def zero_point(self) -> int:
        """Integer of real zero."""

    @property
    def offset(self) -> tuple[float, ...]:
        """Like `scale`; empty for zero."""


@dataclass(frozen=True)
class Difference:
    """How two integer tensors differ, in steps of the tensor's grid (LSB); a bipolar step is from -1 to +1.

    Parameters
    ----------
    max_lsb
        Largest absolute difference.
    inexact
        Number of elements that differ.
    first
        Frame and index of the first one that differs.
    """

    max_lsb: int
    inexact: int
    first: tuple[int, ...] | None = None


@dataclass(frozen=True)
class LayerParity:
    """Parity of one observed tensor.

    Parameters
    ----------
    tensor, onnx
        Name in the integer graph, and of the ONNX tensor it is compared with.
    elements
        Elements compared, over all frames.
    teacher, free
        Teacher-forced and free-running difference.
    sqnr_db
        Free-running signal to quantisation noise, 10 log10(sum s^2 / sum (s - s')^2) over real values in units of the
        scale; None where there is no noise or no signal.
    """

    tensor: str
    onnx: str
    elements: int
    teacher: Difference
    free: Difference
    sqnr_db: float | None


@dataclass(frozen=True)
class Parity:
    """Parity of a network.

    Parameters
    ----------
    max_lsb, inexact, elements, exact_fraction
        Teacher-forced, over all layers.
    free_max_lsb, free_exact_fraction
        Free-running, over all layers.
    output_max_lsb
        Free-running, over the outputs of the hardware (before any Softmax).
    top1_agreement
        Fraction of frames whose largest output (before any Softmax, lowest index of equals) is the reference's; None
        where no output has classes.
    """

    frames: int
    layers: tuple[LayerParity, ...]
    max_lsb: int
    inexact: int
    elements: int
    exact_fraction: float
    free_max_lsb: int
    free_exact_fraction: float
    output_max_lsb: int
    top1_agreement: float | None

    def summary(self) -> dict[str, int | float | None]:
        """Return the four figures of the command line's JSON."""
        return {
            "max_lsb": self.max_lsb,
            "exact_fraction": self.exact_fraction,
            "free_max_lsb": self.free_max_lsb,
            "top1_agreement": self.top1_agreement,
        }

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with all layers."""
        return asdict(self)


def measure(
    graph: Graph,
    evaluate: Evaluate,
    expected: Mapping[str, Ints],
    observed: Sequence[Observed],
    outputs: Sequence[Observed] = (),
) -> Parity:
    """Compare the golden model with the reference at every observed tensor.

    Parameters
    ----------
    graph
        The integer graph.
    evaluate
        The golden model: `hwgen.passes.golden.evaluate` bound to `graph`; it may return more than is wanted.
    expected
        The reference's integers at the graph's inputs and at all observed tensors and outputs.
    observed
        The tensors to compare, in topological order.
    outputs
        The graph's outputs; compared like the others, and their largest elements vote for the frame's class.
    """
    pairs = {o.tensor: o.onnx for o in (*observed, *outputs) if o.tensor not in graph.inputs}
    known = set(pairs) | set(graph.inputs)
    inputs = {name: expected[name] for name in graph.inputs}
    free = {**inputs, **evaluate(inputs, list(pairs))}
    layers = []
    for tensor, onnx in pairs.items():
        given = {name: expected[name] for name in sources(graph, tensor, known)}
        forced = evaluate(given, [tensor])[tensor]
        layers.append(_layer(graph, tensor, onnx, expected[tensor], forced, free[tensor]))
    return _network(
        graph, tuple(layers), len(next(iter(inputs.values()))), top1_agreement(graph, outputs, expected, free)
    )


def sources(graph: Graph, tensor: str, stops: set[str]) -> list[str]:
    """Return the tensors of `stops` that `tensor` is computed from, with no other of them between, sorted."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = list(graph.producer[tensor].inputs)
    while todo:
        name = todo.pop()
        if name in stops:
            found.add(name)
        elif name not in seen:
            seen.add(name)
            todo.extend(graph.producer[name].inputs)
    return sorted(found)


def _layer(graph: Graph, tensor: str, onnx: str, expected: Ints, forced: Ints, free: Ints) -> LayerParity:
    kind = graph.types[tensor]
    step = 2 if kind.bipolar else 1
    signal = (expected - kind.zero_point).astype(np.float64)
    noise = (free - expected).astype(np.float64)
    return LayerParity(
        tensor=tensor,
        onnx=onnx,
        elements=int(expected.size),
        teacher=difference(expected, forced, step),
        free=difference(expected, free, step),
        sqnr_db=_decibel(float(np.sum(signal**2)), float(np.sum(noise**2))),
    )


def difference(expected: Ints, got: Ints, step: int = 1) -> Difference:
    """Return how `got` differs from `expected`, both ``(frames, ...)``, in units of `step`."""
    assert expected.shape == got.shape, f"{expected.shape} compared with {got.shape}"
    apart = np.abs(got - expected)
    where = np.argwhere(apart)
    if not len(where):
        return Difference(0, 0)
    return Difference(-(-int(apart.max()) // step), len(where), tuple(int(i) for i in where[0]))


def _decibel(signal: float, noise: float) -> float | None:
    return round(10 * math.log10(signal / noise), 3) if signal and noise else None


def _network(graph: Graph, layers: tuple[LayerParity, ...], frames: int, top1: float | None) -> Parity:
    elements = sum(layer.elements for layer in layers)
    inexact = sum(layer.teacher.inexact for layer in layers)
    free_inexact = sum(layer.free.inexact for layer in layers)
    outputs = [layer for layer in layers if layer.tensor in graph.outputs]
    return Parity(
        frames=frames,
        layers=layers,
        max_lsb=max((layer.teacher.max_lsb for layer in layers), default=0),
        inexact=inexact,
        elements=elements,
        exact_fraction=1 - inexact / elements if elements else 1.0,
        free_max_lsb=max((layer.free.max_lsb for layer in layers), default=0),
        free_exact_fraction=1 - free_inexact / elements if elements else 1.0,
        output_max_lsb=max((layer.free.max_lsb for layer in outputs), default=0),
        top1_agreement=top1,
    )


def top1_agreement(
    graph: Graph, outputs: Sequence[Observed], expected: Mapping[str, Ints], got: Mapping[str, Ints]
) -> float | None:
    """Return the fraction of frames in which both sides give the same class, None where no output has classes."""
    votes = [
        _classes(graph, output, expected[output.tensor]) == _classes(graph, output, got[output.tensor])
        for output in outputs
        if graph.types[output.tensor].elements > 1 or _is_argmax(graph, output.tensor)
    ]
    return float(np.mean(np.concatenate(votes))) if votes else None


def _is_argmax(graph: Graph, name: str) -> bool:
    return name in graph.producer and graph.producer[name].op == "argmax"


def _classes(graph: Graph, output: Observed, values: Ints) -> Ints:
    """Return the class of each frame: the value itself behind an argmax, else the index of the largest real value."""
    if _is_argmax(graph, output.tensor):
        return values.reshape(len(values))
    column = (1, -1, *[1] * (values.ndim - 2))
    scale = np.asarray(output.scale or (1.0,)).reshape(column)
    offset = np.asarray(output.offset or (0.0,)).reshape(column)
    real = scale * (values - output.zero_point) + offset
    return np.asarray(np.argmax(real.reshape(len(values), -1), axis=1), np.int64)
