# SPDX-License-Identifier: Apache-2.0
"""Random shapes of processes: intervals, what stands before and behind the loop, run-time ends, ring buffers."""

from __future__ import annotations

import re

from .expressions import Expressions
from .model import BOOL, INT, Decl, Expr, Program, Stmt, Stream, Type, cast, clean, const


class Shapes(Expressions):
    """Draws what surrounds the body of a loop, and whole processes that read without blocking."""

    name: str
    trip: int
    decls: list[Decl]
    assignable: list[tuple[str, Type]]

    def fresh(self, stem: str) -> str:
        raise NotImplementedError

    def statement(self, depth: int, unrolled: str = "") -> list[Stmt]:
        raise NotImplementedError

    def assign(self, unrolled: str = "") -> Stmt:
        raise NotImplementedError

    def stream(self, name: str, mode: tuple[object, ...]) -> Stream:
        raise NotImplementedError

    def variables(self) -> None:
        raise NotImplementedError

    def interval(self) -> int | None:
        return self.rng.choice([1] * 6 + [2, 3, 4, None, None])

    def prologue(self, p: Program) -> None:
        """Let some programs read a word before the loop, and compute something from it."""
        rng, draw = self.rng, self.rng.random()
        if draw > 0.16:
            return
        if draw < 0.06 and not p.inputs[0].type.members:
            p.inputs[0].mode = ("headed",)
            stream = p.inputs[0]
        else:
            stream = Stream("head", self.any_type(), ("frame",))
            p.inputs.insert(1, stream)
        name, index = self.fresh("h"), self.index
        p.before.append(Stmt("let", name, stream.type, value=const(0, stream.type)))
        p.before.append(Stmt("take", name, attr=stream.name))
        self.scope.append(Expr("var", stream.type, (), name))
        self.index = const(rng.randrange(9), INT)
        if rng.random() < 0.5 and self.assignable:
            p.before.append(self.assign())
        if rng.random() < 0.3:
            p.outputs.append(self.stream("first", ("always",)))
            p.outputs[-1].type = self.any_type()
            p.before.append(Stmt("write", "first", value=cast(p.outputs[-1].type, self.expression(2))))
        self.index = index

    def epilogue(self, p: Program, stream: Stream) -> None:
        """Write a word behind the loop, made of what lives before it."""
        scope, index = self.scope, self.index
        known = {d.name for d in p.decls} | {s.name for s in p.before if s.kind == "let"}
        self.scope = [e for e in scope if str(e.attr) in known]
        self.index = const(self.rng.randrange(9), INT)
        if stream.type.members:
            stream.type = self.any_type()
        value = cast(stream.type, self.expression(2))
        write = Stmt("write", stream.name, value=value)
        if self.rng.random() < 0.3:
            other = Stmt("write", stream.name, value=cast(stream.type, self.expression(1)))
            write = Stmt("if", value=self.condition(1), bodies=[[write], [other]])
        p.after.append(write)
        self.scope, self.index = scope, index

    def ends(self, p: Program) -> None:
        """Let some programs end their loop at run time, or wait for words without blocking."""
        rng = self.rng
        if rng.random() < 0.2:
            p.body.append(Stmt("exit", value=self.sometimes(p)))
        if rng.random() < 0.2 and p.trip > 1:
            p.inputs.insert(0, Stream("ctrl", Type(p.trip.bit_length(), False), ("bound",)))
            p.loop = rng.choice(["up", "while"])
        if p.inputs[0].mode[0] in ("always", "bound"):
            p.elastic = rng.random() < 0.15

    def sometimes(self, p: Program) -> Expr:
        """Return a condition that the words of the first stream decide too."""
        name = next(s.name for s in p.statements() if s.kind == "take" and s.attr == p.inputs[0].name)
        words = [e for e in self.scope if re.split(r"[.\[]", str(e.attr))[0] == name]
        word = cast(Type(9, False), self.rng.choice(words))
        some = Expr("cmp", BOOL, (word, const(self.rng.randrange(2), INT)), self.rng.choice(["==", ">"]))
        if self.rng.random() < 0.4:
            return some
        return Expr("logic", BOOL, (self.condition(2), some), "&&")

    def ring(self) -> Program:
        """A ring buffer: a function of each word in, a function of each word out, any number of times."""
        rng, bits = self.rng, self.rng.choice([1, 2, 3, 4, 5])
        size, taken, given = 1 << bits, self.fresh("taken"), self.fresh("given")
        source, sink = Stream("in0", self.any_type()), Stream("out0", self.any_type())
        kind, ring = self.any_type(), self.fresh("ring")
        init = None if rng.random() < 0.5 else [const(self.pattern(kind), kind).attr for _ in range(size)]
        self.decls.append(Decl(ring, kind, (size,), init, static=init is not None or rng.random() < 0.5))
        for counter in (taken, given):
            self.decls.append(Decl(counter, Type(bits + 1, False), (), [0], static=self.decls[0].static))
        self.index = const(rng.randrange(9), INT)
        forever = self.decls[0].static is False or rng.random() < 0.6
        total = rng.randint(1, 20)
        emitted = Expr("var", Type(5, False), (), self.fresh("emitted"))
        self.decls.append(Decl(emitted.attr, emitted.type, (), [0]))
        take = self._taking(ring, taken, kind, source, size)
        self.scope = [emitted] if not forever else []
        give = self._giving(ring, given, kind, sink, size)
        give.append(Stmt("raw", attr=f"{emitted.attr} = {emitted.attr} + 1;"))
        held = Stmt("raw", attr=f"const ap_uint<{bits + 1}> held = {taken} - {given};")
        give = [Stmt("raw", attr="if (held != 0) {", bodies=[give])]
        # A word stored before the read is forwarded as far as the compiler sees, which knows nothing of `held`.
        late = rng.random() < 0.9
        body = [held, *give, *take] if late else [held, *take, *give]
        made = Program(self.name, 24, "ring", [source], [sink], self.decls, body, ii=self.interval())
        if not forever:
            body.append(Stmt("exit", value=Expr("cmp", INT, (emitted, const(total, INT)), "==")))
        made.doubtful = not late
        if rng.random() < 0.25:
            made.doubtful = True
            self._doubt(made, sink, kind)
        clean(made)
        return made

    def _taking(self, ring: str, taken: str, kind: Type, source: Stream, size: int) -> list[Stmt]:
        """Return what puts a word into the ring, changed by a state of its own."""
        x, rng = Expr("var", source.type, (), self.fresh("x")), self.rng
        self.scope, self.assignable = [x], []
        self.variables()
        change = [s for _ in range(rng.randrange(3)) for s in self.statement(1)]
        store = Stmt("put", ring, index=[Expr("var", INT, (), f"({taken} & {size - 1})")], value=self.expression(2))
        body = [*change, store, Stmt("raw", attr=f"{taken} = {taken} + 1;")]
        full = f"held != {size}"
        if rng.random() < 0.5:
            head = Stmt("raw", attr=f"{source.type.text} {x.attr};")
            return [head, Stmt("raw", attr=f"if ({full} && {source.name}.read_nb({x.attr})) {{", bodies=[body])]
        read = Stmt("raw", attr=f"const {source.type.text} {x.attr} = {source.name}.read();")
        return [Stmt("raw", attr=f"if ({full} && !{source.name}.empty()) {{", bodies=[[read, *body]])]

    def _giving(self, ring: str, given: str, kind: Type, sink: Stream, size: int) -> list[Stmt]:
        """Return what takes a word out of the ring, and writes something made of it once or several times."""
        rng, word = self.rng, self.fresh("w")
        self.assignable, self.lane = [], ""
        self.variables()
        w = Expr("elem", kind, (Expr("var", INT, (), f"({given} & {size - 1})"),), ring)
        self.scope.append(Expr("var", kind, (), word))
        body = [Stmt("let", word, kind, value=w)]
        body += [s for _ in range(rng.randrange(3)) for s in self.statement(1)]
        write = Stmt("write", sink.name, value=cast(sink.type, self.expression(2)))
        on = Stmt("raw", attr=f"{given} = {given} + 1;")
        draw = rng.random()
        if draw < 0.3:
            times = self.fresh("times")
            self.decls.append(Decl(times, Type(2, False), (), [0], static=False))
            body += [
                write,
                Stmt("raw", attr=f"if (++{times} == 3) {{", bodies=[[on, Stmt("raw", attr=f"{times} = 0;")]]),
            ]
            return body
        if draw < 0.6:
            return [*body, Stmt("if", value=self.condition(2), bodies=[[write]]), on]
        return [*body, write, on]

    def _doubt(self, p: Program, sink: Stream, kind: Type) -> None:
        """Change the words by something that pauses may change."""
        found = self.rng.choice(["held", "in0.empty()", "seen"])
        if found == "seen":
            p.decls.append(Decl("seen", Type(6, False), (), [0]))
            p.body.insert(1, Stmt("raw", attr="if (in0.empty()) seen = seen + 1;"))
        writes = [s for s in p.statements() if s.kind == "write"]
        value = writes[0].value
        assert value is not None
        more = Expr("bin", sink.type, (value, Expr("var", Type(6, False), (), f"ap_uint<6>({found})")), "+")
        writes[0].value = cast(sink.type, more)
