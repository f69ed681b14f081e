# SPDX-License-Identifier: Apache-2.0
"""Reads as much of Itanium-mangled C++ names as a process's signature needs: stream parameters and their widths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BUILTIN = {"b": 1, "c": 8, "a": 8, "h": 8, "s": 16, "t": 16, "i": 32, "j": 32, "l": 64, "m": 64, "x": 64, "y": 64}


@dataclass(frozen=True)
class Name:
    """A C++ type: its qualified name, template arguments (types or integers), reference or pointer."""

    name: str
    args: tuple[Name | int, ...] = ()
    reference: bool = False
    pointer: bool = False

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.args))
        return self.name + (f"<{inside}>" if self.args else "") + "&" * self.reference + "*" * self.pointer


class _Reader:
    """A recursive-descent reader of `<type>`, with the table of substitutions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen: list[Name] = []

    def take(self, prefix: str) -> bool:
        if self.text.startswith(prefix):
            self.text = self.text[len(prefix) :]
            return True
        return False

    def identifier(self) -> str:
        match = re.match(r"\d+", self.text)
        if match is None:
            raise ValueError(self.text)
        end = match.end() + int(match[0])
        word, self.text = self.text[match.end() : end], self.text[end:]
        return word

    def remember(self, name: Name) -> Name:
        self.seen.append(name)
        return name

    def substitution(self) -> Name:
        digits, _, self.text = self.text.partition("_")
        return self.seen[int(digits, 36) + 1 if digits else 0]

    def arguments(self) -> tuple[Name | int, ...]:
        found: list[Name | int] = []
        while not self.take("E"):
            if self.take("L"):
                self.type()
                digits, _, self.text = self.text.partition("E")
                found.append(int(digits.replace("n", "-")))
            else:
                found.append(self.type())
        return tuple(found)

    def nested(self) -> Name:
        """`N <prefix>... E`; every prefix but the whole is a substitution candidate, the whole one too as a type."""
        current: Name | None = None
        while not self.take("E"):
            if self.take("S"):
                current = self.substitution()
            elif self.take("I"):
                assert current is not None
                current = self.remember(Name(current.name, self.arguments()))
            else:
                word = self.identifier()
                current = self.remember(Name(f"{current}::{word}" if current else word))
        assert current is not None
        return current

    def type(self) -> Name:
        if self.take("R"):
            inner = self.type()
            return self.remember(Name(inner.name, inner.args, True))
        if self.take("P"):
            inner = self.type()
            return self.remember(Name(inner.name, inner.args, inner.reference, True))
        if self.take("K"):
            inner = self.type()
            return self.remember(Name(f"const {inner.name}", inner.args))
        if self.take("DU") or self.take("DB"):
            digits, _, self.text = self.text.partition("_")
            return Name("_BitInt", (int(digits),))
        if self.take("N"):
            return self.nested()
        if self.take("S"):
            base = self.substitution()
        elif self.text[:1].isdigit():
            base = self.remember(Name(self.identifier()))
        else:
            base = Name(self.text[0])
            self.text = self.text[1:]
            return base
        return self.remember(Name(base.name, self.arguments())) if self.take("I") else base


def identifier(mangled: str) -> str:
    """Return the last plain identifier of a mangled name: `_ZL10mv_weights` is `mv_weights`; else the name itself."""
    reader = _Reader(mangled)
    if not reader.take("_Z"):
        return mangled
    local = reader.take("Z")
    reader.take("L")
    try:
        word = reader.nested().name if reader.take("N") else reader.identifier()
    except (ValueError, AssertionError, IndexError):
        return mangled
    inner = re.match(r".*E(\d+)(\D\w*)$", reader.text) if local else None
    if inner and len(inner[2]) >= int(inner[1]):
        return inner[2][: int(inner[1])]
    return word.split("::")[-1]


def parameters(mangled: str) -> tuple[Name, ...] | None:
    """Return the parameter types of a mangled global function, None where the name is not understood."""
    reader = _Reader(mangled)
    if not reader.take("_Z"):
        return None
    found = []
    try:
        reader.identifier()
        while reader.text:
            found.append(reader.type())
    except (ValueError, AssertionError, IndexError):
        return None
    return tuple(found)


def bits(kind: Name) -> int | None:
    """Return the width of a value type (`ap_uint<W>`, `_BitInt(W)`, a builtin integer), None for others."""
    if kind.name in ("ap_int", "ap_uint", "_BitInt") and kind.args and isinstance(kind.args[0], int):
        return kind.args[0]
    return _BUILTIN.get(kind.name) if not kind.args else None


def stream_bits(kind: Name, structs: Mapping[Name, int]) -> int | None:
    """Return the width of `hls::stream<T>&`, None where the type is something else; for `structs` see `struct_bits`."""
    if kind.name != "hls::stream" or not kind.reference or not kind.args or isinstance(kind.args[0], int):
        return None
    return bits(kind.args[0]) or structs.get(kind.args[0])


_WORD = "_ZN10hwgen_word4WordI"
_STRUCT = re.compile(
    rf'^define [^@\n]*@"?{_WORD}([\w.]+)Lb0EE10hwgen_bitsEv"?\([^\n]*\{{$(?:\n(?!\}}).*)*?\n +ret i32 (\d+)',
    re.MULTILINE,
)


def struct_bits(module: str) -> dict[Name, int]:
    """Return the widths of the structs that streams carry, from the functions of `hls_word.h` in a module's text."""
    found = {}
    for mangled, width in _STRUCT.findall(module):
        reader = _Reader(mangled)
        reader.seen = [Name("hwgen_word"), Name("hwgen_word::Word")]
        found[reader.type()] = int(width)
    return found
