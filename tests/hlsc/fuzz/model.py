# SPDX-License-Identifier: Apache-2.0
"""A small typed program: expressions, statements, declarations, and their C++ text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Type:
    """An ap_int or ap_uint, or a C integer when `native` names it."""

    width: int
    signed: bool
    native: str = ""

    @property
    def text(self) -> str:
        return self.native or f"ap_{'' if self.signed else 'u'}int<{self.width}>"


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


def literal(number: int) -> str:
    """Return a C++ literal of at most 64 bits."""
    if -(1 << 31) < number < 1 << 31:
        return str(number)
    return f"{number}ULL" if number >= 0 else f"(-{-number}LL)"


def constant_text(number: int, kind: Type) -> str:
    if kind.native:
        return str(bool(number)).lower() if kind.native == "bool" else literal(number)
    if -(1 << 63) < number < 1 << 64:
        return f"{kind.text}({literal(number)})"
    unsigned = number & ((1 << kind.width) - 1)
    pieces = [unsigned >> at & ((1 << 64) - 1) for at in range(0, kind.width, 64)]
    wide = Type(kind.width, False).text
    terms = [f"({wide}({literal(piece)}) << {64 * n})" for n, piece in enumerate(pieces)]
    return f"{kind.text}({' | '.join(terms)})"


def text(e: Expr) -> str:
    """Return the C++ of an expression, in brackets where it needs them."""
    a = [text(x) for x in e.args]
    if e.op == "const":
        return constant_text(e.attr, e.type)
    if e.op == "var":
        return str(e.attr)
    if e.op == "elem":
        return e.attr + "".join(f"[{x}]" for x in a)
    if e.op == "cast":
        return f"{e.type.text}({a[0]})"
    if e.op in ("bin", "cmp", "logic"):
        return f"({a[0]} {e.attr} {a[1]})"
    if e.op == "unary":
        return f"({e.attr}{a[0]})"
    if e.op == "tern":
        return f"({a[0]} ? {a[1]} : {a[2]})"
    if e.op == "range":
        return f"{e.type.text}({a[0]}.range({e.attr[0]}, {e.attr[1]}))"
    if e.op == "dynrange":
        low = a[1]
        return f"{e.type.text}({a[0]}.range({low} + {e.type.width - 1}, {low}))"
    if e.op == "lane":
        w, k = e.type.width, e.attr
        return f"{e.type.text}({a[0]}.range({w} * {k} + {w - 1}, {w} * {k}))"
    if e.op == "bit":
        return f"ap_uint<1>({a[0]}[{a[1]}])"
    if e.op == "concat":
        return f"{e.type.text}(({', '.join(a)}))"
    if e.op == "method":
        return f"{a[0]}.{e.attr}()"
    assert e.op == "call", e.op
    return f"{e.attr}({', '.join(a)})"


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
        if kind == "frame":
            return 1
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

    @property
    def bound(self) -> Stream | None:
        """The stream whose word, read before the loop, is the trip count of a frame."""
        return next((s for s in self.inputs if s.mode[0] == "frame"), None)

    @property
    def open(self) -> bool:
        """Whether a frame's iterations are counted at run time."""
        return self.bound is not None or any(s.kind == "exit" for s in walk(self.body))


HEAD = """#include <ap_int.h>
#include <hls_stream.h>

template <class T>
static T largest(const T& a, const T& b) {
  return a > b ? a : b;
}
template <class T, int W>
static ap_uint<9> ones(const T& x) {
  ap_uint<9> count = 0;
  for (int b = 0; b < W; ++b) {
#pragma HLS UNROLL
    count += x[b];
  }
  return count;
}
"""


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


def mentioned(body: list[Stmt]) -> set[str]:
    """Return the names that are read somewhere."""
    found: set[str] = set()
    for stmt in walk(body):
        for e in [*stmt.index, *([stmt.value] if stmt.value is not None else [])]:
            found |= {str(x.attr) for x in leaves(e) if x.op in ("var", "elem")}
    return found


def clean(p: Program) -> None:
    """Drop, in place, what no output depends on: never-read variables, their assignments, empty blocks, streams."""
    before = -1
    while True:
        size = sum(1 for _ in walk(p.body)) + len(p.decls)
        if size == before:
            break
        before = size
        used = mentioned(p.body) | {s.name for s in walk(p.body) if s.kind == "take"}
        _prune(p.body, used)
        touched = used | {s.name for s in walk(p.body) if s.kind in ("set", "part", "put", "take")}
        p.decls = [d for d in p.decls if d.name in touched]
    read = {s.attr for s in walk(p.body) if s.kind == "take"}
    written = {s.name for s in walk(p.body) if s.kind == "write"}
    p.inputs = [s for s in p.inputs if s.name in read or s.mode[0] == "frame"]
    p.outputs = [s for s in p.outputs if s.name in written]


def _prune(body: list[Stmt], used: set[str]) -> None:
    for stmt in body:
        for inner in stmt.bodies:
            _prune(inner, used)
    body[:] = [
        s
        for s in body
        if not ((s.kind in ("let", "set", "part", "put") and s.name not in used) or (s.bodies and not any(s.bodies)))
    ]


