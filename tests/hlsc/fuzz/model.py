# SPDX-License-Identifier: Apache-2.0
"""A small typed program: types, expressions, statements, declarations."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Type:
    """An ap_int or ap_uint, a C integer when `native` names it, or a struct when it has members."""

    width: int
    signed: bool
    native: str = ""
    members: tuple[Member, ...] = ()

    @property
    def text(self) -> str:
        return self.native or f"ap_{'' if self.signed else 'u'}int<{self.width}>"


@dataclass(frozen=True)
class Member:
    """A member of a struct, an array where it has dimensions."""

    name: str
    type: Type
    dims: tuple[int, ...] = ()


def struct(name: str, members: Sequence[Member]) -> Type:
    width = sum(m.type.width * math.prod(m.dims) for m in members)
    return Type(width, False, name, tuple(members))


def parts(kind: Type, name: str) -> Iterator[Expr]:
    """Give every number in a variable, a struct's in the order of its members."""
    if not kind.members:
        yield Expr("var", kind, (), name)
    for m in kind.members:
        for at in itertools.product(*map(range, m.dims)):
            yield from parts(m.type, f"{name}.{m.name}" + "".join(f"[{n}]" for n in at))


INT = Type(32, True, "int")
BOOL = Type(1, False, "bool")


@dataclass(frozen=True)
class Expr:
    """`type` is what C++ makes of it, an upper bound on its width."""

    op: str
    type: Type
    args: tuple[Expr, ...] = ()
    attr: Any = None


def const(number: int, kind: Type) -> Expr:
    """Return a constant; what does not fit wraps."""
    number &= (1 << kind.width) - 1
    if kind.signed and number >> (kind.width - 1):
        number -= 1 << kind.width
    return Expr("const", kind, (), number)


def cast(kind: Type, expr: Expr) -> Expr:
    """Return an expression of exactly this type; an operator's result is an ap_int_base."""
    exact = expr.type == kind and expr.op not in ("bin", "unary")
    return expr if exact else Expr("cast", kind, (expr,))


@dataclass
class Stmt:
    """One statement; `kind` tells which fields matter."""

    kind: str
    name: str = ""
    type: Type = INT
    op: str = "="
    index: list[Expr] = field(default_factory=list)
    value: Expr | None = None
    bodies: list[list[Stmt]] = field(default_factory=list)
    count: int = 0
    attr: Any = None

    def expressions(self) -> list[Expr]:
        return [*self.index, *([] if self.value is None else [self.value])]


@dataclass
class Decl:
    """A variable or array declared before the loop; a table where `const`."""

    name: str
    type: Type
    dims: tuple[int, ...] = ()
    init: list[int] | None = None
    static: bool = False
    const: bool = False
    pragma: str = ""


@dataclass
class Stream:
    """A stream parameter; for an input, `mode` tells in which iterations a word is read."""

    name: str
    type: Type
    mode: tuple[Any, ...] = ("always",)

    def beats(self, trip: int) -> int:
        """Words that one frame reads."""
        kind = self.mode[0]
        if kind == "always":
            return trip
        if kind in ("bound", "frame"):
            return 1
        if kind == "headed":
            return trip + 1
        if kind == "every":
            return sum(1 for i in range(trip) if i & (self.mode[1] - 1) == self.mode[2])
        return min(trip, int(self.mode[1]))


@dataclass
class Program:
    name: str
    trip: int
    loop: str
    inputs: list[Stream]
    outputs: list[Stream]
    decls: list[Decl]
    body: list[Stmt]
    elastic: bool = False
    """Whether an iteration does nothing while no word of the first input with data waits."""
    ii: int | None = 1
    before: list[Stmt] = field(default_factory=list)
    after: list[Stmt] = field(default_factory=list)
    doubtful: bool = False
    """Whether what is written may depend on when words come, so that it may be refused."""

    def bodies(self) -> tuple[list[Stmt], ...]:
        return self.before, self.body, self.after

    def statements(self) -> Iterator[Stmt]:
        """Give every statement."""
        for body in self.bodies():
            yield from walk(body)

    @property
    def bound(self) -> Stream | None:
        """The stream whose word, read before the loop, is the trip count of a frame."""
        return next((s for s in self.inputs if s.mode[0] == "bound"), None)

    @property
    def open(self) -> bool:
        """Whether a frame's iterations are counted at run time."""
        return self.bound is not None or self.loop in ENDLESS or any(s.kind == "exit" for s in self.statements())


ENDLESS = ("endless", "ring")
"""Forms of loops that no counter of iterations ends."""


def walk(body: list[Stmt]) -> Iterator[Stmt]:
    """Give every statement, outer ones first."""
    for stmt in body:
        yield stmt
        for inner in stmt.bodies:
            yield from walk(inner)


def leaves(e: Expr) -> Iterator[Expr]:
    yield e
    for arg in e.args:
        yield from leaves(arg)


def mentioned(p: Program) -> set[str]:
    """Return the names that are read somewhere."""
    found: set[str] = set()
    for stmt in p.statements():
        if stmt.kind == "raw":
            found |= set(re.findall(r"[a-z]\w*", stmt.attr))
        for e in stmt.expressions():
            found |= {re.split(r"[.\[]", str(x.attr))[0] for x in leaves(e) if x.op in ("var", "elem")}
    return found


def clean(p: Program) -> None:
    """Drop, in place, what no output depends on: never-read variables, their assignments, empty blocks, streams."""
    before = -1
    while True:
        size = sum(1 for _ in p.statements()) + len(p.decls)
        if size == before:
            break
        before = size
        used = mentioned(p) | {s.name for s in p.statements() if s.kind == "take"}
        for body in p.bodies():
            _prune(body, used)
        touched = used | {s.name for s in p.statements() if s.kind in ("set", "part", "put", "take")}
        p.decls = [d for d in p.decls if d.name in touched]
    named = mentioned(p)
    read = named | {s.attr for s in p.statements() if s.kind == "take"}
    written = {s.name for s in p.statements() if s.kind == "write"}
    p.inputs = [s for s in p.inputs if s.name in read or s.mode[0] == "bound"]
    p.outputs = [s for s in p.outputs if s.name in written]


def _prune(body: list[Stmt], used: set[str]) -> None:
    for stmt in body:
        for inner in stmt.bodies:
            _prune(inner, used)
    body[:] = [
        s
        for s in body
        if not (
            (s.kind in ("let", "set", "part", "put", "member") and s.name not in used)
            or (s.bodies and not any(s.bodies))
        )
    ]


def bits_for(count: int) -> int:
    """Bits of an index that stays below `count`, whatever its value."""
    return max(0, int(math.log2(count)))
