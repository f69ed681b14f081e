# SPDX-License-Identifier: Apache-2.0
"""The shape of a process function: straight preamble, one loop, nothing after it."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.hlsc.cfg import Graph, Loop, postorder
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.flow import END
from hwgen.hlsc.ir import Loc
from hwgen.hlsc.lldebug import Places
from hwgen.hlsc.llparse import Block, Function, Inst, Operand
from hwgen.hlsc.lltypes import Other

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


@dataclass(frozen=True)
class Body:
    """One iteration.

    Parameters
    ----------
    preamble
        Blocks before the loop.
    order
        Blocks of the loop in topological order.
    edges
        Successors within an iteration, `END` where it ends.
    latches
        Blocks that jump back to the first one.
    exit
        Operand of the exit branch and its value in the last iteration; None for ``while (1)``.
    exit_block
        The block that leaves the loop, "" if none does, or if what runs after it is part of the last iteration.
    looped
        False where the whole function is the body: a loop with one iteration, which LLVM dissolves.
    """

    preamble: tuple[Block, ...]
    order: tuple[Block, ...]
    edges: dict[str, tuple[str, ...]]
    latches: tuple[str, ...]
    exit: tuple[Operand, bool] | None
    exit_block: str
    looped: bool = True


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

    Raises
    ------
    HlsError
        For two loops, an early exit, or work before the loop. Work after it is part of the last iteration.
    """
    graph = Graph(function)
    loops = graph.loops()
    if not loops:
        return _straight(graph)
    if len(loops) > 1:
        raise _two_loops(loops, graph, places)
    loop = loops[0]
    members = set(loop.blocks)
    leaving = [(n, to) for n in loop.blocks for to in graph.next[n] if to not in members]
    if len(leaving) > 1 or any(graph.blocks[n].end.opcode != "br" for n, _ in leaving):
        early = next((n for n, _ in leaving if loop.header not in graph.next[n]), leaving[-1][0])
        raise error(
            place_of(graph.blocks[early], places),
            "The loop must have one exit: no break, no return inside it.",
            "Let the loop run its constant number of iterations and guard the work with an if.",
        )
    edges, latches = _iteration(graph, loop, leaving)
    inside = [graph.blocks[n] for n in loop.blocks]
    before = _before(graph, loop)
    _nothing_before(graph, members, before, places)
    exit_ = _exit(graph.blocks[leaving[0][0]], leaving[0][1]) if leaving else None
    exit_block = leaving[0][0] if leaving else ""
    preamble = tuple(graph.blocks[n] for n in before)
    if leaving and _works(inside, edges, graph, leaving[0]):
        edges[exit_block] = (*edges[exit_block], leaving[0][1])
        for name in _after(graph, leaving[0][1]):
            inside.append(graph.blocks[name])
            edges[name] = graph.next[name] or (END,)
        exit_block = ""
    return Body(preamble, tuple(inside), edges, tuple(latches), exit_, exit_block)


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
    return Body((), tuple(graph.blocks[n] for n in graph.order), edges, (), None, "", looped=False)


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


def _before(graph: Graph, loop: Loop) -> list[str]:
    """Return the blocks that dominate the loop, in order."""
    names, name = [], loop.header
    while name != graph.entry:
        name = graph.idom[name]
        names.append(name)
    return names[::-1]


def _nothing_before(graph: Graph, members: set[str], before: list[str], places: Places) -> None:
    """Refuse a branch around the loop or before it."""
    reached = set(postorder(graph.entry, {n: () if n in members else graph.next[n] for n in graph.order}))
    for name in graph.order:
        if name not in reached or name in members or name in before:
            continue
        guilty = next((inst for inst in graph.blocks[name].insts if acts(inst)), None)
        if guilty is not None:
            raise error(
                places.of(guilty.debug) or place_of(graph.blocks[name], places),
                "Nothing may be done before the loop of a process but to declare locals.",
                "Move it into the loop, guarded by a test for the first iteration.",
            )


def _exit(block: Block, to: str) -> tuple[Operand, bool]:
    yes, _ = block.end.detail[:2]
    return block.end.operands[0], to == yes


def is_value(inst: Inst) -> bool:
    """Whether an instruction gives a value that the IR can hold."""
    return bool(inst.name) and not isinstance(inst.type, Other)
