# SPDX-License-Identifier: Apache-2.0
"""Copies of memory as a load and a store: clang copies integers of more than 64 bits byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hwgen.hlsc.cfg import Graph
from hwgen.hlsc.llparse import Block, Function, Inst
from hwgen.hlsc.lltypes import Int, Other

LONGEST = 1 << 12
"""Bytes of the longest copy that is taken to be one integer; no stream is wider."""


def expand_copies(function: Function) -> Function:
    """Return a function with a load and a store for each `memcpy` of a constant number of bytes in a loop.

    Outside of loops a copy sets an array before the loop, and is refused as such.
    """
    if not any(_is_copy(inst) for block in function.blocks for inst in block.insts):
        return function
    graph = Graph(function)
    inside = {name for loop in graph.loops() for name in loop.blocks} or set(graph.order)
    return replace(function, blocks=tuple(_expanded(b) if b.name in inside else b for b in function.blocks))


def _expanded(block: Block) -> Block:
    stem = block.name.strip('%"')
    return Block(block.name, [new for at, old in enumerate(block.insts) for new in _expand(old, f"%copy.{stem}.{at}")])


def _is_copy(inst: Inst) -> bool:
    if inst.opcode != "call" or not inst.detail[0].startswith(("@llvm.memcpy.", "@llvm.memmove.")):
        return False
    size, volatile = inst.operands[2:4]
    return isinstance(size, int) and 0 < size <= LONGEST and volatile == 0


def _expand(inst: Inst, name: str) -> Iterator[Inst]:
    if not _is_copy(inst):
        yield inst
        return
    to, source, size, _ = inst.operands
    assert isinstance(size, int)
    kind = Int(8 * size)
    yield Inst("load", name, kind, (source,), (), (), inst.debug)
    yield Inst("store", "", Other("void"), (name, to), (kind,), (), inst.debug)
