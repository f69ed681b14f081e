# SPDX-License-Identifier: Apache-2.0
"""The layers that a budget names, found in the graph."""

from __future__ import annotations

from hwgen.config import Budget, LayerChoice
from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.graph import Graph


def choices_of(graph: Graph, budget: Budget) -> dict[str, LayerChoice]:
    """Return the user's choices by node name; a node goes by its own name, or by that of an ONNX node it computes.

    An ONNX node that several nodes compute stands for those that multiply weights, else for all of them.

    Raises
    ------
    UserError
        With every name that no node has, or that means a node which another name means too.
    """
    names = {node.name: [node.name] for node in graph.nodes}
    for node in graph.nodes:
        for source in node.source:
            if source not in names or names[source] != [source]:
                names.setdefault(source, []).append(node.name)
    weighted = {node.name for node in graph.nodes if "weight" in node.constants}
    found: dict[str, LayerChoice] = {}
    given: dict[str, str] = {}
    problems = []
    for key, choice in budget.layers.items():
        if key not in names:
            hint = did_you_mean(key, list(names))
            problems.append(Problem(f"layers.{key} must be a layer of the network, but there is none.", hint=hint))
            continue
        for name in [n for n in names[key] if n in weighted] or names[key]:
            if name in found:
                text = f"layers.{key} must be named once, but layers.{given[name]} is the same layer."
                problems.append(Problem(text))
            found[name], given[name] = choice, key
    if problems:
        raise UserError(problems)
    return found
