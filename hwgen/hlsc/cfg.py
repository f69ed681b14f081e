# SPDX-License-Identifier: Apache-2.0
"""Control flow of one function: the one loop, block order, dominators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hwgen.hlsc.llparse import Block, Function, Inst


@dataclass(frozen=True)
class Loop:
    """A natural loop: `header`, the one `latch` that jumps back, all `blocks` (names) in topological order."""

    header: str
    latch: str
    blocks: tuple[str, ...]


class Graph:
    """Edges of a function's blocks; `order` is a reverse postorder of the reachable ones."""

    def __init__(self, function: Function) -> None:
        self.blocks: dict[str, Block] = {block.name: block for block in function.blocks}
        self.entry = function.blocks[0].name
        self.next = {b.name: tuple(dict.fromkeys(targets(b))) for b in function.blocks}
        self.order = postorder(self.entry, self.next)[::-1]
        place = {name: i for i, name in enumerate(self.order)}
        self.idom = dominators(self.order, self.next)
        self.back = [(name, to) for name in self.order for to in self.next[name] if place[to] <= place[name]]

    def loops(self) -> list[Loop]:
        """Return the loops, one for each header, in block order."""
        headers = list(dict.fromkeys(header for _, header in self.back))
        return [self._loop(header) for header in headers]

    def _loop(self, header: str) -> Loop:
        latches = [name for name, to in self.back if to == header]
        before: dict[str, list[str]] = {name: [] for name in self.order}
        for name in self.order:
            for to in self.next[name]:
                before[to].append(name)
        members, work = {header}, list(latches)
        while work:
            name = work.pop()
            if name not in members:
                members.add(name)
                work += before[name]
        return Loop(header, latches[0] if len(latches) == 1 else "", tuple(n for n in self.order if n in members))


def live(function: Function) -> Function:
    """Return a function without the jumps that never happen.

    These are jumps on a constant, and jumps to blocks that LLVM calls unreachable, such as the default of an exhaustive
    switch.
    """
    function = _decided(function)
    blocks = {block.name: block for block in function.blocks}
    dead: set[str] = set()
    while True:
        ends = [
            b.name
            for b in blocks.values()
            if b.name not in dead and (b.end.opcode == "unreachable" or (targets(b) and dead.issuperset(targets(b))))
        ]
        if not ends or function.blocks[0].name in ends:
            break
        dead.update(ends)
    kept = [Block(b.name, [*b.insts[:-1], _avoid(b.end, dead)]) for b in blocks.values() if b.name not in dead]
    return replace(function, blocks=tuple(kept)) if dead else function


def _decided(function: Function) -> Function:
    """Return a function without branches on a constant, and without what only they reach."""
    if not any(b.end.opcode == "br" and b.end.operands and isinstance(b.end.operands[0], int) for b in function.blocks):
        return function
    ends = {}
    for block in function.blocks:
        end = block.end
        if end.opcode == "br" and end.operands and isinstance(end.operands[0], int):
            end = replace(end, operands=(), types=(), detail=(end.detail[0 if end.operands[0] else 1],))
        ends[block.name] = end
    entry = function.blocks[0].name
    reached = set(postorder(entry, {name: _labels(end) for name, end in ends.items()}))
    edges = {(name, to) for name in reached for to in _labels(ends[name])}
    blocks = tuple(
        Block(b.name, [*(_arriving(inst, b.name, edges) for inst in b.insts[:-1]), ends[b.name]])
        for b in function.blocks
        if b.name in reached
    )
    return replace(function, blocks=blocks)


def _arriving(inst: Inst, block: str, edges: set[tuple[str, str]]) -> Inst:
    """Return an instruction that, if it is a join, names only jumps that there are."""
    if inst.opcode != "phi" or all((name, block) in edges for name in inst.detail):
        return inst
    pairs = [(v, name) for v, name in zip(inst.operands, inst.detail, strict=True) if (name, block) in edges]
    return replace(inst, operands=tuple(v for v, _ in pairs), detail=tuple(name for _, name in pairs))


def _avoid(end: Inst, dead: set[str]) -> Inst:
    """Return a terminator that does not jump to dead blocks; the last case of a switch replaces its dead default."""
    if end.opcode == "br" and dead.intersection(end.detail):
        return replace(end, operands=(), types=(), detail=tuple(to for to in end.detail if to not in dead))
    if end.opcode != "switch" or not dead.intersection(end.detail):
        return end
    cases = [(n, to) for n, to in zip(end.operands[1:], end.detail[1:], strict=True) if to not in dead]
    default = end.detail[0]
    if default in dead:
        default = cases[-1][1]
        cases = [case for case in cases if case[1] != default]
    if not cases:
        return replace(end, opcode="br", operands=(), types=(), detail=(default,))
    operands = (end.operands[0], *(n for n, _ in cases))
    return replace(end, operands=operands, detail=(default, *(to for _, to in cases)))


def targets(block: Block) -> tuple[str, ...]:
    """Return the blocks that a block may jump to."""
    return _labels(block.end)


def _labels(end: Inst) -> tuple[str, ...]:
    return end.detail if end.opcode in ("br", "switch") else ()


def postorder(entry: str, edges: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the nodes reachable from `entry` in postorder."""
    seen, order = {entry}, []
    stack = [(entry, iter(edges[entry]))]
    while stack:
        name, rest = stack[-1]
        for to in rest:
            if to not in seen:
                seen.add(to)
                stack.append((to, iter(edges[to])))
                break
        else:
            order.append(name)
            stack.pop()
    return order


def dominators(order: Sequence[str], edges: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return every node's immediate dominator (the first node's is itself); `order` is a reverse postorder."""
    place = {name: i for i, name in enumerate(order)}
    before: dict[str, list[str]] = {name: [] for name in order}
    for name in order:
        for to in edges[name]:
            if to in place:
                before[to].append(name)
    idom = {order[0]: order[0]}
    changed = True
    while changed:
        changed = False
        for name in order[1:]:
            known = [p for p in before[name] if p in idom]
            new = known[0]
            for other in known[1:]:
                while new != other:
                    if place[new] > place[other]:
                        new = idom[new]
                    else:
                        other = idom[other]
            if idom.get(name) != new:
                idom[name] = new
                changed = True
    return idom
