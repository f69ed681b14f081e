# SPDX-License-Identifier: Apache-2.0
"""Builds small integer graphs, and evaluates them, for tests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hwgen.graph import Attr, Graph, Ints, Node, TensorType
from hwgen.ops.base import hardware_op


class GraphBuilder:
    """Adds nodes one by one; output types are inferred. Random constants come from a seed."""

    def __init__(self, name: str = "design", seed: int = 0) -> None:
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.inputs: tuple[str, ...] = ()
        self.nodes: tuple[Node, ...] = ()
        self.types: dict[str, TensorType] = {}
        self.constants: dict[str, Ints] = {}

    def input(self, name: str, shape: tuple[int, ...], bits: int, signed: bool = False) -> str:
        """Add a graph input."""
        self.types[name] = TensorType((1, *shape), signed, bits)
        self.inputs += (name,)
        return name

    def node(
        self,
        name: str,
        op: str,
        inputs: list[str],
        attrs: Mapping[str, Attr] | None = None,
        constants: Mapping[str, npt.ArrayLike] | None = None,
    ) -> str:
        """Add a node and return its output tensor."""
        keys = {}
        for role, value in (constants or {}).items():
            keys[role] = f"{name}_{role}"
            self.constants[keys[role]] = np.asarray(value, dtype=np.int64)
        output = f"{name.rstrip('_')}_out"
        node = Node(name, op, tuple(inputs), (output,), attrs or {}, keys, (f"onnx/{name}",))
        self.nodes += (node,)
        (self.types[output],) = hardware_op(node).infer(self.graph([]), node)
        return output

    def matvec(self, name: str, x: str, outputs: int, bits: int = 4, per_pixel: bool = False) -> str:
        """Add a matrix-vector unit with random weights; one bit means bipolar."""
        kind = self.types[x]
        columns = kind.channels if per_pixel else kind.elements
        attrs = {"per_pixel": per_pixel, "weight_bits": bits, "weight_signed": True}
        constants = {"weight": self.weights(outputs, columns, bits), "bias": self.rng.integers(-9, 9, outputs)}
        return self.node(name, "matvec", [x], attrs, constants)

    def weights(self, rows: int, columns: int, bits: int) -> Ints:
        """Return random signed weights."""
        if bits == 1:
            return self.rng.choice(np.array([-1, 1]), (rows, columns))
        return self.rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (rows, columns))

    def thresholds(self, name: str, x: str, levels: int = 15, rows: int | None = None) -> str:
        """Add thresholds that spread over what a sum usually reaches; some channels are flipped."""
        kind = self.types[x]
        rows = kind.channels if rows is None else rows
        reach = max(2, min(kind.hi, 1 << (kind.bits // 2 + 2)))
        table = np.sort(self.rng.integers(-reach if kind.signed else 0, reach, (rows, levels)), axis=1)
        constants = {"thresholds": table, "flip": self.rng.integers(0, 2, rows)}
        return self.node(name, "thresholds", [x], {"y_min": 0, "step": 1}, constants)

    def bipolar(self, name: str, x: str) -> str:
        """Add one threshold for each channel with a bipolar output."""
        channels = self.types[x].channels
        constants = {"thresholds": self.rng.integers(-9, 9, (channels, 1)), "flip": self.rng.integers(0, 2, channels)}
        return self.node(name, "thresholds", [x], {"y_min": -1, "step": 2}, constants)

    def window(self, name: str, x: str, kernel: int = 3, stride: int = 1, pad: int = 1, order: str = "nhwc") -> str:
        """Add a square window padded with zeros."""
        attrs = {"kernel": (kernel, kernel), "stride": (stride, stride), "pads": (pad,) * 4, "pad_value": 0}
        return self.node(name, "window", [x], {**attrs, "order": order})

    def conv(self, name: str, x: str, outputs: int, stride: int = 1) -> str:
        """Add a window, a matrix-vector unit and thresholds."""
        taps = self.window(f"{name}_window", x, stride=stride)
        return self.thresholds(f"{name}_act", self.matvec(name, taps, outputs, per_pixel=True))

    def rearrange(self, name: str, x: str, index: Ints) -> str:
        """Add a rearrangement: for each element of the output, batch left out, its position in the input."""
        return self.node(name, "rearrange", [x], {"shape": (1, *index.shape)}, {"index": index.reshape(-1)})

    def graph(self, outputs: list[str]) -> Graph:
        """Return the graph so far."""
        return Graph(self.name, self.inputs, tuple(outputs), self.nodes, self.types, self.constants)


def random_inputs(graph: Graph, frames: int = 3, seed: int = 0) -> dict[str, Ints]:
    """Return random frames for every graph input; the first frame holds the extremes of the type."""
    rng = np.random.default_rng(seed)
    found = {}
    for name in graph.inputs:
        kind = graph.types[name]
        values = rng.integers(kind.lo, kind.hi + 1, (frames, *kind.shape[1:]))
        values[0] = rng.choice(np.array([kind.lo, kind.hi]), kind.shape[1:])
        found[name] = np.where(values >= 1, 1, -1) if kind.bipolar else values
    return found


def evaluate(graph: Graph, inputs: Mapping[str, Ints]) -> dict[str, Ints]:
    """Return every tensor of the golden model."""
    values = dict(inputs)
    for node in graph.nodes:
        outputs = hardware_op(node).golden(graph, node, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, outputs, strict=True))
    return values


def mlp() -> Graph:
    """Return a dense network that ends in an index."""
    b = GraphBuilder("mlp")
    hidden = b.thresholds("act0", b.matvec("fc0", b.input("x", (64,), 4), 32))
    return b.graph([b.node("best", "argmax", [b.matvec("fc1", hidden, 10)])])


def residual() -> Graph:
    """Return a convolutional network with a residual join, pooling and a dense end."""
    b = GraphBuilder("residual")
    stem = b.conv("stem", b.input("image", (3, 10, 10), 8, signed=True), 8)
    branch = b.conv("inner", b.conv("outer", stem, 8), 8)
    joined = b.node("merge", "add", [branch, stem], {"m0": 3, "m1": 2, "bias": 1})
    taps = b.window("pool_window", b.thresholds("merge_act", joined), kernel=2, stride=2, pad=0, order="taps")
    pooled = b.node("pool", "pool", [taps], {"taps": 4, "mode": "max"})
    total = b.node("average", "global_pool", [pooled], {"mode": "sum"})
    return b.graph([b.matvec("fc", total, 10)])


def moves() -> Graph:
    """Return a network that transposes, joins channels and rows, pads and repeats: branches of very different delay."""
    b = GraphBuilder("moves")
    stem = b.conv("stem", b.input("image", (3, 8, 8), 8, signed=True), 4)
    frame = np.arange(4 * 8 * 8).reshape(4, 8, 8)
    turned = b.rearrange("turned", stem, frame.transpose(0, 2, 1))
    beside = b.node("beside", "concat", [turned, stem], {"axis": 1})
    mixed = b.conv("mixed", b.node("frame", "pad", [beside], {"pads": (0, 1, 0, 0, 0, 3), "value": 0}), 4)
    above = b.node("above", "concat", [b.conv("again", mixed, 4), mixed], {"axis": 2})
    twice = b.rearrange("twice", above, np.arange(4 * 18 * 11).reshape(4, 18, 11).repeat(2, 2))
    return b.graph([b.matvec("last", twice, 3, per_pixel=True)])
