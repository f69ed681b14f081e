# SPDX-License-Identifier: Apache-2.0
"""The scheduler's view of a process: operator nodes joined by slices, wires removed, storage tied together.

A node is a value that is not mere wires, or a sink: a write, a RAM store, the next value of a state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.back.absorb import Cone, cones
from hwgen.hlsc.back.fold import WIRES
from hwgen.hlsc.back.storage import IN_LUTS, Kept


class Slice(NamedTuple):
    """Bits low..low+width-1 of the result of a node."""

    node: int
    low: int
    width: int


@dataclass(frozen=True)
class Sink:
    """A write, store or state update; `args` are value ids."""

    kind: Literal["write", "store", "next"]
    name: str
    args: tuple[int, ...]


@dataclass(frozen=True)
class Netlist:
    """Nodes 0..len(values)-1 are values (wires and constants have none), the following ones are `sinks`.

    `memories` says where the ROMs ("rom x") and RAMs ("ram x") are, and how many stages after the address their words
    come.
    """

    process: ir.Process
    memories: Mapping[str, Kept]
    _slices: dict[int, tuple[Slice, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def sinks(self) -> tuple[Sink, ...]:
        """Return the sinks in order: writes, stores, state updates."""
        p = self.process
        return (
            *(Sink("write", w.stream, (w.data, *_optional(w.predicate))) for w in p.writes),
            *(Sink("store", r.name, (r.store.address, r.store.data, *_optional(r.store.predicate))) for r in p.rams),
            *(Sink("next", s.name, (s.next,)) for s in p.states),
        )

    @cached_property
    def nodes(self) -> tuple[int, ...]:
        """Return all nodes in topological order (within an iteration)."""
        count = len(self.process.values)
        operators = (v.id for v in self.process.values if v.opcode not in WIRES and v.opcode != "const")
        return (*operators, *range(count, count + len(self.sinks)))

    def sink(self, node: int) -> Sink | None:
        """Return the sink that a node is, or None for a value."""
        index = node - len(self.process.values)
        return self.sinks[index] if index >= 0 else None

    def latency(self, node: int) -> int:
        """Return how many stages after its operands a node's result comes."""
        return self._latencies[node]

    @cached_property
    def _latencies(self) -> list[int]:
        return [self._latency(node) for node in range(len(self.process.values) + len(self.sinks))]

    def _latency(self, node: int) -> int:
        if node < len(self.process.values) and self.process.values[node].opcode == "dsp":
            bind = self.process.values[node].bind
            return bind.latency or 0 if bind else 0
        return self.kept(node).latency

    def kept(self, node: int) -> Kept:
        """Return where the memory is that a node reads; a node that reads none counts as one in LUTs."""
        if node >= len(self.process.values):
            return IN_LUTS
        value = self.process.values[node]
        return self.memories.get(f"{value.opcode} {value.attr}", IN_LUTS)

    def guard(self, node: int) -> tuple[Slice, ...]:
        """Return the slices in the predicate of a stream access; none for another node or without a predicate."""
        sink = self.sink(node)
        if sink is None:
            value = self.process.values[node]
            args = value.args if value.opcode == "read" else ()
        else:
            args = sink.args[1:] if sink.kind == "write" else ()
        return tuple(piece for a in args for piece in self.origin(a))

    def origin(self, index: int) -> tuple[Slice, ...]:
        """Return the slices of node results that a value is made of."""
        found = self._slices.get(index)
        if found is None:
            found = self._origin(self.process.values[index])
            self._slices[index] = found
        return found

    def _origin(self, value: ir.Value) -> tuple[Slice, ...]:
        if value.opcode == "const":
            return ()
        if value.opcode not in WIRES:
            return (Slice(value.id, 0, value.width),)
        if value.opcode != "extract":
            return tuple(dict.fromkeys(s for a in value.args for s in self.origin(a)))
        assert isinstance(value.attr, int)
        inner = self.process.values[value.args[0]]
        if inner.opcode not in WIRES and inner.opcode != "const":
            return (Slice(inner.id, value.attr, value.width),)
        return self.origin(inner.id)

    @cached_property
    def operands(self) -> dict[int, tuple[Slice, ...]]:
        """Return per node the slices it consumes."""
        result: dict[int, tuple[Slice, ...]] = {}
        for node in self.nodes:
            sink = self.sink(node)
            args = sink.args if sink is not None else self.process.values[node].args
            result[node] = tuple(dict.fromkeys(s for a in args for s in self.origin(a)))
        return result

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """Return per node the nodes that use its result, in topological order."""
        found: dict[int, dict[int, None]] = {n: {} for n in self.nodes}
        for node, slices in self.operands.items():
            for piece in slices:
                found[piece.node][node] = None
        return {n: tuple(c) for n, c in found.items()}

    @cached_property
    def cones(self) -> Mapping[int, Cone]:
        """Return by adder the logic that fits into its LUTs, where these have six inputs."""
        return cones(self.process, [a for s in self.sinks for a in s.args])

    @cached_property
    def absorbed(self) -> frozenset[int]:
        """Return the nodes of all that logic."""
        return frozenset(n for cone in self.cones.values() for n in cone.nodes)

    def readers(self, kind: str, name: str) -> list[int]:
        """Return the value nodes that read a state or RAM."""
        return self._readers.get((kind, name), [])

    @cached_property
    def free(self) -> frozenset[str]:
        """Return the RAMs whose loads may lie in an earlier stage than their store."""
        return frozenset(r.name for r in self.process.rams if r.independent or r.distance)

    def gap(self, name: str, stage: Mapping[int, int]) -> int:
        """Return how many stages the store of a RAM comes after its first load."""
        base = len(self.process.values)
        store = next(base + i for i, s in enumerate(self.sinks) if s.kind == "store" and s.name == name)
        return stage[store] - min((stage[n] for n in self.readers("ram", name)), default=stage[store])

    @cached_property
    def before(self) -> dict[int, tuple[int, ...]]:
        """Return per store of such a RAM its loads, none of which may come after it."""
        base = len(self.process.values)
        return {
            base + i: tuple(self.readers("ram", s.name))
            for i, s in enumerate(self.sinks)
            if s.kind == "store" and s.name in self.free
        }

    @cached_property
    def _readers(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for value in self.process.values:
            if value.opcode in ("state", "ram"):
                found.setdefault((value.opcode, str(value.attr)), []).append(value.id)
        return found

    def loops(self, tied: bool) -> dict[int, list[int]]:
        """Return successor edges that close loops: update -> reader, and reader -> update as well when `tied`."""
        edges: dict[int, list[int]] = {}
        for offset, sink in enumerate(self.sinks):
            if sink.kind == "write" or (sink.kind == "store" and sink.name in self.free):
                continue
            node = len(self.process.values) + offset
            for reader in self.readers("state" if sink.kind == "next" else "ram", sink.name):
                edges.setdefault(node, []).append(reader)
                if tied:
                    edges.setdefault(reader, []).append(node)
        for one, other in (*self.together, *self.turns) if tied else ():
            edges.setdefault(one, []).append(other)
            edges.setdefault(other, []).append(one)
        return edges

    @cached_property
    def together(self) -> tuple[tuple[int, int], ...]:
        """Return the nodes that must be in one stage: whether a word waits on a stream, and the read of it."""
        return tuple((v.id, self.accesses[str(v.attr)][0]) for v in self.process.values if v.opcode == "valid")

    @cached_property
    def accesses(self) -> dict[str, list[int]]:
        """Return by stream the nodes that read or write it, in the order in which an iteration must do that."""
        found: dict[str, list[int]] = {}
        for value in self.process.values:
            if value.opcode == "read":
                found.setdefault(str(value.attr), []).append(value.id)
        for node, write in enumerate(self.process.writes, len(self.process.values)):
            found.setdefault(write.stream, []).append(node)
        return found

    @cached_property
    def turns(self) -> tuple[tuple[int, int], ...]:
        """Return the accesses of one stream that follow each other, the second in a later stage than the first."""
        return tuple(pair for nodes in self.accesses.values() for pair in pairwise(nodes))

    def components(self, tied: bool) -> list[list[int]]:
        """Return the strongly connected components in topological order, nodes of each in topological order."""
        return self._tied if tied else self._components(tied=False)

    @cached_property
    def _tied(self) -> list[list[int]]:
        return self._components(tied=True)

    def _components(self, tied: bool) -> list[list[int]]:
        loops = self.loops(tied)
        graph = {n: [*self.consumers[n], *loops.get(n, ())] for n in self.nodes}
        for store, loads in self.before.items():
            for load in loads:
                graph[load].append(store)
        return [sorted(c) for c in reversed(strongly_connected(self.nodes, graph))]


def _optional(value: int | None) -> tuple[int, ...]:
    return () if value is None else (value,)


def strongly_connected(nodes: Iterable[int], graph: dict[int, list[int]]) -> list[list[int]]:
    """Tarjan's algorithm without recursion; components come out in reverse topological order."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    result: list[list[int]] = []
    for start in nodes:
        if start in index:
            continue
        work: list[tuple[int, int]] = [(start, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            successors = graph[node]
            descended = _descend(node, position, successors, index, low, on_stack, work)
            if descended:
                continue
            if low[node] == index[node]:
                result.append(_pop_component(node, stack, on_stack))
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[node])
    return result


def _descend(
    node: int,
    position: int,
    successors: Sequence[int],
    index: dict[int, int],
    low: dict[int, int],
    on_stack: set[int],
    work: list[tuple[int, int]],
) -> bool:
    for offset in range(position, len(successors)):
        other = successors[offset]
        if other not in index:
            work.append((node, offset + 1))
            work.append((other, 0))
            return True
        if other in on_stack:
            low[node] = min(low[node], index[other])
    return False


def _pop_component(node: int, stack: list[int], on_stack: set[int]) -> list[int]:
    component: list[int] = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        component.append(member)
        if member == node:
            return component
