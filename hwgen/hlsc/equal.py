# SPDX-License-Identifier: Apache-2.0
"""Undo one of LLVM's liberties: in a block where ``i == 14`` it may write 14 for `i`, and lose the loop's counter."""

from __future__ import annotations

from dataclasses import replace

from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.cfg import Graph
from hwgen.hlsc.llparse import Block, Function, Inst, Operand
from hwgen.hlsc.lltypes import Int


def join_equals(function: Function) -> Function:
    """Return a function without the joins whose constants equal, where they arrive, the one other value.

    ``phi [%i, %a], [14, %b]`` is `%i` where `%b` runs only if `%i` is 14, and with 15 and ``%i + 1`` it is that sum.
    """
    while True:
        facts = _Facts(function)
        joins = ((inst, block.name) for block in function.blocks for inst in block.insts if inst.opcode == "phi")
        same = next(((phi, found) for phi, at in joins if (found := facts.other(phi, at)) is not None), None)
        if same is None:
            return function
        phi, found = same
        function = _rename(function, phi.name, found) if isinstance(found, str) else _again(function, phi, found)


def _again(function: Function, phi: Inst, sum_: Inst) -> Function:
    """Return a function that computes a sum again instead of taking it from a join."""
    blocks = []
    for block in function.blocks:
        insts = [i for i in block.insts if i is not phi]
        if len(insts) < len(block.insts):
            at = next(n for n, i in enumerate(insts) if i.opcode != "phi")
            insts.insert(at, replace(sum_, name=phi.name))
        blocks.append(Block(block.name, insts))
    return replace(function, blocks=tuple(blocks))


def _rename(function: Function, name: str, value: str) -> Function:
    """Return a function that uses `value` instead of `name`."""

    def renamed(inst: Inst) -> Inst:
        if name not in inst.operands:
            return inst
        return replace(inst, operands=tuple(value if o == name else o for o in inst.operands))

    blocks = tuple(Block(b.name, [renamed(i) for i in b.insts if i.name != name]) for b in function.blocks)
    return replace(function, blocks=blocks)


class _Facts:
    """What is known at the end of a block from the branches that lead there."""

    def __init__(self, function: Function) -> None:
        self._graph = Graph(function)
        self._defined = {inst.name: inst for block in function.blocks for inst in block.insts if inst.name}
        self._home = {inst.name: block.name for block in function.blocks for inst in block.insts if inst.name}
        self._before: dict[str, list[str]] = {name: [] for name in self._graph.order}
        for name in self._graph.order:
            for to in self._graph.next[name]:
                self._before[to].append(name)

    def other(self, phi: Inst, block: str) -> str | Inst | None:
        """Return the value that a join always gives, or the sum, if it has constants and one value that is them."""
        names = {o for o in phi.operands if isinstance(o, str) and o != phi.name}
        if not isinstance(phi.type, Int) or len(names) != 1 or block not in self._before:
            return None
        (value,) = names
        width = phi.type.width
        for operand, edge in zip(phi.operands, phi.detail, strict=True):
            if operand not in (value, phi.name) and not self._implied(edge, block, value, operand, width):
                return None
        if self._arrives(value, block):
            return value
        inst = self._defined.get(value)
        if inst is None or inst.opcode != "add" or not isinstance(inst.operands[1], int):
            return None
        base = inst.operands[0]
        return inst if isinstance(base, str) and self._arrives(base, block) else None

    def _arrives(self, value: str, block: str) -> bool:
        """Whether a value is known where `block` begins."""
        home = self._home.get(value, self._graph.entry)
        if home == block:
            return self._defined[value].opcode == "phi"
        while block != home and block != self._graph.idom[block]:
            block = self._graph.idom[block]
        return block == home

    def _implied(self, edge: str, block: str, value: str, number: Operand, width: int) -> bool:
        """Whether `value` is `number` whenever `edge` jumps to `block`."""
        if not isinstance(number, int):
            return False
        if self._jump(edge, block, value, number, width):
            return True
        while edge != self._graph.entry:
            above = self._graph.idom[edge]
            if self._before[edge] == [above] and self._jump(above, edge, value, number, width):
                return True
            edge = above
        return False

    def _jump(self, name: str, to: str, value: str, number: int, width: int) -> bool:
        """Whether a jump tells by its condition that `value` is `number`."""
        end = self._graph.blocks[name].end
        if end.opcode == "switch":
            cases = [n for n, label in zip(end.operands[1:], end.detail[1:], strict=True) if label == to]
            one = cases[0] if len(cases) == 1 and end.detail[0] != to else None
            return isinstance(one, int) and self._same(end.operands[0], one, value, number, width)
        if end.opcode != "br" or len(set(end.detail)) != 2:
            return False
        return self._tells(end.operands[0], to == end.detail[0], value, number, width)

    def _tells(self, condition: Operand, holds: bool, value: str, number: int, width: int) -> bool:
        inst = self._defined.get(condition) if isinstance(condition, str) else None
        if inst is None:
            return False
        if inst.opcode == "icmp" and inst.detail[0] == ("eq" if holds else "ne"):
            left, right = inst.operands
            return isinstance(right, int) and self._same(left, right, value, number, width)
        if inst.opcode == ("and" if holds else "or") and inst.type == Int(1):
            return any(self._tells(o, holds, value, number, width) for o in inst.operands)
        if inst.opcode == "select" and inst.operands[2 if holds else 1] in ((0,) if holds else (1, -1)):
            parts = (inst.operands[0], inst.operands[1 if holds else 2])
            return any(self._tells(part, holds, value, number, width) for part in parts)
        return False

    def _same(self, left: Operand, right: int, value: str, number: int, width: int) -> bool:
        """Whether ``left == right`` tells that `value` is `number`; `value` may be `left` plus a constant."""
        if left == value:
            return (right - number) & ones(width) == 0
        inst = self._defined.get(value)
        if inst is None or inst.opcode != "add" or not isinstance(inst.operands[1], int):
            return False
        return inst.operands[0] == left and (right + inst.operands[1] - number) & ones(width) == 0
