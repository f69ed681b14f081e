# SPDX-License-Identifier: Apache-2.0
"""Random shapes of processes: intervals, what stands before and behind the loop, run-time ends, ring buffers."""

from __future__ import annotations

import re

from .model import BOOL, INT, Decl, Expr, Program, Stmt, Stream, Type, cast, const
from .statements import Statements
from .streams import any_stream


def interval(g: Statements) -> int | None:
    return g.rng.choice([1] * 6 + [2, 3, 4, None, None])


def prologue(g: Statements, p: Program) -> None:
    """Let some programs read a word before the loop, and compute something from it."""
    rng, draw = g.rng, g.rng.random()
    if draw > 0.16:
        return
    if draw < 0.06 and not p.inputs[0].type.members:
        p.inputs[0].mode = ("headed",)
        stream = p.inputs[0]
    else:
        stream = Stream("head", g.any_type(), ("frame",))
        p.inputs.insert(1, stream)
    name, index = g.fresh("h"), g.index
    p.before.append(Stmt("let", name, stream.type, value=const(0, stream.type)))
    p.before.append(Stmt("take", name, attr=stream.name))
    g.scope.append(Expr("var", stream.type, (), name))
    g.index = const(rng.randrange(9), INT)
    if rng.random() < 0.5 and g.assignable:
        p.before.append(g.assign())
    if rng.random() < 0.3:
        p.outputs.append(any_stream(g, "first"))
        p.outputs[-1].type = g.any_type()
        p.before.append(Stmt("write", "first", value=cast(p.outputs[-1].type, g.expression(2))))
    g.index = index


def epilogue(g: Statements, p: Program, stream: Stream) -> None:
    """Write a word behind the loop, made of what lives before it."""
    scope, index = g.scope, g.index
    known = {d.name for d in p.decls} | {s.name for s in p.before if s.kind == "let"}
    g.scope = [e for e in scope if str(e.attr) in known]
    g.index = const(g.rng.randrange(9), INT)
    if stream.type.members:
        stream.type = g.any_type()
    value = cast(stream.type, g.expression(2))
    write = Stmt("write", stream.name, value=value)
    if g.rng.random() < 0.3:
        other = Stmt("write", stream.name, value=cast(stream.type, g.expression(1)))
        write = Stmt("if", value=g.condition(1), bodies=[[write], [other]])
    p.after.append(write)
    g.scope, g.index = scope, index


def ends(g: Statements, p: Program) -> None:
    """Let some programs end their loop at run time, or wait for words without blocking."""
    rng = g.rng
    if rng.random() < 0.2:
        p.body.append(Stmt("exit", value=sometimes(g, p)))
    if rng.random() < 0.2 and p.trip > 1:
        p.inputs.insert(0, Stream("ctrl", Type(p.trip.bit_length(), False), ("bound",)))
        p.loop = rng.choice(["up", "while"])
    if p.inputs[0].mode[0] in ("always", "bound"):
        p.elastic = rng.random() < 0.15


def sometimes(g: Statements, p: Program) -> Expr:
    """Return a condition that the words of the first stream decide too."""
    name = next(s.name for s in p.statements() if s.kind == "take" and s.attr == p.inputs[0].name)
    words = [e for e in g.scope if re.split(r"[.\[]", str(e.attr))[0] == name]
    word = cast(Type(9, False), g.rng.choice(words))
    some = Expr("cmp", BOOL, (word, const(g.rng.randrange(2), INT)), g.rng.choice(["==", ">"]))
    if g.rng.random() < 0.4:
        return some
    return Expr("logic", BOOL, (g.condition(2), some), "&&")


