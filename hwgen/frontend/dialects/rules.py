# SPDX-License-Identifier: Apache-2.0
"""Rewriting one operator at a time: what a rule is given, and how rules are applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from onnx import TensorProto

from hwgen.errors import Problem, UnsupportedError
from hwgen.frontend.draft import Draft
from hwgen.frontend.writer import Writer
from hwgen.graph.source import Array, SourceNode


@dataclass
class Rewriter(Writer):
    """A writer that knows the draft's constants.

    Parameters
    ----------
    known
        Constants of the draft.
    notes
        Sentences on what the import changed; grows.
    floats
        Integer tensors that were made from a float tensor of the same integers, and that tensor.
    """

    known: Mapping[str, Array] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    floats: dict[str, str] = field(default_factory=dict)

    def array(self, node: SourceNode, index: int, what: str) -> Array | None:
        """Return a constant input of `node`, None where it is absent.

        Raises
        ------
        UnsupportedError
            It is computed at run time.
        """
        if not given(node, index):
            return None
        value = self.known.get(node.inputs[index])
        if value is None:
            self.refuse(node, f"The {what} of {node.op} must be a constant, not computed.", "Quantise statically.")
        return value

    def refuse(self, node: SourceNode, message: str, hint: str | None = None) -> NoReturn:
        """Raise an `UnsupportedError` for this node."""
        raise UnsupportedError(Problem(message, node.name, hint))


Rule = Callable[[Rewriter, SourceNode], Any]
"""Writes a node's outputs with other operators; raises `UnsupportedError` where it cannot."""


def given(node: SourceNode, index: int) -> bool:
    """Tell whether an optional input is there."""
    return index < len(node.inputs) and bool(node.inputs[index])


def apply(draft: Draft, rules: Mapping[str, Rule]) -> Draft:
    """Return the draft with every node that has a rule rewritten.

    Raises
    ------
    UnsupportedError
        With everything that the rules refuse.
    """
    if not any(node.op in rules for node in draft.nodes):
        return draft
    writer = Rewriter(draft.names(), known=draft.constants)
    problems: list[Problem] = []
    for node in draft.nodes:
        rule = rules.get(node.op)
        if rule is not None:
            try:
                rule(writer, node)
            except UnsupportedError as error:
                problems += error.problems
        elif node.op == "Cast" and node.attrs.get("to") == TensorProto.FLOAT and node.inputs[0] in writer.floats:
            writer.nodes.append(SourceNode(node.name, "Identity", (writer.floats[node.inputs[0]],), node.outputs))
        else:
            writer.nodes.append(node)
    if problems:
        raise UnsupportedError(problems)
    notes = tuple(dict.fromkeys((*draft.notes, *writer.notes)))
    made = draft.with_nodes(writer.nodes, {**draft.constants, **writer.constants})
    return Draft(made.opset, made.nodes, made.constants, made.inputs, made.outputs, notes)


def as_column(value: Array, rank: int, axis: int) -> Array:
    """Shape a per-channel parameter so that it broadcasts along `axis` of a tensor of `rank` axes."""
    if value.size == 1:
        return np.asarray(value.reshape(()))
    return np.asarray(value.reshape([-1 if i == axis else 1 for i in range(rank)]))
