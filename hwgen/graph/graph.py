# SPDX-License-Identifier: Apache-2.0
"""The integer graph: immutable, printable data that round-trips through JSON (constants travel beside it as npz)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwgen.graph.types import TensorType

Ints: TypeAlias = npt.NDArray[np.int64]
Attr: TypeAlias = int | str | bool | tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One integer operator; one node becomes one hardware process.

    Parameters
    ----------
    name
        Unique, legal as a C++ and as a SystemVerilog identifier.
    op
        Name of a hardware operator in `hwgen.ops`.
    inputs, outputs
        Tensor names.
    attrs
        Integers, strings, booleans and tuples of integers; what they mean is told in the operator's file.
    constants
        Role (``weight``, ``bias``, ``thresholds`` ...) to key in `Graph.constants`.
    source
        Names of the ONNX nodes that this node computes, for messages.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Attr] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    source: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))
        object.__setattr__(self, "constants", MappingProxyType(dict(self.constants)))

    def __reduce__(self) -> tuple[type[Node], tuple[Any, ...]]:
        """Pickle the fields."""
        given = (self.name, self.op, self.inputs, self.outputs, dict(self.attrs), dict(self.constants), self.source)
        return type(self), given

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        attrs = {k: list(v) if isinstance(v, tuple) else v for k, v in self.attrs.items()}
        return {
            "name": self.name,
            "op": self.op,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "attrs": attrs,
            "constants": dict(self.constants),
            "source": list(self.source),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Node:
        """Inverse of `to_json`."""
        attrs = {k: tuple(v) if isinstance(v, list) else v for k, v in data["attrs"].items()}
        return cls(
            data["name"],
            data["op"],
            tuple(data["inputs"]),
            tuple(data["outputs"]),
            attrs,
            data["constants"],
            tuple(data["source"]),
        )


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, the type of every tensor, and the integer constants.

    Parameters
    ----------
    name
        Legal identifier made from the model's file name.
    inputs, outputs
        Tensor names of the accelerator's ports, in port order.
    nodes
        In topological order.
    types
        Type of every tensor.
    constants
        int64 arrays by key; treated as immutable.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    types: Mapping[str, TensorType]
    constants: Mapping[str, Ints] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))
        object.__setattr__(self, "constants", MappingProxyType(dict(self.constants)))

    def __reduce__(self) -> tuple[type[Graph], tuple[Any, ...]]:
        """Pickle the fields."""
        given = (self.name, self.inputs, self.outputs, self.nodes, dict(self.types), dict(self.constants))
        return type(self), given

    @cached_property
    def producer(self) -> Mapping[str, Node]:
        """Node that makes each tensor (graph inputs absent)."""
        return {name: node for node in self.nodes for name in node.outputs}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Nodes that read each tensor, in order; a node that reads it twice is listed twice."""
        readers: dict[str, list[Node]] = {name: [] for name in self.types}
        for node in self.nodes:
            for name in node.inputs:
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def constant(self, node: Node, role: str) -> Ints:
        """Return the array that `node` uses in `role`."""
        return self.constants[node.constants[role]]

    def with_nodes(self, nodes: tuple[Node, ...]) -> Graph:
        """Return a copy with other nodes."""
        return replace(self, nodes=nodes)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; constants are named by shape and sha256, their values travel in an npz."""
        return {
            "name": self.name,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "nodes": [node.to_json() for node in self.nodes],
            "types": {name: t.to_json() for name, t in self.types.items()},
            "constants": {k: {"shape": list(v.shape), "sha256": digest(v)} for k, v in self.constants.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], constants: Mapping[str, Ints]) -> Graph:
        """Inverse of `to_json`; `constants` holds the arrays."""
        return cls(
            data["name"],
            tuple(data["inputs"]),
            tuple(data["outputs"]),
            tuple(Node.from_json(n) for n in data["nodes"]),
            {name: TensorType.from_json(t) for name, t in data["types"].items()},
            constants,
        )

    def __str__(self) -> str:
        lines = [f"graph {self.name}({', '.join(f'{n}: {self.types[n]}' for n in self.inputs)})"]
        for node in self.nodes:
            outs = ", ".join(f"{n}: {self.types[n]}" for n in node.outputs)
            attrs = " ".join(f"{k}={v}" for k, v in sorted(node.attrs.items()))
            lines.append(
                f"  {outs} = {node.op}({', '.join((*node.inputs, *node.constants.values()))}) {attrs}".rstrip()
            )
        lines.append(f"  return {', '.join(self.outputs)}")
        return "\n".join(lines)


def digest(array: npt.NDArray[Any]) -> str:
    """Return the sha256 of an array's type, shape and bytes."""
    header = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()
