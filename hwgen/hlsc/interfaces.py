# SPDX-License-Identifier: Apache-2.0
"""INTERFACE directives at a dataflow top: streams, an AXI4-Lite slave for scalars and control, AXI4 masters.

What is understood: ``axis`` on a stream; ``s_axilite`` on a scalar, a pointer (its address) and ``return``, all of one
bundle; ``m_axi`` on a pointer; ``ap_ctrl_none`` on ``return``, which says that the top runs whenever there is data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hwgen.hlsc import mangle
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.mangle import Name

UNDERSTOOD = (
    "A top may have axis on streams, s_axilite on scalars, pointers and return, m_axi on pointers, and ap_ctrl_none on "
    "return."
)
BURSTS = ("max_read_burst_length", "max_write_burst_length", "num_read_outstanding", "num_write_outstanding")
_MODES: Mapping[str, tuple[str, ...]] = {
    "axis": ("stream",),
    "s_axilite": ("scalar", "memory", "return"),
    "m_axi": ("memory",),
    "ap_ctrl_none": ("return",),
}
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "axis": ("register",),
    "s_axilite": ("bundle",),
    "m_axi": ("bundle", "offset", "depth", *BURSTS),
    "ap_ctrl_none": (),
}
ADDRESS_BITS = 64
SCALAR_BITS = 64


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function: a stream, a pointer to words off chip, or a scalar; `bits` of a word."""

    name: str
    kind: Literal["stream", "memory", "scalar"]
    bits: int


@dataclass(frozen=True)
class Bundle:
    """An AXI4 master as asked for; `offset` says whether its address is a register, `options` its burst arguments."""

    name: str
    offset: bool
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Register:
    """An argument in the AXI4-Lite slave: byte address of its first word, and its bits."""

    name: str
    address: int
    bits: int


@dataclass(frozen=True)
class Interfaces:
    """What the directives ask for: the control bundle ("" for none), its registers, and the master of each pointer."""

    control: str = ""
    registers: tuple[Register, ...] = ()
    memories: Mapping[str, Bundle] = field(default_factory=dict)


def parameter(name: str, kind: Name, structs: Mapping[Name, int]) -> Parameter | None:
    """Return what a parameter of a type is, None where the type is none that a process may have."""
    bits = mangle.stream_bits(kind, structs)
    if bits is not None:
        return Parameter(name, "stream", bits)
    if kind.reference and (kind.pointer or not kind.name.startswith("const ")):
        return None
    bits = mangle.bits(Name(kind.name.removeprefix("const "), kind.args))
    if bits is None or (not kind.pointer and bits > SCALAR_BITS):
        return None
    return Parameter(name, "memory" if kind.pointer else "scalar", bits)


def _mode(directive: Directive) -> str:
    """Return the mode, whichever way it is written: ``mode=axis`` or ``axis``."""
    found = [key for key in directive.args if key in _MODES]
    if "mode" in directive.args:
        found.append(directive.args["mode"].lower())
    if len(found) != 1 or found[0] not in _MODES:
        raise directive.refused("INTERFACE must name one mode.", UNDERSTOOD)
    return found[0]


def read_interfaces(
    directives: Iterable[Directive], function: str, parameters: Iterable[Parameter], *, top: bool
) -> Interfaces:
    """Check the INTERFACE directives of a function and return what they ask for.

    Parameters
    ----------
    directives
        All directives of the file.
    function
        The function that is compiled; those of others are left alone.
    parameters
        Its parameters in order.
    top
        Whether it is a dataflow top; a process may have ``axis`` and ``ap_ctrl_none`` alone.

    Raises
    ------
    HlsError
        At the directive, for what is not understood, and for scalars and pointers without a directive.
    """
    kinds = {p.name: p for p in parameters}
    asked: dict[str, dict[str, Directive]] = {}
    for directive in directives:
        if directive.name != "INTERFACE" or directive.function != function:
            continue
        mode, port = _check(directive, kinds, top)
        if mode in asked.setdefault(port, {}):
            raise directive.refused(f"Port {port} must have one INTERFACE {mode}.", "Remove the other one.")
        asked[port][mode] = directive
    memories = {name: _bundle(modes["m_axi"]) for name, modes in asked.items() if "m_axi" in modes}
    for name, modes in asked.items():
        if kinds.get(name, Parameter("", "stream", 0)).kind == "memory" and "m_axi" not in modes:
            raise modes["s_axilite"].refused(f"Pointer {name} must have INTERFACE m_axi.", _fix(name, "m_axi"))
    return _control(kinds, asked, memories)


def _fix(name: str, mode: str) -> str:
    more = " offset=slave bundle=gmem" if mode == "m_axi" else " bundle=control"
    return f"Write #pragma HLS INTERFACE mode={mode} port={name}{more}."


def _check(directive: Directive, kinds: Mapping[str, Parameter], top: bool) -> tuple[str, str]:
    """Return mode and port of a directive."""
    mode, port = _mode(directive), directive.args.get("port", "")
    if not top and mode in ("s_axilite", "m_axi"):
        raise directive.refused(f"INTERFACE {mode} must stand in the dataflow top, not in a process.", UNDERSTOOD)
    if port != "return" and port not in kinds:
        raise directive.refused(f'INTERFACE must name a parameter or return, not "{port}".', UNDERSTOOD)
    kind = "return" if port == "return" else kinds[port].kind
    if kind not in _MODES[mode]:
        said = {"stream": "a stream", "memory": "a pointer", "scalar": "a scalar", "return": "return"}[kind]
        raise directive.refused(f"INTERFACE {mode} must not be asked for {said} ({port}).", UNDERSTOOD)
    for key in directive.args:
        if key not in (mode, "mode", "port", *_ARGUMENTS[mode]):
            fix = f"It has {', '.join(('port', *_ARGUMENTS[mode]))}."
            raise directive.refused(f"INTERFACE {mode} has no argument {key}.", fix)
    return mode, port


def _bundle(directive: Directive) -> Bundle:
    options = {key: int(directive.args[key]) for key in BURSTS if key in directive.args}
    return Bundle(directive.args.get("bundle", "gmem"), directive.args.get("offset", "slave") == "slave", options)


def _control(
    kinds: Mapping[str, Parameter], asked: Mapping[str, Mapping[str, Directive]], memories: Mapping[str, Bundle]
) -> Interfaces:
    """Lay out the registers: from 0x10, an argument's words and one word behind them that does not exist."""
    slaves = {name: modes["s_axilite"] for name, modes in asked.items() if "s_axilite" in modes}
    bundles = {directive.args.get("bundle", "control") for directive in slaves.values()}
    if len(bundles) > 1:
        last = list(slaves.values())[-1]
        raise last.refused(f"All s_axilite must be of one bundle, not {', '.join(sorted(bundles))}.", "Choose one.")
    if slaves and "return" not in slaves:
        raise next(iter(slaves.values())).refused(
            "s_axilite must also be asked for return.", _fix("return", "s_axilite")
        )
    if slaves and "ap_ctrl_none" in asked["return"]:
        rule = "return must be ap_ctrl_none or s_axilite, not both."
        raise asked["return"]["ap_ctrl_none"].refused(rule, "Remove one of them.")
    registers: list[Register] = []
    at = 0x10
    for name, kind in kinds.items():
        if name in slaves or (name in memories and memories[name].offset):
            bits = ADDRESS_BITS if kind.kind == "memory" else kind.bits
            registers.append(Register(name, at, bits))
            at += 8 if bits <= 32 else 12
    return Interfaces(next(iter(bundles), ""), tuple(registers), memories)