def _declare(d: Decl) -> list[str]:
    dims = "".join(f"[{n}]" for n in d.dims)
    prefix = "static const " if d.const else "static " if d.static else ""
    init = ""
    if d.init is not None and d.dims:
        values = [constant_text(v, d.type) for v in d.init]
        if len(d.dims) == 2:
            rows = [values[at : at + d.dims[1]] for at in range(0, len(values), d.dims[1])]
            values = ["{" + ", ".join(row) + "}" for row in rows]
        init = " = {" + ", ".join(values) + "}"
    elif d.init is not None:
        init = f" = {constant_text(d.init[0], d.type)}"
    lines = [f"{prefix}{d.type.text} {d.name}{dims}{init};"]
    return [*lines, f"#pragma HLS {d.pragma}"] if d.pragma else lines


def _statement(s: Stmt, indent: str) -> Iterator[str]:
    value = "" if s.value is None else text(s.value)
    if s.kind == "let":
        yield f"{indent}{s.type.text} {s.name} = {value};"
    elif s.kind == "set":
        yield f"{indent}{s.name} {s.op} {value};"
    elif s.kind == "part":
        high, low = s.attr
        yield f"{indent}{s.name}.range({high}, {low}) = {value};"
    elif s.kind == "put":
        yield f"{indent}{s.name}{''.join(f'[{text(x)}]' for x in s.index)} {s.op} {value};"
    elif s.kind == "take":
        yield f"{indent}{s.name} = {s.attr}.read();"
    elif s.kind == "exit":
        yield f"{indent}if ({value}) break;"
    elif s.kind == "write":
        yield f"{indent}{s.name}.write({value});"
    elif s.kind == "if":
        yield f"{indent}if ({value}) {{"
        yield from _block(s.bodies[0], indent)
        if len(s.bodies) > 1 and s.bodies[1]:
            yield f"{indent}}} else {{"
            yield from _block(s.bodies[1], indent)
        yield f"{indent}}}"
    elif s.kind == "switch":
        yield f"{indent}switch ((unsigned)({value})) {{"
        for number, body in enumerate(s.bodies):
            label = "default" if number + 1 == len(s.bodies) else f"case {number}"
            yield f"{indent}  {label}: {{"
            yield from _block(body, indent + "  ")
            yield f"{indent}  }} break;"
        yield f"{indent}}}"
    else:
        assert s.kind == "unroll", s.kind
        step = f"{s.count - 1}; {s.name} > 0; --{s.name}" if s.op == "down" else f"0; {s.name} < {s.count}; ++{s.name}"
        yield f"{indent}for (int {s.name} = {step}) {{"
        yield "#pragma HLS UNROLL"
        yield from _block(s.bodies[0], indent)
        yield f"{indent}}}"


def _block(body: list[Stmt], indent: str) -> Iterator[str]:
    for stmt in body:
        yield from _statement(stmt, indent + "  ")


def source(p: Program) -> str:
    """Return the C++ file of a program."""
    tables = [line for d in p.decls if d.const for line in _declare(d)]
    before = [f"  {line}" if line[0] != "#" else line for d in p.decls if not d.const for line in _declare(d)]
    params = ", ".join(f"hls::stream<{s.type.text}>& {s.name}" for s in [*p.inputs, *p.outputs])
    n = p.trip
    bound = p.bound
    if bound is not None:
        before.append(f"  const {bound.type.text} n = {bound.name}.read();")
    head = f"for (int i = 0; i < {n if bound is None else f'n && i < {n}'}; {'' if p.elastic else '++i'}) {{"
    data = next((s.name for s in p.inputs if s is not bound), "")
    plain = {
        "up": f"for (int i = 0; i < {n}; ++i) {{",
        "unsigned": f"for (unsigned i = 0; i != {n}; ++i) {{",
        "le": f"for (int i = 0; i <= {n - 1}; i++) {{",
        "down": f"for (int j = {n - 1}; j >= 0; --j) {{",
        "narrow": f"for (ap_uint<{n.bit_length()}> j = 0; j < {n}; ++j) {{",
    }[p.loop]
    inside, after = [f"    if (!{data}.empty()) {{"], ["    ++i;", "    }"]
    if not p.elastic:
        inside, after = [], []
    if not p.elastic and bound is None:
        head = plain
        inside = {"down": [f"    const int i = {n - 1} - j;"], "narrow": ["    const int i = j;"]}.get(p.loop, [])
    return "\n".join(
        [
            "// SPDX-License-Identifier: Apache-2.0",
            HEAD,
            *tables,
            f"void {p.name}({params}) {{",
            *before,
            f"  {head}",
            "#pragma HLS PIPELINE II = 1",
            *inside,
            *_block(p.body, "  "),
            *after,
            "  }",
            "}",
            "",
        ]
    )


def bits_for(count: int) -> int:
    """Bits of an index that stays below `count`, whatever its value."""
    return max(0, int(math.log2(count)))
