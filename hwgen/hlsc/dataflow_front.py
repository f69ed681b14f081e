# SPDX-License-Identifier: Apache-2.0
"""C++ dataflow functions to the plain data of `dataflow`: streams become channels, calls become instances."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hwgen.hlsc import mangle
from hwgen.hlsc.body import error, silent
from hwgen.hlsc.clang import Unit, compile_unit
from hwgen.hlsc.dataflow import Channel, Dataflow, Instance
from hwgen.hlsc.ir import Loc, Stream
from hwgen.hlsc.lldebug import Places, shortener
from hwgen.hlsc.llparse import Function, Inst, Module
from hwgen.hlsc.names import source_name
from hwgen.hlsc.passes import find, optimise

DEFAULT_DEPTH = 2
"""Words in a FIFO without `#pragma HLS STREAM`, as in Vitis HLS."""

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
    process: str
    parameters: tuple[str, ...]
    widths: tuple[int, ...]
    nets: tuple[str, ...]
    loc: Loc | None


def read_dataflow(
    source: Path,
    function: str,
    include: Sequence[Path] = (),
    directions: Mapping[str, Mapping[str, Direction]] | None = None,
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

    Raises
    ------
    HlsError
        For anything but stream declarations and calls, and for a stream without exactly one writer and one reader.
    """
    unit = compile_unit(source, include)
    symbol = find(unit.ll, function, str(source))
    module = Module(optimise(unit.ll, symbol))
    return _Reader(unit, module, module.function(symbol), function, directions or {}, source, include).run()


class _Reader:
    def __init__(
        self,
        unit: Unit,
        module: Module,
        function: Function,
        name: str,
        directions: Mapping[str, Mapping[str, Direction]],
        source: Path,
        include: Sequence[Path],
    ) -> None:
        self.unit, self.function, self.name, self.directions = unit, function, name, directions
        self.structs = mangle.struct_bits(unit.ll)
        self.places = Places(module.metadata)
        self.short = shortener(source, include)
        self.loc = self.places.function(function.debug)
        self.nets: dict[str, _Net] = {}
        self.calls: list[_Call] = []

    def run(self) -> Dataflow:
        kinds = mangle.parameters(self.function.name) or ()
        for (local, _), kind in zip(self.function.params, kinds, strict=False):
            width = mangle.stream_bits(kind, self.structs)
            if width is None:
                raise error(
                    self.loc, f"Parameter {local[1:]} must be a reference to hls::stream.", "Pass streams only."
                )
            self.nets[local] = _Net(local[1:], width)
        ports = list(self.nets)
        if len(self.function.blocks) != 1:
            raise error(self.loc, _RULE, "Move ifs and loops into a process.")
        for inst in self.function.blocks[0].insts:
            self.inst(inst)
        found = self.resolve(ports)
        instances = tuple(self.instance(i, found) for i in range(len(self.calls)))
        return Dataflow(
            self.name,
            tuple(Stream(self.nets[p].name, found[self.nets[p].users[0]], self.nets[p].width) for p in ports),
            tuple(self.channel(net) for local, net in self.nets.items() if local not in ports),
            instances,
            self.short(self.loc),
        )

    def inst(self, inst: Inst) -> None:
        """Take in one instruction of the function."""
        loc = self.places.of(inst.debug) or self.loc
        if inst.opcode == "ret" or silent(inst):
            return
        if inst.opcode == "alloca":
            self.nets[inst.name] = _Net(source_name(inst.name) or inst.name[1:], 0)
            return
        symbol = inst.detail[0][1:].strip('"') if inst.opcode == "call" and inst.detail else ""
        kinds = mangle.parameters(symbol)
        widths = tuple(mangle.stream_bits(kind, self.structs) or 0 for kind in kinds or ())
        if not widths or 0 in widths:
            raise error(loc, _RULE, "Move all work into processes, whose parameters are streams.")
        process = mangle.identifier(symbol)
        nets = []
        for index, (value, width) in enumerate(zip(inst.operands, widths, strict=True)):
            if not isinstance(value, str) or value not in self.nets:
                raise error(loc, f"Process {process} must be given streams of this function.", "Pass a local stream.")
            self.nets[value].users.append((len(self.calls), index))
            self.nets[value].width = width
            nets.append(value)
        self.calls.append(_Call(process, self.parameters(process, len(nets), loc), widths, tuple(nets), loc))

    def parameters(self, process: str, count: int, loc: Loc | None) -> tuple[str, ...]:
        """Return the parameter names in the process's declaration, which name the module's ports."""
        for match in re.finditer(rf"\bvoid\s+{process}\s*\(([^(){{}};]*)\)", self.unit.text):
            parts = re.split(r",(?![^<]*>)", match[1])
            names = [re.search(r"&\s*([A-Za-z_]\w*)\s*$", part) for part in parts]
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
                f"The direction of {call.process}'s parameter {call.parameters[index]} must show in its name.",
                "Begin the name with in or out.",
            )
        found[net.users[0]] = direction

    def known(self, user: tuple[int, int]) -> Direction | None:
        """Return a parameter's direction as far as it is told, or its name tells."""
        call = self.calls[user[0]]
        name = call.parameters[user[1]]
        told = self.directions.get(call.process, {}).get(name)
        if told is not None:
            return told
        if name.startswith("in"):
            return "in"
        return "out" if name.startswith("out") else None

    def instance(self, index: int, found: dict[tuple[int, int], Direction]) -> Instance:
        call = self.calls[index]
        ports = tuple(
            Stream(name, found[index, i], width)
            for i, (name, width) in enumerate(zip(call.parameters, call.widths, strict=True))
        )
        bindings = {p.name: self.nets[local].name for p, local in zip(ports, call.nets, strict=True)}
        before = sum(other.process == call.process for other in self.calls[:index])
        name = f"u_{call.process}" + (f"_{before}" if before else "")
        return Instance(name, call.process, ports, bindings, self.short(call.loc))

    def channel(self, net: _Net) -> Channel:
        depth = DEFAULT_DEPTH
        for directive in self.unit.directives:
            if directive.name == "STREAM" and directive.args.get("variable") == net.name:
                text = directive.args.get("depth", "")
                if not text.isdigit() or int(text) < 1:
                    raise error(
                        Loc(directive.file, directive.line),
                        "STREAM's depth must be a positive number.",
                        f"Write #pragma HLS STREAM variable={net.name} depth=2.",
                    )
                depth = int(text)
        return Channel(net.name, net.width, depth)
