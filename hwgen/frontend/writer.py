# SPDX-License-Identifier: Apache-2.0
"""Writes the nodes and constants that replace a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwgen.frontend.draft import unique
from hwgen.graph.source import Array, SourceNode


@dataclass
class Writer:
    """Collects nodes and constants under names that are still free.

    Parameters
    ----------
    taken
        Names that new tensors must not have; grows.
    """

    taken: set[str]
    nodes: list[SourceNode] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)

    def const(self, stem: str, value: Any, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        name = unique(stem, self.taken)
        self.constants[name] = np.asarray(value, dtype)
        return name

    def op(self, op: str, inputs: Sequence[str], stem: str, **attrs: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = unique(f"{stem}__{op.lower()}", self.taken)
        self.nodes.append(SourceNode(name, op, tuple(inputs), (name,), attrs))
        return name

    def finish(self, source: SourceNode, output: int = 0) -> None:
        """Let the last node written make an output of `source`, the first one under its name."""
        last = self.nodes[-1]
        name = last.name if output else source.name
        self.nodes[-1] = SourceNode(name, last.op, last.inputs, (source.outputs[output],), last.attrs)
