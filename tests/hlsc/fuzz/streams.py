# SPDX-License-Identifier: Apache-2.0
"""Random streams: the types of their words, structs too, when words are read, and what is written."""

from __future__ import annotations

from .model import BOOL, INT, Decl, Expr, Member, Stmt, Stream, Type, cast, const, parts, struct
from .statements import Statements

NATIVE = (BOOL, INT, Type(16, True, "short"), Type(32, False, "unsigned"))


def any_stream(g: Statements, name: str, mode: tuple[object, ...] = ("always",)) -> Stream:
    kind = any_struct(g, 2, 512) if g.rng.random() < 0.15 else g.any_type()
    return Stream(name, kind, mode)


def any_struct(g: Statements, depth: int, most: int) -> Type:
    """Return a struct of at most `most` bits, with structs and arrays of them in it."""
    rng, members, left = g.rng, [], most
    for n in range(rng.randint(1, 4)):
        dims = rng.choice([(), (), (2,), (3,), (2, 2)])
        room = left // (4 if len(dims) == 2 else dims[0] if dims else 1)
        if room < 32:
            continue
        draw = rng.random()
        inner = any_struct(g, depth - 1, min(room, 90)) if draw < 0.25 and depth else g.any_type(min(room, 130))
        kind = rng.choice(NATIVE) if draw > 0.85 else inner
        members.append(Member(f"m{n}", kind, dims))
        left -= kind.width * (room and left // room)
    members = members or [Member("m9", g.any_type(most), ())]
    return struct(g.fresh("S"), members)


def due(index: Expr, stream: Stream) -> Expr:
    """Return whether the iteration `index` is one of those that read, for `every` and `first`."""
    if stream.mode[0] == "first":
        return Expr("cmp", BOOL, (index, const(stream.mode[1], INT)), "<")
    masked = Expr("bin", INT, (index, const(stream.mode[1] - 1, INT)), "&")
    return Expr("cmp", BOOL, (masked, const(stream.mode[2], INT)), "==")


def take_struct(g: Statements, stream: Stream) -> list[Stmt]:
    """Read a struct, in every iteration or in some; elsewhere it is what it was."""
    rng, name = g.rng, g.fresh("x")
    g.decls.append(Decl(name, stream.type, (), [rng.getrandbits(stream.type.width)], rng.random() < 0.3))
    g.scope += parts(stream.type, name)
    read = Stmt("take", name, attr=stream.name)
    if stream.mode[0] not in ("every", "first"):
        if stream.mode[0] != "headed":
            stream.mode = ("always",)
        return [read]
    return [Stmt("if", value=due(g.index, stream), bodies=[[read, *g.some()]])]


def write_struct(g: Statements, stream: Stream) -> list[Stmt]:
    """Write a copy of a struct that was read, or a new one, with members set."""
    rng, name = g.rng, g.fresh("o")
    first = Expr("const", stream.type, (), rng.getrandbits(stream.type.width))
    body = [Stmt("let", name, stream.type, value=first)]
    for part in parts(stream.type, name):
        if rng.random() < 0.85:
            value = cast(part.type, g.expression(1))
            body.append(Stmt("member", name, attr=part.attr, value=value))
    return [*body, Stmt("write", stream.name, value=Expr("var", stream.type, (), name))]


def mode(g: Statements) -> tuple[object, ...]:
    """Return when an input is read."""
    every = g.rng.choice([2, 4])
    modes: list[tuple[object, ...]] = [
        ("always",), ("always",), ("every", every, g.rng.randrange(every)), ("first", g.rng.randint(1, 9)),
        ("budget", g.rng.randint(1, max(1, g.trip))),
    ]  # fmt: skip
    chosen = g.rng.choice(modes)
    if chosen[0] == "every" and g.trip <= int(str(chosen[2])):
        return ("always",)
    return chosen


def take(g: Statements, stream: Stream) -> list[Stmt]:
    """Read a stream in some iterations; elsewhere the variable holds a constant, or its last word."""
    if stream.type.members:
        return take_struct(g, stream)
    rng, name = g.rng, g.fresh("x")
    read = Stmt("take", name, attr=stream.name)
    word = Expr("var", stream.type, (), name)
    start = const(g.pattern(stream.type), stream.type)
    if rng.random() < 0.35:
        g.decls.append(Decl(name, stream.type, (), [start.attr], static=rng.random() < 0.3))
        first = []
    else:
        first = [Stmt("let", name, stream.type, value=start)]
    if stream.mode[0] in ("always", "headed"):
        both = rng.random() < 0.2
        bodies = [[read, *g.some()], [Stmt("take", name, attr=stream.name), *g.some()]] if both else []
        g.scope.append(word)
        return [*first, Stmt("if", value=g.condition(1), bodies=bodies) if both else read]
    when, after = _budget(g, stream.mode[1]) if stream.mode[0] == "budget" else (due(g.index, stream), [])
    g.scope.append(word)
    return [*first, Stmt("if", value=when, bodies=[[read, *after, *g.some()]])]


def _budget(g: Statements, words: int) -> tuple[Expr, list[Stmt]]:
    """Return when one of `words` words is read, by chance and at the latest in time, and what counts them."""
    left = Expr("var", Type(7, False), (), g.fresh("left"))
    g.decls.append(Decl(left.attr, left.type, (), [words]))
    rest = Expr("cmp", BOOL, (Expr("bin", INT, (const(g.trip, INT), g.index), "-"), left), "<=")
    wish = Expr("logic", BOOL, (g.condition(2), rest), "||")
    some = Expr("cmp", BOOL, (left, const(0, INT)), "!=")
    return Expr("logic", BOOL, (some, wish), "&&"), [Stmt("set", left.attr, op="-=", value=const(1, INT))]


def write(g: Statements, stream: Stream) -> list[Stmt]:
    """Write a word in every iteration or in some."""

    def put() -> list[Stmt]:
        if stream.type.members:
            return write_struct(g, stream)
        return [Stmt("write", stream.name, value=cast(stream.type, g.expression(2)))]

    draw = g.rng.random()
    if draw < 0.5:
        return put()
    if draw < 0.65:
        at = Expr("cmp", BOOL, (g.index, const(g.rng.randrange(g.trip), INT)), "==")
        when = Expr("logic", BOOL, (g.condition(2), at), "||")
        return [Stmt("if", value=when, bodies=[[*g.some(), *put()]])]
    if draw < 0.8:
        arms = [[*g.some(), *put()], [*put(), *g.some()]]
        return [Stmt("if", value=g.condition(2), bodies=arms)]
    if draw < 0.9:
        last = Expr("cmp", BOOL, (g.index, const(g.trip - 1, INT)), "==")
        return [Stmt("if", value=last, bodies=[put()])]
    selector = cast(Type(2, False), g.variable(0))
    bodies = [put() if g.rng.random() < 0.7 else g.some() for _ in range(g.rng.randint(2, 4))]
    bodies[-1] = [*g.some(), *put()]
    return [Stmt("switch", value=selector, bodies=bodies)]
