# SPDX-License-Identifier: Apache-2.0
"""Processes that are SystemVerilog modules: their description, in the keys of Vitis HLS's RTL black boxes.

``<function>.json`` beside the C++ file that calls the process tells its module, its files and its ports. Differently
from Vitis HLS, stream ports are AXI4-Stream signals (``tdata``, ``tvalid``, ``tready``), and there are some more keys:

- ``rtl_parameters``: the module's parameters: a number, a text, or ``width(x)``, maybe with ``* n`` or ``/ n`` behind
  it, where x is a C++ parameter: bits of a stream's word, of a pointer's element, or of a scalar.
- ``rtl_start`` ``{tdata, tvalid, tready, fields}``: the slave stream that takes one word at the start of a run, put
  together from scalars and addresses (64 bits), the first field lowest. ``rtl_done`` ``{tdata, tvalid, tready}``: the
  master stream that gives one AXI response at its end.
- ``rtl_ties``: 0 or 1 for all bits of inputs that nothing else drives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hwgen.errors import did_you_mean
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.library import library

Direction = Literal["in", "out"]

STREAM = ("tdata", "tvalid", "tready")
_WIDTH = re.compile(r"\s*width\((?P<name>\w+)\)\s*(?:(?P<sign>[*/])\s*(?P<factor>\d+))?\s*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PORT = re.compile(r"(?:(input|output|inout)\b[^,]*?)?\b([A-Za-z_]\w*)\s*(?:=[^,]*)?$")

_KEYS: Mapping[str, type] = {
    "c_function_name": str,
    "rtl_top_module_name": str,
    "c_files": list,
    "rtl_files": list,
    "c_parameters": list,
    "rtl_parameters": dict,
    "rtl_common_signal": dict,
    "rtl_start": dict,
    "rtl_done": dict,
    "rtl_ties": dict,
    "rtl_performance": dict,
    "rtl_resource_usage": dict,
}
_NEEDED = ("c_function_name", "rtl_top_module_name", "rtl_files", "c_parameters")
_SAID: Mapping[type, str] = {str: "a text", list: "a list", dict: "an object", int: "a number"}


@dataclass(frozen=True)
class BoxPort:
    """A C++ parameter of the process: a stream with its three pins, an AXI4 master by its prefix, or a scalar."""

    name: str
    kind: Literal["stream", "memory", "scalar"]
    direction: Direction
    pins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BlackBox:
    """A process that is a SystemVerilog module.

    Parameters
    ----------
    function, module
        Names of the C++ function and of the module.
    model
        C++ file with the function's definition, for C simulation; None where the caller's file defines it.
    files
        SystemVerilog files: the module's own, and what it needs.
    ports
        The C++ parameters in order.
    parameters
        The module's parameters: numbers, texts, or ``width(x)``.
    clocks, resets
        Its clock inputs and its inputs for the synchronous reset, active low.
    start, fields, done
        Pins of the stream that starts a run, the C++ parameters it carries, and pins of the stream that ends it.
    ties
        0 or 1 for all bits of other inputs.
    origin
        Where it was described, for messages.
    """

    function: str
    module: str
    model: Path | None
    files: tuple[Path, ...]
    ports: tuple[BoxPort, ...]
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    clocks: tuple[str, ...] = ("ap_clk",)
    resets: tuple[str, ...] = ("ap_rst_n",)
    start: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    done: Mapping[str, str] = field(default_factory=dict)
    ties: Mapping[str, int] = field(default_factory=dict)
    origin: str = ""

    def values(self, widths: Mapping[str, int]) -> dict[str, int | str]:
        """Return the module's parameters for the widths of the C++ parameters, in bits.

        Raises
        ------
        HlsError
            For a ``width()`` of something else, or one that does not divide.
        """
        return {key: self._value(key, value, widths) for key, value in self.parameters.items()}

    def _value(self, key: str, value: int | str, widths: Mapping[str, int]) -> int | str:
        if isinstance(value, int) or not value.lstrip().startswith("width"):
            return value
        match = _WIDTH.fullmatch(value)
        if match is None or match["name"] not in widths:
            said = f"rtl_parameters.{key} must be a number, a text or width(x) of a C++ parameter, not {value}."
            raise _error(self.origin, said, f"The parameters are {', '.join(widths)}.")
        bits, factor = widths[match["name"]], int(match["factor"] or 1)
        if match["sign"] != "/":
            return bits * factor
        if not factor or bits % factor:
            raise _error(self.origin, f"rtl_parameters.{key} must divide: {value} is {bits} / {factor}.", "")
        return bits // factor


def _error(file: str, rule: str, fix: str) -> HlsError:
    return HlsError(rule, file=file, fix=fix)


class _Fields:
    """An object of the description, and where it is, so that a refusal can name file and key."""

    def __init__(self, value: Mapping[str, Any], file: str, path: str = "") -> None:
        self.value, self.file, self.path = value, file, path

    def error(self, key: str, rule: str, fix: str = "") -> HlsError:
        return _error(self.file, f"{self.path}{key} {rule}", fix)

    def only(self, known: Iterable[str]) -> None:
        names = list(known)
        for key in self.value:
            if key not in names:
                fix = did_you_mean(key, names) or f"The keys are {', '.join(names)}."
                raise self.error(key, "is no key of a black box.", fix)

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        if key not in self.value:
            if default is None:
                raise self.error(key, "must be given.", f"Write {_SAID[kind]}.")
            return default
        found = self.value[key]
        if not isinstance(found, kind) or isinstance(found, bool):
            raise self.error(key, f"must be {_SAID[kind]}, not {json.dumps(found)}.")
        return found

    def name(self, key: str, default: str | None = None) -> str:
        found: str = self.get(key, str, default)
        if not re.fullmatch(r"[A-Za-z_]\w*", found):
            raise self.error(key, f'must be a name, not "{found}".')
        return found

    def inner(self, key: str) -> _Fields:
        return _Fields(self.get(key, dict, {}), self.file, f"{self.path}{key}.")

    def items(self, key: str, kind: type) -> list[Any]:
        found: list[Any] = self.get(key, list, [])
        for index, item in enumerate(found):
            if not isinstance(item, kind):
                raise self.error(f"{key}[{index}]", f"must be {_SAID[kind]}, not {json.dumps(item)}.")
        return found

    def pins(self) -> dict[str, str]:
        return {key: self.name(key) for key in STREAM}


def read_black_box(path: Path) -> BlackBox:
    """Read and check the description of a black box.

    Parameters
    ----------
    path
        The JSON file. Files that it names are looked for beside it, then in hwgen's library `hls/rtl`.

    Raises
    ------
    HlsError
        For anything that is not understood, with file and key; for a missing file; for a module without the ports.
    """
    file = str(path)
    try:
        value = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise _error(file, f"The black box's description must be readable: {error}.", "") from None
    except json.JSONDecodeError as error:
        raise HlsError(f"A black box must be described in JSON: {error.msg}.", file=file, line=error.lineno) from None
    if not isinstance(value, dict):
        raise _error(file, "A black box must be described by a JSON object.", "")
    top = _Fields(value, file)
    top.only(_KEYS)
    for key in _NEEDED:
        top.get(key, _KEYS[key])
    for key in value:
        top.get(key, _KEYS[key])
    box = _read(top, path)
    check_module(box)
    return box


def _read(top: _Fields, path: Path) -> BlackBox:
    start, done, common = top.inner("rtl_start"), top.inner("rtl_done"), top.inner("rtl_common_signal")
    start.only((*STREAM, "fields"))
    done.only(STREAM)
    common.only(("module_clock", "module_reset"))
    fields = tuple(start.items("fields", str))
    ports = tuple(_port(top, index, item, fields) for index, item in enumerate(top.items("c_parameters", dict)))
    for index, name in enumerate(fields):
        if name not in [port.name for port in ports if port.kind != "stream"]:
            raise start.error(f"fields[{index}]", f"must be a scalar or pointer of c_parameters, not {name}.")
    parameters = top.inner("rtl_parameters").value
    for key, value in parameters.items():
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise top.error(f"rtl_parameters.{key}", f"must be a number or a text, not {json.dumps(value)}.")
    ties = top.inner("rtl_ties")
    for key in ties.value:
        if ties.get(key, int) not in (0, 1):
            raise ties.error(key, "must be 0 or 1, for all bits of the input.")
    models = top.items("c_files", dict)
    if len(models) > 1:
        raise top.error("c_files", f"must be one file, not {len(models)}.", "Include the others from it.")
    return BlackBox(
        top.name("c_function_name"),
        top.name("rtl_top_module_name"),
        _model(_Fields(models[0], top.file, "c_files[0]."), path) if models else None,
        tuple(_file(top, i, name, path) for i, name in enumerate(top.items("rtl_files", str))),
        ports,
        dict(parameters),
        _names(common, "module_clock", "ap_clk"),
        _names(common, "module_reset", "ap_rst_n"),
        start.pins() if start.value else {},
        fields,
        done.pins() if done.value else {},
        dict(ties.value),
        top.file,
    )


def _names(common: _Fields, key: str, default: str) -> tuple[str, ...]:
    """Return one name, or several that one signal of the top drives."""
    if isinstance(common.value.get(key), list):
        return tuple(common.items(key, str))
    return (common.name(key, default),)


def _port(top: _Fields, index: int, value: Mapping[str, Any], fields: Sequence[str]) -> BoxPort:
    given = _Fields(value, top.file, f"c_parameters[{index}].")
    given.only(("c_name", "c_port_direction", "rtl_ports"))
    name, direction = given.name("c_name"), given.get("c_port_direction", str)
    if direction not in ("in", "out"):
        raise given.error("c_port_direction", f"must be in or out, not {direction}.")
    pins = given.inner("rtl_ports")
    if "rtl_ports" not in value:
        if name in fields:
            return BoxPort(name, "scalar", direction)
        return BoxPort(name, "stream", direction, {s: f"{name}_{s}" for s in STREAM})
    pins.only((*STREAM, "m_axi"))
    if "m_axi" in pins.value:
        return BoxPort(name, "memory", direction, {"m_axi": pins.name("m_axi")})
    return BoxPort(name, "stream", direction, pins.pins())


def _model(given: _Fields, path: Path) -> Path:
    given.only(("c_file", "cflag"))
    if given.get("cflag", str, ""):
        raise given.error("cflag", "must be empty: the model is compiled as every process is.", "Use #define.")
    found: Path = path.parent / given.get("c_file", str)
    if not found.is_file():
        raise given.error("c_file", f"must exist, and {found} does not.")
    return found


def _file(top: _Fields, index: int, name: str, path: Path) -> Path:
    for folder in (path.parent, library()):
        if (folder / name).is_file():
            return folder / name
    raise top.error(f"rtl_files[{index}]", f"must exist, and {path.parent / name} does not.", "Correct the name.")


def module_ports(files: Iterable[Path], module: str) -> dict[str, str] | None:
    """Return the ports of a SystemVerilog module by name: input, output or inout; None where no file has the module.

    Only ANSI port lists are understood.
    """
    for path in files:
        text = _COMMENT.sub("", path.read_text())
        match = re.search(rf"\bmodule\s+{module}\b(.*?)\)\s*;", text, re.DOTALL)
        if match is None:
            continue
        inside = match[1][match[1].rfind("(") + 1 :] if "#" not in match[1] else _behind_parameters(match[1])
        found: dict[str, str] = {}
        direction = "input"
        for part in re.split(r",(?![^\[]*\])(?![^(]*\))", inside):
            port = _PORT.search(" ".join(part.split()))
            if port:
                direction = port[1] or direction
                found[port[2]] = direction
        return found
    return None


def _behind_parameters(header: str) -> str:
    """Return the port list of a module header that has a parameter list."""
    depth, at = 0, header.index("(")
    for at in range(header.index("("), len(header)):
        depth += {"(": 1, ")": -1}.get(header[at], 0)
        if depth == 0:
            break
    return header[header.index("(", at) + 1 :]


def check_module(box: BlackBox) -> None:
    """Refuse a black box whose module is not in the files, lacks a port, or has an input that nothing drives.

    Raises
    ------
    HlsError
        With the file of the description.
    """
    ports = module_ports(box.files, box.module)
    if ports is None:
        said = f"rtl_top_module_name must be a module of rtl_files, and {box.module} is in none of them."
        raise _error(box.origin, said, "Add its file, or correct the name.")
    driven = [(pin, "input") for pin in (*box.clocks, *box.resets, *box.ties)]
    streams = [(port.pins, port.direction) for port in box.ports if port.kind == "stream"]
    streams += [(box.start, "in")] if box.start else []
    streams += [(box.done, "out")] if box.done else []
    for pins, way in streams:
        forth, back = ("input", "output") if way == "in" else ("output", "input")
        driven += [(pins["tdata"], forth), (pins["tvalid"], forth), (pins["tready"], back)]
    for pin, wanted in driven:
        if ports.get(pin) != wanted:
            is_now = f"an {ports[pin]}" if pin in ports else "missing"
            said = f"Module {box.module} must have the {wanted} {pin}, and it is {is_now}."
            raise _error(box.origin, said, "Correct rtl_ports, or the module.")
    prefixes = tuple(f"{port.pins['m_axi']}_" for port in box.ports if port.kind == "memory")
    known = {pin for pin, _ in driven}
    for pin, direction in ports.items():
        if direction != "output" and pin not in known and not (prefixes and pin.startswith(prefixes)):
            said = f"The input {pin} of module {box.module} must be driven, and nothing is said about it."
            raise _error(box.origin, said, "Name it in rtl_ports, or give it a constant in rtl_ties.")


def find_black_boxes(source: Path, names: Iterable[str], given: Mapping[str, BlackBox | Path]) -> dict[str, BlackBox]:
    """Return the black boxes among the processes `names`: those given by name, and ``<name>.json`` beside the source.

    Raises
    ------
    HlsError
        For a description that is not understood, and one beside the source that is for another function.
    """
    boxes: dict[str, BlackBox] = {}
    for name in dict.fromkeys(names):
        found = given.get(name, source.parent / f"{name}.json")
        if isinstance(found, BlackBox):
            check_module(found)
            boxes[name] = found
        elif name in given or found.is_file():
            box = read_black_box(found)
            if name not in given and box.function != name:
                said = f"c_function_name must be {name}, as the file is called, not {box.function}."
                raise _error(box.origin, said, "Rename one of them.")
            boxes[name] = box
    return boxes
