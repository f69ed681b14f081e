# SPDX-License-Identifier: Apache-2.0
"""Random uses of RAMs and ROMs: filled before read, initialised, updated in place, in banks, promised independent."""

from __future__ import annotations

from .expressions import Expressions
from .model import BOOL, INT, Decl, Expr, Stmt, Type, bits_for, cast, const


def memory(g: Expressions) -> list[Stmt]:
    return g.rng.choice([ram, ram, update, update, banks, independent])(g)


def storage(g: Expressions, name: str, table: bool = False) -> str:
    """Return a BIND_STORAGE, or nothing."""
    rng = g.rng
    if rng.random() < (0.94 if table else 0.75):
        return ""
    kind = "rom_np" if table else "ram_1wnr"  # any number of reads
    latency = rng.choice(["", " latency = 1", " latency = 2"]) if table else ""
    return f"BIND_STORAGE variable = {name} type = {kind} impl = {rng.choice(['lutram', 'bram', 'auto'])}{latency}"


def ram(g: Expressions) -> list[Stmt]:
    """A RAM that each frame fills before it reads; the write comes before or after the read."""
    kind, depth = g.any_type(), g.rng.choice([2, 3, 4, 5, 8, 12, 16, 20])
    lanes = g.rng.choice([0, 0, 0, 2])
    name, filled = g.fresh("m"), Expr("cmp", BOOL, (g.index, const(depth, INT)), ">=")
    pragma = storage(g, name)
    dims = (depth, lanes) if lanes else (depth,)
    static = g.rng.random() < 0.3
    g.decls.append(Decl(name, kind, dims, None, static=static, pragma=pragma))
    address = Type(max(1, (depth - 1).bit_length()), False)
    store = _store(g, name, kind, depth, lanes, anywhere(g, depth, address), address, filled)
    loads: list[Stmt] = []
    for _ in range(g.rng.choice([1, 1, 2])):
        lane = (const(g.rng.randrange(lanes), INT),) if lanes else ()
        element = Expr("elem", kind, (anywhere(g, depth, address), *lane), name)
        ready = filled if g.rng.random() < 0.8 else Expr("logic", BOOL, (filled, g.condition(1)), "&&")
        if static and g.rng.random() < 0.4:  # zeros at first, later what an earlier frame left
            ready = g.condition(1)
        value = Expr("tern", kind, (ready, element, const(g.pattern(kind), kind)))
        loads.append(Stmt("let", g.fresh("t"), kind, value=value))
    late = [Expr("var", kind, (), s.name) for s in loads]
    if g.rng.random() < 0.7:
        g.scope += late
        store[-1].bodies[0][-1].value = g.expression(2)
        return [*loads, *store]
    g.scope += late
    return [*store, *loads]


def _store(
    g: Expressions, name: str, kind: Type, depth: int, lanes: int, free: Expr, address: Type, filled: Expr
) -> list[Stmt]:
    at = g.fresh("a")
    where = Expr("tern", address, (filled, cast(address, free), cast(address, g.index)))
    row = Expr("var", address, (), at)
    columns: list[tuple[Expr, ...]] = [(const(n, INT),) for n in range(lanes)] if lanes else [()]
    puts = [Stmt("put", name, index=[row, *c], value=g.expression(2)) for c in columns]
    not_filled = Expr("unary", BOOL, (filled,), "!")
    when = Expr("logic", BOOL, (not_filled, g.condition(1)), "||")
    return [Stmt("let", at, address, value=where), Stmt("if", value=when, bodies=[puts])]


def anywhere(g: Expressions, depth: int, address: Type) -> Expr:
    """Return a run-time index below `depth`."""
    bits = bits_for(depth)
    small = cast(Type(max(1, bits), False), g.expression(1))
    if depth > 1 << bits and g.rng.random() < 0.5:
        top = Expr("bin", address, (cast(address, small), const(depth - (1 << bits), address)), "+")
        return cast(address, top)
    return small


def contents(g: Expressions, kind: Type, count: int) -> list[int] | None:
    """Return initial values, or nothing for a static array of zeros."""
    if g.rng.random() < 0.3:
        return None
    return [const(g.pattern(kind), kind).attr for _ in range(count)]


def update(g: Expressions) -> list[Stmt]:
    """An array with contents, read at several places and changed in place, at addresses that often meet."""
    rng, kind, depth = g.rng, g.any_type(70), g.rng.choice([2, 3, 4, 5, 8, 16, 20, 64])
    name, at = g.fresh("m"), g.fresh("a")
    init = contents(g, kind, depth)
    g.decls.append(Decl(name, kind, (depth,), init, static=True, pragma=storage(g, name)))
    address = Type(max(1, (depth - 1).bit_length()), False)
    where = anywhere(g, depth, address)
    if rng.random() < 0.3 and bits_for(depth):  # the distance to the last use of a word grows and shrinks
        slow = Expr("bin", INT, (g.index, const(rng.randrange(4), INT)), ">>")
        where = cast(Type(bits_for(depth), False), slow)
    row = Expr("var", address, (), at)
    body = [Stmt("let", at, address, value=cast(address, where))]
    reads = [Expr("elem", kind, (anywhere(g, depth, address),), name) for _ in range(rng.choice([0, 0, 1, 2]))]
    reads.append(Expr("elem", kind, (row,), name))
    found = []
    for read in reads:
        found.append(Expr("var", kind, (), g.fresh("t")))
        body.append(Stmt("let", found[-1].attr, kind, value=read))
    change = Expr("bin", kind, (rng.choice(found), g.atom()), rng.choice(["+", "-", "^", "|", "&"]))
    put, early = Stmt("put", name, index=[row], value=cast(kind, change)), rng.random() < 0.5
    if early:
        put = Stmt("put", name, index=[row], value=g.expression(1), op=rng.choice(["=", "+=", "-=", "^="]))
    store = Stmt("if", value=g.condition(1), bodies=[[put]]) if rng.random() < 0.4 else put
    body.insert(rng.randint(1, len(body)) if early else len(body), store)
    if rng.random() < 0.4:
        found.append(Expr("var", kind, (), g.fresh("t")))
        read = Expr("elem", kind, (rng.choice([row, anywhere(g, depth, address)]),), name)
        body.append(Stmt("let", found[-1].attr, kind, value=read))
    g.scope += found
    return body


