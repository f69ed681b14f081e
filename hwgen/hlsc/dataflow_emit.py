# SPDX-License-Identifier: Apache-2.0
"""Structural SystemVerilog of a dataflow top: process instances and `hwgen_fifo` channels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from hwgen.errors import InternalError, Problem
from hwgen.hlsc.back.emit_expr import stream_ports, vector
from hwgen.hlsc.back.identifiers import Identifiers
from hwgen.hlsc.back.storage import fifo_style
from hwgen.hlsc.blackbox import module_ports
from hwgen.hlsc.dataflow import Channel, Dataflow, Instance
from hwgen.hlsc.dataflow_axi import Axi, wrapped

_SIGNALS = ("tdata", "tvalid", "tready")
_CLOCKS = (".ap_clk(ap_clk)", ".ap_rst_n(ap_rst_n)")


def verify(dataflow: Dataflow) -> None:
    """Raise `InternalError` unless every channel has one writer and one reader and every port one process."""
    directions: dict[str, list[str]] = {c.name: [] for c in dataflow.channels}
    directions |= {p.name: [] for p in dataflow.ports}
    widths = {c.name: c.width for c in dataflow.channels} | {p.name: p.width for p in dataflow.ports}
    findings: list[str] = []
    for instance in dataflow.instances:
        for stream in instance.ports:
            target = instance.bindings.get(stream.name)
            if target not in directions:
                findings.append(f"{instance.name}.{stream.name} must be bound to a channel or port, not {target}")
                continue
            directions[target].append(stream.direction)
            if widths[target] != stream.width:
                findings.append(f"{instance.name}.{stream.name} must be {widths[target]} bits wide, not {stream.width}")
    wanted = {c.name: ["in", "out"] for c in dataflow.channels} | {p.name: [p.direction] for p in dataflow.ports}
    for name, found in directions.items():
        if sorted(found) != wanted[name]:
            findings.append(f"{name} must be used as {wanted[name]}, not {sorted(found)}")
    if findings:
        raise InternalError([Problem(f"Dataflow {dataflow.name}: {f}.") for f in findings])


class _Emitter:
    def __init__(self, dataflow: Dataflow) -> None:
        self.dataflow = dataflow
        self.axi = Axi(dataflow)
        ports = [re.findall(r"\w+", line)[-1] for line in self._ports()]
        self.names = Identifiers([dataflow.name, *ports, *self.axi.nets()])
        # the net prefix that an instance's port of either direction connects to
        self.nets: dict[tuple[str, str], str] = {(p.name, p.direction): p.name for p in dataflow.ports}
        for channel in dataflow.channels:
            start = self.names.fresh(f"{channel.name}_in") if channel.depth else self.names.fresh(channel.name)
            end = self.names.fresh(f"{channel.name}_out") if channel.depth else start
            self.nets[channel.name, "out"], self.nets[channel.name, "in"] = start, end

    def text(self) -> str:
        lines = [
            "// SPDX-License-Identifier: Apache-2.0",
            f"// {self.dataflow.name}: processes and channels, compiled by hwgen"
            + (f" from {self.dataflow.loc}." if self.dataflow.loc else "."),
            f"module {self.dataflow.name} (",
            ",\n".join(f"    {p}" for p in self._ports()),
            ");",
        ]
        for channel in self.dataflow.channels:
            lines += self._channel(channel)
        lines += self.axi.control()
        for instance in self.dataflow.instances:
            lines += self._instance(instance)
        return "\n".join([*lines, "endmodule", ""])

    def _ports(self) -> Iterator[str]:
        yield "input  logic ap_clk"
        yield "input  logic ap_rst_n"
        for port in self.dataflow.ports:
            yield from stream_ports(port)
        yield from self.axi.ports()

    def _channel(self, channel: Channel) -> Iterator[str]:
        sides = (self.nets[channel.name, "out"], self.nets[channel.name, "in"])
        holds = f"{channel.depth} words" if channel.depth else "wires"
        yield f"    // {channel.name}: {holds}" + (f"; {channel.loc}" if channel.loc else "")
        for side in dict.fromkeys(sides):
            yield f"    logic {vector(channel.width)}{side}_tdata;"
            yield f"    logic {side}_tvalid, {side}_tready;"
        if not channel.depth:
            return
        style = channel.style if channel.style != "auto" else fifo_style(channel.width, channel.depth)
        pins = [f".{own}_{s}({side}_{s})" for own, side in zip("sm", sides, strict=True) for s in _SIGNALS]
        yield from self._pins(
            f'hwgen_fifo #(.WIDTH({channel.width}), .DEPTH({channel.depth}), .STYLE("{style}"))',
            self.names.fresh(f"{channel.name}_fifo"),
            pins,
        )

    def _instance(self, instance: Instance) -> Iterator[str]:
        if instance.loc:
            yield f"    // {instance.loc}"
        name, box = self.names.fresh(instance.name), instance.box
        nets = {s.name: self.nets[instance.bindings[s.name], s.direction] for s in instance.ports}
        if box is None:
            pins = [f".{n}_{s}({net}_{s})" for n, net in nets.items() for s in _SIGNALS]
            yield from self._pins(instance.process, name, [*pins, *self.axi.pins(instance)])
            return
        streams = {port.name: port.pins for port in box.ports if port.kind == "stream"}
        pins = [f".{streams[n][s]}({net}_{s})" for n, net in nets.items() for s in _SIGNALS]
        pins += [*self.axi.pins(instance), *(f".{pin}('{number})" for pin, number in box.ties.items())]
        ports = module_ports(box.files, box.module) or {}
        wired = {pin[1:].split("(")[0] for pin in pins}
        unused = [f".{pin}()" for pin, direction in ports.items() if direction == "output" and pin not in wired]
        values = [f".{key}({json.dumps(value)})" for key, value in instance.values.items()]
        parameters = f" #({', '.join(values)})" if values else ""
        clocks = [*(f".{pin}(ap_clk)" for pin in box.clocks), *(f".{pin}(ap_rst_n)" for pin in box.resets)]
        if unused:
            yield "    // verilator lint_off PINCONNECTEMPTY"
        yield from self._pins(f"{box.module}{parameters}", name, [*pins, *unused], clocks)
        if unused:
            yield "    // verilator lint_on PINCONNECTEMPTY"

    @staticmethod
    def _pins(module: str, name: str, pins: list[str], clocks: Sequence[str] = _CLOCKS) -> Iterator[str]:
        yield f"    {module} {name} ("
        yield f"        {', '.join(clocks)},"
        yield from wrapped(pins)
        yield "    );"


def emit(dataflow: Dataflow) -> str:
    """Return the SystemVerilog module `dataflow.name`; it instantiates its processes and hwgen_fifo.

    Raises
    ------
    InternalError
        A channel or port is not used exactly as the structure demands.
    """
    verify(dataflow)
    return _Emitter(dataflow).text()
