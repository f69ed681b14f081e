# SPDX-License-Identifier: Apache-2.0
"""Runs a Tcl script under the recorder, and replays what it called against a model of IP packages and block designs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
OBJECT = re.compile(r"^(\w+):(\S*)$")


@cache
def table() -> Mapping[str, Any]:
    """The commands, properties and cells that the tools know."""
    data: Mapping[str, Any] = yaml.safe_load((HERE / "vivado_commands.yaml").read_text())
    return data


@dataclass(frozen=True)
class Call:
    """One command that a script called."""

    name: str
    options: Mapping[str, str]
    words: Sequence[str]


def run(
    script: Path, *arguments: str, tool: str = "vivado", work: Path, env: Mapping[str, str] | None = None
) -> tuple[list[Call], subprocess.CompletedProcess[str]]:
    """Run a script under the recorder; return what it called, and how it ended."""
    tclsh = shutil.which("tclsh")
    if tclsh is None:
        pytest.skip("tclsh is absent: the scripts for Vivado are run in it")
    known, record = work / "table.tcl", work / "record.txt"
    known.write_text(f"set ::rec::table {{\n{_tcl_table(tool)}}}\n")
    command = [tclsh, str(HERE / "vivado_recorder.tcl"), str(known), str(record), str(script), *arguments]
    done = subprocess.run(
        command, cwd=work, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=60, check=False
    )
    return [_call(line) for line in record.read_text().splitlines()], done


def _tcl_table(tool: str) -> str:
    always = ["-quiet", "-verbose"] if tool == "vivado" else []
    rows = []
    for name, known in table()[tool].items():
        flags, options = [*known.get("flags", []), *always], known.get("options", [])
        rows.append(f"{name} {{{{{' '.join(flags)}}} {{{' '.join(options)}}} {known['args'][0]} {known['args'][1]}}}\n")
    return "".join(rows)


def _call(line: str) -> Call:
    name, *fields = line.split("\x1f")
    options = dict(f[2:].split(":", 1) for f in fields if f.startswith("o:"))
    flags = {f[2:]: "1" for f in fields if f.startswith("f:")}
    return Call(name, {**options, **flags}, [f[2:] for f in fields if f.startswith("p:")])


def properties(calls: Sequence[Call]) -> Iterator[tuple[str, str, str, str]]:
    """Yield every property that was set: class of the object, its name, property, value."""
    for call in calls:
        if call.name != "set_property":
            continue
        if "-dict" in call.options:
            pairs = re.findall(r"(\S+) \{?([^{}\s]*)\}?", call.options["-dict"])
            objects = call.words[0]
        else:
            pairs, objects = [(call.words[0], call.words[1])], call.words[2]
        match = OBJECT.match(objects)
        assert match, f"set_property {pairs[0][0]} must have an object, not {objects!r}"
        for key, value in pairs:
            yield match[1], match[2], key, value


def check_properties(calls: Sequence[Call]) -> None:
    """Fail on a property that objects of its class do not have."""
    ips = {c.words[0]: c.options["-vlnv"].split(":")[2] for c in calls if c.name == "create_bd_cell"}
    for kind, name, key, _ in properties(calls):
        if kind == "cell":
            known = [f"CONFIG.{config}" for config in table()["cells"][ips[name]].get("config", [])]
        else:
            known = table()["properties"][kind]
        assert key in known, f"{kind} {name} has no property {key}"


def check_files(calls: Sequence[Call]) -> None:
    """Fail on a file that a script names and that is not there."""
    for call in calls:
        if call.name in ("add_files", "read_verilog", "read_xdc"):
            for word in call.words[0].split():
                assert Path(word).exists(), f"{call.name}: {word} does not exist"


@dataclass
class PackagedBus:
    """A bus interface of a packaged IP: its type, its mode, ports and parameters by their names in the definition."""

    type: str = ""
    mode: str = ""
    ports: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    memory: str = ""


@dataclass
class Packaged:
    """A packaged IP."""

    vlnv: str
    properties: dict[str, str]
    buses: dict[str, PackagedBus]
    registers: dict[str, dict[str, str]]
    block: str


def packaged(calls: Sequence[Call]) -> Packaged:
    """Replay the ipx:: calls of a script."""
    made = next(c for c in calls if c.name == "ipx::package_project")
    buses: dict[str, PackagedBus] = {}
    core: dict[str, str] = {}
    registers: dict[str, dict[str, str]] = {}
    block = next((f"{c.words[1].split(':')[1]}/{c.words[0]}" for c in calls if c.name == "ipx::add_address_block"), "")
    for call in calls:
        if call.name == "ipx::add_bus_interface":
            assert call.words[0] not in buses, f"bus {call.words[0]} is made twice"
            buses[call.words[0]] = PackagedBus()
        elif call.name == "ipx::add_register":
            registers[call.words[0]] = {}
    for kind, name, key, value in properties(calls):
        if kind == "core":
            core[key] = value
        elif kind == "bus":
            attribute = {"bus_type_vlnv": "type", "interface_mode": "mode"}.get(key, "memory")
            if key != "abstraction_type_vlnv":
                setattr(buses[name], attribute, value)
            else:
                assert value == buses[name].type.replace(":1.0", "_rtl:1.0")
        elif kind in ("port_map", "parameter"):
            bus, logical = name.split("/")
            (buses[bus].ports if kind == "port_map" else buses[bus].parameters)[logical] = value
        elif kind in ("register", "register_parameter"):
            registers[name.split("/")[0]][key if kind == "register" else "bus"] = value
    vlnv = f"{made.options['-vendor']}:{made.options['-library']}:{core['name']}:{core['version']}"
    return Packaged(vlnv, core, buses, registers, block)


@dataclass(frozen=True)
class Pin:
    """A pin or an interface pin: which way it goes; for an interface also its kind, width, space, and segments."""

    way: str
    kind: str = "wire"
    bits: int = 0
    free: bool = False
    space: str = ""
    segments: tuple[str, ...] = ()


class BlockDesign:
    """A block design that is replayed call by call; breaking a rule of IP integrator fails the test."""

    def __init__(self, calls: Sequence[Call], ip: Packaged) -> None:
        self.ip = ip
        self.cells: dict[str, str] = {}
        self.config: dict[str, dict[str, str]] = {}
        self.nets: list[list[str]] = []
        self.links: list[tuple[str, str]] = []
        self.assigned: dict[tuple[str, str], tuple[int, int]] = {}
        self.excluded: set[tuple[str, str]] = set()
        self.valid = False
        for position, call in enumerate(calls):
            handler = getattr(self, f"_{call.name}", None)
            if handler is not None:
                handler(call)
            for kind, name, key, value in properties(calls[position : position + 1]):
                if kind == "cell":
                    self.config[name][key.removeprefix("CONFIG.")] = value

    def pins(self, cell: str) -> dict[str, Pin]:
        """Return the pins and interface pins that a cell has with its present properties."""
        if self.cells[cell] == self.ip.vlnv:
            return dict(self._ip_pins())
        known = table()["cells"][self.cells[cell].split(":")[2]]
        config = self.config[cell]
        found: dict[str, Pin] = {}
        for name, facts in {**known["pins"], **known.get("interfaces", {})}.items():
            if "if" in facts and config.get(facts["if"]) != "1":
                continue
            bits = int(config.get(facts.get("width"), 0)) + 8 * int(config.get(facts.get("bytes"), 0))
            segments = tuple(facts.get("segments", ()))
            pin = Pin(facts["way"], facts.get("kind", "wire"), bits, "free" in facts, facts.get("space", ""), segments)
            times = range(int(config[facts["times"]])) if "times" in facts else ()
            found |= {name % n: pin for n in times} if "times" in facts else {name: pin}
        return found

    def _ip_pins(self) -> Iterator[tuple[str, Pin]]:
        for name, bus in self.ip.buses.items():
            kind = bus.type.split(":")[2]
            if kind in ("clock", "reset", "interrupt"):
                yield next(iter(bus.ports.values())), Pin("out" if bus.mode == "master" else "in")
            elif kind == "axis":
                yield name, Pin(bus.mode, kind, 8 * int(bus.parameters["TDATA_NUM_BYTES"]))
            elif bus.mode == "slave":
                yield name, Pin("slave", kind, segments=(self.ip.block,))
            else:
                yield name, Pin("master", kind, space=bus.memory)

    def _pin(self, path: str, kinds: str) -> Pin:
        cell, name = path.split("/", 1)
        assert cell in self.cells, f"there is no cell {cell}"
        found = self.pins(cell)
        assert name in found, f"{cell} ({self.cells[cell]}) has no pin {name}"
        pin = found[name]
        assert (pin.kind == "wire") == (kinds == "wire"), f"{path} is not a {kinds}"
        return pin

    def _create_bd_cell(self, call: Call) -> None:
        vlnv, name = call.options["-vlnv"], call.words[0]
        assert name not in self.cells, f"cell {name} is made twice"
        vendor, _, ip = vlnv.split(":")[:3]
        assert vlnv == self.ip.vlnv or (vendor == "xilinx.com" and ip in table()["cells"]), f"no IP {vlnv}"
        self.cells[name], self.config[name] = vlnv, {}

    def _connect_bd_net(self, call: Call) -> None:
        paths = [word.split(":", 1)[1] for word in call.words]
        ways = [self._pin(path, "wire").way for path in paths]
        assert ways.count("out") == 1, f"a net must have one driver: {paths}"
        taken = {path for net in self.nets for path in net}
        assert not taken & set(paths), f"connected twice: {taken & set(paths)}"
        self.nets.append(paths)

    def _connect_bd_intf_net(self, call: Call) -> None:
        first, second = (word.split(":", 1)[1] for word in call.words)
        one, two = self._pin(first, "interface"), self._pin(second, "interface")
        assert {one.way, two.way} == {"master", "slave"}, f"{first} and {second} are both {one.way}"
        assert (one.kind, one.bits) == (two.kind, two.bits), f"{first} and {second} do not fit: {one}, {two}"
        taken = {path for link in self.links for path in link}
        assert not taken & {first, second}, f"connected twice: {taken & {first, second}}"
        self.links.append((first, second) if one.way == "master" else (second, first))

    def reached(self, path: str) -> set[str]:
        """Return the segments, as ``cell/segment``, that a master interface reaches."""
        end = next(slave for master, slave in self.links if master == path)
        cell, name = end.split("/", 1)
        if self.cells[cell].endswith(":smartconnect"):
            onward = [f"{cell}/{n}" for n, pin in self.pins(cell).items() if pin.way == "master"]
            return {segment for path in onward for segment in self.reached(path)}
        return {f"{cell}/{segment}" for segment in self.pins(cell)[name].segments}

    def spaces(self) -> dict[str, set[str]]:
        """Return the segments that each address space reaches."""
        found = {}
        for cell in self.cells:
            for name, pin in self.pins(cell).items():
                if pin.way == "master" and pin.space:
                    found[f"{cell}/{pin.space}"] = self.reached(f"{cell}/{name}")
        return found

    def _assign_bd_address(self, call: Call) -> None:
        space, segment = call.options["-target_address_space"].split(":", 1)[1], call.words[0].split(":", 1)[1]
        offset, size = int(call.options["-offset"], 0), int(call.options["-range"], 0)
        assert segment in self.spaces()[space], f"{space} does not reach {segment}"
        assert offset % size == 0, f"{segment} at {offset:#x} is not aligned to its size"
        for (other, name), (start, length) in self.assigned.items():
            apart = other != space or offset >= start + length or start >= offset + size
            assert apart, f"{segment} overlaps {name} in {space}"
        self.assigned[space, segment] = (offset, size)

    def _exclude_bd_addr_seg(self, call: Call) -> None:
        space, segment = call.options["-target_address_space"].split(":", 1)[1], call.words[0].split(":", 1)[1]
        if segment in self.spaces()[space]:
            self.excluded.add((space, segment))

    def _validate_bd_design(self, _: Call) -> None:
        wired = {path for net in self.nets for path in net} | {path for link in self.links for path in link}
        for cell in self.cells:
            for name, pin in self.pins(cell).items():
                assert f"{cell}/{name}" in wired or pin.free or pin.way == "out", f"{cell}/{name} is not connected"
        for space, segments in self.spaces().items():
            for segment in segments:
                assert (space, segment) in self.assigned or (space, segment) in self.excluded, (
                    f"{segment} is neither assigned nor excluded in {space}"
                )
        self.valid = True