def independent(g: Expressions) -> list[Stmt]:
    """An array whose words come around after 128 iterations, longer than any of these pipelines."""
    rng, kind, name, at = g.rng, g.any_type(40), g.fresh("m"), g.fresh("a")
    said = rng.choice(["inter false", "type = inter direction = RAW dependent = false"])
    pragma = f"DEPENDENCE variable = {name} {said}"
    values = contents(g, kind, 128)
    g.decls.append(Decl(name, kind, (128,), values, static=True, pragma=pragma))
    count = Type(7, False)
    g.decls.append(Decl(at, count, (), [0], static=True))
    row, now = Expr("var", count, (), at), Expr("var", kind, (), g.fresh("t"))
    if rng.random() < 0.4:
        row = Expr("bin", count, (row, const(rng.randrange(128), count)), "^")
    body = [Stmt("let", now.attr, kind, value=Expr("elem", kind, (row,), name))]
    g.scope.append(now)
    body.append(Stmt("put", name, index=[row], value=g.expression(2)))
    return [*body, Stmt("set", at, op="+=", value=const(1, INT))]


def banks(g: Expressions) -> list[Stmt]:
    """An array of lanes, all of a row read and written at once."""
    rng, kind = g.rng, g.any_type(33)
    rows, lanes, name, k = rng.choice([2, 4, 8, 16]), rng.choice([2, 3, 4]), g.fresh("m"), g.fresh("k")
    how = rng.choice(["complete dim = 2", "type = complete dim = 2", f"type = cyclic factor = {lanes} dim = 2"])
    directive = rng.choice(["ARRAY_PARTITION", "ARRAY_PARTITION", "ARRAY_RESHAPE"])
    pragma = f"{directive} variable = {name} {how}"
    g.decls.append(Decl(name, kind, (rows, lanes), contents(g, kind, rows * lanes), True, pragma=pragma))
    address, lane = Type(bits_for(rows), False), Expr("var", INT, (), k)
    row, at = Expr("var", address, (), g.fresh("a")), Expr("var", address, (), g.fresh("a"))
    total = Expr("var", g.any_type(60), (), g.fresh("t"))
    body = [
        Stmt("let", row.attr, address, value=cast(address, g.expression(1))),
        Stmt("let", at.attr, address, value=rng.choice([row, cast(address, g.expression(1))])),
        Stmt("let", total.attr, total.type, value=const(0, total.type)),
    ]
    read = Stmt("set", total.attr, op=rng.choice(["+=", "^="]), value=Expr("elem", kind, (row, lane), name))
    outer = (g.lane, g.lanes)
    g.lane, g.lanes = k, lanes
    write = Stmt("put", name, index=[at, lane], value=g.expression(1))
    g.lane, g.lanes = outer
    loop = [read, write] if rng.random() < 0.7 else [write, read]
    g.scope.append(total)
    return [*body, Stmt("unroll", k, count=lanes, op="up", bodies=[loop])]


def tables(g: Expressions) -> None:
    for _ in range(g.rng.choice([0, 0, 1, 1, 2])):
        kind = g.any_type(80 if g.rng.random() < 0.9 else 130)
        if g.rng.random() < 0.15:
            kind = INT
        rows, lanes = g.rng.choice([2, 4, 5, 8, 16, 19, 32]), g.rng.choice([0, 0, 2, 3, 4])
        dims = (rows, lanes) if lanes else (rows,)
        narrow = Type(g.rng.randint(1, min(kind.width, 63)), kind.signed)
        values = [const(g.pattern(narrow), narrow).attr for _ in range(rows * max(1, lanes))]
        name = g.fresh("rom")
        g.decls.append(Decl(name, kind, dims, values, const=True, pragma=storage(g, name, True)))
        g.arrays.append(g.decls[-1])


def registers(g: Expressions) -> None:
    for _ in range(g.rng.choice([0, 1, 1])):
        kind, size = g.any_type(70), g.rng.randint(2, 6)
        name = g.fresh("r")
        init = [const(g.pattern(kind), kind).attr for _ in range(size)]
        pragma = f"ARRAY_PARTITION variable = {name} type = complete" if g.rng.random() < 0.7 else ""
        g.decls.append(Decl(name, kind, (size,), init, static=g.rng.random() < 0.3, pragma=pragma))
        g.arrays.append(g.decls[-1])
