# SPDX-License-Identifier: Apache-2.0
"""LLVM types as they appear in textual IR, and their layout in memory (x86-64 rules)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Int:
    """`iN`."""

    width: int

    @property
    def align(self) -> int:
        """Alignment in bytes: the next power of two, at most 16."""
        return int(min(16, max(1, 1 << ((self.width + 7) // 8 - 1).bit_length())))

    @property
    def size(self) -> int:
        """Bytes in an array or structure."""
        return -(-((self.width + 7) // 8) // self.align) * self.align


@dataclass(frozen=True)
class Ptr:
    """`ptr`."""

    size: int = 8
    align: int = 8


@dataclass(frozen=True)
class Other:
    """A type without a place in the subset: `float`, a vector, `void`, an opaque structure."""

    text: str
    size: int = 0
    align: int = 1


@dataclass(frozen=True)
class Array:
    """`[N x T]`."""

    count: int
    element: Type

    @cached_property
    def size(self) -> int:
        """Bytes."""
        return self.count * self.element.size

    @property
    def align(self) -> int:
        """Alignment of the element."""
        return self.element.align


@dataclass(frozen=True)
class Struct:
    """`{ T, U }` or the packed `<{ T, U }>`."""

    fields: tuple[Type, ...]
    packed: bool = False

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Byte offset of every field."""
        offsets, at = [], 0
        for item in self.fields:
            align = 1 if self.packed else item.align
            at = -(-at // align) * align
            offsets.append(at)
            at += item.size
        return tuple(offsets)

    @property
    def align(self) -> int:
        """Largest alignment of the fields."""
        return 1 if self.packed else max((item.align for item in self.fields), default=1)

    @cached_property
    def size(self) -> int:
        """Bytes with padding at the end."""
        end = self.offsets[-1] + self.fields[-1].size if self.fields else 0
        return -(-end // self.align) * self.align


Type = Int | Ptr | Other | Array | Struct


class TypeReader:
    """Reads types from text; named structures come from the module's `%name = type ...` lines."""

    def __init__(self, named: Mapping[str, str]) -> None:
        self._named = named
        self._cache: dict[str, Type] = {}

    def whole(self, text: str) -> Type:
        """Return the type that is all of `text`."""
        known = self._cache.get(text)
        if known is None:
            known, rest = self.read(text)
            assert not rest.strip(), f"not a type: {text}"
            self._cache[text] = known
        return known

    def read(self, text: str) -> tuple[Type, str]:
        """Return the type at the beginning of `text`, and what follows it."""
        text = text.lstrip()
        if text.startswith("["):
            count, rest = text[1:].split("x", 1)
            element, rest = self.read(rest)
            return Array(int(count), element), rest.lstrip()[1:]
        if text.startswith(("{", "<{")):
            packed = text.startswith("<")
            return self._structure(text[2 if packed else 1 :], packed)
        if text.startswith("<"):
            end = text.index(">") + 1
            return Other(text[:end]), text[end:]
        end = text.index('"', 2) + 1 if text.startswith('%"') else _word(text)
        word, rest = text[:end], text[end:]
        if word.startswith("%"):
            return self._name(word), rest
        if word[:1] == "i" and word[1:].isdigit():
            return Int(int(word[1:])), rest
        return (Ptr() if word == "ptr" else Other(word)), rest

    def _structure(self, rest: str, packed: bool) -> tuple[Type, str]:
        fields = []
        rest = rest.lstrip()
        while not rest.startswith("}"):
            item, rest = self.read(rest)
            fields.append(item)
            rest = rest.lstrip().removeprefix(",").lstrip()
        return Struct(tuple(fields), packed), rest[2 if packed else 1 :]

    def _name(self, name: str) -> Type:
        known = self._cache.get(name)
        if known is None:
            body = self._named.get(name, "opaque")
            known = Other(name) if body == "opaque" else self.whole(body)
            self._cache[name] = known
        return known


def _word(text: str) -> int:
    for index, letter in enumerate(text):
        if not (letter.isalnum() or letter in "%._$-"):
            return index
    return len(text)
