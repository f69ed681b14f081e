# SPDX-License-Identifier: Apache-2.0
"""C++ dataflow functions to the plain data of `dataflow`: streams become channels, calls become instances."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hwgen.hlsc import mangle
from hwgen.hlsc.blackbox import BlackBox, find_black_boxes
from hwgen.hlsc.body import error, silent
from hwgen.hlsc.clang import Unit, compile_unit
from hwgen.hlsc.dataflow import Channel, Dataflow, Instance
from hwgen.hlsc.dataflow_box import as_box, check_modules, control, masters, with_options
from hwgen.hlsc.directives import check_top, stream_depths
from hwgen.hlsc.interfaces import SCALAR_BITS, Parameter, parameter, read_interfaces
from hwgen.hlsc.ir import Loc, Stream
from hwgen.hlsc.lldebug import Places, shortener
from hwgen.hlsc.llparse import Function, Inst, Module
from hwgen.hlsc.names import source_name
from hwgen.hlsc.passes import find, optimise

DEFAULT_DEPTH = 2
"""Words in a FIFO without `#pragma HLS STREAM`, as in Vitis HLS."""

_DEFINE = re.compile(
    r'^define [^@\n]*(?P<header>@(?:"(?P<quoted>[^"\n]+)"|(?P<name>[\w.$]+))\(.*\))[^()\n]*\{\n(?:(?!\}).*\n)*\}\n',
    re.MULTILINE,
)
_RULE = "A dataflow function may only declare streams and call processes."

Direction = Literal["in", "out"]


@dataclass
class _Net:
    """A channel or port: its width, and its users as (instance index, parameter index)."""

    name: str
    width: int
    users: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class _Call:
    """A call: for each parameter the LLVM name of the stream, scalar or pointer it is given, or a number."""

    process: str
    parameters: tuple[Parameter, ...]
    given: tuple[str | int, ...]
    loc: Loc | None


def read_dataflow(
    source: Path,
    function: str,
    include: Sequence[Path] = (),
    directions: Mapping[str, Mapping[str, Direction]] | None = None,
    black_boxes: Mapping[str, BlackBox | Path] | None = None,
) -> Dataflow:
    """Compile a dataflow function to its structure.

    Parameters
    ----------
    source, function, include
        As in `front.read_process`; the processes need only be declared.
    directions
        Directions of the stream parameters by process and parameter, where they are known. Otherwise a channel's first
        user writes it and its second reads it, and for a port of the top the parameter's name must begin with `in` or
        `out`.
    black_boxes
        Processes that are SystemVerilog modules, by name; so are those with a ``<process>.json`` beside the source.

    Raises
    ------
    HlsError
        For anything but stream declarations and calls, and for a stream without exactly one writer and one reader.
    """
    unit = compile_unit(source, include)
    symbol = find(unit.ll, function, str(source))
    module = Module(optimise(only_declare(unit.ll, symbol), symbol))
    reader = _Reader(unit, module, module.function(symbol), function, source, include)
    return reader.run(directions or {}, black_boxes or {})


def only_declare(text: str, symbol: str) -> str:
    """Return an LLVM module in which the processes that function `symbol` calls are declared and not defined.

    Processes may stand in the same file as the top, and must not be inlined into it.
    """
    bodies = {(m["quoted"] or m["name"]): m for m in _DEFINE.finditer(text)}
    called = re.findall(r'call void @"?([\w.$]+)', bodies[symbol][0]) if symbol in bodies else []
    cuts = [bodies[name] for name in dict.fromkeys(called) if name in bodies and not name.startswith("_ZN")]
    for match in sorted(cuts, key=lambda m: -m.start()):
        declared = f"declare void {match['header']}\n"
        text = text[: match.start()] + declared + text[match.end() :]
    return text


class _Reader:
    def __init__(
        self,
        unit: Unit,
        module: Module,
        function: Function,
        name: str,
        source: Path,
        include: Sequence[Path],
    ) -> None:
        self.unit, self.function, self.name, self.source = unit, function, name, source
        self.directions: dict[str, Mapping[str, Direction]] = {}
        self.boxes: dict[str, BlackBox] = {}
        self.structs = mangle.struct_bits(unit.ll)
        self.places = Places(module.metadata)
        self.short = shortener(source, include)
        self.loc = self.places.function(function.debug)
        self.nets: dict[str, _Net] = {}
        self.others: dict[str, Parameter] = {}
        self.numbers: dict[str, int] = {}
        self.calls: list[_Call] = []

    def run(
        self, directions: Mapping[str, Mapping[str, Direction]], black_boxes: Mapping[str, BlackBox | Path]
    ) -> Dataflow:
        parameters = self.own_parameters()
        if not any(d.name == "DATAFLOW" and d.function == self.name for d in self.unit.directives):
            rule = f"The dataflow top {self.name} must have #pragma HLS DATAFLOW."
            raise error(self.loc, rule, "Put it into the first line of its body.")
        check_top(self.unit.directives, self.name)
        interfaces = read_interfaces(self.unit.directives, self.name, parameters.values(), top=True)
        self.nets = {local: _Net(p.name, p.bits) for local, p in parameters.items() if p.kind == "stream"}
        ports = list(self.nets)
        self.others = {local: p for local, p in parameters.items() if p.kind != "stream"}
        if len(self.function.blocks) != 1:
            raise error(self.loc, _RULE, "Move ifs and loops into a process.")
        for inst in self.function.blocks[0].insts:
            self.inst(inst)
        self.boxes = find_black_boxes(self.source, [call.process for call in self.calls], black_boxes)
        told = {n: {p.name: p.direction for p in box.ports} for n, box in self.boxes.items()}
        self.directions = {**directions, **told}
        found = self.resolve(ports)
        instances = tuple(self.instance(i, found) for i in range(len(self.calls)))
        check_modules(self.name, instances, self.boxes)
        return Dataflow(
            self.name,
            tuple(Stream(self.nets[p].name, found[self.nets[p].users[0]], self.nets[p].width) for p in ports),
            self.channels(ports),
            tuple(with_options(instance, interfaces) for instance in instances),
            self.short(self.loc),
            control(instances, interfaces, self.loc),
            masters(instances, interfaces),
        )

    def own_parameters(self) -> dict[str, Parameter]:
        """Return the top's parameters by their names in LLVM."""
        kinds = mangle.parameters(self.function.name) or ()
        found: dict[str, Parameter] = {}
        locals_ = [local for local, _ in self.function.params]
        for local, kind in itertools.zip_longest(locals_, kinds):
            known = parameter(local[1:].removesuffix(".coerce"), kind, self.structs) if local and kind else None
            if known is None:
                raise error(
                    self.loc,
                    f"Parameter {(local or '%')[1:] or kind} must be a reference to hls::stream, a pointer to words, "
                    f"or a scalar of at most {SCALAR_BITS} bits.",
                    "Pass streams and scalars, and pointers for black boxes.",
                )
            found[local] = known
        return found

    def inst(self, inst: Inst) -> None:
        """Take in one instruction of the function."""
        loc = self.places.of(inst.debug) or self.loc
        if inst.opcode == "ret" or silent(inst):
            return
        if inst.opcode == "alloca":
            self.nets[inst.name] = _Net(source_name(inst.name) or inst.name[1:], 0)
            return
        if self.copies(inst):
            return
        symbol = inst.detail[0][1:].strip('"') if inst.opcode == "call" and inst.detail else ""
        kinds = mangle.parameters(symbol) or ()
        if not kinds or len(kinds) != len(inst.operands):
            raise error(loc, _RULE, "Move all work into processes, whose parameters are streams.")
        process = mangle.identifier(symbol)
        names = self.parameters(process, len(kinds), loc)
        parameters = [parameter(name, kind, self.structs) for name, kind in zip(names, kinds, strict=True)]
        if None in parameters:
            raise error(loc, _RULE, "Move all work into processes, whose parameters are streams.")
        given = tuple(v if isinstance(v, int) else self.numbers.get(str(v), str(v)) for v in inst.operands)
        call = _Call(process, tuple(p for p in parameters if p), given, loc)
        for index, (known, value) in enumerate(zip(call.parameters, call.given, strict=True)):
            if known.kind != "stream":
                if not isinstance(value, int) and value not in self.others:
                    rule = f"Process {process} must be given a parameter of this function for {known.name}."
                    raise error(loc, rule, "Pass the scalar or pointer itself, or a number.")
                continue
            if value not in self.nets:
                raise error(loc, f"Process {process} must be given streams of this function.", "Pass a local stream.")
            net = self.nets[str(value)]
            net.users.append((len(self.calls), index))
            net.width = known.bits
        self.calls.append(call)

    def copies(self, inst: Inst) -> bool:
        """Take in the copy of a scalar to or from memory, which a reference to it makes; return whether it is one."""
        if inst.opcode == "load" and inst.operands[0] in self.others:
            self.others[inst.name] = self.others[str(inst.operands[0])]
            return True
        if inst.opcode != "store" or inst.operands[1] not in self.nets:
            return False
        value, place = inst.operands[0], str(inst.operands[1])
        if self.nets[place].width or place in self.numbers or place in self.others:
            return False
        if isinstance(value, int):
            self.numbers[place] = value
        elif value in self.others:
            self.others[place] = self.others[str(value)]
        else:
            return False
        del self.nets[place]
        return True

    def parameters(self, process: str, count: int, loc: Loc | None) -> tuple[str, ...]:
        """Return the parameter names in the process's declaration, which name the module's ports."""
        for match in re.finditer(rf"\bvoid\s+{process}\s*\(([^(){{}};]*)\)", self.unit.text):
            parts = re.split(r",(?![^<]*>)", match[1])
            names = [re.search(r"[&*\s]\s*([A-Za-z_]\w*)\s*$", part) for part in parts]
            if len(parts) == count and all(names):
                return tuple(name[1] for name in names if name)
        raise error(
            loc,
            f"Process {process} must be declared with named stream parameters.",
            f"Declare it as void {process}(hls::stream<...>& in0, hls::stream<...>& out0);.",
        )

    def resolve(self, ports: list[str]) -> dict[tuple[int, int], Direction]:
        """Return the direction of every parameter of every call."""
        found: dict[tuple[int, int], Direction] = {}
        for local, net in self.nets.items():
            if local in ports:
                self.port(net, found)
                continue
            if len(net.users) != 2:
                raise error(
                    self.calls[net.users[-1][0]].loc if net.users else self.loc,
                    f"Stream {net.name} must have one writer and one reader, not {len(net.users)} users.",
                    "Copy it in a process of its own, or remove it.",
                )
            known = [self.known(user) for user in net.users]
            if known[0] == "in" or known[1] == "out":
                raise error(
                    self.calls[net.users[1][0]].loc,
                    f"Stream {net.name} must be written by one process and read by a later one.",
                    "Call the processes in the order of the data.",
                )
            found[net.users[0]], found[net.users[1]] = "out", "in"
        return found

    def port(self, net: _Net, found: dict[tuple[int, int], Direction]) -> None:
        if len(net.users) != 1:
            raise error(
                self.loc,
                f"Port {net.name} must be given to one process, not {len(net.users)}.",
                "Copy it in a process of its own, or remove it.",
            )
        direction = self.known(net.users[0])
        if direction is None:
            call, index = self.calls[net.users[0][0]], net.users[0][1]
            raise error(
                call.loc,
                f"The direction of {call.process}'s parameter {call.parameters[index].name} must show in its name.",
                "Begin the name with in or out.",
            )
        found[net.users[0]] = direction

    def known(self, user: tuple[int, int]) -> Direction | None:
        """Return a parameter's direction as far as it is told, or its name tells."""
        call = self.calls[user[0]]
        name = call.parameters[user[1]].name
        told = self.directions.get(call.process, {}).get(name)
        if told is not None:
            return told
        if name.startswith("in"):
            return "in"
        return "out" if name.startswith("out") else None

    def instance(self, index: int, found: dict[tuple[int, int], Direction]) -> Instance:
        call = self.calls[index]
        streams = [(i, p) for i, p in enumerate(call.parameters) if p.kind == "stream"]
        ports = tuple(Stream(p.name, found[index, i], p.bits) for i, p in streams)
        bindings = {p.name: self.nets[str(call.given[i])].name for i, p in streams}
        before = sum(other.process == call.process for other in self.calls[:index])
        name = f"u_{call.process}" + (f"_{before}" if before else "")
        instance = Instance(name, call.process, ports, bindings, self.short(call.loc))
        given = [v if isinstance(v, int) or v in self.nets else self.others[v].name for v in call.given]
        return as_box(instance, self.boxes.get(call.process), call.parameters, given, call.loc)

    def channels(self, ports: Sequence[str]) -> tuple[Channel, ...]:
        """Return the streams that the function declares."""
        nets = [net for local, net in self.nets.items() if local not in ports]
        depths = stream_depths(self.unit.directives, self.name, [net.name for net in nets])
        return tuple(Channel(net.name, net.width, depths.get(net.name, DEFAULT_DEPTH)) for net in nets)
