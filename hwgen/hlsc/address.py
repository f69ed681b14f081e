# SPDX-License-Identifier: Apache-2.0
"""Pointers as an object, a constant byte offset and scaled run-time indices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd

from hwgen.hlsc.llparse import Expression, Inst, Module, Operand
from hwgen.hlsc.lltypes import Array, Int, Struct, Type


@dataclass(frozen=True)
class Term:
    """`scale` bytes for each unit of the SSA value `index`, which is `width` bits wide and signed."""

    scale: int
    index: str
    width: int


@dataclass(frozen=True)
class Place:
    """`object` + `offset` bytes + the terms."""

    object: str
    offset: int
    terms: tuple[Term, ...] = ()

    @property
    def step(self) -> int:
        """Greatest common divisor of the scales, 0 for a constant place."""
        return gcd(*(term.scale for term in self.terms)) if self.terms else 0

    @property
    def row(self) -> int:
        """Constant part of the row number, where a row is `step` bytes."""
        return self.offset // self.step if self.terms else 0

    @property
    def lane(self) -> int:
        """Byte within the row."""
        return self.offset % self.step if self.terms else self.offset


@dataclass(frozen=True)
class Choice:
    """One of several pointers, chosen by the `phi` or `select` instruction `inst`."""

    inst: Inst
    options: tuple[Pointer, ...]


@dataclass(frozen=True)
class Unknown:
    """A pointer that the compiler cannot follow."""

    reason: str


Pointer = Place | Choice | Unknown


class Addresses:
    """Resolves the pointers of one function."""

    def __init__(self, module: Module, params: Iterable[str], insts: Iterable[Inst]) -> None:
        self._types = module.types
        self.defined = {inst.name: inst for inst in insts if inst.name}
        self._known: dict[str, Pointer] = {name: Place(name, 0) for name in params}

    def of(self, pointer: Operand) -> Pointer:
        """Return what an operand of type `ptr` points to."""
        if isinstance(pointer, Expression):
            return self._expression(pointer)
        if not isinstance(pointer, str):
            return Unknown("a null pointer")
        if pointer.startswith("@"):
            return Place(pointer, 0)
        if pointer not in self._known:
            self._known[pointer] = Unknown("a pointer that changes from one iteration to the next")
            self._known[pointer] = self._resolve(self.defined[pointer])
        return self._known[pointer]

    def _resolve(self, inst: Inst) -> Pointer:
        if inst.opcode == "alloca":
            return Place(inst.name, 0)
        if inst.opcode == "getelementptr":
            return self._element(self.of(inst.operands[0]), inst.types[0], inst.operands[1:], inst.types[2:])
        if inst.opcode == "freeze":
            return self.of(inst.operands[0])
        if inst.opcode in ("phi", "select"):
            values = inst.operands if inst.opcode == "phi" else inst.operands[1:]
            options = tuple(self.of(value) for value in values)
            bad = next((option for option in options if isinstance(option, Unknown)), None)
            if bad is not None:
                return bad
            return options[0] if len(set(options)) == 1 else Choice(inst, options)
        return Unknown(f"a pointer made by {inst.opcode}")

    def _element(self, base: Pointer, source: Type, indices: tuple[Operand, ...], kinds: tuple[Type, ...]) -> Pointer:
        if isinstance(base, Choice):
            options = tuple(self._element(option, source, indices, kinds) for option in base.options)
            return Choice(base.inst, options)
        if isinstance(base, Unknown):
            return base
        offset, terms, current = base.offset, list(base.terms), source
        for number, (index, kind) in enumerate(zip(indices, kinds, strict=True)):
            if number and isinstance(current, Struct):
                assert isinstance(index, int)
                offset, current = offset + current.offsets[index], current.fields[index]
                continue
            if number:
                if not isinstance(current, Array):
                    return Unknown("an element of something that is no array")
                current = current.element
            width = kind.width if isinstance(kind, Int) else 64
            offset += self._index(index, width, current.size, terms)
        return Place(base.object, offset, _collect(terms))

    def _index(self, index: Operand, width: int, scale: int, terms: list[Term]) -> int:
        """Add `index * scale` to the terms, and return its constant part in bytes."""
        if not isinstance(index, str):
            return (index if isinstance(index, int) else 0) * scale
        inst = self.defined.get(index)
        number = inst.operands[-1] if inst is not None and inst.operands else None
        if inst is not None and isinstance(number, int):
            if inst.opcode == "add" and width == 64:
                return self._index(inst.operands[0], width, scale, terms) + number * scale
            if inst.opcode == "shl" and width == 64:
                return self._index(inst.operands[0], width, scale << number, terms)
            if inst.opcode == "select" and isinstance(inst.operands[0], str) and isinstance(inst.operands[1], int):
                # A term is signed, so a condition counts 0 or -1.
                terms.append(Term((number - inst.operands[1]) * scale, inst.operands[0], 1))
                return number * scale
        terms.append(Term(scale, index, width))
        return 0

    def _expression(self, expression: Expression) -> Pointer:
        match = re.match(r"getelementptr[^(]*?(?:inrange\([^)]*\) )?\((.*)\)$", expression.text)
        if match is None:
            return Unknown(f"a constant made by {expression.opcode}")
        source, rest = self._types.read(match[1])
        parts = re.findall(r'(?:ptr|i\d+) (@"[^"]*"|[@\w.$-]+)', rest)
        indices = tuple(int(part) for part in parts[1:])
        return self._element(Place(parts[0], 0), source, indices, tuple(Int(64) for _ in indices))


def _collect(terms: list[Term]) -> tuple[Term, ...]:
    """Return terms with equal indices joined, in a canonical order."""
    scales: dict[tuple[str, int], int] = {}
    for term in terms:
        scales[term.index, term.width] = scales.get((term.index, term.width), 0) + term.scale
    return tuple(Term(scale, *key) for key, scale in sorted(scales.items()) if scale)


def leaves(pointer: Pointer) -> list[Place]:
    """Return every place that a pointer may be."""
    if isinstance(pointer, Choice):
        return [place for option in pointer.options for place in leaves(option)]
    return [pointer] if isinstance(pointer, Place) else []
