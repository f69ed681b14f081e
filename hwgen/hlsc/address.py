# SPDX-License-Identifier: Apache-2.0
"""Pointers as an object, a constant byte offset and scaled run-time indices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import gcd

from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.known import Zeros
from hwgen.hlsc.llparse import Expression, Inst, Module, Operand
from hwgen.hlsc.lltypes import Array, Int, Struct, Type

_POINTER = 64


@dataclass(frozen=True)
class Term:
    """`scale` bytes for each unit of the SSA value `index` of `width` bits, without its `low` lowest bits.

    Those are always 0. `most` is the largest number of units, None where it is not known or may be negative.
    """

    scale: int
    index: str
    width: int
    signed: bool = True
    low: int = 0
    most: int | None = None


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
    def last(self) -> int | None:
        """Largest offset in bytes, None where it is not known; `offset` then is the smallest."""
        found = self.offset
        for term in self.terms:
            if term.most is None or term.scale < 0:
                return None
            found += term.scale * term.most
        return found

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
    """Resolves the pointers of one function.

    Parameters
    ----------
    module
        Has the types and the variables.
    params
        Widths in bits of the stream parameters, by their local names.
    insts
        The function's instructions.
    """

    def __init__(self, module: Module, params: Mapping[str, int], insts: Iterable[Inst]) -> None:
        self._types = module.types
        self.defined = {inst.name: inst for inst in insts if inst.name}
        self._zeros = Zeros(self.defined, params)
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

    def _index(self, index: Operand, width: int, scale: int, terms: list[Term], signed: bool = True) -> int:
        """Add `index * scale` to the terms, and return its constant part in bytes."""
        if not isinstance(index, str):
            known = index if isinstance(index, int) else 0
            return (known if signed else known & ones(width)) * scale
        inst = self.defined.get(index)
        if inst is not None and inst.opcode in ("zext", "sext") and isinstance(inst.types[0], Int):
            return self._index(inst.operands[0], inst.types[0].width, scale, terms, inst.opcode == "sext")
        number = inst.operands[-1] if inst is not None and inst.operands else None
        if inst is not None and isinstance(number, int):
            if inst.opcode in ("add", "or", "shl", "mul") and self._linear(inst, width, number, signed):
                if inst.opcode in ("add", "or"):
                    return self._index(inst.operands[0], width, scale, terms, signed) + number * scale
                factor = 1 << number if inst.opcode == "shl" else number
                return self._index(inst.operands[0], width, scale * factor, terms, signed)
            if inst.opcode == "select" and isinstance(inst.operands[0], str) and isinstance(inst.operands[1], int):
                one, zero = (n if signed else n & ones(width) for n in (inst.operands[1], number))
                # This term is signed, so a condition counts 0 or -1.
                terms.append(Term((zero - one) * scale, inst.operands[0], 1))
                return zero * scale
        self._leaf(index, width, scale, terms, signed)
        return 0

    def _linear(self, inst: Inst, width: int, number: int, signed: bool) -> bool:
        """Tell whether an operator with a constant is what it is with numbers of any length."""
        first = inst.operands[0]
        if inst.opcode == "or":
            apart = number & ~self._zeros.of(first, width) == 0
            return apart and number >= 0
        if number < 0 and inst.opcode != "add":
            return False
        if width == _POINTER or (signed and "nsw" in inst.flags):
            return True
        if number < 0 or (not signed and "nuw" in inst.flags):
            return number >= 0
        most = self._zeros.most(first, width)
        if inst.opcode == "add":
            return most + number <= ones(width - signed)
        return most * (number if inst.opcode == "mul" else 1 << min(number, width)) <= ones(width - signed)

    def _leaf(self, index: str, width: int, scale: int, terms: list[Term], signed: bool) -> None:
        """Add a term for a value that is not looked into, without the bits at its low end that are always 0."""
        low = self._zeros.multiple(index, width)
        if low == width:
            return
        most = self._zeros.most(index, width)
        known = not signed or most <= ones(width - 1)
        terms.append(Term(scale << low, index, width, signed and not known, low, most >> low if known else None))

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
    found: dict[tuple[str, int, bool], Term] = {}
    for term in terms:
        key = (term.index, term.width, term.signed)
        found[key] = replace(term, scale=term.scale + found[key].scale) if key in found else term
    return tuple(found[key] for key in sorted(found) if found[key].scale)


def leaves(pointer: Pointer) -> list[Place]:
    """Return every place that a pointer may be."""
    if isinstance(pointer, Choice):
        return [place for option in pointer.options for place in leaves(option)]
    return [pointer] if isinstance(pointer, Place) else []
