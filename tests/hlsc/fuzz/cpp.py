# SPDX-License-Identifier: Apache-2.0
"""The C++ text of a program."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .model import Decl, Expr, Program, Stmt, Type, const

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


def literal(number: int) -> str:
    """Return a C++ literal of at most 64 bits."""
    if -(1 << 31) < number < 1 << 31:
        return str(number)
    return f"{number}ULL" if number >= 0 else f"(-{-number}LL)"


def constant_text(number: int, kind: Type) -> str:
    if kind.members:
        return initial(kind, number)
    if kind.native:
        return str(bool(number)).lower() if kind.native == "bool" else literal(number)
    if -(1 << 63) < number < 1 << 64:
        return f"{kind.text}({literal(number)})"
    unsigned = number & ((1 << kind.width) - 1)
    pieces = [unsigned >> at & ((1 << 64) - 1) for at in range(0, kind.width, 64)]
    wide = Type(kind.width, False).text
    terms = [f"({wide}({literal(piece)}) << {64 * n})" for n, piece in enumerate(pieces)]
    return f"{kind.text}({' | '.join(terms)})"


def initial(kind: Type, number: int) -> str:
    """Return the initialiser of a struct whose word is `number`, its first member lowest."""
    found = []
    for m in kind.members:
        elements = []
        for _ in range(math.prod(m.dims)):
            elements.append(constant_text(const(number, m.type).attr if not m.type.members else number, m.type))
            number >>= m.type.width
        for size in reversed(m.dims):
            elements = [f"{{{', '.join(elements[at : at + size])}}}" for at in range(0, len(elements), size)]
        found += elements
    return f"{{{', '.join(found)}}}"


def structs(kind: Type) -> Iterator[str]:
    """Give the declarations of a struct and of those in it, inner ones first."""
    for m in kind.members:
        yield from structs(m.type)
    if kind.members:
        members = (f"{m.type.text} {m.name}{''.join(f'[{n}]' for n in m.dims)};" for m in kind.members)
        yield f"struct {kind.text} {{ {' '.join(members)} }};"


EXPRESSIONS = {
    "var": "{attr}",
    "cast": "{type}({0})",
    "bin": "({0} {attr} {1})",
    "cmp": "({0} {attr} {1})",
    "logic": "({0} {attr} {1})",
    "unary": "({attr}{0})",
    "tern": "({0} ? {1} : {2})",
    "range": "{type}({0}.range({attr[0]}, {attr[1]}))",
    "dynrange": "{type}({0}.range({1} + {top}, {1}))",
    "lane": "{type}({0}.range({width} * {attr} + {top}, {width} * {attr}))",
    "bit": "ap_uint<1>({0}[{1}])",
    "concat": "{type}(({all}))",
    "method": "{0}.{attr}()",
    "call": "{attr}({all})",
}
"""C++ of each operation, in brackets where it needs them: of its arguments, its attribute, its type and width."""


def text(e: Expr) -> str:
    """Return the C++ of an expression."""
    if e.op == "const":
        return constant_text(e.attr, e.type)
    args = [text(x) for x in e.args]
    if e.op == "elem":
        return e.attr + "".join(f"[{x}]" for x in args)
    width = e.type.width
    form = EXPRESSIONS[e.op]
    return form.format(*args, all=", ".join(args), attr=e.attr, type=e.type.text, width=width, top=width - 1)


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
    return [*lines, f"#pragma HLS {d.pragma}"] if d.pragma and not d.const else lines


SIMPLE = {
    "member": "{attr} = {value};",
    "set": "{name} {op} {value};",
    "part": "{name}.range({attr[0]}, {attr[1]}) = {value};",
    "put": "{name}{index} {op} {value};",
    "take": "{name} = {attr}.read();",
    "exit": "if ({value}) break;",
    "write": "{name}.write({value});",
}
"""C++ of each statement of one line, made of its fields."""


def _statement(s: Stmt, indent: str) -> Iterator[str]:
    value = "" if s.value is None else text(s.value)
    if s.kind in SIMPLE:
        index = "".join(f"[{text(x)}]" for x in s.index)
        yield indent + SIMPLE[s.kind].format(name=s.name, op=s.op, attr=s.attr, index=index, value=value)
    elif s.kind == "let":
        yield f"{indent}{s.type.text} {s.name} = {value};"
        if s.attr:
            yield f"#pragma HLS {s.attr}"
    elif s.kind == "raw":
        yield f"{indent}{s.attr}"
        if s.bodies:
            yield from _block(s.bodies[0], indent)
            yield f"{indent}}}"
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


def _loop(p: Program, data: str) -> tuple[str, list[str], list[str], str]:
    """Return the loop's head, what opens and closes its body, and what stands behind it."""
    n = p.trip
    if p.elastic or p.bound is not None:
        if p.elastic:
            return f"for (int i = 0; {_end(p)};) {{", [f"    if (!{data}.empty()) {{"], ["    ++i;", "    }"], "}"
        if p.loop == "while":
            return f"int i = 0;\n  while ({_end(p)}) {{", [], ["    ++i;"], "}"
        return f"for (int i = 0; {_end(p)}; ++i) {{", [], [], "}"
    bits = n.bit_length()
    forms = {
        "up": (f"for (int i = 0; i < {n}; ++i) {{", [], [], "}"),
        "unsigned": (f"for (unsigned i = 0; i != {n}; ++i) {{", [], [], "}"),
        "le": (f"for (int i = 0; i <= {n - 1}; i++) {{", [], [], "}"),
        "down": (f"for (int j = {n - 1}; j >= 0; --j) {{", [f"    const int i = {n - 1} - j;"], [], "}"),
        "narrow": (f"for (ap_uint<{bits}> j = 0; j < {n}; ++j) {{", ["    const int i = j;"], [], "}"),
        "while": (f"int i = 0;\n  while (i < {n}) {{", [], ["    ++i;"], "}"),
        "do": ("int i = 0;\n  do {", [], ["    ++i;"], f"}} while (i < {n});"),
        "break": ("int i = 0;\n  while (true) {", [], [f"    if (++i == {n}) break;"], "}"),
        "endless": (f"ap_uint<{bits}> j = 0;\n  while (1) {{", ["    const int i = j;"], [f"    j = {_next(n)};"], "}"),
        "ring": ("while (1) {", [], [], "}"),
    }
    return forms[p.loop]


