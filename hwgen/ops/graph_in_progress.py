# SPDX-License-Identifier: Apache-2.0
"""The integer graph while it is built: nodes in order, and the type, meaning and range of every tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwgen.graph import Attr, Graph, Ints, Node, TensorType
from hwgen.graph.naming import MAX_LENGTH, Namer, identifier
from hwgen.ops.base import hardware_op
from hwgen.ops.ranges import Range, propagate


class GraphInProgress:
    """Integer graph that grows node by node; a node may still change while nothing reads its output.

    Attributes
    ----------
    ranges
        What the values of every tensor can be.
    """

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}
        self._namer = Namer()
        self._nodes: list[Node] = []
        self._types: dict[str, TensorType] = {}
        self._constants: dict[str, Ints] = {}

    def type(self, tensor: str) -> TensorType:
        """Return the type of an integer tensor."""
        return self._types[tensor]

    def so_far(self, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Graph:
        """Return everything emitted so far as a graph of this name, input ports and output tensors."""
        return Graph(name, inputs, outputs, tuple(self._nodes), self._types, self._constants)

    def enter(self, port: str, kind: TensorType, values: Range) -> None:
        """Add an input port, whose name came from `fresh`."""
        self._types[port] = kind
        self.ranges[port] = values

    def producer(self, tensor: str) -> Node | None:
        """Return the node that makes a tensor, None for an input port."""
        return next((node for node in reversed(self._nodes) if tensor in node.outputs), None)

    def fresh(self, wanted: str) -> str:
        """Return a unique identifier made from any text."""
        return self._namer.fresh(identifier(wanted, limit=2 * MAX_LENGTH))

    def emit(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        attrs: Mapping[str, Attr],
        constants: Mapping[str, Ints],
        source: Sequence[str],
        out: Range | None = None,
    ) -> str:
        """Append a node; `name` is made legal and unique.

        Parameters
        ----------
        out
            Range of the output where it is known better than from the inputs' ranges.

        Returns
        -------
        str
            Name of the node's output tensor.
        """
        name = self.fresh(name)
        keys = {role: f"{name.rstrip('_')}_{role}" for role in constants}
        self._constants.update({keys[role]: np.asarray(array, dtype=np.int64) for role, array in constants.items()})
        tensor = self._namer.fresh(f"{name.rstrip('_')}_out")
        node = Node(name, op, tuple(inputs), (tensor,), attrs, keys, tuple(source))
        self._nodes.append(node)
        self._settle(node, out)
        return tensor

    def is_read(self, tensor: str) -> bool:
        """Tell whether a node reads the tensor."""
        return any(tensor in node.inputs for node in self._nodes)

    def replace(
        self,
        node: Node,
        attrs: Mapping[str, Attr],
        constants: Mapping[str, Ints],
        source: Sequence[str] = (),
        out: Range | None = None,
    ) -> None:
        """Change attributes and constants of a node whose output nothing reads yet; `source` is added to its own."""
        tensor = node.outputs[0]
        assert not self.is_read(tensor), f"{tensor} is already read"
        self._constants.update({node.constants[role]: array for role, array in constants.items()})
        changed = replace(node, attrs={**node.attrs, **attrs}, source=(*node.source, *source))
        self._nodes[self._nodes.index(node)] = changed
        old = self._types[tensor]
        self._settle(changed, out)
        self.describe(tensor, old.scale, old.zero_point)

    def describe(self, tensor: str, scale: Sequence[Fraction | float], zero_point: int) -> None:
        """Note in a tensor's type what it means as reals."""
        reals = tuple(float(s) for s in scale)
        self._types[tensor] = replace(self._types[tensor], scale=reals, zero_point=zero_point)

    def _settle(self, node: Node, out: Range | None) -> None:
        graph = Graph("partial", (), (), (), self._types, self._constants)
        (kind,) = hardware_op(node).infer(graph, node)
        self._types[node.outputs[0]] = kind
        graph = Graph("partial", (), (), (), self._types, self._constants)
        self.ranges[node.outputs[0]] = propagate(graph, node, self.ranges) if out is None else out
