# SPDX-License-Identifier: Apache-2.0
"""One optimised LLVM function to the flat IR of a process."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.address import Addresses, Place
from hwgen.hlsc.bindings import check_operations, operation
from hwgen.hlsc.body import START, Body, error, shape, silent
from hwgen.hlsc.builder import Builder
from hwgen.hlsc.cfg import live, targets
from hwgen.hlsc.copies import expand_copies
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.equal import join_equals
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.finish import finish
from hwgen.hlsc.flow import END, Flow, branch_conditions
from hwgen.hlsc.garbage import uncollected
from hwgen.hlsc.lldebug import Places
from hwgen.hlsc.llparse import Inst, Module, Operand
from hwgen.hlsc.lltypes import Int, Ptr
from hwgen.hlsc.lower_ops import Refused, binary, compare, intrinsic
from hwgen.hlsc.mangle import Name, struct_bits
from hwgen.hlsc.memory import Memory
from hwgen.hlsc.names import Names, source_name
from hwgen.hlsc.pragmas import initiation_interval
from hwgen.hlsc.prologue import Prologue
from hwgen.hlsc.scalars import parameter_streams
from hwgen.hlsc.states import States
from hwgen.hlsc.streams import WAITS
from hwgen.hlsc.trip import Chain
from hwgen.hlsc.variables import Variables

_BINARY = frozenset(["add", "sub", "mul", "udiv", "sdiv", "urem", "srem", "shl", "lshr", "ashr", "and", "or", "xor"])


@uncollected
def lower(
    text: str, mangled: str, name: str, directives: Sequence[Directive] = (), scalars: tuple[ir.Scalar, ...] = ()
) -> ir.Process:
    """Turn an optimised module into a process.

    Parameters
    ----------
    text
        LLVM module after `passes.optimise`.
    mangled, name
        The process function's symbol and its name in C++.
    directives
        Directives of the source; storage bindings name arrays.
    scalars
        The scalar parameters, where `scalars.as_stream` made a stream of them.

    Raises
    ------
    HlsError
        For C++ outside the subset.
    """
    check_operations(text, directives)
    module = Module(text)
    try:
        variables = Variables(text, directives)
        return Lowering(module, mangled, name, directives, struct_bits(text), variables, scalars).run()
    except HlsError as refused:
        if refused.file:
            raise
        raise error(
            Places(module.metadata).function(module.function(mangled).debug), refused.rule, refused.fix
        ) from None


class Lowering:
    """The lowering of one function; the parts that handle memory and states reach the others through it."""

    def __init__(
        self,
        module: Module,
        mangled: str,
        name: str,
        directives: Sequence[Directive],
        structs: Mapping[Name, int],
        variables: Variables,
        scalars: tuple[ir.Scalar, ...],
    ) -> None:
        self.module = module
        self.name = name
        self.scalars = scalars
        self.directives = directives
        self.places = Places(module.metadata)
        self.function = join_equals(expand_copies(live(module.function(mangled))))
        self.loc = self.places.function(self.function.debug)
        self.streams = parameter_streams(self.function, mangled, structs, scalars, self.loc)
        self.body: Body = shape(self.function, self.places)
        self._check_end()
        self.ii = self._interval(directives)
        self.builder = Builder()
        insts = [inst for block in self.function.blocks for inst in block.insts]
        self.addresses = Addresses(module, self.streams, insts)
        self.flow = Flow(self.builder, [block.name for block in self.body.order], self.body.edges)
        self.env: dict[str, int] = {}
        self.names = Names()
        self.trip, self.chain = self._trip()
        self.states = States(self.builder, self.names, self.trip)
        self.targets = {block.name: targets(block) for block in self.function.blocks}
        self.prologue = Prologue(self) if self.body.prologue else None
        self.memory = Memory(self, variables)
        self.place: ir.Loc | None = None
        self.block = ""

    def _check_end(self) -> None:
        """Refuse a process with scalars whose frame never ends: it would take them once, whatever is given later."""
        if self.scalars and self.body.looped and not self.body.leaves:
            raise error(
                self.loc,
                f"Process {self.name} must end its frame, because its scalars are taken when a frame starts.",
                "Count words in the loop's condition, or send the values through a stream.",
            )

    def _interval(self, directives: Sequence[Directive]) -> int | None:
        """Return the II asked for; refuse a loop without PIPELINE, which marks its loop as one not to vectorise."""
        ends = [block.end for block in self.body.order if block.name in self.body.latches]
        nodes = [self.module.metadata.get(end.loop, "") for end in ends if end.loop >= 0]
        parts = [self.module.metadata.get(int(n), "") for node in nodes for n in re.findall(r"!(\d+)", node)]
        asked = any("llvm.loop.vectorize" in part for part in parts)
        pipelines = [d for d in directives if d.name == "PIPELINE"]
        if not nodes:
            asked = bool(pipelines)
        if self.body.looped and not asked:
            raise error(
                self.places.of(ends[0].debug) or self.loc,
                "The loop of a process must be pipelined.",
                "Put #pragma HLS PIPELINE II=1 into the first line of its body.",
            )
        if nodes:
            found = [re.search(r"pipeline\.initiationinterval\", i32 (\d+)", part) for part in parts]
            return next((int(match[1]) for match in found if match), None)
        return self._dissolved(pipelines)

    def _dissolved(self, pipelines: Sequence[Directive]) -> int | None:
        """Return the II of a loop of one iteration, which LLVM dissolves with the mark that it bore."""
        wanted = {initiation_interval(d) for d in pipelines}
        if len(wanted) > 1:
            raise error(
                self.loc,
                "A loop of one iteration must be in a source file whose PIPELINE directives all ask for the same II.",
                "Move the function to a file of its own, or give all loops of the file the same II.",
            )
        return wanted.pop() if wanted else 1

    def _trip(self) -> tuple[int | None, Chain]:
        phis: dict[str, tuple[int, int | None, Operand]] = {}
        for inst in self.body.header.insts if self.body.looped else ():
            if inst.opcode == "phi" and isinstance(inst.type, Int) and len(self.body.latches) == 1:
                pairs = dict(zip(inst.detail, inst.operands, strict=True))
                following = pairs.pop(self.body.latches[0])
                first = next(iter(pairs.values())) if len(pairs) == 1 else None
                phis[inst.name] = (inst.type.width, first if isinstance(first, int) else None, following)
        chain = Chain(self.addresses.defined, phis)
        if not self.body.looped:
            return 1, chain
        if self.body.exit is None or self.body.skips:
            return None, chain
        count = chain.count(*self.body.exit)
        return None if count is None else count + bool(self.body.prologue), chain

    def run(self) -> ir.Process:
        """Lower the function."""
        for block in self.body.preamble:
            for inst in block.insts:
                self.guarded(inst, self.before)
        self.enter()
        region = ""
        for block in self.body.order:
            region = self._region(block.name, region)
            for inst in block.insts:
                self.block = block.name
                self.guarded(inst, self.inside)
        self.leave()
        return finish(self)

    def _region(self, block: str, before: str) -> str:
        """Return the part of the frame that a block is in, and hand on what the part before it computed."""
        if self.prologue is None or block == START or block in self.body.prologue:
            return "prologue"
        if block == self.body.header.name:
            self.prologue.hold()
            return "loop"
        if before == "loop" and block not in self.body.loop:
            self.prologue.release()
            return "after"
        return before

    def guarded(self, inst: Inst, action: Callable[[Inst], None]) -> None:
        """Run `action`; a refusal gets the instruction's place."""
        self.place = self.places.of(inst.debug) or self.place or self.loc
        self.builder.loc = self.place
        try:
            action(inst)
        except Refused as refused:
            raise error(self.place, refused.rule, refused.fix) from None

    def before(self, inst: Inst) -> None:
        """Lower an instruction of the preamble."""
        if inst.opcode in ("alloca", "getelementptr", "br") or silent(inst):
            return
        if inst.opcode in ("store", "call", "load", "unsupported", "switch"):
            self.memory.preamble(inst)
            return
        self.pure(inst)

    def enter(self) -> None:
        """Make the states of the loop-carried locals."""
        if not self.body.looped:
            return
        inside = set(self.body.edges)
        for inst in self.body.header.insts:
            if inst.opcode != "phi":
                break
            if not isinstance(inst.type, Int):
                raise error(
                    self.places.of(inst.debug) or self.loc,
                    f"Local {source_name(inst.name)} must be an integer, not a pointer or a float.",
                    "Index an array with an integer instead.",
                )
            name = source_name(inst.name)
            self.builder.loc = self.places.of(inst.debug) or self.loc
            if self.prologue is not None:
                self.env[inst.name] = self.states.local(name, inst.type.width, None)
                continue
            first = next(v for v, block in zip(inst.operands, inst.detail, strict=True) if block not in inside)
            induction = self.chain.induction(inst.name) if self.trip and self.body.exit else None
            if induction is not None and induction.values(self.trip or 1) is not None:
                self.env[inst.name] = self.states.counter(name, induction)
            else:
                self.env[inst.name] = self.states.local(name, inst.type.width, self._initial(first, inst))
        self._exit_test()

    def _exit_test(self) -> None:
        """Let the test that ends the loop be whether a counter is at its end; a local that is the test stays one."""
        last = self.states.last
        if self.body.exit is None or last is None:
            return
        test, leaves_if = self.body.exit
        if isinstance(test, str) and test not in self.env:
            self.env[test] = last if leaves_if else self.builder.invert(last)

    def _initial(self, value: Operand, inst: Inst) -> int | None:
        if isinstance(value, int) or value is None:
            return value
        number = self.builder.number(self.env[value]) if value in self.env else None
        if number is None:
            raise error(
                self.places.of(inst.debug) or self.loc,
                f"Local {source_name(inst.name)} must start each frame at a constant.",
                "Give it a constant initial value, or set it inside the loop in the first iteration.",
            )
        return number

    def value(self, operand: Operand, width: int) -> int:
        """Return an operand as a value; undefined ones are 0."""
        if isinstance(operand, int):
            return self.builder.const(operand, width)
        if isinstance(operand, str):
            if operand not in self.env:
                raise Refused("A pointer must not be used as a number.", "Use an integer index instead.")
            return self.env[operand]
        if operand is not None:
            raise Refused("The address of a variable must not be used as a number.", "Use an integer index instead.")
        return self.builder.const(0, width)

    def inside(self, inst: Inst) -> None:
        """Lower an instruction of the loop body."""
        op, block = inst.opcode, self.block
        if inst.name in self.env or silent(inst) or op in ("alloca", "getelementptr", "unreachable"):
            return
        if self.prologue is not None and block in self.body.prologue and self.memory.sets_array(inst):
            self.memory.preamble(inst)
        if op == "ret":
            self.flow.branch(block, {END: self.builder.const(1, 1)})
            return
        if op in ("br", "switch"):
            if block == self.body.exit_block:
                self.flow.branch(block, {to: self.builder.const(1, 1) for to in self.body.edges[block]})
                return
            numbers = [n for n in inst.operands[1:] if isinstance(n, int)]
            kind = inst.types[0] if inst.types else Int(1)
            condition = None
            if inst.operands:
                condition = self.value(inst.operands[0], kind.width if isinstance(kind, Int) else 1)
            found = branch_conditions(self.builder, inst, condition, numbers)
            header = self.body.header.name
            self.flow.branch(block, {END if self.body.looped and to == header else to: c for to, c in found.items()})
        elif isinstance(inst.type, Ptr) and op in ("phi", "select", "freeze"):
            return
        elif op == "phi":
            self.env[inst.name] = self.join(inst, block)
            self.builder.label(self.env[inst.name], source_name(inst.name))
        elif op == "load":
            self.env[inst.name] = self.memory.load(inst, block)
        elif op == "store":
            self.memory.store(inst, block)
        elif op == "call" and inst.detail[0] == WAITS:
            place = self.addresses.of(inst.operands[0])
            if not isinstance(place, Place):
                raise Refused("Whether a word waits must be asked of one stream.", "Write one if for each stream.")
            self.env[inst.name] = self.memory.streams.waits(place)
        elif op == "call" and not inst.detail[0].startswith("@llvm."):
            raise Refused(
                f"The function {inst.detail[0][1:]} must be defined in this source, and not call itself.",
                "Include its definition, or make it a process of its own.",
            )
        else:
            self.pure(inst)

    def join(self, inst: Inst, block: str) -> int:
        """Return the value of a phi inside the iteration."""
        width = inst.type.width if isinstance(inst.type, Int) else 1
        known = {
            edge: self.arriving(edge, value, width)
            for edge, value in zip(inst.detail, inst.operands, strict=True)
            if value is not None
        }
        return self.flow.merge(block, known) if known else self.builder.const(0, width)

    def arriving(self, edge: str, operand: Operand, width: int) -> int:
        """Return an operand of a join as block `edge` knows it."""
        direct = self.prologue.arriving(edge, operand) if self.prologue is not None else None
        return self.value(operand, width) if direct is None else direct

    def pure(self, inst: Inst) -> None:
        """Lower an instruction without side effects."""
        op, kind = inst.opcode, inst.type
        if op == "unsupported" or not isinstance(kind, Int):
            self.memory.refuse(inst)
            return
        operands = inst.types[0] if inst.types else kind
        width = operands.width if isinstance(operands, Int) else kind.width
        if isinstance(operands, Ptr):
            raise Refused("A pointer must not be compared or used as a number.", "Use an integer index instead.")
        if op == "select":
            condition = self.value(inst.operands[0], 1)
            one, zero = (self.value(v, kind.width) for v in inst.operands[1:])
            self.env[inst.name] = self.builder.select(condition, one, zero)
            return
        args = [self.value(v, width) for v in inst.operands]
        if op in _BINARY:
            bind = operation(self.directives[int(inst.detail[0])]) if op == "mul" and inst.detail else None
            self.env[inst.name] = binary(self.builder, op, args[0], args[1], bind)
        elif op == "icmp":
            self.env[inst.name] = compare(self.builder, inst.detail[0], args[0], args[1])
        elif op in ("zext", "sext", "trunc"):
            self.env[inst.name] = self.builder.extend(args[0], kind.width, op == "sext")
        elif op == "freeze":
            self.env[inst.name] = args[0]
        else:
            found = intrinsic(self.builder, inst.detail[0].split(".")[1], args, kind.width) if op == "call" else None
            if found is None:
                self.memory.refuse(inst)
                return
            self.env[inst.name] = found

    def leave(self) -> None:
        """Give every state its next value."""
        phis = [inst for inst in self.body.header.insts if inst.opcode == "phi"] if self.body.looped else []
        if self.prologue is not None:
            self.prologue.leave(phis)
        else:
            self._again(phis)
        self.memory.leave()

    def _again(self, phis: Sequence[Inst]) -> None:
        """Give the loop-carried locals their next values."""
        if self.body.exit is not None and self.states.last is None:
            test = self.value(self.body.exit[0], 1)
            self.states.last = test if self.body.exit[1] else self.builder.invert(test)
        elif self.body.leaves and self.body.exit is None:
            self.states.last = self.builder.invert(self.flow.ends(self.body.latches))
        for inst in phis:
            width = inst.type.width if isinstance(inst.type, Int) else 1
            pairs = zip(inst.detail, inst.operands, strict=True)
            known = {b: self.value(v, width) for b, v in pairs if b in self.body.latches and v is not None}
            following = self.flow.merge(END, known) if known else self.builder.const(0, width)
            self.states.follow(self.env[inst.name], following)