def _next(n: int) -> str:
    return f"j == {n - 1} ? 0 : int(j) + 1"


def _end(p: Program) -> str:
    """Return the condition to go on of a loop whose trip count is read before it."""
    n = p.trip
    return f"i < {n}" if p.bound is None else f"i < n && i < {n}"


def source(p: Program) -> str:
    """Return the C++ file of a program."""
    kinds = dict.fromkeys(line for s in [*p.inputs, *p.outputs] for line in structs(s.type))
    tables = [line for d in p.decls if d.const for line in _declare(d)]
    own = [line for d in p.decls if not d.const for line in _declare(d)]
    before = [line if line[0] == "#" else f"  {line}" for line in own]
    before = [f"#pragma HLS {d.pragma}" for d in p.decls if d.const and d.pragma] + before
    params = ", ".join(f"hls::stream<{s.type.text}>& {s.name}" for s in [*p.inputs, *p.outputs])
    bound = p.bound
    if bound is not None:
        before.append(f"  const {bound.type.text} n = {bound.name}.read();")
    data = next((s.name for s in p.inputs if s is not bound and s.mode[0] != "frame"), "")
    head, inside, last, tail = _loop(p, data)
    return "\n".join(
        [
            "// SPDX-License-Identifier: Apache-2.0",
            HEAD,
            *kinds,
            *tables,
            f"void {p.name}({params}) {{",
            *before,
            *_block(p.before, ""),
            f"  {head}",
            "#pragma HLS PIPELINE" + ("" if p.ii is None else f" II = {p.ii}"),
            *inside,
            *_block(p.body, "  "),
            *last,
            f"  {tail}",
            *_block(p.after, ""),
            "}",
            "",
        ]
    )
