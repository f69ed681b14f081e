# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file may ask for: it is untrusted input, so sizes, counts and recursion are bounded before they cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import onnx

from hwgen.errors import Problem, UnsupportedError
from hwgen.graph.source import SourceNode

MAX_FILE_BYTES = 1 << 31
"""Protobuf's own limit; the data beside a file are held to it too, because the import writes them into one file."""

MAX_NODES = 100_000
MAX_CALL_DEPTH = 64
"""Functions of functions: how deep."""

MAX_ELEMENTS = 1 << 28
"""Of one tensor: 268 million."""

MAX_FOLDED_ELEMENTS = 1 << 26
"""Of one constant that the import computes, and of all that one step of it computes together."""

MAX_FOLDED_WORK = 1 << 34
"""Elementary operations of one node that the import computes: seconds."""

_DAMAGED = "It is damaged, or made to exhaust this machine."
_Key = tuple[str, str, str]


def graphs_of(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
    """Yield the graphs in the attributes of nodes, not what is nested in those."""
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield attribute.g
            yield from attribute.graphs


def check_counts(model: onnx.ModelProto) -> None:
    """Refuse a model with too many nodes, counted as if its functions were inlined.

    Raises
    ------
    UnsupportedError
        There are over 100,000 nodes, or functions share a name, or call each other in a circle or more than 64 deep.
    """
    functions = {_key(f.domain, f.name, f.overload): f for f in model.functions}
    if len(functions) < len(model.functions):
        raise UnsupportedError("Functions of the model share one name.", hint=_DAMAGED)
    count = _count(model.graph.node, functions, {}, ())
    if count > MAX_NODES:
        raise UnsupportedError(f"The model has {count:,} nodes; hwgen reads up to {MAX_NODES:,}.", hint=_DAMAGED)


def _key(domain: str, name: str, overload: str) -> _Key:
    return ("" if domain == "ai.onnx" else domain), name, overload


def _count(
    nodes: Iterable[onnx.NodeProto],
    functions: Mapping[_Key, onnx.FunctionProto],
    known: dict[_Key, int],
    inside: tuple[_Key, ...],
) -> int:
    """Return how many nodes these are with their functions inlined and their nested graphs."""
    count = 0
    for node in nodes:
        key = _key(node.domain, node.op_type, node.overload)
        if key in inside:
            raise UnsupportedError(f"Function {node.op_type} calls itself.", hint=_DAMAGED)
        if len(inside) >= MAX_CALL_DEPTH:
            text = f"Functions call each other more than {MAX_CALL_DEPTH} deep, at {inside[-1][1]}."
            raise UnsupportedError(text, hint=_DAMAGED)
        if key in functions and key not in known:
            known[key] = _count(functions[key].node, functions, known, (*inside, key))
        count += known.get(key, 1)
        count += sum(_count(graph.node, functions, known, inside) for graph in graphs_of([node]))
    return count


def check_elements(shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse tensors of over 2**28 elements, and of less than none.

    Raises
    ------
    UnsupportedError
        All of them are listed.
    """
    counts = {name: math.prod(shape) for name, shape in shapes.items()}
    hint = "Check the sizes of the model's inputs."
    problems = [
        Problem(f"Tensor {name} has {count:,} elements; hwgen handles up to {MAX_ELEMENTS:,}.", hint=hint)
        for name, count in counts.items()
        if count > MAX_ELEMENTS
    ]
    problems += [
        Problem(f"Tensor {name} must not have negative sizes: {shape}.", hint="Check the windows before it.")
        for name, shape in shapes.items()
        if min(shape, default=0) < 0
    ]
    if problems:
        raise UnsupportedError(problems)


class Budget:
    """What one step of constant folding may still compute."""

    def __init__(self) -> None:
        self.elements = MAX_FOLDED_ELEMENTS

    def spend(self, node: SourceNode, inputs: Iterable[tuple[int, ...]], outputs: Iterable[tuple[int, ...]]) -> None:
        """Take off what a node computes.

        Raises
        ------
        UnsupportedError
            The node computes too much.
        """
        made = sum(math.prod(shape) for shape in outputs)
        self.elements -= made
        if self.elements < 0:
            message = f"The constant that {node.op} computes is too large: over {MAX_FOLDED_ELEMENTS} elements."
            raise UnsupportedError(Problem(message, node.name))
        if made * max((math.prod(shape) for shape in inputs), default=1) > MAX_FOLDED_WORK and node.op in _SUMS:
            message = f"The constant that {node.op} computes takes too long to compute on import."
            raise UnsupportedError(Problem(message, node.name, "Store the constant itself in the file."))


_SUMS = frozenset({"Conv", "ConvTranspose", "ConvInteger", "Einsum", "Gemm", "MatMul", "MatMulInteger", "QLinearConv",
                   "QLinearMatMul", "Resize", "AveragePool", "MaxPool", "LpPool", "GRU", "LSTM", "RNN"})  # fmt: skip
"""Operators whose work for one element may grow with the size of an operand."""
