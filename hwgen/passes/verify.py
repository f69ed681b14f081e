# SPDX-License-Identifier: Apache-2.0
"""The verifier that runs after every pass: names, order, and types as the operators infer them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hwgen.errors import InternalError, Problem
from hwgen.graph import Graph
from hwgen.graph.naming import identifier
from hwgen.ops.base import hardware_op, hardware_ops


def verify_graph(graph: Graph) -> Graph:
    """Return the graph unchanged if it is well formed.

    Raises
    ------
    InternalError
        With every finding; a pass of hwgen is wrong.
    """
    problems = list(_findings(graph))
    if problems:
        raise InternalError(problems)
    return graph


def check_graph(graph: Graph) -> list[Problem]:
    """Return what the operators say keeps the graph from being built, in words of the ONNX nodes."""
    found = []
    for node in graph.nodes:
        for problem in hardware_op(node).check(graph, node):
            found.append(Problem(problem.message, ", ".join(node.source) or node.name, problem.hint))
    return found


def _findings(graph: Graph) -> Iterator[Problem]:
    names = Counter([*graph.types, *(node.name for node in graph.nodes)])
    for name, count in names.items():
        if count > 1:
            yield Problem(f"The name {name} is used {count} times.")
        if identifier(name, limit=len(name)) != name:
            yield Problem(f"The name {name} is not a legal identifier.")
    known = set(graph.inputs)
    for name in graph.inputs:
        if name not in graph.types:
            yield Problem(f"Input {name} has no type.")
    for node in graph.nodes:
        if node.op not in hardware_ops():
            yield Problem(f"Operator {node.op} is unknown.", node.name)
            continue
        missing = [name for name in node.inputs if name not in known]
        missing += [key for key in node.constants.values() if key not in graph.constants]
        if missing:
            yield Problem(f"{', '.join(missing)} must be made before it is read.", node.name)
            continue
        known.update(node.outputs)
        for name, kind in zip(node.outputs, hardware_op(node).infer(graph, node), strict=True):
            given = graph.types.get(name)
            if given is None or (given.shape, given.signed, given.bits) != (kind.shape, kind.signed, kind.bits):
                yield Problem(f"The type of {name} must be {kind}, not {given}.", node.name)
    for name in graph.outputs:
        if name not in known:
            yield Problem(f"Output {name} must be made by a node.")
