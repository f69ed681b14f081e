# SPDX-License-Identifier: Apache-2.0
"""A float network while it is being quantised: ONNX nodes and constants, immutable; every step returns another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from hwgen.graph.source import Array, SourceModel, SourceNode
from hwgen.ops.base import source_ops
from hwgen.ops.elementwise import ElementwiseOp

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose second input is weights where it is constant."""


@dataclass(frozen=True)
class Net:
    """Nodes in topological order with their constants; functions of a `Net` never change it.

    Parameters
    ----------
    nodes, constants, inputs, outputs, shapes
        As in `SourceModel`.
    """

    nodes: tuple[SourceNode, ...]
    constants: Mapping[str, Array] = field(repr=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)

    @classmethod
    def of(cls, model: SourceModel) -> Net:
        """Return the network of an imported model."""
        return cls(model.nodes, model.constants, model.inputs, model.outputs, model.shapes)

    def with_nodes(
        self,
        nodes: Sequence[SourceNode],
        constants: Mapping[str, Array] | None = None,
        shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> Net:
        """Return the network with other nodes; `constants` and `shapes` are added to what is there."""
        return replace(
            self,
            nodes=tuple(nodes),
            constants={**self.constants, **(constants or {})},
            shapes={**self.shapes, **(shapes or {})},
        )

    def with_constants(self, constants: Mapping[str, Array]) -> Net:
        """Return the network with some constants changed or added."""
        return self.with_nodes(self.nodes, constants)

    @cached_property
    def makers(self) -> Mapping[str, SourceNode]:
        """The node that makes each tensor."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    @cached_property
    def readers(self) -> Mapping[str, tuple[SourceNode, ...]]:
        """The nodes that read each tensor, in order."""
        found: dict[str, list[SourceNode]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                if name:
                    found.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def uses(self) -> Counter[str]:
        """How often each tensor is read; being an output of the network counts."""
        reads = Counter(name for node in self.nodes for name in node.inputs if name)
        reads.update(self.outputs)
        return reads

    def activations(self, node: SourceNode) -> tuple[str, ...]:
        """Return the inputs of a node that are not constant, each once."""
        return tuple(dict.fromkeys(name for name in node.inputs if name and name not in self.constants))

    def needs_integers(self, node: SourceNode) -> bool:
        """Tell whether the activations that a node reads must be quantised."""
        op = source_ops().get(node.op)
        if op is None or not op.needs_integers:
            return False
        if len(self.activations(node)) > 1 or len(node.inputs) == 1 or not isinstance(op, ElementwiseOp):
            return True
        return not op.folds_constants or (node.op == "Div" and node.inputs[0] in self.constants)

    def keeps_integers(self, node: SourceNode) -> bool:
        """Tell whether a node only hands on elements of activations, so that a quantised tensor stays on its grid."""
        op = source_ops().get(node.op)
        joined = node.op != "Concat" or self.constants.keys().isdisjoint(node.inputs)
        return op is not None and op.keeps_integers and joined

    def is_weighted(self, node: SourceNode) -> bool:
        """Tell whether a node multiplies an activation by constant weights."""
        if node.op not in WEIGHTED or node.inputs[0] in self.constants:
            return False
        weight = self.constants.get(node.inputs[1])
        return weight is not None and weight.ndim > 1

    @cached_property
    def layers(self) -> tuple[SourceNode, ...]:
        """The nodes with weights, in order."""
        return tuple(node for node in self.nodes if self.is_weighted(node))

    def fresh(self, stem: str) -> str:
        """Return a tensor name that is not in use."""
        taken = self._names
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        return name

    @cached_property
    def _names(self) -> frozenset[str]:
        made = {name for node in self.nodes for name in (*node.inputs, *node.outputs)}
        return frozenset(made | set(self.constants) | set(self.inputs) | {node.name for node in self.nodes})
