# SPDX-License-Identifier: Apache-2.0
"""The shape of a process function: what runs before its one loop, the loop, and what runs after it."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.hlsc.cfg import Graph, Loop, postorder
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.flow import END
from hwgen.hlsc.ir import Loc
from hwgen.hlsc.lldebug import Places
from hwgen.hlsc.llparse import Block, Function, Inst, Operand
from hwgen.hlsc.streams import WAITS

_SILENT = (
    "llvm.lifetime",
    "llvm.assume",
    "llvm.dbg",
    "llvm.experimental.noalias",
    "llvm.donothing",
    "llvm.invariant",
    "llvm.stacksave",
    "llvm.stackrestore",
)


START = "$start"
"""The block in which an iteration begins where it is either the one before the loop or one of the loop."""


@dataclass(frozen=True)
class Body:
    """One iteration.

    Parameters
    ----------
    preamble
        Blocks before the loop that only set constants.
    order
        Blocks of an iteration in topological order.
    edges
        Successors within an iteration, `END` where it ends.
    latches
        Blocks that jump back to the header.
    exit
        Operand of the exit branch and its value in the last iteration; None where every iteration may end the loop
        in a way of its own, or none does.
    exit_block
        The block that leaves the loop, "" if none does, or if what runs after it is part of the last iteration.
    header, loop
        The loop's first block, and the names of all.
    looped
        False where the whole function is the body: a loop with one iteration, which LLVM dissolves.
    leaves
        Whether the loop may end.
    prologue
        Blocks that run in an iteration of their own before those of the loop; they are part of `order`, behind `START`.
    skips
        Whether the prologue may end the frame without an iteration of the loop.
    """

    preamble: tuple[Block, ...]
    order: tuple[Block, ...]
    edges: dict[str, tuple[str, ...]]
    latches: tuple[str, ...]
    exit: tuple[Operand, bool] | None
    exit_block: str
    header: Block
    loop: tuple[str, ...]
    looped: bool = True
    leaves: bool = False
    prologue: tuple[str, ...] = ()
    skips: bool = False


def silent(inst: Inst) -> bool:
    """Whether an instruction is a hint to the optimiser, without hardware."""
    return inst.opcode == "call" and inst.detail[0][1:].startswith(_SILENT)


def acts(inst: Inst) -> bool:
    """Whether an instruction does something that others can see."""
    if silent(inst):
        return False
    return inst.opcode in ("store", "call", "unsupported") or (inst.opcode == "load" and inst.detail == ("volatile",))


def error(loc: Loc | None, rule: str, fix: str) -> HlsError:
    """Return the refusal of something at a place."""
    if loc is None:
        return HlsError(rule, fix=fix)
    return HlsError(rule, file=loc.file, line=loc.line, column=loc.column, fix=fix)


def place_of(block: Block, places: Places) -> Loc | None:
    """Return a place that stands for a block: its terminator's, or else any instruction's."""
    for inst in reversed(block.insts):
        loc = places.of(inst.debug)
        if loc is not None:
            return loc
    return None


def shape(function: Function, places: Places) -> Body:
    """Check the process's shape and return its body.

    Work after the loop is part of the last iteration; work before it, if it takes hardware, is an iteration of its own.

    Raises
    ------
    HlsError
        For two loops.
    """
    graph = Graph(function)
    loops = graph.loops()
    if not loops:
        return _straight(graph)
    if len(loops) > 1:
        raise _two_loops(loops, graph, places)
    loop = loops[0]
    leaving = [(n, to) for n in loop.blocks for to in graph.next[n] if to not in loop.blocks]
    after = list(dict.fromkeys(name for _, to in leaving for name in _after(graph, to)))
    after = [name for name in graph.order if name in after]
    before = [name for name in graph.order if name not in loop.blocks and name not in after]
    if _works_before(function, graph, before):
        return _with_prologue(graph, loop, before, after, leaving)
    edges, latches = _iteration(graph, loop, leaving)
    inside = [graph.blocks[n] for n in loop.blocks]
    exit_ = _exit(graph, loop, leaving)
    exit_block = leaving[0][0] if exit_ else ""
    if leaving and (exit_ is None or _works(inside, edges, graph, leaving[0])):
        for name, to in leaving:
            edges[name] = (*edges[name], to)
        for name in after:
            inside.append(graph.blocks[name])
            edges[name] = graph.next[name] or (END,)
        exit_block = ""
    preamble = tuple(graph.blocks[n] for n in before)
    header = graph.blocks[loop.header]
    return Body(
        preamble, tuple(inside), edges, tuple(latches), exit_, exit_block, header, loop.blocks, leaves=bool(leaving)
    )


def _works_before(function: Function, graph: Graph, before: list[str]) -> bool:
    """Whether what stands before the loop depends on more than constants, or can be seen.

    To set a local array is none of this: it is refused, or becomes what the array holds at first.
    """
    defined = {inst.name: inst for block in function.blocks for inst in block.insts if inst.name}

    def local(pointer: Operand) -> bool:
        while isinstance(pointer, str) and pointer in defined and defined[pointer].opcode == "getelementptr":
            pointer = defined[pointer].operands[0]
        return isinstance(pointer, str) and pointer in defined and defined[pointer].opcode == "alloca"

    for inst in (inst for name in before for inst in graph.blocks[name].insts):
        if (
            inst.opcode in ("load", "switch")
            or (inst.opcode == "call" and inst.detail[0] == WAITS)
            or (inst.opcode == "br" and len(set(inst.detail)) > 1)
        ):
            return True
        if inst.opcode == "store" and not local(inst.operands[1]):
            return True
    return False


def _with_prologue(
    graph: Graph, loop: Loop, before: list[str], after: list[str], leaving: list[tuple[str, str]]
) -> Body:
    """Return a body whose iterations are either what stands before the loop, or an iteration of the loop."""
    order = [*before, *loop.blocks, *after]
    edges = {n: tuple(END if to == loop.header else to for to in graph.next[n]) or (END,) for n in order}
    edges[START] = (graph.entry, loop.header)
    latches = [n for n in loop.blocks if loop.header in graph.next[n]]
    return Body(
        (),
        (Block(START, []), *(graph.blocks[n] for n in order)),
        edges,
        tuple(latches),
        _exit(graph, loop, leaving),
        "",
        graph.blocks[loop.header],
        loop.blocks,
        leaves=bool(leaving),
        prologue=tuple(before),
        skips=any(to in after or not graph.next[n] for n in before for to in graph.next[n] or ("",)),
    )


def _after(graph: Graph, first: str) -> list[str]:
    """Return the blocks that run when the loop is left, in topological order."""
    found = set(postorder(first, graph.next))
    return [name for name in graph.order if name in found]


def _works(inside: list[Block], edges: dict[str, tuple[str, ...]], graph: Graph, leaving: tuple[str, str]) -> bool:
    """Whether something is done after the exit test: by the other iterations, or by the last one alone.

    LLVM moves what is guarded by ``i == N - 1`` out of the loop; so it makes no difference where it was written.
    """
    later = set(postorder(leaving[0], {**edges, END: ()})) - {leaving[0], END}
    rest = [block for block in inside if block.name in later] + [graph.blocks[n] for n in _after(graph, leaving[1])]
    return any(acts(inst) for block in rest for inst in block.insts)


def _straight(graph: Graph) -> Body:
    edges = {n: graph.next[n] or (END,) for n in graph.order}
    blocks = tuple(graph.blocks[n] for n in graph.order)
    return Body((), blocks, edges, (), None, "", blocks[0], (), looped=False)


def _two_loops(loops: list[Loop], graph: Graph, places: Places) -> HlsError:
    inner = next((one for one in loops if any(one.header in o.blocks for o in loops if o is not one)), None)
    guilty = inner or loops[1]
    what = "inside the pipelined one" if inner else "after the first one"
    return error(
        place_of(graph.blocks[guilty.latch or guilty.blocks[-1]], places),
        f"A process must have one loop, and there is another {what} that is not unrolled.",
        "Put #pragma HLS UNROLL into it and give it constant bounds, or split the work into two processes.",
    )


def _iteration(
    graph: Graph, loop: Loop, leaving: list[tuple[str, str]]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the edges of one iteration and the blocks that jump back."""
    edges: dict[str, tuple[str, ...]] = {}
    latches = []
    for name in loop.blocks:
        found = []
        for to in graph.next[name]:
            if to == loop.header:
                latches.append(name)
                found.append(END)
            elif (name, to) not in leaving:
                found.append(to)
        edges[name] = tuple(found)
    return edges, latches


def _exit(graph: Graph, loop: Loop, leaving: list[tuple[str, str]]) -> tuple[Operand, bool] | None:
    """Return the one exit test, if there is one that every iteration makes."""
    if len(leaving) != 1 or graph.blocks[leaving[0][0]].end.opcode != "br":
        return None
    name, to = leaving[0]
    for latch, header in graph.back:
        while latch not in (name, header):
            latch = graph.idom[latch]
        if latch != name:
            return None
    end = graph.blocks[name].end
    return end.operands[0], to == end.detail[0]
