# SPDX-License-Identifier: Apache-2.0
"""Random statements: variables and assignments to them, conditions, unrolled loops."""

from __future__ import annotations

from .expressions import Expressions
from .model import INT, Decl, Expr, Stmt, Type, cast, const


class Statements(Expressions):
    """Draws statements, and the declarations of the variables that they change."""

    def variables(self) -> None:
        for _ in range(self.rng.randrange(4)):
            kind = self.any_type()
            name = self.fresh("v")
            start = const(self.pattern(kind), kind).attr
            self.decls.append(Decl(name, kind, (), [start], static=self.rng.random() < 0.4))
            self.assignable.append((name, kind))
            self.scope.append(Expr("var", kind, (), name))

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

    def some(self) -> list[Stmt]:
        return [self.assign()] if self.assignable and self.rng.random() < 0.4 else []

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
