# SPDX-License-Identifier: Apache-2.0
"""What the planner chooses between: for every node and port, its options with the lanes at each side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hwgen.graph import Graph, TensorType
from hwgen.hw import Board, Choice, Family, Folding, Option, Resources, StreamType
from hwgen.ops import width
from hwgen.ops.base import hardware_op
from hwgen.ops.support import divisors
from hwgen.plan.glue import fifo_cost, port_cost

ELEMENT_BITS = (8, 16, 32, 64)


@dataclass(frozen=True)
class Candidate:
    """One option of a site, with the lanes of its inputs and outputs."""

    option: Option
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Site:
    """A node or a port.

    Parameters
    ----------
    name
        Node name, or ``s_axis_0`` and the like.
    inputs, outputs
        Tensor names; a port has one side only.
    candidates
        Fewest cycles last.
    is_port
        True for ports.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    is_port: bool = False


@dataclass(frozen=True)
class Edge:
    """A tensor's way from the site that makes it to one that reads it; the numbers are indices of sites and sides."""

    tensor: str
    source: int
    source_side: int
    target: int
    target_side: int
    rigid: bool


def element_bits(tensor: TensorType) -> int:
    """Return the bits of an element on an AXI4-Stream port; bipolar values travel as -1 and +1."""
    bits = 2 if tensor.bipolar else tensor.bits
    return next(size for size in ELEMENT_BITS if bits <= size)


@dataclass(frozen=True)
class Streaming:
    """Whose weights may come from memory off the chip, and how fast.

    Parameters
    ----------
    nodes
        Names of the nodes.
    bytes_per_cycle
        What the memory gives: no node may take more while it works.
    """

    nodes: frozenset[str] = frozenset()
    bytes_per_cycle: float = 0.0

    def allows(self, node: str, option: Option) -> bool:
        """Tell whether an option of a node may be chosen."""
        if option.choice.storage != "streamed":
            return True
        return node in self.nodes and option.traffic <= self.bytes_per_cycle * option.cycles


def sites(graph: Graph, board: Board, streaming: Streaming) -> list[Site]:
    """Return input ports, nodes in topological order, output ports."""
    found = [_port(graph, f"s_axis_{i}", name, True, board) for i, name in enumerate(graph.inputs)]
    for node in graph.nodes:
        op = hardware_op(node)
        candidates = []
        for option in op.options(graph, node, board):
            if not streaming.allows(node.name, option):
                continue
            ins, outs = op.streams(graph, node, option.folding)
            candidates.append(Candidate(option, tuple(s.lanes for s in ins), tuple(s.lanes for s in outs)))
        found.append(Site(node.name, node.inputs, node.outputs, tuple(candidates)))
    found += [_port(graph, f"m_axis_{i}", name, False, board) for i, name in enumerate(graph.outputs)]
    return found


def _port(graph: Graph, name: str, tensor: str, is_input: bool, board: Board) -> Site:
    kind = graph.types[tensor]
    size = element_bits(kind)
    candidates = []
    for lanes in divisors(kind.elements):
        if lanes > 1 and lanes * size > board.axis_bits:
            break
        cost = port_cost(kind, lanes, kind.elements // lanes, size, is_input, board.family)
        option = Option(Choice(Folding(lanes, lanes)), kind.elements // lanes, cost)
        side = (lanes,)
        candidates.append(Candidate(option, () if is_input else side, side if is_input else ()))
    return Site(name, () if is_input else (tensor,), (tensor,) if is_input else (), tuple(candidates), True)


def edges(graph: Graph, found: list[Site]) -> list[Edge]:
    """Return every producer-to-consumer connection; `rigid` ones must have the same lanes on both sides."""
    made = {name: (i, side) for i, site in enumerate(found) for side, name in enumerate(site.outputs)}
    rigid = {name for node in graph.nodes for name in node.outputs if node.attrs.get("order") == "taps"}
    return [
        Edge(name, *made[name], i, side, name in rigid)
        for i, site in enumerate(found)
        for side, name in enumerate(site.inputs)
    ]


@lru_cache(maxsize=65536)
def conversion(tensor: TensorType, source: int, target: int, family: Family) -> tuple[int, Resources]:
    """Return the cycles and the cost of converting a tensor's stream from `source` to `target` lanes."""
    cycles, total = 0, Resources()
    stream = StreamType.of(tensor, source)
    for lanes in width.chain(source, target):
        cycles = max(cycles, stream.beats, tensor.elements // lanes)
        total = total + width.cost(stream, lanes, family) + fifo_cost(2, stream.width, family)
        stream = width.relaned(stream, lanes)
    return cycles, total
