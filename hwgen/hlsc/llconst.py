# SPDX-License-Identifier: Apache-2.0
"""Initialisers of constant globals as bytes in memory."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from hwgen.hlsc.llparse import Global, integer
from hwgen.hlsc.lltypes import Array, Int, Struct, Type, TypeReader

Bytes = npt.NDArray[np.uint8]

_TOKEN = re.compile(
    r'c"((?:[^"\\]|\\[0-9A-Fa-f]{2}|\\\\)*)"|(zeroinitializer|undef|poison|null)\b|(true|false)\b|(-?\d+)(?=[\s,\]}>]|$)'
)
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2})|\\\\")


class Unreadable(Exception):
    """The initialiser holds something that is no integer: a pointer, a float, a constant expression."""


def image(variable: Global, types: TypeReader) -> Bytes:
    """Return the bytes of a global variable's initial value, little endian, padding 0."""
    out = np.zeros(variable.type.size, np.uint8)
    text = variable.initial
    fast = _uniform(variable.type, text)
    if fast is not None:
        return fast
    reader = _Reader(text, types, out)
    reader.value(variable.type, 0)
    return out


def _leaf(kind: Type) -> tuple[Int, int] | None:
    """Return the integer type and count of nested arrays of (structures of) one integer."""
    count = 1
    while not isinstance(kind, Int):
        if isinstance(kind, Array):
            count *= kind.count
            kind = kind.element
        elif isinstance(kind, Struct) and len(kind.fields) == 1 and kind.size == kind.fields[0].size:
            kind = kind.fields[0]
        else:
            return None
    return kind, count


def _uniform(kind: Type, text: str) -> Bytes | None:
    """Read a table of small integers at once; None where the text is not as regular as that."""
    leaf = _leaf(kind)
    if leaf is None or leaf[0].width > 64 or leaf[0].size * 8 != leaf[0].width:
        return None
    width, count = leaf[0].width, leaf[1]
    found = re.findall(rf"\bi{width} (-?\d+)|\b(zeroinitializer)\b", text)
    if len(found) != count:
        return None
    numbers = [int(number) & (1 << width) - 1 if number else 0 for number, _ in found]
    return np.array(numbers, dtype=f"<u{width // 8}").view(np.uint8)


class _Reader:
    """Walks an initialiser along its type."""

    def __init__(self, text: str, types: TypeReader, out: Bytes) -> None:
        self.text = text
        self.at = 0
        self.types = types
        self.out = out

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " ,":
            self.at += 1

    def value(self, kind: Type, offset: int) -> None:
        self.skip()
        letter = self.text[self.at]
        if letter in "[{<" and isinstance(kind, Array | Struct):
            self.at += 2 if self.text.startswith("<{", self.at) else 1
            if isinstance(kind, Array):
                places = [(kind.element, offset + i * kind.element.size) for i in range(kind.count)]
            else:
                places = [(f, offset + o) for f, o in zip(kind.fields, kind.offsets, strict=True)]
            for _, place in places:
                self.typed(place)
            self.skip()
            self.at += 2 if self.text.startswith("}>", self.at) else 1
            return
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise Unreadable(self.text[self.at : self.at + 40])
        self.at = match.end()
        if match[1] is not None:
            data = _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else b"\\", match[1].encode("latin-1"))
            self.out[offset : offset + len(data)] = np.frombuffer(data, np.uint8)
        elif not match[2]:
            number = integer(match[4]) if match[4] else int(match[3] == "true")
            size = kind.size
            data = (number & (1 << 8 * size) - 1).to_bytes(size, "little")
            self.out[offset : offset + size] = np.frombuffer(data, np.uint8)

    def typed(self, offset: int) -> None:
        """Read `type value`; the text's own type is the one to trust."""
        self.skip()
        end = self.text.find(" ", self.at)
        word = self.text[self.at : end]
        if re.fullmatch(r"i\d+|ptr", word):
            kind, self.at = self.types.whole(word), end
        else:
            kind, rest = self.types.read(self.text[self.at : self.at + 2000])
            self.at += min(2000, len(self.text) - self.at) - len(rest)
        self.value(kind, offset)
