# SPDX-License-Identifier: Apache-2.0
"""Random uses of RAMs and ROMs: filled before read, initialised, updated in place, in banks, promised independent."""

from __future__ import annotations

from .expressions import Expressions
from .model import BOOL, INT, Decl, Expr, Stmt, Type, bits_for, cast, const


class Memories(Expressions):
    """Draws declarations of arrays with run-time indices, and the statements that use them."""

    decls: list[Decl]

    def fresh(self, stem: str) -> str:
        raise NotImplementedError

    def memory(self) -> list[Stmt]:
        draw = self.rng.choice([self.ram, self.ram, self.update, self.update, self.banks, self.independent])
        return draw()

    def storage(self, name: str, table: bool = False) -> str:
        """Return a BIND_STORAGE, or nothing."""
        rng = self.rng
        if rng.random() < (0.94 if table else 0.75):
            return ""
        kind = "rom_np" if table else "ram_1wnr"  # any number of reads
        latency = rng.choice(["", " latency = 1", " latency = 2"]) if table else ""
        return f"BIND_STORAGE variable = {name} type = {kind} impl = {rng.choice(['lutram', 'bram', 'auto'])}{latency}"

    def ram(self) -> list[Stmt]:
        """A RAM that each frame fills before it reads; the write comes before or after the read."""
        kind, depth = self.any_type(), self.rng.choice([2, 3, 4, 5, 8, 12, 16, 20])
        lanes = self.rng.choice([0, 0, 0, 2])
        name, filled = self.fresh("m"), Expr("cmp", BOOL, (self.index, const(depth, INT)), ">=")
        pragma = self.storage(name)
        dims = (depth, lanes) if lanes else (depth,)
        static = self.rng.random() < 0.3
        self.decls.append(Decl(name, kind, dims, None, static=static, pragma=pragma))
        address = Type(max(1, (depth - 1).bit_length()), False)
        store = self._store(name, kind, depth, lanes, self.anywhere(depth, address), address, filled)
        loads: list[Stmt] = []
        for _ in range(self.rng.choice([1, 1, 2])):
            lane = (const(self.rng.randrange(lanes), INT),) if lanes else ()
            element = Expr("elem", kind, (self.anywhere(depth, address), *lane), name)
            ready = filled if self.rng.random() < 0.8 else Expr("logic", BOOL, (filled, self.condition(1)), "&&")
            if static and self.rng.random() < 0.4:  # zeros at first, later what an earlier frame left
                ready = self.condition(1)
            value = Expr("tern", kind, (ready, element, const(self.pattern(kind), kind)))
            loads.append(Stmt("let", self.fresh("t"), kind, value=value))
        late = [Expr("var", kind, (), s.name) for s in loads]
        if self.rng.random() < 0.7:
            self.scope += late
            store[-1].bodies[0][-1].value = self.expression(2)
            return [*loads, *store]
        self.scope += late
        return [*store, *loads]

    def _store(
        self, name: str, kind: Type, depth: int, lanes: int, free: Expr, address: Type, filled: Expr
    ) -> list[Stmt]:
        at = self.fresh("a")
        where = Expr("tern", address, (filled, cast(address, free), cast(address, self.index)))
        row = Expr("var", address, (), at)
        columns: list[tuple[Expr, ...]] = [(const(n, INT),) for n in range(lanes)] if lanes else [()]
        puts = [Stmt("put", name, index=[row, *c], value=self.expression(2)) for c in columns]
        not_filled = Expr("unary", BOOL, (filled,), "!")
        when = Expr("logic", BOOL, (not_filled, self.condition(1)), "||")
        return [Stmt("let", at, address, value=where), Stmt("if", value=when, bodies=[puts])]

    def anywhere(self, depth: int, address: Type) -> Expr:
        """Return a run-time index below `depth`."""
        bits = bits_for(depth)
        small = cast(Type(max(1, bits), False), self.expression(1))
        if depth > 1 << bits and self.rng.random() < 0.5:
            top = Expr("bin", address, (cast(address, small), const(depth - (1 << bits), address)), "+")
            return cast(address, top)
        return small

    def contents(self, kind: Type, count: int) -> list[int] | None:
        """Return initial values, or nothing for a static array of zeros."""
        if self.rng.random() < 0.3:
            return None
        return [const(self.pattern(kind), kind).attr for _ in range(count)]

    def update(self) -> list[Stmt]:
        """An array with contents, read at several places and changed in place, at addresses that often meet."""
        rng, kind, depth = self.rng, self.any_type(70), self.rng.choice([2, 3, 4, 5, 8, 16, 20, 64])
        name, at = self.fresh("m"), self.fresh("a")
        init = self.contents(kind, depth)
        self.decls.append(Decl(name, kind, (depth,), init, static=True, pragma=self.storage(name)))
        address = Type(max(1, (depth - 1).bit_length()), False)
        where = self.anywhere(depth, address)
        if rng.random() < 0.3 and bits_for(depth):  # the distance to the last use of a word grows and shrinks
            slow = Expr("bin", INT, (self.index, const(rng.randrange(4), INT)), ">>")
            where = cast(Type(bits_for(depth), False), slow)
        row = Expr("var", address, (), at)
        body = [Stmt("let", at, address, value=cast(address, where))]
        reads = [Expr("elem", kind, (self.anywhere(depth, address),), name) for _ in range(rng.choice([0, 0, 1, 2]))]
        reads.append(Expr("elem", kind, (row,), name))
        found = []
        for read in reads:
            found.append(Expr("var", kind, (), self.fresh("t")))
            body.append(Stmt("let", found[-1].attr, kind, value=read))
        change = Expr("bin", kind, (rng.choice(found), self.atom()), rng.choice(["+", "-", "^", "|", "&"]))
        put, early = Stmt("put", name, index=[row], value=cast(kind, change)), rng.random() < 0.5
        if early:
            put = Stmt("put", name, index=[row], value=self.expression(1), op=rng.choice(["=", "+=", "-=", "^="]))
        store = Stmt("if", value=self.condition(1), bodies=[[put]]) if rng.random() < 0.4 else put
        body.insert(rng.randint(1, len(body)) if early else len(body), store)
        if rng.random() < 0.4:
            found.append(Expr("var", kind, (), self.fresh("t")))
            read = Expr("elem", kind, (rng.choice([row, self.anywhere(depth, address)]),), name)
            body.append(Stmt("let", found[-1].attr, kind, value=read))
        self.scope += found
        return body

    def independent(self) -> list[Stmt]:
        """An array whose words come around after 128 iterations, longer than any of these pipelines."""
        rng, kind, name, at = self.rng, self.any_type(40), self.fresh("m"), self.fresh("a")
        said = rng.choice(["inter false", "type = inter direction = RAW dependent = false"])
        pragma = f"DEPENDENCE variable = {name} {said}"
        values = self.contents(kind, 128)
        self.decls.append(Decl(name, kind, (128,), values, static=True, pragma=pragma))
        count = Type(7, False)
        self.decls.append(Decl(at, count, (), [0], static=True))
        row, now = Expr("var", count, (), at), Expr("var", kind, (), self.fresh("t"))
        if rng.random() < 0.4:
            row = Expr("bin", count, (row, const(rng.randrange(128), count)), "^")
        body = [Stmt("let", now.attr, kind, value=Expr("elem", kind, (row,), name))]
        self.scope.append(now)
        body.append(Stmt("put", name, index=[row], value=self.expression(2)))
        return [*body, Stmt("set", at, op="+=", value=const(1, INT))]

    def banks(self) -> list[Stmt]:
        """An array of lanes, all of a row read and written at once."""
        rng, kind = self.rng, self.any_type(33)
        rows, lanes, name, k = rng.choice([2, 4, 8, 16]), rng.choice([2, 3, 4]), self.fresh("m"), self.fresh("k")
        flat = False
        how = rng.choice(["complete dim = 2", "type = complete dim = 2", f"type = cyclic factor = {lanes} dim = 2"])
        if flat:
            how = rng.choice([f"cyclic factor = {lanes}", f"type = cyclic factor = {lanes}"])
        directive = rng.choice(["ARRAY_PARTITION", "ARRAY_PARTITION", "ARRAY_RESHAPE"])
        dims = (rows * lanes,) if flat else (rows, lanes)
        self.decls.append(
            Decl(
                name, kind, dims, self.contents(kind, rows * lanes), True, pragma=f"{directive} variable = {name} {how}"
            )
        )
        address, lane = Type(bits_for(rows), False), Expr("var", INT, (), k)
        row, at = Expr("var", address, (), self.fresh("a")), Expr("var", address, (), self.fresh("a"))

        def index(r: Expr) -> list[Expr]:
            if not flat:
                return [r, lane]
            return [Expr("bin", INT, (Expr("bin", INT, (r, const(lanes, INT)), "*"), lane), "+")]

        total = Expr("var", self.any_type(60), (), self.fresh("t"))
        body = [
            Stmt("let", row.attr, address, value=cast(address, self.expression(1))),
            Stmt("let", at.attr, address, value=rng.choice([row, cast(address, self.expression(1))])),
            Stmt("let", total.attr, total.type, value=const(0, total.type)),
        ]
        read = Stmt("set", total.attr, op=rng.choice(["+=", "^="]), value=Expr("elem", kind, tuple(index(row)), name))
        outer = (self.lane, self.lanes)
        self.lane, self.lanes = k, lanes
        write = Stmt("put", name, index=index(at), value=self.expression(1))
        self.lane, self.lanes = outer
        loop = [read, write] if rng.random() < 0.7 else [write, read]
        self.scope.append(total)
        return [*body, Stmt("unroll", k, count=lanes, op="up", bodies=[loop])]