def ring(g: Statements, name: str) -> Program:
    """A ring buffer: a function of each word in, a function of each word out, any number of times."""
    rng, bits = g.rng, g.rng.choice([1, 2, 3, 4, 5])
    size, taken, given = 1 << bits, g.fresh("taken"), g.fresh("given")
    source, sink = Stream("in0", g.any_type()), Stream("out0", g.any_type())
    kind, ring = g.any_type(), g.fresh("ring")
    init = None if rng.random() < 0.5 else [const(g.pattern(kind), kind).attr for _ in range(size)]
    g.decls.append(Decl(ring, kind, (size,), init, static=init is not None or rng.random() < 0.5))
    for counter in (taken, given):
        g.decls.append(Decl(counter, Type(bits + 1, False), (), [0], static=g.decls[0].static))
    g.index = const(rng.randrange(9), INT)
    forever = g.decls[0].static is False or rng.random() < 0.6
    total = rng.randint(1, 20)
    emitted = Expr("var", Type(5, False), (), g.fresh("emitted"))
    g.decls.append(Decl(emitted.attr, emitted.type, (), [0]))
    take = _taking(g, ring, taken, kind, source, size)
    g.scope = [emitted] if not forever else []
    give = _giving(g, ring, given, kind, sink, size)
    give.append(Stmt("raw", attr=f"{emitted.attr} = {emitted.attr} + 1;"))
    held = Stmt("raw", attr=f"const ap_uint<{bits + 1}> held = {taken} - {given};")
    give = [Stmt("raw", attr="if (held != 0) {", bodies=[give])]
    # A word stored before the read is forwarded as far as the compiler sees, which knows nothing of `held`.
    late = rng.random() < 0.9
    body = [held, *give, *take] if late else [held, *take, *give]
    made = Program(name, 24, "ring", [source], [sink], g.decls, body, ii=interval(g))
    if not forever:
        body.append(Stmt("exit", value=Expr("cmp", INT, (emitted, const(total, INT)), "==")))
    made.doubtful = not late
    if rng.random() < 0.25:
        made.doubtful = True
        _doubt(g, made, sink, kind)
    return made


def _taking(g: Statements, ring: str, taken: str, kind: Type, source: Stream, size: int) -> list[Stmt]:
    """Return what puts a word into the ring, changed by a state of its own."""
    x, rng = Expr("var", source.type, (), g.fresh("x")), g.rng
    g.scope, g.assignable = [x], []
    g.variables()
    change = [s for _ in range(rng.randrange(3)) for s in g.statement(1)]
    store = Stmt("put", ring, index=[Expr("var", INT, (), f"({taken} & {size - 1})")], value=g.expression(2))
    body = [*change, store, Stmt("raw", attr=f"{taken} = {taken} + 1;")]
    full = f"held != {size}"
    if rng.random() < 0.5:
        head = Stmt("raw", attr=f"{source.type.text} {x.attr};")
        return [head, Stmt("raw", attr=f"if ({full} && {source.name}.read_nb({x.attr})) {{", bodies=[body])]
    read = Stmt("raw", attr=f"const {source.type.text} {x.attr} = {source.name}.read();")
    return [Stmt("raw", attr=f"if ({full} && !{source.name}.empty()) {{", bodies=[[read, *body]])]


def _giving(g: Statements, ring: str, given: str, kind: Type, sink: Stream, size: int) -> list[Stmt]:
    """Return what takes a word out of the ring, and writes something made of it once or several times."""
    rng, word = g.rng, g.fresh("w")
    g.assignable, g.lane = [], ""
    g.variables()
    w = Expr("elem", kind, (Expr("var", INT, (), f"({given} & {size - 1})"),), ring)
    g.scope.append(Expr("var", kind, (), word))
    body = [Stmt("let", word, kind, value=w)]
    body += [s for _ in range(rng.randrange(3)) for s in g.statement(1)]
    write = Stmt("write", sink.name, value=cast(sink.type, g.expression(2)))
    on = Stmt("raw", attr=f"{given} = {given} + 1;")
    draw = rng.random()
    if draw < 0.3:
        times = g.fresh("times")
        g.decls.append(Decl(times, Type(2, False), (), [0], static=False))
        body += [
            write,
            Stmt("raw", attr=f"if (++{times} == 3) {{", bodies=[[on, Stmt("raw", attr=f"{times} = 0;")]]),
        ]
        return body
    if draw < 0.6:
        return [*body, Stmt("if", value=g.condition(2), bodies=[[write]]), on]
    return [*body, write, on]


def _doubt(g: Statements, p: Program, sink: Stream, kind: Type) -> None:
    """Change the words by something that pauses may change."""
    found = g.rng.choice(["held", "in0.empty()", "seen"])
    if found == "seen":
        p.decls.append(Decl("seen", Type(6, False), (), [0]))
        p.body.insert(1, Stmt("raw", attr="if (in0.empty()) seen = seen + 1;"))
    writes = [s for s in p.statements() if s.kind == "write"]
    value = writes[0].value
    assert value is not None
    more = Expr("bin", sink.type, (value, Expr("var", Type(6, False), (), f"ap_uint<6>({found})")), "+")
    writes[0].value = cast(sink.type, more)
