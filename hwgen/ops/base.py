# SPDX-License-Identifier: Apache-2.0
"""What an operator is, and how it is found.

A file of this package defines hardware operators (subclasses of `HardwareOp`), ONNX importers (subclasses of
`SourceOp`), or both. Modules are discovered by their place: nothing else has to be edited when one is added.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, ClassVar, TypeVar

import hwgen.ops
from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Board, Built, Choice, Folding, Option, Resources, Schedule, StreamType
from hwgen.ops.signature import Signature

if TYPE_CHECKING:
    from hwgen.graph.source import SourceNode
    from hwgen.ops.lowering import Lowering


class SourceOp(ABC):
    """Importer of one or more ONNX operators into the integer graph.

    `signature` is what its nodes must be given, by default one input and no attribute; `signatures` has those of the
    operators that differ. `host` says that the host may compute the operator before the first or after the last
    hardware node. The other two tell post-training quantisation where quantisers go. `needs_integers`: the activations
    that it reads must be quantised already; an `ElementwiseOp` that folds constants asks that only where two
    activations meet. `keeps_integers`: the elements of the output are elements of the input, so a quantised tensor
    stays quantised, on the same grid.
    """

    onnx: ClassVar[tuple[str, ...]]
    signature: ClassVar[Signature] = Signature()
    signatures: ClassVar[Mapping[str, Signature]] = {}
    host: ClassVar[bool] = False
    needs_integers: ClassVar[bool] = False
    keeps_integers: ClassVar[bool] = False

    def problems(self, node: SourceNode, shapes: Mapping[str, tuple[int, ...]]) -> list[Problem]:
        """Return in what a node differs from its signature."""
        return list(self.signatures.get(node.op, self.signature).problems(node, shapes))

    @abstractmethod
    def lower(self, ctx: Lowering, node: SourceNode) -> None:
        """Bind the node's outputs in `ctx`, emitting integer nodes where hardware is needed.

        Raises
        ------
        UnsupportedError
            With the node's name and a hint; lowering collects these and goes on with the next node.
        """


class HardwareOp(ABC):
    """One integer operator: type rule, golden model, legality, cost and kernel.

    `narrow` says that `golden` also takes arrays of 8 and 16 bits, which save it time, and minds what overflows in
    them; other operators are given int64. What `golden` returns may be of any integer type that holds it.
    """

    name: ClassVar[str]
    narrow: ClassVar[bool] = False

    @abstractmethod
    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the output types; the verifier compares them with the graph's."""

    @abstractmethod
    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Compute the node on frames of integers, arrays of shape ``(frames, *type.shape[1:])``."""

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Return what keeps this node from being built."""
        return []

    @abstractmethod
    def options(self, graph: Graph, node: Node, board: Board) -> list[Option]:
        """Return the ways to build the node, fewest cycles last."""

    @abstractmethod
    def cost(self, graph: Graph, node: Node, choice: Choice, board: Board) -> Resources:
        """Estimate resources of one choice."""

    @abstractmethod
    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return the stream formats at the inputs and at the outputs."""

    @abstractmethod
    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Return when the process reads and writes its beats; the C++ kernel does exactly this."""

    @abstractmethod
    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the kernel call that implements the node."""


@cache
def _modules() -> tuple[object, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(hwgen.ops.__path__))
    return tuple(importlib.import_module(f"hwgen.ops.{name}") for name in names)


T = TypeVar("T")


def _concrete(classes: Sequence[type[T]]) -> list[type[T]]:
    found: list[type[T]] = []
    for cls in classes:
        if not inspect.isabstract(cls):
            found.append(cls)
        found.extend(_concrete(cls.__subclasses__()))
    return found


@cache
def hardware_ops() -> dict[str, HardwareOp]:
    """Return every hardware operator by name."""
    _modules()
    return {cls.name: cls() for cls in _concrete(HardwareOp.__subclasses__())}


@cache
def source_ops() -> dict[str, SourceOp]:
    """Return every importer by the ONNX operator it handles."""
    _modules()
    return {op: cls() for cls in _concrete(SourceOp.__subclasses__()) for op in cls.onnx}


_REWRITE = "Write it with the operators of docs/operators.md, or leave it to the host, before or after the model."


def unknown_operator(op: str, node: str) -> Problem:
    """Return the sentence for an ONNX operator that no importer handles."""
    close = difflib.get_close_matches(op, list(source_ops()), n=2, cutoff=0.75)
    hint = f"Did you mean {' or '.join(close)}?" if close else _REWRITE
    return Problem(f"Operator {op} is not supported.", node, hint)


def hardware_op(node: Node) -> HardwareOp:
    """Return the operator that `node` is an instance of."""
    return hardware_ops()[node.op]
