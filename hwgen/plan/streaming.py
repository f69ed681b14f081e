# SPDX-License-Identifier: Apache-2.0
"""Whose weights come from memory off the chip: as few layers as it takes for the rest to fit.

Streaming costs bandwidth at every vector and saves the memory of the weights. Layers whose weights serve one vector a
frame take least of it for what they save, then those with few vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from hwgen.config import Budget
from hwgen.errors import InfeasibleError
from hwgen.graph import Graph, Node
from hwgen.hw import Board
from hwgen.hw.limits import bandwidth_of
from hwgen.plan.overrides import choices_of
from hwgen.plan.sites import Streaming
from hwgen.plan.types import Plan

Fit = Callable[[Graph, Board, Budget, Streaming], Plan]


def fit_streaming(graph: Graph, board: Board, budget: Budget, fit: Fit) -> Plan:
    """Return the plan without streams but those asked for, else the one with the fewest layers streamed.

    Raises
    ------
    InfeasibleError
        What stands against the plan without streams, where none with streams fits either.
    """
    try:
        return fit(graph, board, budget, _shared(graph, board, budget, 0))
    except InfeasibleError as error:
        found = _fewest(graph, board, budget, fit)
        if found is None:
            raise error
        return found


def streaming_of(plan: Plan) -> Streaming:
    """Return what a plan streams, whatever the memory gives."""
    return Streaming(frozenset(p.layer for p in plan.processes if p.choice.storage == "streamed"), inf)


def _shared(graph: Graph, board: Board, budget: Budget, count: int) -> Streaming:
    """Return what may be streamed: layers of which the budget says so, and the first `count` of the others."""
    asked = {name for name, choice in choices_of(graph, budget).items() if choice.weights == "streamed"}
    order = sorted((n for n in graph.nodes if n.op == "matvec"), key=lambda n: _priority(graph, n))
    names = frozenset(asked | {node.name for node in order[:count]})
    return Streaming(names, _per_cycle(board, budget) / max(len(names), 1))


def _per_cycle(board: Board, budget: Budget) -> float:
    """Return the bytes that memory gives in a cycle."""
    return (bandwidth_of(board, budget) or 0.0) * 1e3 / (budget.clock_mhz or board.clock_mhz)


def _fewest(graph: Graph, board: Board, budget: Budget, fit: Fit) -> Plan | None:
    """Return the plan with the fewest layers streamed, found by bisection; each has an equal share of the bandwidth."""

    def with_first(count: int) -> Plan | None:
        try:
            return fit(graph, board, budget, _shared(graph, board, budget, count))
        except InfeasibleError:
            return None

    most = min(sum(node.op == "matvec" for node in graph.nodes), int(_per_cycle(board, budget)))
    count, too_few, best = 1, 0, None
    while best is None and too_few < most:
        best = with_first(count)
        too_few, count = (too_few, count) if best else (count, min(2 * count, most))
    while best is not None and count - too_few > 1:
        middle = (too_few + count) // 2
        found = with_first(middle)
        best, count, too_few = (found, middle, too_few) if found else (best, count, middle)
    return best


def _priority(graph: Graph, node: Node) -> tuple[int, int, str]:
    weights = int(graph.constant(node, "weight").size)
    return graph.types[node.outputs[0]].pixels, -weights, node.name
