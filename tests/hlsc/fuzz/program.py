# SPDX-License-Identifier: Apache-2.0
"""Seeded random programs of the compiler's subset, legal by construction."""

from __future__ import annotations

import random

from .memories import Memories
from .model import BOOL, INT, Decl, Expr, Program, Stmt, Stream, Type, cast, clean, const, leaves, walk
from .products import Products
from .shapes import Shapes
from .words import Words

WIDTHS = [*range(1, 9)] * 4 + [*range(9, 21)] * 2 + [23, 24, 31, 32, 33, 40, 48, 63, 64, 65, 77, 100, 128, 130]
WIDE = [*WIDTHS, 129, 150, 191, 192, 193, 255, 256, 257, 300, 320, 333, 400, 449, 511, 512, 512]


class Generator(Memories, Products, Words, Shapes):
    """Draws one program; `scope` holds what an expression may use here."""

    def __init__(self, seed: int, name: str) -> None:
        super().__init__(random.Random(seed))
        wide = self.rng.random() < 0.1
        self.widths, self.most = (WIDE, 530) if wide else (WIDTHS, 150)
        self.name = name
        self.trip = self.rng.choice([1, 2, 3, 5, 8, 9, 12, 16, 16, 20, 24, 31, 32, 40])
        self.index = Expr("var", INT, (), "i")
        self.decls: list[Decl] = []
        self.assignable: list[tuple[str, Type]] = []
        self.count = 0

    # names and types

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def any_type(self, most: int = 512) -> Type:
        return Type(self.rng.choice([w for w in self.widths if w <= most]), self.rng.random() < 0.45)

    def pattern(self, kind: Type) -> int:
        w = kind.width if kind.width > 63 and self.rng.random() < 0.3 else min(kind.width, 63)
        return const(self.rng.choice([0, 1, -1, 1 << (w - 1), *[self.rng.getrandbits(w)] * 4]), Type(w, True)).attr

    # declarations

    def variables(self) -> None:
        for _ in range(self.rng.randrange(4)):
            kind = self.any_type()
            name = self.fresh("v")
            start = const(self.pattern(kind), kind).attr
            self.decls.append(Decl(name, kind, (), [start], static=self.rng.random() < 0.4))
            self.assignable.append((name, kind))
            self.scope.append(Expr("var", kind, (), name))

    def tables(self) -> None:
        for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
            kind = self.any_type(80 if self.rng.random() < 0.9 else 130)
            if self.rng.random() < 0.15:
                kind = INT
            rows, lanes = self.rng.choice([2, 4, 5, 8, 16, 19, 32]), self.rng.choice([0, 0, 2, 3, 4])
            dims = (rows, lanes) if lanes else (rows,)
            narrow = Type(self.rng.randint(1, min(kind.width, 63)), kind.signed)
            values = [const(self.pattern(narrow), narrow).attr for _ in range(rows * max(1, lanes))]
            name = self.fresh("rom")
            self.decls.append(Decl(name, kind, dims, values, const=True, pragma=self.storage(name, True)))
            self.arrays.append(self.decls[-1])

    def registers(self) -> None:
        for _ in range(self.rng.choice([0, 1, 1])):
            kind, size = self.any_type(70), self.rng.randint(2, 6)
            name = self.fresh("r")
            init = [const(self.pattern(kind), kind).attr for _ in range(size)]
            pragma = f"ARRAY_PARTITION variable = {name} type = complete" if self.rng.random() < 0.7 else ""
            self.decls.append(Decl(name, kind, (size,), init, static=self.rng.random() < 0.3, pragma=pragma))
            self.arrays.append(self.decls[-1])

    # statements

    def statement(self, depth: int, unrolled: str = "") -> list[Stmt]:
        draw = self.rng.random()
        if draw < 0.34 or depth > 2:
            return [self.let()]
        if draw < 0.50:
            return [self.assign(unrolled)]
        if draw < 0.57:
            return self.put(unrolled)
        if draw < 0.63:
            return self.part()
        if draw < 0.78:
            return [self.branch(depth, unrolled)]
        if draw < 0.82:
            return [self.switch(depth, unrolled)]
        if draw < 0.93 and not unrolled:
            return self.unroll(depth)
        return self.shift_register() if not unrolled else [self.assign(unrolled)]

    def let(self, mutable: float = 0.3) -> Stmt:
        value = self.expression(3)
        kind = (
            value.type
            if not value.type.native and value.type.width <= 130 and not value.type.members and self.rng.random() < 0.3
            else None
        )
        kind = kind or self.any_type()
        name = self.fresh("t")
        self.scope.append(Expr("var", kind, (), name))
        if self.rng.random() < mutable:
            self.assignable.append((name, kind))
        return Stmt("let", name, kind, value=value)

    def assign(self, unrolled: str = "") -> Stmt:
        if not self.assignable:
            return self.let(1.0)
        name, kind = self.rng.choice(self.assignable)
        op = self.rng.choice(["=", "=", "=", "+=", "+=", "-=", "^=", "|=", "&="])
        value = self.expression(2 if unrolled else 3)
        if self.rng.random() < 0.06:
            op, value = self.rng.choice(["<<=", ">>="]), const(self.rng.randrange(kind.width + 1), INT)
        return Stmt("set", name, op=op, value=value)

    def part(self) -> list[Stmt]:
        if not self.assignable:
            return [self.let(1.0)]
        name, kind = self.rng.choice(self.assignable)
        low = self.rng.randrange(kind.width)
        high = self.rng.randint(low, kind.width - 1)
        return [Stmt("part", name, attr=(high, low), value=self.expression(2))]

    def put(self, unrolled: str) -> list[Stmt]:
        found = [d for d in self.arrays if not d.const and d.name.startswith("r")]
        if not found:
            return [self.assign(unrolled)]
        d = self.rng.choice(found)
        at = const(self.rng.randrange(d.dims[0]), INT)
        if unrolled and d.dims[0] >= self.lanes:
            at = Expr("var", INT, (), unrolled)
        return [Stmt("put", d.name, index=[at], value=self.expression(2), op=self.rng.choice(["=", "=", "+=", "^="]))]

    def inner(self, depth: int, unrolled: str, most: int = 3) -> list[Stmt]:
        scope, assignable = list(self.scope), list(self.assignable)
        body = [s for _ in range(self.rng.randint(1, most)) for s in self.statement(depth + 1, unrolled)]
        if self.assignable and all(s.kind == "let" for s in body):
            self.assignable = assignable or self.assignable
            body.append(self.assign(unrolled))
        self.scope, self.assignable = scope, assignable
        return body

    def branch(self, depth: int, unrolled: str) -> Stmt:
        bodies = [self.inner(depth, unrolled)]
        if self.rng.random() < 0.5:
            bodies.append(self.inner(depth, unrolled))
        return Stmt("if", value=self.condition(2), bodies=bodies)

    def switch(self, depth: int, unrolled: str) -> Stmt:
        bits = self.rng.choice([1, 2, 2, 3])
        cases = self.rng.randint(2, (1 << bits))
        bodies = [self.inner(depth, unrolled, 2) for _ in range(cases)]
        return Stmt("switch", value=cast(Type(bits, False), self.expression(2)), bodies=bodies)

    def unroll(self, depth: int) -> list[Stmt]:
        k, count = self.fresh("k"), self.rng.choice([2, 3, 4, 4, 8])
        first: list[Stmt] = []
        if not self.assignable or self.rng.random() < 0.5:
            kind = self.any_type(64)
            name = self.fresh("t")
            first = [Stmt("let", name, kind, value=const(self.pattern(kind), kind))]
            self.assignable.append((name, kind))
            self.scope.append(Expr("var", kind, (), name))
        outer = (self.lane, self.lanes)
        self.lane, self.lanes = k, count
        body = self.inner(depth + 1, k)
        if not any(s.kind != "let" for s in body):
            body.append(self.assign(k))
        self.lane, self.lanes = outer
        return [*first, Stmt("unroll", k, count=count, op=self.rng.choice(["up", "up", "down0"]), bodies=[body])]

    def shift_register(self) -> list[Stmt]:
        found = [d for d in self.arrays if not d.const and d.name.startswith("r")]
        if not found:
            return [self.let()]
        d, k = self.rng.choice(found), self.fresh("k")
        above = Expr("elem", d.type, (Expr("var", INT, (), f"{k} - 1"),), d.name)
        move = Stmt("put", d.name, index=[Expr("var", INT, (), k)], value=above)
        loop = Stmt("unroll", k, count=d.dims[0], op="down", bodies=[[move]])
        return [loop, Stmt("put", d.name, index=[const(0, INT)], value=self.expression(2))]

    # streams

    def mode(self, number: int) -> tuple[object, ...]:
        every = self.rng.choice([2, 4])
        modes: list[tuple[object, ...]] = [
            ("always",), ("always",), ("every", every, self.rng.randrange(every)), ("first", self.rng.randint(1, 9)),
            ("budget", self.rng.randint(1, max(1, self.trip))),
        ]  # fmt: skip
        chosen = self.rng.choice(modes)
        if chosen[0] == "every" and self.trip <= int(str(chosen[2])):
            return ("always",)
        return chosen

    def take(self, stream: Stream) -> list[Stmt]:
        """Read a stream in some iterations; elsewhere the variable holds a constant, or its last word."""
        if stream.type.members:
            return self.take_struct(stream)
        rng, name, i, n = self.rng, self.fresh("x"), self.index, self.trip
        read = Stmt("take", name, attr=stream.name)
        word = Expr("var", stream.type, (), name)
        start = const(self.pattern(stream.type), stream.type)
        if rng.random() < 0.35:
            self.decls.append(Decl(name, stream.type, (), [start.attr], static=rng.random() < 0.3))
            first = []
        else:
            first = [Stmt("let", name, stream.type, value=start)]
        kind = stream.mode[0]
        after: list[Stmt] = []
        if kind in ("always", "headed"):
            when = None
            if rng.random() < 0.2:
                bodies = [[read, *self.some()], [Stmt("take", name, attr=stream.name), *self.some()]]
                self.scope.append(word)
                return [*first, Stmt("if", value=self.condition(1), bodies=bodies)]
        elif kind == "every":
            masked = Expr("bin", INT, (i, const(stream.mode[1] - 1, INT)), "&")
            when = Expr("cmp", BOOL, (masked, const(stream.mode[2], INT)), "==")
        elif kind == "first":
            when = Expr("cmp", BOOL, (i, const(stream.mode[1], INT)), "<")
        else:
            left = Expr("var", Type(7, False), (), self.fresh("left"))
            self.decls.append(Decl(left.attr, left.type, (), [stream.mode[1]]))
            rest = Expr("cmp", BOOL, (Expr("bin", INT, (const(n, INT), i), "-"), left), "<=")
            wish = Expr("logic", BOOL, (self.condition(2), rest), "||")
            some = Expr("cmp", BOOL, (left, const(0, INT)), "!=")
            when = Expr("logic", BOOL, (some, wish), "&&")
            after = [Stmt("set", left.attr, op="-=", value=const(1, INT))]
        self.scope.append(word)
        if when is None:
            return [*first, read]
        return [*first, Stmt("if", value=when, bodies=[[read, *after, *self.some()]])]

    def some(self) -> list[Stmt]:
        return [self.assign()] if self.assignable and self.rng.random() < 0.4 else []

    def write(self, stream: Stream) -> list[Stmt]:
        def put() -> list[Stmt]:
            if stream.type.members:
                return self.write_struct(stream)
            return [Stmt("write", stream.name, value=cast(stream.type, self.expression(2)))]

        draw = self.rng.random()
        if draw < 0.5:
            return put()
        if draw < 0.65:
            at = Expr("cmp", BOOL, (self.index, const(self.rng.randrange(self.trip), INT)), "==")
            when = Expr("logic", BOOL, (self.condition(2), at), "||")
            return [Stmt("if", value=when, bodies=[[*self.some(), *put()]])]
        if draw < 0.8:
            arms = [[*self.some(), *put()], [*put(), *self.some()]]
            return [Stmt("if", value=self.condition(2), bodies=arms)]
        if draw < 0.9:
            last = Expr("cmp", BOOL, (self.index, const(self.trip - 1, INT)), "==")
            return [Stmt("if", value=last, bodies=[put()])]
        selector = cast(Type(2, False), self.variable(0))
        bodies = [put() if self.rng.random() < 0.7 else self.some() for _ in range(self.rng.randint(2, 4))]
        bodies[-1] = [*self.some(), *put()]
        return [Stmt("switch", value=selector, bodies=bodies)]

    # the whole

    def program(self) -> Program:
        rng = self.rng
        if rng.random() < 0.09:
            return self.ring()
        inputs = [self.stream(f"in{n}", self.mode(n)) for n in range(rng.choice([1, 1, 2, 2, 3]))]
        outputs = [self.stream(f"out{n}", ("always",)) for n in range(rng.choice([1, 1, 2, 3]))]
        inputs[0].mode = ("always",) if rng.random() < 0.6 else inputs[0].mode
        self.variables()
        self.tables()
        self.registers()
        body: list[Stmt] = []
        loop = rng.choice(["up", "up", "up", "unsigned", "le", "down", "narrow", "while", "do", "break", "endless"])
        if loop == "endless":  # something must end the simulation
            inputs[0].mode = ("always",)
        made = Program(self.name, self.trip, loop, inputs, outputs, self.decls, body, ii=self.interval())
        self.prologue(made)
        for stream in inputs:
            if stream.mode[0] != "frame":
                body += [s for _ in range(rng.choice([0, 0, 1])) for s in self.statement(1)]
                body += self.take(stream)
        held = outputs[-1:] if rng.random() < 0.2 and len(outputs) > 1 else []
        if held and rng.random() < 0.6:
            body += self.write(held[0])
        for part, chance in ((self.memory, 0.45), (self.dot, 0.15), (self.bound, 0.15), (self.memory, 0.1)):
            body += part() if rng.random() < chance else []
        for _ in range(rng.randint(2, 10)):
            body += self.statement(0)
        for stream in outputs[: len(outputs) - len(held)]:
            body += self.write(stream)
        body += [self.assign() for _ in range(rng.randrange(2)) if self.assignable]
        written = {s.name for s in walk(body) if s.kind == "write"}
        for stream in held:
            if stream.name not in written:
                self.epilogue(made, stream)
        if inputs[0].mode[0] == "always":
            self.ends(made)
        clean(made)
        for d in made.decls:  # a table that is only read at constant places is none
            if d.const and not any(chosen(e, d.name) for s in made.statements() for e in s.expressions()):
                d.pragma = ""
        return made


def chosen(e: Expr, table: str) -> bool:
    """Tell whether an expression reads a table at a place that the words choose."""
    return any(x.op == "elem" and x.attr == table and x.args[0].op not in ("const", "var") for x in leaves(e))


def generate(seed: int) -> Program:
    """Return the program of a seed."""
    return Generator(seed, f"p{seed}").program()
